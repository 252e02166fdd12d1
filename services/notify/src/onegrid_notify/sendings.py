"""What is enqueued for the sender: each delivery as one sending."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid_kit import codes, ids, sending
from onegrid_kit.sending import Lane, Outgoing, Sending
from onegrid_notify.deliveries import SENT_FOR, Kind, Plan, channel_name, sending_id
from onegrid_notify.digest import Digest
from onegrid_notify.escalation import Rung
from onegrid_notify.store.messages import Announcement, Reachable, write

__all__ = ["announce", "is_critical", "of_article", "of_digest", "of_test"]

_CRITICAL: Final = "critical"
_TEST_LASTS: Final = timedelta(hours=1)


def announce(conn: Connection, announcements: Sequence[Announcement]) -> None:
    """Write messages about events, and have them sent to wherever their readers, or the offices, can be reached."""
    if announcements:
        reachable = write(conn, announcements)
        now = max(each.origin.time for each in announcements)
        sending.enqueue(conn, [_of_message(each) for each in reachable], now)


def is_critical(of: Outgoing) -> bool:
    """Whether it is sent whatever its reader mutes, and at any hour. A test is what its reader has just asked for."""
    return of.lane == Lane.CRITICAL or of.kind == Kind.TEST or bool(of.parameters.get(_CRITICAL))


def of_article(plan: Plan, recipient: str, channel: Channel, rung: Rung | None = None) -> Sending:
    """What is sent of an article to a user or endpoint by a channel; at a rung, to somebody who has not read it yet."""
    return Sending(
        id=sending_id(plan.item, recipient, channel, 0 if rung is None else rung.number),
        channel=channel_name(channel),
        kind=Kind.ARTICLE,
        district=codes.district_of(plan.item),
        recipient=recipient,
        subject=plan.article,
        batch=plan.article,
        lane=Lane.URGENT if plan.urgent or rung else Lane.BULK,
        # In the lane of urgent ones all the same: before a whole district's warning nobody's code would come.
        parameters=({_CRITICAL: True} if plan.critical else {}) | ({} if rung is None else {"version": rung.version}),
        expire_time=plan.expire_time,
    )


def _of_message(to: Reachable) -> Sending:
    """What announces a message to a user, or gives an endpoint one of the texts about its event."""
    origin = to.origin
    return Sending(
        id=sending_id(origin.item, to.recipient, to.channel),
        channel=channel_name(to.channel),
        kind=Kind.MESSAGE,
        district=origin.district,
        recipient=to.recipient,
        subject=origin.subject,
        lane=origin.lane,
        parameters={} if to.source is None else {"source": to.source},
        due_time=origin.time,
        expire_time=origin.facts_expire_time,
        traceparent=origin.traceparent,
    )


def of_digest(digest: Digest) -> Sending:
    """What is sent in place of all that comes together in a digest."""
    return Sending(
        id=digest.id,
        channel=channel_name(digest.channel),
        kind=Kind.DIGEST,
        district=digest.district,
        recipient=digest.user,
        due_time=digest.close_time,
        expire_time=digest.close_time + SENT_FOR,
    )


def of_test(
    district: str, subject: str, parameters: Mapping[str, Any], user: str, channel: Channel, now: datetime
) -> Sending:
    """What somebody sends to themself to see it."""
    return Sending(
        id=sending_id(f"t-{ids.new_id()}", user, channel),
        channel=channel_name(channel),
        kind=Kind.TEST,
        district=district,
        recipient=user,
        subject=subject,
        lane=Lane.URGENT,
        parameters=parameters,
        expire_time=now + _TEST_LASTS,
    )
