"""Meetings (三会一课), as the rules see them; 《中国共产党支部工作条例（试行）》 (2018), art. 11 to 17."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from onegrid.partyedu.v1.meetings_pb2 import (
    AttendanceSource,
    AttendanceState,
    ExpectedAttendance,
    MeetingAction,
    MeetingActor,
    MeetingKind,
    MeetingState,
)
from onegrid.partyedu.v1.members_pb2 import MemberState
from onegrid_kit import codes
from onegrid_kit.names import ResourceName
from onegrid_partyedu.meeting_lifecycle import LIFE

__all__ = [
    "CALENDAR_LINK",
    "CODE_PURPOSE",
    "MEETING",
    "MOST_REVISIONS",
    "OPENS_BEFORE",
    "Attendance",
    "CalendarLink",
    "Counts",
    "Meeting",
    "MinutesRevision",
    "Plan",
    "counts_of",
    "violations_of_plan",
]

MEETING: Final = ResourceName("meetings/{meeting}")
_ATTENDANCE: Final = ResourceName("meetings/{meeting}/attendances/{attendance}")
_MINUTES: Final = ResourceName("meetings/{meeting}/minutes/{revision}")
CALENDAR_LINK: Final = ResourceName("meetingCalendarLinks/{member}")

OPENS_BEFORE: Final = timedelta(hours=1)
"""How long before it begins a meeting can be opened."""
MOST_REVISIONS: Final = 50
"""How many revisions minutes have at most."""
CODE_PURPOSE: Final = "partyedu.meeting.secret"

_YEAR: Final = timedelta(days=366)
_LONGEST: Final = timedelta(hours=12)

_ALL: Final = ExpectedAttendance.EXPECTED_ATTENDANCE_ALL
_COMMITTEE: Final = ExpectedAttendance.EXPECTED_ATTENDANCE_COMMITTEE
_SELECTED: Final = ExpectedAttendance.EXPECTED_ATTENDANCE_SELECTED
_BOUND: Final = {
    MeetingKind.MEETING_KIND_ASSEMBLY: (_ALL, "an assembly expects all members"),
    MeetingKind.MEETING_KIND_COMMITTEE: (_COMMITTEE, "a meeting of the committee expects the committee"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """When and where a meeting is, about what, and who is expected."""

    title: str
    begin_time: datetime
    end_time: datetime
    place: str
    agenda: tuple[str, ...] = ()
    expected: ExpectedAttendance = _ALL
    members: tuple[str, ...] = ()
    """The ids of those who are selected, in order."""
    guests_welcome: bool = False

    @property
    def minutes(self) -> int:
        """How many it is to last."""
        return round((self.end_time - self.begin_time) / timedelta(minutes=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many came."""

    expected: int
    present: int
    """Of those who were expected, as `excused` are."""
    excused: int
    guests: int
    quorate: bool
    """Whether half of the full members who were expected were there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """A meeting of an organization."""

    id: str
    version: int = 1
    sequence: int = 0
    """How often its plan was changed."""
    organization: str
    """The organization's id."""
    kind: MeetingKind
    plan: Plan
    state: MeetingState = MeetingState.MEETING_STATE_SCHEDULED
    cancel_reason: str = ""
    sealed_secret: bytes = field(default=b"", repr=False)
    """What check-in codes are made of, while it is open."""
    duration_minutes: int = 0
    counts: Counts | None = None
    create_time: datetime
    update_time: datetime
    open_time: datetime | None = None
    end_time: datetime | None = None

    @property
    def office(self) -> str:
        """The code of the place or department that its organization belongs to."""
        return codes.office_of(self.organization)

    @property
    def district(self) -> str:
        """The district that keeps it."""
        return codes.district_of(self.id)

    @property
    def name(self) -> str:
        """``meetings/{meeting}``."""
        return MEETING.name(self.id)

    @property
    def etag(self) -> str:
        """Changes with every change."""
        return str(self.version)

    def after(self, action: MeetingAction, actor: MeetingActor = MeetingActor.MEETING_ACTOR_HOST) -> MeetingState:
        """Where the action leads. Raises MeetingInWrongState."""
        return LIFE.advance(self.state, action, actor)

    def changed(self, now: datetime, **fields: object) -> Meeting:
        """The meeting with these fields, one version on."""
        return replace(self, version=self.version + 1, update_time=now, **fields)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendance:
    """That somebody was at a meeting, or was not."""

    meeting: str
    """The meeting's id."""
    member: str
    """The member's id."""
    state: AttendanceState
    source: AttendanceSource
    guest: bool = False
    reason: str = ""
    record_time: datetime

    @property
    def name(self) -> str:
        """``meetings/{meeting}/attendances/{member}``."""
        return _ATTENDANCE.name(self.meeting, self.member)

    @property
    def present(self) -> bool:
        """Whether the member was there."""
        return self.state == AttendanceState.ATTENDANCE_STATE_PRESENT


@dataclass(frozen=True, slots=True, kw_only=True)
class MinutesRevision:
    """Minutes as they were entered or amended."""

    meeting: str
    revision: int
    """Counted from 1."""
    minutes: str
    reason: str = ""
    create_time: datetime

    @property
    def name(self) -> str:
        """``meetings/{meeting}/minutes/{revision}``."""
        return _MINUTES.name(self.meeting, self.revision)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarLink:
    """A secret link to the calendar of a member's meetings."""

    member: str
    """The member's id."""
    reminder_minutes: int = 0

    @property
    def name(self) -> str:
        """``meetingCalendarLinks/{member}``."""
        return CALENDAR_LINK.name(self.member)


def violations_of_plan(kind: MeetingKind, plan: Plan, now: datetime) -> Iterator[tuple[str, str]]:
    """What is wrong with a plan: which field, and what."""
    if not now - _YEAR <= plan.begin_time <= now + _YEAR:
        yield "plan.begin_time", "is more than a year ago or ahead"
    if not timedelta(minutes=1) <= plan.end_time - plan.begin_time <= _LONGEST:
        yield "plan.end_time", "is not after the beginning, or more than twelve hours after it"
    expected, rule = _BOUND.get(kind, (plan.expected, ""))
    if plan.expected != expected:
        yield "plan.expected", rule
    if bool(plan.members) != (plan.expected == _SELECTED):
        yield "plan.members", "names those who are selected, and nobody where all or the committee are expected"


def counts_of(expected: Mapping[str, MemberState], attendances: Collection[Attendance]) -> Counts:
    """How many came; `expected`: where those who were expected stand as members."""
    present = {each.member for each in attendances if each.present}
    excused = {each.member for each in attendances if each.state == AttendanceState.ATTENDANCE_STATE_EXCUSED}
    voters = {member for member, state in expected.items() if state == MemberState.MEMBER_STATE_FULL}
    return Counts(
        expected=len(expected),
        present=len(present & expected.keys()),
        excused=len(excused & expected.keys()),
        guests=len(present - expected.keys()),
        quorate=2 * len(voters & present) >= len(voters),
    )
