"""Whom an event of duty concerns, and what they are to hear."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from onegrid.duty.v1 import events_pb2 as pb
from onegrid.duty.v1.resources_pb2 import GapReason, Shift
from onegrid_notify.facts import DutyFacts, Facts, GapFacts, PageFacts, Recipient
from onegrid_notify.notifications import Notification

__all__ = ["DutyEvent", "duty_notifications", "subject_of"]

DutyEvent = (
    pb.ShiftReminded
    | pb.GapDetected
    | pb.SwapProposed
    | pb.SwapAccepted
    | pb.SwapDeclined
    | pb.RungReached
    | pb.PageEnded
    | pb.HandoverWritten
    | pb.HandoverForgotten
)


def subject_of(event: DutyEvent) -> tuple[str, str]:
    """The resource that the event is about, and the roster that it belongs to."""
    match event:
        case pb.ShiftReminded():
            return event.shift.name, event.shift.roster
        case pb.GapDetected():
            return event.gap.roster, event.gap.roster
        case pb.RungReached() | pb.PageEnded():
            return event.page.name, event.page.roster
        case pb.HandoverWritten() | pb.HandoverForgotten():
            return event.handover.name, event.handover.roster
        case _:
            return event.swap.name, event.swap.roster


def duty_notifications(event: DutyEvent, time: datetime) -> Iterator[Notification]:
    """Who is on duty hears of shifts, who is asked of swaps and who asked of what became of them; of gaps the
    supervisors, and without supervisors the office; of pages and handovers whom they are for.
    """
    roster = event.roster_display_name
    match event:
        case pb.ShiftReminded():
            yield Notification(Recipient.PERSON, event.shift.user, _facts(time, roster, event.shift))
        case pb.GapDetected():
            facts = _gap_facts(event, time)
            if not event.supervisors:
                yield Notification(Recipient.OFFICE, event.scope, facts)
            yield from _each(event.supervisors, facts)
        case pb.SwapProposed():
            yield Notification(Recipient.PERSON, event.swap.partner, _swap_facts(event, time))
        case pb.SwapAccepted() | pb.SwapDeclined():
            yield Notification(Recipient.PERSON, event.swap.shift.user, _swap_facts(event, time))
        case pb.RungReached():
            yield from _each(event.users, PageFacts(time=time, roster=roster, title=event.page.title))
        case pb.PageEnded():
            yield from _each(event.page.paged, PageFacts(time=time, roster=roster, title=event.page.title))
        case pb.HandoverWritten():
            yield Notification(Recipient.PERSON, event.receiver, PageFacts(time=time, roster=roster))
        case pb.HandoverForgotten():
            yield from _each(event.users, PageFacts(time=time, roster=roster))


def _each(people: Iterable[str], facts: Facts) -> Iterator[Notification]:
    for person in people:
        yield Notification(Recipient.PERSON, person, facts)


def _facts(time: datetime, roster: str, shift: Shift, other: Shift | None = None, note: str = "") -> DutyFacts:
    return DutyFacts(
        time=time,
        roster=roster,
        begin=_moment(shift.begin_time),
        end=_moment(shift.end_time),
        other_begin=_moment(other.begin_time) if other is not None else None,
        other_end=_moment(other.end_time) if other is not None else None,
        note=note,
    )


def _swap_facts(event: pb.SwapProposed | pb.SwapAccepted | pb.SwapDeclined, time: datetime) -> DutyFacts:
    swap = event.swap
    other = swap.partner_shift if swap.HasField("partner_shift") else None
    return _facts(time, event.roster_display_name, swap.shift, other, swap.note)


def _gap_facts(event: pb.GapDetected, time: datetime) -> GapFacts:
    return GapFacts(
        time=time,
        roster=event.roster_display_name,
        begin=_moment(event.gap.begin_time),
        end=_moment(event.gap.end_time),
        disabled=event.gap.reason == GapReason.GAP_REASON_DISABLED,
        unreachable=event.gap.reason == GapReason.GAP_REASON_UNREACHABLE,
        powerless=event.gap.reason == GapReason.GAP_REASON_ROLE_REFUSED,
    )


def _moment(time: Timestamp) -> datetime:
    return time.ToDatetime(tzinfo=UTC)
