"""Warnings and plans of emergency become urgent notices to their places, each in a column of their own: each once,
corrected by what follows, and withdrawn with the warning or plan.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from html import escape
from typing import Final

from sqlalchemy import Connection

from onegrid.emergency.v1.events_pb2 import (
    PlanActivated,
    PlanDeactivated,
    PublicWarning,
    WarningCancelled,
    WarningIssued,
    WarningUpdated,
)
from onegrid.emergency.v1.warnings_pb2 import WarningColour
from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid.notify.v1.resources_pb2 import ArticleState
from onegrid_kit import codes, ids
from onegrid_kit.callers import Call
from onegrid_kit.clock import CHINA
from onegrid_kit.events import Delivery
from onegrid_kit.names import code_in
from onegrid_notify.article import Article, Content, Draft
from onegrid_notify.audience import COLUMN, Audience, Selector
from onegrid_notify.columns import Column
from onegrid_notify.commands import articles
from onegrid_notify.store import articles as store
from onegrid_notify.store import columns as column_store
from onegrid_notify.store import warning_notices as notices

__all__ = ["notice_plan", "notice_warning", "withdraw_plan", "withdraw_warning"]

_SECTION: Final = ("emergency", "应急")
_WARNINGS: Final = ("warnings", "预警信息")
_NOTICES: Final = ("emergency-notices", "应急通知")
_CRITICAL: Final = frozenset({WarningColour.WARNING_COLOUR_RED, WarningColour.WARNING_COLOUR_ORANGE})
_EVERYWHERE: Final = (Channel.CHANNEL_WEB_PUSH, Channel.CHANNEL_SMS, Channel.CHANNEL_EMAIL)
"""How red and orange warnings go out; the others go to devices alone."""
_CHANGED: Final = "预警更新"
_ENDED: Final = "预警解除"
_PLAN_ENDED: Final = "应急响应终止"
_ACTIVATED, _DEACTIVATED = 1, 2
"""The versions of a plan that is in effect, and of one that is not any more."""


def notice_warning(conn: Connection, event: WarningIssued | WarningUpdated, delivery: Delivery) -> None:
    """Warn people, or tell those who were warned what has changed."""
    warning = event.warning
    version, article_id = notices.notice_of(conn, warning.district, warning.name)
    if version >= warning.version:
        return
    call = delivery.call()
    before = store.find_article(conn, article_id, lock=True) if article_id else None
    draft = _draft(conn, warning)
    if before is not None and before.state_at(call.now) == ArticleState.ARTICLE_STATE_PUBLISHED:
        if (before.draft.audience, before.draft.channels) == (draft.audience, draft.channels):
            after = before.corrected(draft.content, True, call.now)
            after = replace(after, draft=replace(after.draft, expire_time=draft.expire_time))
            articles.replace_version(conn, before, after, _CHANGED, call)
            notices.keep_notice(conn, warning.district, warning.name, warning.version, article_id)
            return
        # An article's audience stays: others are warned by another one.
        articles.take_back(conn, before, _CHANGED, call)
    article_id = _published(conn, warning.district, draft, call)
    notices.keep_notice(conn, warning.district, warning.name, warning.version, article_id)


def withdraw_warning(conn: Connection, event: WarningCancelled, delivery: Delivery) -> None:
    """Take back what people were warned by."""
    _withdraw(conn, event.warning, event.version, event.note or _ENDED, delivery.call())


def notice_plan(conn: Connection, event: PlanActivated, delivery: Delivery) -> None:
    """Tell people what a plan has for them."""
    activation = event.activation
    district = codes.district_of(code_in(activation.name))
    if not activation.HasField("notice") or notices.notice_of(conn, district, activation.name)[0]:
        return
    call = delivery.call()
    notice = activation.notice
    draft = Draft(
        column=COLUMN.name(_column(conn, district, _NOTICES, call.now)),
        content=Content(title=notice.headline, summary=notice.text[:200], body_html=_paragraphs(notice.text)),
        audience=_people_of(notice.places),
        push=True,
        pinned=True,
        urgent=True,
        expire_time=activation.expire_time.ToDatetime(UTC),
        channels=_EVERYWHERE,
    )
    notices.keep_notice(conn, district, activation.name, _ACTIVATED, _published(conn, district, draft, call))


def withdraw_plan(conn: Connection, event: PlanDeactivated, delivery: Delivery) -> None:
    """Take back what people were told by a plan."""
    _withdraw(conn, event.activation.name, _DEACTIVATED, _PLAN_ENDED, delivery.call())


def _withdraw(conn: Connection, name: str, version: int, reason: str, call: Call) -> None:
    district = codes.district_of(code_in(name))
    known, article_id = notices.notice_of(conn, district, name)
    if known >= version:
        return
    before = store.find_article(conn, article_id, lock=True) if article_id else None
    if before is not None and before.state_at(call.now) == ArticleState.ARTICLE_STATE_PUBLISHED:
        articles.take_back(conn, before, reason, call)
    notices.keep_notice(conn, district, name, version, "")


def _published(conn: Connection, district: str, draft: Draft, call: Call) -> str:
    """The id of the article that is published; empty if its time is over."""
    if draft.expire_time is not None and draft.expire_time <= call.now:
        return ""
    new = Article(
        district=district,
        id=f"{district}-{call.now.astimezone(CHINA):%Y%m%d}-{ids.readable(8)}",
        owner=district,
        stored_state=ArticleState.ARTICLE_STATE_DRAFT,
        draft=draft,
        create_time=call.now,
        update_time=call.now,
    )
    store.insert_article(conn, new)
    return articles.appear(conn, new.submitted(call.now).published(None, call.now), call).id


def _draft(conn: Connection, warning: PublicWarning) -> Draft:
    critical = warning.colour in _CRITICAL
    time = warning.time.ToDatetime(UTC)
    return Draft(
        column=COLUMN.name(_column(conn, warning.district, _WARNINGS, time)),
        content=Content(
            title=warning.headline,
            summary=warning.instruction[:200],
            body_html=_paragraphs(warning.description, warning.instruction, warning.sender_name),
        ),
        audience=_people_of(warning.places),
        push=True,
        pinned=critical,
        urgent=True,
        critical=critical,
        expire_time=warning.expire_time.ToDatetime(UTC),
        channels=_EVERYWHERE if critical else _EVERYWHERE[:1],
    )


def _people_of(places: Iterable[str]) -> Audience:
    """Who is at home there, and in the communities of its cells: a community is the smallest home that most people
    give, and a warning that is not needed does less harm than one that is missing.
    """
    return Audience((Selector(places=tuple(sorted({codes.community_of(code) for code in places}))),))


def _paragraphs(*texts: str) -> str:
    return "".join(f"<p>{escape(each)}</p>" for text in texts for each in text.splitlines() if each)


def _column(conn: Connection, district: str, named: tuple[str, str], time: datetime) -> str:
    """The id of a column of the section for emergencies, which is there from its first notice on."""
    section, column = f"{district}-{_SECTION[0]}", f"{district}-{named[0]}"
    if column not in column_store.columns_of(conn, district).by_id:
        column_store.lock_columns(conn, district)
        known = column_store.columns_of(conn, district).by_id
        if section not in known:
            column_store.save_column(conn, Column(id=section, display_name=_SECTION[1], update_time=time))
        if column not in known:
            child = Column(id=column, display_name=named[1], parent=section, update_time=time)
            column_store.save_column(conn, child)
    return column
