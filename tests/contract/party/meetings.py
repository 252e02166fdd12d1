"""Meetings, who is there, their minutes and calendars."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from onegrid.identity.v1 import identity_service_pb2 as identity_pb
from onegrid.partyedu.v1 import meeting_methods_pb2 as pb
from onegrid.partyedu.v1 import member_methods_pb2 as members_pb
from onegrid.partyedu.v1.meetings_pb2 import (
    AttendanceState,
    ExpectedAttendance,
    Meeting,
    MeetingKind,
    MeetingPlan,
    MeetingState,
)
from onegrid.partyedu.v1.members_pb2 import Member
from onegrid_kit.testing.waiting import eventually

from ..acting import DISTRICT
from ..calling import District
from .organizations import a_member, member, organization

__all__ = ["CHANGES", "PREPARE", "elsewhere", "lists"]

_DAY_S = 86_400
_PRESENT = AttendanceState.ATTENDANCE_STATE_PRESENT
_GROUP = MeetingKind.MEETING_KIND_GROUP
_ASSEMBLY = MeetingKind.MEETING_KIND_ASSEMBLY


def a_plan(days: int = 0, **fields: Any) -> MeetingPlan:
    """A meeting that begins now, or so many days later."""
    begin = int(time.time()) + days * _DAY_S
    given = {
        "title": "党员大会",
        "begin_time": Timestamp(seconds=begin),
        "end_time": Timestamp(seconds=begin + 3600),
        "place": "会议室",
        "agenda": ["学习"],
        "expected": ExpectedAttendance.EXPECTED_ATTENDANCE_ALL,
        **fields,
    }
    return MeetingPlan(**given)


def a_meeting(of: str, plan: MeetingPlan | None = None, kind: MeetingKind = _ASSEMBLY) -> pb.ScheduleMeetingRequest:
    """One that is not scheduled yet."""
    return pb.ScheduleMeetingRequest(organization=of, kind=kind, plan=plan or a_plan())


def meeting(district: District, of: str = "", plan: MeetingPlan | None = None) -> Meeting:
    """A new one."""
    request = a_meeting(of or organization(district).name, plan)
    return district.do(request, "admin", pb.ScheduleMeetingResponse).meeting


def opened(district: District, new: Meeting) -> Meeting:
    """The meeting once it is open."""
    return district.do(pb.OpenMeetingRequest(name=new.name), "admin", pb.OpenMeetingResponse).meeting


def held(district: District, new: Meeting) -> Meeting:
    """The meeting once it is over."""
    opened(district, new)
    return district.do(pb.CloseMeetingRequest(name=new.name, minutes="x"), "admin", pb.CloseMeetingResponse).meeting


def own(district: District, caller: str = "admin") -> Member:
    """The member that the caller is."""
    query = members_pb.GetMemberRequest(name="members/me")
    if not district.attempt(query, caller).ok:
        user = district.do(identity_pb.GetCallerRequest(), caller, identity_pb.GetCallerResponse).user.name
        admit = a_member(organization(district).name, user=user)
        eventually(lambda: district.attempt(admit, "admin").reason in ("", "RESOURCE_EXISTS"))
    return district.do(query, caller, members_pb.GetMemberResponse).member


def linked(district: District) -> str:
    """The caller's own calendar link."""
    own(district)
    request = pb.CreateMeetingCalendarLinkRequest()
    return district.do(request, "admin", pb.CreateMeetingCalendarLinkResponse).link.name


def elsewhere(district: District, place: str, *, there: bool) -> Iterator[Message]:
    """A request of every method that needs a permission, about something in the place, which exists or not."""
    of, who = f"organizations/{place}-nothing", f"members/{DISTRICT}-{'0' * 20}"
    name = f"meetings/{DISTRICT}-{'0' * 20}"
    if there:
        of = organization(district, place).name
        who, name = member(district, of).name, meeting(district, of).name
    yield a_meeting(of)
    yield pb.ChangeMeetingRequest(name=name, plan=a_plan(1))
    yield pb.CancelMeetingRequest(name=name, reason="x")
    yield pb.OpenMeetingRequest(name=name)
    yield pb.GetCheckInCodeRequest(name=name)
    yield pb.RecordAttendanceRequest(name=name, member=who, state=_PRESENT, reason="x")
    yield pb.CloseMeetingRequest(name=name, minutes="x")
    yield pb.AmendMinutesRequest(name=name, minutes="x", reason="x")
    yield pb.GetMeetingRequest(name=name)
    yield pb.GetMeetingCalendarRequest(name=name)
    yield pb.ListMinutesRequest(meeting=name)
    yield pb.ListMeetingsRequest(organization=of)
    yield pb.ListAttendancesRequest(meeting=name)
    yield pb.ListMeetingsOverdueRequest(scope=place)


def lists(district: District) -> Mapping[str, tuple[Message, Message]]:
    """For each list a query of several pages, and another query of the same method."""
    of = own(district).organization
    for days in range(1, 5):
        meeting(district, of, a_plan(days))
    for _ in range(4):
        long_ago = a_meeting(organization(district).name, a_plan(-300), _GROUP)
        held(district, district.do(long_ago, "admin", pb.ScheduleMeetingResponse).meeting)
    attended = held(district, meeting(district, of))
    for _ in range(4):
        amend = pb.AmendMinutesRequest(name=attended.name, minutes="更正", reason="更正")
        district.do(amend, "admin", pb.AmendMinutesResponse)
    there = opened(district, meeting(district, of))
    for _ in range(4):
        who = member(district, of).name
        record = pb.RecordAttendanceRequest(name=there.name, member=who, state=_PRESENT, reason="没有手机")
        district.do(record, "admin", pb.RecordAttendanceResponse)
    return {
        "ListMeetings": (
            pb.ListMeetingsRequest(organization=of),
            pb.ListMeetingsRequest(organization=of, state=MeetingState.MEETING_STATE_HELD),
        ),
        "ListOwnMeetings": (pb.ListOwnMeetingsRequest(), pb.ListOwnMeetingsRequest()),
        "ListMinutes": (pb.ListMinutesRequest(meeting=attended.name), pb.ListMinutesRequest(meeting=there.name)),
        "ListAttendances": (
            pb.ListAttendancesRequest(meeting=there.name),
            pb.ListAttendancesRequest(meeting=attended.name),
        ),
        "ListMeetingsOverdue": (
            pb.ListMeetingsOverdueRequest(scope=DISTRICT),
            pb.ListMeetingsOverdueRequest(scope=DISTRICT, kind=_GROUP),
        ),
    }


def checking_in(district: District) -> tuple[str, Message]:
    there = opened(district, meeting(district, own(district).organization))
    shown = district.do(pb.GetCheckInCodeRequest(name=there.name), "admin", pb.GetCheckInCodeResponse).code
    return "admin", pb.CheckInRequest(name=there.name, code=shown.code)


def recording(district: District) -> tuple[str, Message]:
    of = organization(district).name
    who, there = member(district, of).name, opened(district, meeting(district, of))
    return "admin", pb.RecordAttendanceRequest(name=there.name, member=who, state=_PRESENT, reason="没有手机")


def closing(district: District) -> tuple[str, Message]:
    there = opened(district, meeting(district))
    return "admin", pb.CloseMeetingRequest(name=there.name, minutes="学习了文件。", etag=there.etag)


def changing(district: District) -> tuple[str, Message]:
    new = meeting(district)
    return "admin", pb.ChangeMeetingRequest(name=new.name, plan=a_plan(1), etag=new.etag)


def cancelling(district: District) -> tuple[str, Message]:
    new = meeting(district)
    return "admin", pb.CancelMeetingRequest(name=new.name, reason="停电", etag=new.etag)


def opening(district: District) -> tuple[str, Message]:
    new = meeting(district)
    return "admin", pb.OpenMeetingRequest(name=new.name, etag=new.etag)


def linking(district: District) -> tuple[str, Message]:
    own(district)
    return "admin", pb.CreateMeetingCalendarLinkRequest(reminder_minutes=30)


PREPARE: Mapping[str, Callable[[District], tuple[str, Message]]] = {
    "ScheduleMeeting": lambda district: ("admin", a_meeting(organization(district).name)),
    "ChangeMeeting": changing,
    "CancelMeeting": cancelling,
    "OpenMeeting": opening,
    "CheckIn": checking_in,
    "RecordAttendance": recording,
    "CloseMeeting": closing,
    "AmendMinutes": lambda district: (
        "admin",
        pb.AmendMinutesRequest(name=held(district, meeting(district)).name, minutes="学习。", reason="更正"),
    ),
    "CreateMeetingCalendarLink": linking,
    "RevokeMeetingCalendarLink": lambda district: (
        "admin",
        pb.RevokeMeetingCalendarLinkRequest(name=linked(district)),
    ),
}
"""A request that can be made once, and by whom."""
CHANGES: Mapping[str, Callable[[Message], None]] = {
    "ScheduleMeeting": lambda request: setattr(request.plan, "place", "别的"),  # type: ignore[attr-defined]
    "ChangeMeeting": lambda request: setattr(request.plan, "place", "别的"),  # type: ignore[attr-defined]
    "CancelMeeting": lambda request: setattr(request, "reason", "别的"),
    "CheckIn": lambda request: setattr(request, "code", f"{999_999 - int(request.code):06}"),  # type: ignore[attr-defined]
    "RecordAttendance": lambda request: setattr(request, "reason", "别的"),
    "CloseMeeting": lambda request: setattr(request, "minutes", "别的"),
    "AmendMinutes": lambda request: setattr(request, "minutes", "别的"),
    "CreateMeetingCalendarLink": lambda request: setattr(request, "reminder_minutes", 60),
    "RevokeMeetingCalendarLink": lambda request: setattr(request, "name", "meetingCalendarLinks/me"),
}
"""Something of each request that can be other without breaking its rules."""
