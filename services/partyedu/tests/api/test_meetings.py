"""Meetings over real gRPC and a real database."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import pytest_asyncio
from google.protobuf.timestamp_pb2 import Timestamp

from onegrid.partyedu.v1.completions_pb2 import CompletionKind
from onegrid.partyedu.v1.events_pb2 import (
    MeetingCancelled,
    MeetingChanged,
    MeetingClosed,
    MeetingScheduled,
    StudyCompleted,
)
from onegrid.partyedu.v1.meetings_pb2 import (
    Attendance,
    AttendanceSource,
    AttendanceState,
    Meeting,
    MeetingKind,
    MeetingState,
)
from onegrid.partyedu.v1.members_pb2 import EndReason
from onegrid.partyedu.v1.organizations_pb2 import OfficerPost
from onegrid_kit.callers import Caller
from onegrid_kit.testing.api import Refused
from onegrid_kit.testing.events import announced, announced_as, forget_announced

from .line import BRANCH, COMMUNITY_COMMITTEE, OTHER_COMMITTEE, SECRETARY, Line
from .meeting import (
    ALL,
    ASSEMBLY,
    BEGIN,
    COMMITTEE,
    SELECTED,
    account,
    closed,
    code,
    opened,
    planned,
    schedule,
)
from .people import CITIZEN, COMMUNITY_DESK, KEEPER, OTHER_STREET_DESK, SUPERVISOR

PRESENT = AttendanceState.ATTENDANCE_STATE_PRESENT
EXCUSED = AttendanceState.ATTENDANCE_STATE_EXCUSED
ABSENT = AttendanceState.ATTENDANCE_STATE_ABSENT


@pytest_asyncio.fixture
async def line(line: Line) -> Line:
    line.clock.set(BEGIN - timedelta(days=7))
    return line


async def check_in(line: Line, who: Caller, meeting: Meeting, given: str) -> Attendance:
    answer = await line.api.call(who, "CheckIn", name=meeting.name, code=given)
    found: Attendance = answer.attendance
    return found


async def attendances(line: Line, meeting: Meeting, caller: Caller = KEEPER) -> dict[str, Attendance]:
    answer = await line.api.call(caller, "ListAttendances", meeting=meeting.name)
    return {each.member: each for each in answer.attendances}


async def test_a_meeting_is_scheduled_changed_and_cancelled(line: Line) -> None:
    forget_announced(line.engine)
    new = await schedule(line)
    assert (new.state, new.sequence, new.organization) == (MeetingState.MEETING_STATE_SCHEDULED, 0, BRANCH)
    moved = planned(place="会议室", agenda=["学习", "讨论", "表决"])
    changed = (await line.api.call(KEEPER, "ChangeMeeting", name=new.name, plan=moved, etag=new.etag)).meeting
    assert (changed.sequence, changed.plan) == (1, moved)
    again = (await line.api.call(KEEPER, "ChangeMeeting", name=new.name, plan=moved)).meeting
    assert again == changed
    refused = await line.refused(KEEPER, "ChangeMeeting", name=new.name, plan=planned(), etag=new.etag)
    assert refused.reason == "STALE_ETAG"
    cancelled = (await line.api.call(KEEPER, "CancelMeeting", name=new.name, reason="停电")).meeting
    assert (cancelled.state, cancelled.sequence) == (MeetingState.MEETING_STATE_CANCELLED, 2)
    assert cancelled.cancel_reason == "停电"
    refused = await line.refused(KEEPER, "OpenMeeting", name=new.name)
    assert (refused.reason, refused.metadata["state"]) == ("MEETING_WRONG_STATE", "CANCELLED")
    assert announced(line.engine) == [
        MeetingScheduled(meeting=new),
        MeetingChanged(meeting=changed, before=new.plan),
        MeetingCancelled(meeting=cancelled),
    ]


@pytest.mark.parametrize(
    ("kind", "fields", "field"),
    [
        (ASSEMBLY, {"expected": COMMITTEE}, "plan.expected"),
        (MeetingKind.MEETING_KIND_COMMITTEE, {"expected": ALL}, "plan.expected"),
        (MeetingKind.MEETING_KIND_GROUP, {"expected": SELECTED}, "plan.members"),
        (ASSEMBLY, {"members": ["members/210602-00000000"]}, "plan.members"),
        (ASSEMBLY, {"end_time": Timestamp(seconds=int(BEGIN.timestamp()))}, "plan.end_time"),
        (ASSEMBLY, {"end_time": Timestamp(seconds=int(BEGIN.timestamp()) + 43_260)}, "plan.end_time"),
        (ASSEMBLY, {"begin": BEGIN - timedelta(days=374)}, "plan.begin_time"),
        (ASSEMBLY, {"begin": BEGIN + timedelta(days=366)}, "plan.begin_time"),
    ],
)
async def test_a_plan_that_cannot_be_is_refused(
    line: Line, kind: MeetingKind, fields: dict[str, object], field: str
) -> None:
    refused = await line.refused(
        KEEPER,
        "ScheduleMeeting",
        organization=BRANCH,
        kind=kind,
        plan=planned(**fields),  # type: ignore[arg-type]
    )
    assert refused.fields == [field]


async def test_who_is_there_checks_in_by_the_code_that_is_shown_and_has_studied(line: Line) -> None:
    (here, who), (ill, _), (away, _) = [await account(line, name) for name in ("here", "ill", "away")]
    meeting = await opened(line, await schedule(line))
    excused = {"member": ill.name, "state": EXCUSED, "reason": "生病"}
    await line.api.call(KEEPER, "RecordAttendance", name=meeting.name, **excused)
    checked = await check_in(line, who, meeting, await code(line, meeting))
    assert (checked.state, checked.source, checked.guest) == (
        PRESENT,
        AttendanceSource.ATTENDANCE_SOURCE_CODE,
        False,
    )
    forget_announced(line.engine)
    line.later(minutes=80)
    held = await closed(line, meeting, duration_minutes=75)
    assert held.state == MeetingState.MEETING_STATE_HELD
    counts = held.counts
    assert (counts.expected, counts.present, counts.excused, counts.guests, counts.quorate) == (3, 1, 1, 0, False)
    found = await attendances(line, meeting)
    assert {name: each.state for name, each in found.items()} == {
        here.name: PRESENT,
        ill.name: EXCUSED,
        away.name: ABSENT,
    }
    assert found[ill.name].reason == "生病"
    (study,) = announced_as(line.engine, StudyCompleted)
    done = study.completion
    assert (done.member, done.subject, done.kind) == (
        here.name,
        meeting.name,
        CompletionKind.COMPLETION_KIND_MEETING,
    )
    assert done.minutes == 75
    assert announced_as(line.engine, MeetingClosed) == [MeetingClosed(meeting=held)]


async def test_a_code_is_good_for_its_half_minute_and_the_ones_around(line: Line) -> None:
    meeting = await opened(line, await schedule(line))
    shown = await code(line, meeting)
    answer = (await line.api.call(KEEPER, "GetCheckInCode", name=meeting.name)).code
    assert answer.next_time.seconds == int(BEGIN.timestamp()) + 30
    _, first = await account(line, "first")
    line.clock.set(BEGIN + timedelta(seconds=59.9))
    assert await code(line, meeting) != shown
    await check_in(line, first, meeting, shown)
    _, second = await account(line, "second")
    line.clock.set(BEGIN + timedelta(seconds=60))
    refused = await line.refused(second, "CheckIn", name=meeting.name, code=shown)
    assert refused.reason == "CHECK_IN_CODE_WRONG"


async def test_the_code_of_another_meeting_is_refused(line: Line) -> None:
    _, who = await account(line, "who")
    one, other = await schedule(line), await schedule(line)
    one, other = await opened(line, one), await opened(line, other)
    refused = await line.refused(who, "CheckIn", name=one.name, code=await code(line, other))
    assert refused.reason == "CHECK_IN_CODE_WRONG"


async def test_who_guesses_waits_for_ten_minutes_also_with_the_right_code(line: Line) -> None:
    _, who = await account(line, "who")
    _, other = await account(line, "other")
    meeting = await opened(line, await schedule(line))
    right = await code(line, meeting)
    wrong = f"{(int(right) + 1) % 1_000_000:06}"
    # At once, as a program would.
    guesses = await asyncio.gather(*(line.refused(who, "CheckIn", name=meeting.name, code=wrong) for _ in range(12)))
    assert sorted(each.reason for each in guesses) == ["CHECK_IN_CODE_WRONG"] * 5 + ["RATE_LIMITED"] * 7
    assert (await line.refused(who, "CheckIn", name=meeting.name, code=right)).reason == "RATE_LIMITED"
    assert (await check_in(line, other, meeting, right)).state == PRESENT
    line.later(minutes=10)
    assert (await check_in(line, who, meeting, await code(line, meeting))).state == PRESENT


async def test_a_member_checks_in_once_however_often_at_once(line: Line) -> None:
    people = [await account(line, f"member{number}") for number in range(4)]
    meeting = await opened(line, await schedule(line))
    shown = await code(line, meeting)
    answers = await asyncio.gather(*(check_in(line, who, meeting, shown) for _, who in people for _ in range(3)))
    assert {each.member for each in answers} == {member.name for member, _ in people}
    assert len({each.SerializeToString() for each in answers}) == len(people)
    assert (await closed(line, meeting)).counts.present == len(people)
    # Who has checked in hears so also afterwards.
    assert (await check_in(line, people[0][1], meeting, "000000")).state == PRESENT


async def test_who_checks_in_while_it_is_closed_is_there_or_is_refused(line: Line) -> None:
    people = [await account(line, f"member{number}") for number in range(6)]
    meeting = await opened(line, await schedule(line))
    shown = await code(line, meeting)
    *answers, held = await asyncio.gather(
        *(check_in(line, who, meeting, shown) for _, who in people),
        closed(line, meeting),
        return_exceptions=True,
    )
    assert isinstance(held, Meeting)
    late = [each for each in answers if isinstance(each, Refused)]
    assert {each.reason for each in late} <= {"MEETING_WRONG_STATE"}
    assert held.counts.present == len(people) - len(late)
    found = await attendances(line, meeting)
    assert sorted(each.state for each in found.values()) == sorted(
        [PRESENT] * held.counts.present + [ABSENT] * len(late)
    )


async def test_others_are_guests_where_guests_are_welcome(line: Line) -> None:
    _, stranger = await account(line, "stranger", OTHER_COMMITTEE)
    meeting = await opened(line, await schedule(line))
    refused = await line.refused(stranger, "CheckIn", name=meeting.name, code=await code(line, meeting))
    assert refused.reason == "MEMBER_NOT_EXPECTED"
    assert (await line.refused(CITIZEN, "CheckIn", name=meeting.name, code="000000")).reason == "NOT_FOUND"
    welcoming = await opened(line, await schedule(line, plan=planned(guests_welcome=True)))
    assert (await check_in(line, stranger, welcoming, await code(line, welcoming))).guest
    counts = (await closed(line, welcoming)).counts
    assert (counts.expected, counts.present, counts.guests) == (0, 0, 1)


async def test_who_is_no_member_any_more_is_no_guest(line: Line) -> None:
    left, _ = await account(line, "left", OTHER_COMMITTEE)
    meeting = await opened(line, await schedule(line, plan=planned(guests_welcome=True)))
    await line.api.call(KEEPER, "EndMembership", name=left.name, reason=EndReason.END_REASON_MOVED_AWAY)
    recorded = {"name": meeting.name, "member": left.name, "state": PRESENT, "reason": "补签"}
    assert (await line.refused(KEEPER, "RecordAttendance", **recorded)).reason == "MEMBER_NOT_EXPECTED"


async def test_an_organization_that_is_dissolved_meets_no_more(line: Line) -> None:
    past = await schedule(line, plan=planned(BEGIN - timedelta(days=30)))
    begun = await opened(line, await schedule(line))
    ahead = await schedule(line, plan=planned(BEGIN + timedelta(days=30)))
    forget_announced(line.engine)
    await line.api.call(KEEPER, "DissolveOrganization", name=BRANCH)
    states = {
        name: (await line.api.call(KEEPER, "GetMeeting", name=name)).meeting.state
        for name in (past.name, begun.name, ahead.name)
    }
    assert list(states.values()) == [
        MeetingState.MEETING_STATE_SCHEDULED,
        MeetingState.MEETING_STATE_OPEN,
        MeetingState.MEETING_STATE_CANCELLED,
    ]
    [cancelled] = announced_as(line.engine, MeetingCancelled)
    assert (cancelled.meeting.name, cancelled.meeting.sequence) == (ahead.name, 1)
    # What took place can still be entered.
    await line.api.call(KEEPER, "OpenMeeting", name=past.name)
    assert (await closed(line, past)).state == MeetingState.MEETING_STATE_HELD


async def test_an_officer_hosts_the_meetings_of_the_organization(line: Line) -> None:
    chair, host = await account(line, "chair")
    _, plain = await account(line, "plain")
    for caller in (host, plain, OTHER_STREET_DESK, SUPERVISOR):
        refused = await line.refused(caller, "ScheduleMeeting", organization=BRANCH, kind=ASSEMBLY, plan=planned())
        assert refused.reason == "PERMISSION_DENIED"
    await line.elect(BRANCH, (SECRETARY, chair.name))
    meeting = await schedule(line, caller=host)
    meeting = await opened(line, meeting)
    assert len(await code(line, meeting, host)) == 6
    assert (await line.refused(plain, "GetCheckInCode", name=meeting.name)).reason == "PERMISSION_DENIED"
    refused = await line.refused(
        host, "ScheduleMeeting", organization=COMMUNITY_COMMITTEE, kind=ASSEMBLY, plan=planned()
    )
    assert refused.reason == "PERMISSION_DENIED"


async def test_a_committee_meets_with_half_of_it(line: Line) -> None:
    people = [await account(line, f"officer{number}") for number in range(3)]
    posts = (SECRETARY, OfficerPost.OFFICER_POST_ORGANIZATION, OfficerPost.OFFICER_POST_PUBLICITY)
    await line.elect(BRANCH, *zip(posts, [member.name for member, _ in people], strict=True))
    await account(line, "plain")
    meeting = await opened(
        line,
        await schedule(line, kind=MeetingKind.MEETING_KIND_COMMITTEE, plan=planned(expected=COMMITTEE)),
    )
    shown = await code(line, meeting)
    await check_in(line, people[0][1], meeting, shown)
    refused = await line.refused(KEEPER, "CloseMeeting", name=meeting.name, minutes="讨论了计划。")
    assert (refused.reason, refused.metadata["expected"], refused.metadata["present"]) == (
        "MEETING_NOT_QUORATE",
        "3",
        "1",
    )
    await check_in(line, people[1][1], meeting, shown)
    counts = (await closed(line, meeting)).counts
    assert (counts.expected, counts.present, counts.quorate) == (3, 2, True)


async def test_a_part_of_the_members_is_expected(line: Line) -> None:
    (of_it, who), (_, other) = await account(line, "group"), await account(line, "other")
    elsewhere = await line.admit(OTHER_COMMITTEE)
    wrong = planned(expected=SELECTED, members=[of_it.name, elsewhere.name])
    group = {"organization": BRANCH, "kind": MeetingKind.MEETING_KIND_GROUP}
    refused = await line.refused(KEEPER, "ScheduleMeeting", **group, plan=wrong)
    assert (refused.reason, refused.metadata["member"]) == ("MEMBER_NOT_EXPECTED", elsewhere.name)
    plan = planned(expected=SELECTED, members=[of_it.name])
    meeting = await opened(line, await schedule(line, kind=MeetingKind.MEETING_KIND_GROUP, plan=plan))
    await check_in(line, who, meeting, await code(line, meeting))
    refused = await line.refused(other, "CheckIn", name=meeting.name, code=await code(line, meeting))
    assert refused.reason == "MEMBER_NOT_EXPECTED"


async def test_nothing_is_opened_or_closed_too_early(line: Line) -> None:
    meeting = await schedule(line)
    line.clock.set(BEGIN - timedelta(hours=1, seconds=1))
    assert (await line.refused(KEEPER, "OpenMeeting", name=meeting.name)).reason == "MEETING_TOO_EARLY"
    line.clock.set(BEGIN - timedelta(hours=1))
    await line.api.call(KEEPER, "OpenMeeting", name=meeting.name)
    refused = await line.refused(KEEPER, "CloseMeeting", name=meeting.name, minutes="开会。")
    assert (refused.reason, refused.metadata["time"]) == ("MEETING_TOO_EARLY", "2026-07-01T11:00:00Z")


async def test_who_was_there_without_a_telephone_is_recorded_afterwards(line: Line) -> None:
    old, _ = await account(line, "old")
    meeting = await opened(line, await schedule(line))
    assert (await closed(line, meeting)).counts.present == 0
    forget_announced(line.engine)
    by_hand = {"name": meeting.name, "member": old.name, "reason": "没有手机"}
    refused = await line.refused(KEEPER, "RecordAttendance", **by_hand, state=EXCUSED)
    assert refused.reason == "MEETING_WRONG_STATE"
    for _ in range(2):
        recorded = (await line.api.call(KEEPER, "RecordAttendance", **by_hand, state=PRESENT)).attendance
        assert (recorded.source, recorded.reason) == (AttendanceSource.ATTENDANCE_SOURCE_HOST, "没有手机")
    counts = (await line.api.call(KEEPER, "GetMeeting", name=meeting.name)).meeting.counts
    assert (counts.expected, counts.present, counts.quorate) == (1, 1, True)
    assert [each.completion.minutes for each in announced_as(line.engine, StudyCompleted)] == [90]


async def test_why_somebody_is_excused_is_for_hosts(line: Line) -> None:
    ill, _ = await account(line, "ill")
    meeting = await schedule(line)
    excused = {"name": meeting.name, "member": ill.name, "state": EXCUSED}
    refused = await line.refused(KEEPER, "RecordAttendance", **excused, reason="电话 13800138000")
    assert refused.reason == "PERSON_IN_TEXT"
    await line.api.call(KEEPER, "RecordAttendance", **excused, reason="住院")
    assert (await attendances(line, meeting, COMMUNITY_DESK))[ill.name].reason == "住院"
    assert (await attendances(line, meeting, SUPERVISOR))[ill.name].reason == ""


async def test_minutes_are_amended_by_revisions(line: Line) -> None:
    _, who = await account(line, "who")
    _, stranger = await account(line, "stranger", OTHER_COMMITTEE)
    meeting = await opened(line, await schedule(line))
    early = await line.refused(KEEPER, "AmendMinutes", name=meeting.name, minutes="x", reason="x")
    assert early.reason == "MEETING_WRONG_STATE"
    await closed(line, meeting)
    amendment = {"name": meeting.name, "minutes": "学习了文件，讨论了计划。", "reason": "补充"}
    amended = (await line.api.call(KEEPER, "AmendMinutes", **amendment, revision=1)).minutes
    assert amended.name == f"{meeting.name}/minutes/2"
    assert (await line.refused(KEEPER, "AmendMinutes", **amendment, revision=1)).reason == "STALE_ETAG"
    listed = (await line.api.call(who, "ListMinutes", meeting=meeting.name)).minutes
    assert [(each.minutes, each.reason) for each in listed] == [
        ("学习了文件，讨论了计划。", "补充"),
        ("学习了文件。", ""),
    ]
    refused = await line.refused(stranger, "ListMinutes", meeting=meeting.name)
    assert refused.reason == "PERMISSION_DENIED"


async def test_members_list_their_own_meetings(line: Line) -> None:
    member, who = await account(line, "who")
    await line.elect(COMMUNITY_COMMITTEE, (SECRETARY, member.name))
    committee = await schedule(
        line,
        COMMUNITY_COMMITTEE,
        MeetingKind.MEETING_KIND_COMMITTEE,
        planned(BEGIN + timedelta(days=2), expected=COMMITTEE),
    )
    assembly = await schedule(line)
    await schedule(line, COMMUNITY_COMMITTEE)
    listed = (await line.api.call(who, "ListOwnMeetings")).meetings
    assert [each.name for each in listed] == [assembly.name, committee.name]
    of_branch = (await line.api.call(COMMUNITY_DESK, "ListMeetings", organization=BRANCH)).meetings
    assert [each.name for each in of_branch] == [assembly.name]
    assert (await line.refused(who, "ListMeetings", organization=BRANCH)).reason == "PERMISSION_DENIED"
