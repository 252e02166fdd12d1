"""Why a person did or did not get something."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from onegrid.notify.v1.delivery_pb2 import Channel, DeliveryReason
from onegrid.notify.v1.resources_pb2 import ArticleState
from onegrid_kit import codes, sending
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound, PermissionDenied
from onegrid_kit.sending import Attempt, Lane, Outgoing
from onegrid_notify.addressing import require_party
from onegrid_notify.deliveries import OF_PERSONS, is_urgent, sending_id, topic_of
from onegrid_notify.delivery import AddToDigest, DeferUntil, Delivery, DropFor
from onegrid_notify.item import ITEM, KEPT, reader_of
from onegrid_notify.people import People
from onegrid_notify.store import articles, digests, escalation
from onegrid_notify.store import deliveries as store

__all__ = ["ChannelFate", "Explanation", "InboxFate", "explain"]

_MESSAGE: Final = "m-"


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxFate:
    """What a person's inbox has of an item."""

    present: bool
    article_state: ArticleState
    """Unspecified for a message."""
    receive_time: datetime | None
    read_time: datetime | None
    confirm_time: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelFate:
    """What came of an item by one channel."""

    channel: Channel
    chosen: bool
    """Whether it is sent by this channel to who has an address there."""
    reason: DeliveryReason
    """Why it would not be sent now; unspecified if it would."""
    until: datetime | None
    """Until when it would wait."""
    sendings: Sequence[Outgoing]
    """The delivery, and those of an escalation's rungs."""
    digest: Outgoing | None
    attempts: Mapping[str, Sequence[Attempt]]
    """By the ids of all of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a person did or did not get an item."""

    match: store.Match | None
    """By what it is for them; None: it is not."""
    time: datetime | None
    """The moment that decides on that."""
    inbox: InboxFate
    channels: Sequence[ChannelFate]
    people: People
    """Knows the person's addresses."""

    @property
    def sendings(self) -> Sequence[Outgoing]:
        """All that is explained."""
        return [each for fate in self.channels for each in (*fate.sendings, *([fate.digest] if fate.digest else []))]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """What is asked for."""

    id: str
    district: str
    subject: str
    topic: str
    urgent: bool
    critical: bool
    channels: Sequence[Channel]
    rungs: int
    """How many rungs of its escalation there were."""
    match: store.Match | None
    time: datetime | None
    present: bool
    article_state: ArticleState


def explain(conn: Connection, item: str, user: str, call: Call) -> Explanation:
    """Why the user did or did not get the item of this id. Raises NotFound or PermissionDenied."""
    found = _message(conn, item, user, call) if item.startswith(_MESSAGE) else _article(conn, item, user, call)
    state = store.item_state(conn, found.district, user, item)
    people = People(conn, {(user, found.district)})
    return Explanation(
        match=found.match,
        time=found.time,
        inbox=InboxFate(
            present=found.present,
            article_state=found.article_state,
            receive_time=state.receive_time if state else None,
            read_time=state.read_time if state else None,
            confirm_time=state.confirm_time if state else None,
        ),
        channels=_channels(conn, found, user, people, call.now),
        people=people,
    )


def _article(conn: Connection, item: str, user: str, call: Call) -> _Item:
    district = codes.district_of(item)
    call.caller.require(call.permission, district, owner=user)
    article = articles.find_article(conn, item)
    if article is None or not article.was_published_at(call.now):
        raise NotFound(ITEM.name(item))
    if user != call.caller.user:
        require_party(district, article.draft.audience, call)
    match = store.match_of(conn, item, user)
    state = article.state_at(call.now)
    kept = article.publish_time is not None and article.publish_time > call.now - KEPT
    return _Item(
        id=item,
        district=district,
        subject=article.name,
        topic=article.draft.column,
        urgent=article.draft.urgent,
        critical=article.draft.critical,
        channels=article.draft.channels,
        rungs=max((rung.number for rung in escalation.rungs_of(conn, item)), default=0),
        match=match,
        time=article.publish_time,
        present=match is not None and article.draft.push and kept and state == ArticleState.ARTICLE_STATE_PUBLISHED,
        article_state=state,
    )


def _message(conn: Connection, item: str, user: str, call: Call) -> _Item:
    own = reader_of(call.caller).districts if call.caller.may_own(call.permission, user) else ()
    districts = {*own, *map(codes.district_of, filter(codes.is_district, call.caller.scopes(call.permission)))}
    if not districts:
        raise PermissionDenied(call.permission)
    message = store.message_of(conn, districts, user, item)
    if message is None:
        raise NotFound(ITEM.name(item))
    return _Item(
        id=item,
        district=message.district,
        subject=message.subject,
        topic=topic_of(message.subject),
        urgent=message.urgent,
        # It went before others, though others about the same do not.
        critical=message.urgent and not is_urgent(message.subject),
        channels=OF_PERSONS,
        rungs=0,
        match=store.Match("", "", "", ""),
        time=message.create_time,
        present=message.expire_time is None or message.expire_time > call.now,
        article_state=ArticleState.ARTICLE_STATE_UNSPECIFIED,
    )


def _channels(conn: Connection, item: _Item, user: str, people: People, now: datetime) -> list[ChannelFate]:
    ids = {
        channel: [sending_id(item.id, user, channel, rung) for rung in range(item.rungs + 1)] for channel in OF_PERSONS
    }
    sendings = {each.id: each for each in sending.find_all(conn, [id_ for some in ids.values() for id_ in some])}
    in_digest = digests.digests_of(conn, sendings) if sendings else {}
    digest_sendings = {each.id: each for each in sending.find_all(conn, in_digest.values())} if in_digest else {}
    attempts: dict[str, list[Attempt]] = {}
    for attempt in sending.attempts_of_all(conn, [*sendings, *digest_sendings]) if sendings else ():
        attempts.setdefault(attempt.sending, []).append(attempt)
    fates = []
    for channel in OF_PERSONS:
        planned = [sendings[id_] for id_ in ids[channel] if id_ in sendings]
        digest = next((digest_sendings.get(in_digest[each.id]) for each in planned if each.id in in_digest), None)
        urgent = item.urgent or any(each.lane <= Lane.URGENT for each in planned)
        reason, until = DeliveryReason.DELIVERY_REASON_UNSPECIFIED, None
        # What people decide is not to be learned by asking for things that are not for them.
        if item.match is not None or sendings:
            delivery = Delivery(channel=channel, topic=item.topic, critical=item.critical, urgent=urgent)
            reason, until = _reason(people, delivery, user, item, now)
        fates.append(
            ChannelFate(
                channel=channel,
                chosen=channel in item.channels,
                reason=reason,
                until=until,
                sendings=planned,
                digest=digest,
                attempts=attempts,
            )
        )
    return fates


def _reason(
    people: People, delivery: Delivery, user: str, item: _Item, now: datetime
) -> tuple[DeliveryReason, datetime | None]:
    match people.decide(delivery, user, item.district, now):
        case DropFor(reason):
            return reason, None
        case DeferUntil(time, reason):
            return reason, time
        case AddToDigest(close_time) as decision:
            return decision.reason, close_time
        case _:
            return DeliveryReason.DELIVERY_REASON_UNSPECIFIED, None
