"""Acknowledging the items of an inbox, and what becomes of inboxes when an article appears or changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from onegrid.notify.v1.notify_service_pb2 import AcknowledgeInboxItemsResponse
from onegrid.notify.v1.resources_pb2 import Acknowledgement
from onegrid_kit.batches import Item
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound
from onegrid_notify.article import Article
from onegrid_notify.commands import deliveries, escalation, reach
from onegrid_notify.item import ITEM, TOKENS_KEPT, KnownItem
from onegrid_notify.store import signals

__all__ = ["acknowledge", "forget_signals", "notice_corrected", "notice_opened", "notice_withdrawn"]

_MARGIN: Final = timedelta(hours=1)
"""Transactions of one moment do not write their signals in the order of time."""


def acknowledge(
    call: Call, acknowledgement: Acknowledgement, versions: Mapping[str, int], known: Sequence[KnownItem]
) -> Item:
    """Note what the caller did with the items of these ids, in the versions that the caller had.

    Raises NotFound if one is not in the caller's inbox.
    """
    found = {each.id for each in known}
    for id_ in versions:
        if id_ not in found:
            raise NotFound(ITEM.name(id_))
    items = [
        {"district": each.district, "id": each.id, "place": each.place, "version": versions[each.id]} for each in known
    ]
    return Item(
        call,
        {"items": items, "acknowledgement": acknowledgement},
        event=None,
        response=AcknowledgeInboxItemsResponse(reader=call.caller.user),
    )


def notice_opened(conn: Connection, article: Article, call: Call) -> None:
    """Readers have the article from now on; called once for each article that appears."""
    if article.draft.push:
        reach.begin(conn, article)
        escalation.begin(conn, article)
        deliveries.begin(conn, article, call.now)
        signals.signal_article(conn, article.id, call.now)


def notice_corrected(conn: Connection, article: Article, call: Call) -> None:
    """Readers have another version of it from now on."""
    if article.draft.push:
        if article.unread_below == article.version:
            reach.begin_anew(conn, article)
            escalation.begin_anew(conn, article, call.now)
        signals.signal_article(conn, article.id, call.now)


def notice_withdrawn(conn: Connection, article: Article, call: Call) -> None:
    """Readers who had the article have it no more."""
    if article.draft.push:
        reach.end(conn, article)
        escalation.end(conn, article)
        deliveries.end(conn, article)
        signals.signal_article(conn, article.id, call.now, removed=True)


def forget_signals(conn: Connection, now: datetime) -> None:
    """Delete signals that no stream is resumed from any more."""
    signals.forget_signals(conn, now - TOKENS_KEPT - _MARGIN)
