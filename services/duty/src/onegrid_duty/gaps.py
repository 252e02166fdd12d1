"""What is wrong with a schedule: nobody is on duty, or somebody who can't be counted on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from onegrid.duty.v1.resources_pb2 import GapReason, RoleState
from onegrid_duty.roster import Person, Roster
from onegrid_duty.schedule import Period, uncovered
from onegrid_duty.shifts import Shift

__all__ = ["Gap", "gaps", "new_ones"]


@dataclass(frozen=True, slots=True, order=True)
class Gap:
    """A time that is not covered as it should be."""

    begin: datetime
    reason: GapReason
    user: str
    """``users/{user}`` who can't be counted on; empty where there is nobody."""
    end: datetime

    def continues(self, other: Gap) -> bool:
        """Whether it is the same fault at a part of the same time."""
        same = (self.reason, self.user) == (other.reason, other.user)
        return same and self.begin < other.end and other.begin < self.end


def gaps(
    roster: Roster, shifts: Sequence[Shift], people: Mapping[str, Person], begin: datetime, end: datetime
) -> list[Gap]:
    """The gaps of the period, in order. `shifts`: those of the roster that touch it, in order."""
    if roster.retired:
        return []
    taken = [Period(shift.begin, shift.end) for shift in shifts]
    empty = [
        Gap(period.begin, GapReason.GAP_REASON_NOBODY, "", period.end)
        for period in uncovered(taken, roster.zone, begin, end, roster.coverage)
    ]
    return sorted([*empty, *_unreliable(shifts, people, begin, end)])


def new_ones(found: Sequence[Gap], known: Sequence[Gap]) -> list[Gap]:
    """Those of the gaps that were not known: their beginning moves on with time, and their end with the schedule."""
    return [gap for gap in found if not any(gap.continues(other) for other in known)]


def _unreliable(shifts: Sequence[Shift], people: Mapping[str, Person], begin: datetime, end: datetime) -> Iterator[Gap]:
    for shift in shifts:
        person = people.get(shift.user)
        faults = (
            (person is None or not (person.staff and person.active), GapReason.GAP_REASON_DISABLED),
            (person is not None and not person.reachable, GapReason.GAP_REASON_UNREACHABLE),
            (shift.role_state == RoleState.ROLE_STATE_REFUSED, GapReason.GAP_REASON_ROLE_REFUSED),
        )
        for is_so, reason in faults:
            if is_so:
                yield Gap(max(shift.begin, begin), reason, shift.user, min(shift.end, end))
