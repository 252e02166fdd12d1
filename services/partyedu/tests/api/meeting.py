"""Meetings, as far as these tests need them: an organization with an officer, and members who have accounts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from onegrid.partyedu.v1.meetings_pb2 import ExpectedAttendance, Meeting, MeetingKind, MeetingPlan
from onegrid.partyedu.v1.members_pb2 import Member
from onegrid_kit.callers import Caller
from onegrid_kit.clock import CHINA
from onegrid_kit.testing.callers import public
from onegrid_kit.timestamps import timestamp

from .line import BRANCH, Line
from .people import DISTRICT, KEEPER

ALL = ExpectedAttendance.EXPECTED_ATTENDANCE_ALL
COMMITTEE = ExpectedAttendance.EXPECTED_ATTENDANCE_COMMITTEE
SELECTED = ExpectedAttendance.EXPECTED_ATTENDANCE_SELECTED
ASSEMBLY = MeetingKind.MEETING_KIND_ASSEMBLY
BEGIN = datetime(2026, 7, 1, 19, tzinfo=CHINA)


def planned(begin: datetime = BEGIN, **fields: Any) -> MeetingPlan:
    """A plan of 90 minutes."""
    given = {
        "title": "七月党员大会",
        "begin_time": timestamp(begin),
        "end_time": timestamp(begin + timedelta(minutes=90)),
        "place": "社区活动室",
        "agenda": ["学习", "讨论"],
        "expected": ALL,
        **fields,
    }
    return MeetingPlan(**given)


async def account(line: Line, name: str, organization: str = BRANCH, **fields: Any) -> tuple[Member, Caller]:
    """A member with an account, and the caller who has it."""
    who = public(name, DISTRICT)
    line.know(who.user)
    return await line.admit(organization, user=who.user, **fields), who


async def schedule(
    line: Line,
    organization: str = BRANCH,
    kind: MeetingKind = ASSEMBLY,
    plan: MeetingPlan | None = None,
    caller: Caller = KEEPER,
) -> Meeting:
    """Schedule a meeting."""
    answer = await line.api.call(
        caller, "ScheduleMeeting", organization=organization, kind=kind, plan=plan or planned()
    )
    scheduled: Meeting = answer.meeting
    return scheduled


async def opened(line: Line, meeting: Meeting) -> Meeting:
    """Open a meeting when it begins."""
    line.clock.set(datetime.fromtimestamp(meeting.plan.begin_time.seconds, CHINA))
    answer: Meeting = (await line.api.call(KEEPER, "OpenMeeting", name=meeting.name)).meeting
    return answer


async def code(line: Line, meeting: Meeting, caller: Caller = KEEPER) -> str:
    """What is shown in the room."""
    return str((await line.api.call(caller, "GetCheckInCode", name=meeting.name)).code.code)


async def closed(line: Line, meeting: Meeting, **fields: Any) -> Meeting:
    """Close a meeting."""
    answer = await line.api.call(KEEPER, "CloseMeeting", name=meeting.name, minutes="学习了文件。", **fields)
    held: Meeting = answer.meeting
    return held
