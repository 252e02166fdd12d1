"""Reads of articles, records and reach, and who may have them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, cast

from sqlalchemy import Connection

from onegrid.notify.v1.deliveries_pb2 import DeliveryState
from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid.notify.v1.resources_pb2 import ArticleState
from onegrid_kit import codes, sending, steps
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound, PermissionDenied
from onegrid_kit.lifecycle import short_name
from onegrid_kit.paging import Position, Scan
from onegrid_kit.sending import Outgoing
from onegrid_kit.steps import State
from onegrid_notify import authority
from onegrid_notify.addressing import require_addressable, require_party
from onegrid_notify.article import ARTICLE, Article, Version
from onegrid_notify.audience import COLUMN, Audience, selector_rows
from onegrid_notify.columns import Columns
from onegrid_notify.deliveries import OF_OFFICES, OF_PERSONS, channel_name, planning_id
from onegrid_notify.escalation import Escalation, Progress, Rung
from onegrid_notify.party import ORGANIZATION
from onegrid_notify.reach import Figures, Reached, Recipient
from onegrid_notify.records import Record
from onegrid_notify.store import articles, audiences, party, reach, records, templates, voice
from onegrid_notify.store import escalation as escalations
from onegrid_notify.store.columns import columns_of
from onegrid_notify.wording import TemplateKey, TemplateVersion, shipped_version

__all__ = [
    "Counted",
    "article_for",
    "count_audience",
    "count_deliveries",
    "escalation_of",
    "list_articles",
    "list_deliveries",
    "list_of_organization",
    "list_owned",
    "list_recipients",
    "list_records",
    "list_templates",
    "list_versions",
    "reach_of",
    "require_owned",
    "require_published",
    "speakers_of",
    "template",
    "template_versions",
]

_UNRESOLVED: Final = (sending.State.FAILED, sending.State.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Counted:
    """How many deliveries of an article there are."""

    counts: Mapping[tuple[str, sending.State], int]
    """By channel and state."""
    planning: bool
    """Whether more will be planned."""
    stopped: bool
    """Whether nothing more is sent."""


def article_for(conn: Connection, id_: str, call: Call) -> Article:
    """The article, if it is for the caller. Raises NotFound or PermissionDenied."""
    article = call.existing(articles.find_article(conn, id_), ARTICLE, id_, permission=authority.EDIT)
    if not (authority.is_office(call.caller, article) or _for_reader(conn, article, call)):
        raise PermissionDenied(authority.EDIT)
    return article


def count_audience(conn: Connection, district: str, audience: Audience | None, call: Call) -> int:
    """How many people an audience holds now. Raises PermissionDenied, PlaceUnknown, GroupUnknown,
    OrganizationUnknown or ColumnUnusable.
    """
    for code in (district,) if audience is None else audience.places:
        call.caller.require(call.permission, code)
    if audience is not None:
        require_addressable(conn, district, audience, call)
    return audiences.count_people(conn, district, selector_rows(district, audience), call.now)


def list_articles(conn: Connection, column_id: str, call: Call, after: Position, limit: int) -> list[Article]:
    """The published articles of a column, or of all columns of a section, that are for the caller. Raises NotFound."""
    columns = [column.id for column in _columns_with(conn, column_id).at_and_below(column_id)]
    of_district = call.caller.district == codes.district_of(column_id)
    return articles.articles_for_reader(conn, columns, call.caller.user, of_district, call.now, after, limit)


def list_owned(
    conn: Connection, owner: str, states: Collection[ArticleState], call: Call, after: Position, limit: int
) -> list[Article]:
    """The articles of an office and of those inside it, in these states or in all."""
    of_party = call.caller.may(authority.ADDRESS_PARTY, owner)
    return articles.owned_articles(conn, owner, states, call.now, after, limit, of_party=of_party)


def list_of_organization(conn: Connection, organization: str, call: Call, after: Position, limit: int) -> Scan[Article]:
    """The published articles in which a Party organization, given by its id, speaks and that are for the caller."""
    of_district = call.caller.district == codes.district_of(organization)
    return voice.organization_articles(conn, organization, call.caller.user, of_district, call.now, after, limit)


def speakers_of(conn: Connection, of: Iterable[Article]) -> Mapping[str, str]:
    """What the Party organizations that speak in articles of one district are called, by name."""
    spoken = [each for each in of if each.draft.organization]
    if not spoken:
        return {}
    ids = {ORGANIZATION.id(each.draft.organization) for each in spoken}
    known = party.known_organizations(conn, spoken[0].district, ids)
    return {ORGANIZATION.name(id_): display_name for id_, display_name in known.items()}


def list_versions(conn: Connection, id_: str, call: Call, after: Position, limit: int) -> list[Version]:
    """The versions of an article that the caller may have. Raises NotFound or PermissionDenied."""
    article = article_for(conn, id_, call)
    if article.stored_state == ArticleState.ARTICLE_STATE_WITHDRAWN and not authority.is_office(call.caller, article):
        return []
    return articles.versions_page(conn, id_, after, limit)


def reach_of(conn: Connection, id_: str, place: str, call: Call) -> Reached:
    """How far a notice reached in a place, or in the district: for those who may see the place or the notice's office.

    Raises NotFound, PermissionDenied or WrongState.
    """
    article = call.existing(articles.find_article(conn, id_), ARTICLE, id_)
    place = place or article.district
    call.caller.require(call.permission, place, article.owner)
    authority.require_was_published(article, call.now)
    found = reach.figures_of(conn, id_, place)
    total = sum(found, Figures(place))
    parts = [replace(figures, place="") if figures.place == place else figures for figures in found]
    has_parts = codes.is_district(place) or codes.is_street(place)
    return Reached(total, parts if has_parts else [], counting=article.draft.push and reach.is_counting(conn, article))


def require_published(conn: Connection, id_: str, call: Call) -> bool:
    """Whether the recipients of a notice are still being written down. Raises NotFound or PermissionDenied for one that
    was not published: who may see its recipients need not know of it before; PermissionDenied also for one to members
    of the Party, whom the caller may not know.
    """
    found = articles.find_article(conn, id_)
    article = call.existing(found if found and found.was_published_at(call.now) else None, ARTICLE, id_)
    require_party(article.district, article.draft.audience, call)
    return article.draft.must_confirm and reach.is_counting(conn, article)


def list_recipients(
    conn: Connection,
    id_: str,
    place: str,
    call: Call,
    after: Position,
    limit: int,
    *,
    show_confirmed: bool,
    to_visit: bool,
) -> list[Recipient]:
    """Who of a place must confirm a notice, and has not; or all who are asked to; or who is to be visited."""
    return reach.recipients_page(
        conn, id_, place, call.now, after, limit, show_confirmed=show_confirmed and not to_visit, to_visit=to_visit
    )


def escalation_of(conn: Connection, id_: str, call: Call) -> Progress:
    """Where the escalation of a notice stands: for those who may see the district or the notice's office.

    Raises NotFound, PermissionDenied or WrongState.
    """
    article = call.existing(articles.find_article(conn, id_), ARTICLE, id_)
    call.caller.require(call.permission, article.district, article.owner)
    authority.require_was_published(article, call.now)
    rungs = escalations.rungs_of(conn, id_)
    plan = article.draft.escalation
    if plan is not None and article.state_at(call.now) == ArticleState.ARTICLE_STATE_PUBLISHED:
        rungs += _to_come(plan, rungs, article)
    return Progress(rungs, *escalations.count_visits(conn, id_, call.now))


def require_owned(conn: Connection, id_: str, owner: str, call: Call) -> None:
    """Raise PermissionDenied or NotFound unless the office owns the article: the caller's scope holds the office. Also
    for one to members of the Party, whom the caller may not know.
    """
    found = articles.find_article(conn, id_)
    article = call.existing(found if found and found.owner == owner else None, ARTICLE, id_)
    require_party(article.district, article.draft.audience, call)


def list_deliveries(
    conn: Connection,
    article_id: str,
    district: str,
    states: Collection[DeliveryState],
    channels: Collection[Channel],
    after: Position,
    limit: int,
) -> list[Outgoing]:
    """What is sent of an article, by name; or what has failed or is UNKNOWN of a district, the newest first."""
    wanted = [sending.State(short_name(DeliveryState, state)) for state in states]
    by = [channel_name(channel) for channel in channels or (*OF_PERSONS, *OF_OFFICES)]
    if article_id:
        (last,) = cast(tuple[str], after) if after else ("",)
        found = sending.batch_page(conn, ARTICLE.name(article_id), wanted or list(sending.State), by, last, limit)
    else:
        before = cast(tuple[datetime, str], after) if after else None
        found = sending.unresolved_page(conn, district, wanted or _UNRESOLVED, by, before, limit)
    return list(found)


def count_deliveries(conn: Connection, id_: str, call: Call) -> Counted:
    """How many deliveries of an article there are. Raises NotFound, PermissionDenied or WrongState."""
    article = call.existing(articles.find_article(conn, id_), ARTICLE, id_)
    call.caller.require(call.permission, article.owner)
    authority.require_was_published(article, call.now)
    work = steps.find(conn, planning_id(article.name))
    return Counted(
        sending.count_batch(conn, article.name),
        planning=work is not None and work.state in (State.RUNNING, State.FAILED),
        stopped=article.name in sending.stopped(conn, [article.name]),
    )


def list_records(conn: Connection, column_id: str, place: str, after: Position, limit: int) -> list[Record]:
    """The records of a column. Raises NotFound."""
    _columns_with(conn, column_id)
    return records.records_page(conn, column_id, place, after, limit)


def template(conn: Connection, id_: str) -> TemplateVersion:
    """A template as it is used. Raises NotFound."""
    district, key = TemplateKey.parse(id_)
    return templates.current_version(conn, district, key) or shipped_version(district, key)


def list_templates(conn: Connection, district: str, after: Position, limit: int) -> list[TemplateVersion]:
    """The templates of a district, as they are used."""
    published = templates.current_versions(conn, district)
    keys = [key for key in TemplateKey.every() if not after or (key.event, key.recipient, key.language) > after]
    return [published.get(key) or shipped_version(district, key) for key in keys[:limit]]


def template_versions(conn: Connection, id_: str, after: Position, limit: int) -> list[TemplateVersion]:
    """What was published of a template, the newest first. Raises NotFound."""
    return templates.versions_page(conn, *TemplateKey.parse(id_), after, limit)


def _columns_with(conn: Connection, column_id: str) -> Columns:
    columns = columns_of(conn, codes.district_of(column_id))
    if column_id not in columns.by_id:
        raise NotFound(COLUMN.name(column_id))
    return columns


def _for_reader(conn: Connection, article: Article, call: Call) -> bool:
    """Whether readers have the article, or had it until it was withdrawn, and the caller is one for whom it is."""
    had = article.stored_state == ArticleState.ARTICLE_STATE_WITHDRAWN and article.opened
    if not had and article.state_at(call.now) != ArticleState.ARTICLE_STATE_PUBLISHED:
        return False
    if article.draft.audience is None:
        return call.caller.district == article.district
    return articles.is_for_reader(conn, article, call.caller.user)


def _to_come(plan: Escalation, rungs: Sequence[Rung], article: Article) -> Iterator[Rung]:
    """The rungs behind those that are there; of the first of them it is known when it is due."""
    last = rungs[-1] if rungs else None
    number, step = (last.number, last.step) if last is not None else (0, 0)
    since = article.publish_time if last is None else last.begin_time
    due = None if since is None else since + plan.after
    for offset, channel in enumerate(plan.rungs[step:], start=1):
        yield Rung(
            number=number + offset, version=article.unread_below, step=step + offset, channel=channel, due_time=due
        )
        due = None
