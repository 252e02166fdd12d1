"""Articles, from the first draft until they are withdrawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from onegrid.notify.v1.resources_pb2 import ArticleState
from onegrid_kit import codes, ids, outbox
from onegrid_kit.callers import ANONYMOUS, Call, Caller
from onegrid_kit.clock import CHINA
from onegrid_kit.etags import require_fresh
from onegrid_notify import authority, messages
from onegrid_notify.addressing import require_addressable, require_speaker
from onegrid_notify.article import ARTICLE, Article, Content, Draft
from onegrid_notify.audience import COLUMN, selector_rows
from onegrid_notify.commands import inboxes
from onegrid_notify.errors import ColumnUnusable, PlaceUnknown
from onegrid_notify.store import articles as store
from onegrid_notify.store import columns as column_store
from onegrid_notify.store import places
from onegrid_notify.voice import fitted

__all__ = [
    "Correction",
    "appear",
    "correct",
    "create",
    "delete",
    "open_due",
    "publish",
    "replace_version",
    "return_",
    "submit",
    "take_back",
    "update",
    "withdraw",
]

_OPENED_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What a published article is to say instead."""

    content: Content
    note: str
    """What was corrected, for readers."""
    unread_again: bool
    """Whether those who read it find it unread."""


def create(conn: Connection, owner: str, draft: Draft, call: Call) -> Article:
    """Begin an article. Raises ColumnUnusable, PlaceUnknown, GroupUnknown, OrganizationUnknown, InvalidRequest or
    PermissionDenied.
    """
    district = codes.district_of(owner)
    if not places.known_codes(conn, [owner]):
        raise PlaceUnknown(owner, "owner")
    draft = _usable(conn, owner, draft, call)
    new = Article(
        district=district,
        id=f"{district}-{call.now.astimezone(CHINA):%Y%m%d}-{ids.readable(8)}",
        owner=owner,
        stored_state=ArticleState.ARTICLE_STATE_DRAFT,
        draft=draft,
        create_time=call.now,
        update_time=call.now,
    )
    store.insert_article(conn, new)
    return new


def update(conn: Connection, id_: str, draft: Draft, etag: str, call: Call) -> Article:
    """Change a draft. Raises NotFound, PermissionDenied, StaleEtag, WrongState, ColumnUnusable, PlaceUnknown,
    GroupUnknown, OrganizationUnknown or InvalidRequest.
    """
    before = _lock(conn, id_, etag, call)
    before.updated(draft, call.now)
    after = before.updated(_usable(conn, before.owner, draft, call), call.now)
    store.save_article(conn, after)
    return after


def delete(conn: Connection, id_: str, etag: str, call: Call) -> None:
    """Delete a draft. Raises NotFound, PermissionDenied, StaleEtag or WrongState."""
    draft = _lock(conn, id_, etag, call)
    draft.require_deletable(call.now)
    store.delete_article(conn, draft)


def submit(conn: Connection, id_: str, etag: str, call: Call) -> Article:
    """Give a draft to those who may publish it. Raises NotFound, PermissionDenied, StaleEtag or WrongState."""
    after = _lock(conn, id_, etag, call).submitted(call.now)
    store.save_article(conn, after)
    return after


def return_(conn: Connection, id_: str, reason: str, etag: str, call: Call) -> Article:
    """Give an article back to its editors that no reader has yet. Raises NotFound, PermissionDenied, StaleEtag or
    WrongState.
    """
    after = _lock_to_publish(conn, id_, etag, call).returned(reason, call.now)
    store.delete_selectors(conn, after)
    store.delete_versions(conn, after)
    store.save_article(conn, after)
    return after


def publish(conn: Connection, id_: str, publish_time: datetime | None, etag: str, call: Call) -> Article:
    """Publish an article, now or at that time. Raises NotFound, PermissionDenied, StaleEtag, WrongState, ExpiryPassed,
    ColumnUnusable, PlaceUnknown or GroupUnknown.
    """
    after = _lock_to_publish(conn, id_, etag, call).published(publish_time, call.now)
    # It may have waited for long.
    draft = _usable(
        conn, after.owner, after.draft, call, column_field="name", audience_field="name", organization_field="name"
    )
    return appear(conn, replace(after, draft=draft), call)


def appear(conn: Connection, published: Article, call: Call) -> Article:
    """Store that an article is published, and announce it if readers have it by now."""
    assert published.publish_time is not None, "it is published"
    store.insert_selectors(conn, published, selector_rows(published.district, published.draft.audience))
    store.insert_version(conn, published, "", published.publish_time)
    after = _opened_if_due(conn, published, call)
    store.save_article(conn, after)
    return after


def correct(conn: Connection, id_: str, correction: Correction, etag: str, call: Call) -> Article:
    """Replace what a published article says. Raises NotFound, PermissionDenied, StaleEtag or WrongState."""
    before = _lock_to_publish(conn, id_, etag, call)
    after = before.corrected(correction.content, correction.unread_again, call.now)
    return replace_version(conn, before, after, correction.note, call)


def replace_version(conn: Connection, before: Article, after: Article, note: str, call: Call) -> Article:
    """Store that an article was corrected, and announce it."""
    after = replace(after, opened=_opened_if_due(conn, before, call).opened)
    store.insert_version(conn, after, note, call.now)
    store.save_article(conn, after)
    inboxes.notice_corrected(conn, after, call)
    outbox.append(conn, call, [(after.name, messages.article_corrected(after, note))])
    return after


def withdraw(conn: Connection, id_: str, reason: str, etag: str, call: Call) -> Article:
    """Take an article back that is published, or waits for its time. Raises NotFound, PermissionDenied, StaleEtag or
    WrongState.
    """
    return take_back(conn, _lock_to_publish(conn, id_, etag, call), reason, call)


def take_back(conn: Connection, before: Article, reason: str, call: Call) -> Article:
    """Store that an article was taken back, and announce it if anybody had it. Raises WrongState."""
    after = before.withdrawn(reason, call.now)
    after = replace(after, opened=_opened_if_due(conn, before, call).opened)
    store.save_article(conn, after)
    if not after.opened:
        # Nobody had it.
        store.delete_selectors(conn, after)
    else:
        inboxes.notice_withdrawn(conn, after, call)
        outbox.append(conn, call, [(after.name, messages.article_withdrawn(after))])
    return after


def open_due(conn: Connection, now: datetime) -> None:
    """Announce articles that have appeared by their time, each once; one that expired before is left out."""
    for article in store.articles_to_open(conn, now, _OPENED_AT_ONCE):
        call = Call(caller=ANONYMOUS, now=now, method="open articles", resource=article.name)
        store.save_article(conn, replace(_opened_if_due(conn, article, call), opened=True))


def _lock(
    conn: Connection,
    id_: str,
    etag: str,
    call: Call,
    require: Callable[[Caller, str, Article], None] = authority.require_office,
) -> Article:
    article = call.existing(store.find_article(conn, id_, lock=True), ARTICLE, id_)
    require(call.caller, call.permission, article)
    require_fresh(article.name, article.etag, etag)
    return article


def _lock_to_publish(conn: Connection, id_: str, etag: str, call: Call) -> Article:
    return _lock(conn, id_, etag, call, authority.require_publisher)


def _usable(
    conn: Connection,
    owner: str,
    draft: Draft,
    call: Call,
    *,
    column_field: str = "draft.column",
    audience_field: str = "draft.audience",
    organization_field: str = "draft.organization",
) -> Draft:
    """The draft as it can stand in its column."""
    column, district = COLUMN.id(draft.column), codes.district_of(owner)
    if codes.district_of(column) != district:
        raise ColumnUnusable(draft.column, column_field)
    usable = column_store.columns_of(conn, district).require_usable(column, column_field)
    after = fitted(draft, usable, owner, organization_field)
    if after.organization:
        require_speaker(conn, after.organization, call, organization_field)
    if after.audience is not None:
        require_addressable(conn, district, after.audience, call, audience_field)
    return after


def _opened_if_due(conn: Connection, article: Article, call: Call) -> Article:
    """The article, announced if readers have it and it was not announced yet: before anything else is announced."""
    if not article.due_at(call.now):
        return article
    inboxes.notice_opened(conn, article, call)
    outbox.append(conn, call, [(article.name, messages.article_published(article))])
    return replace(article, opened=True)
