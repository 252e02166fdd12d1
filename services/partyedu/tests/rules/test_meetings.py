"""The life of a meeting, the codes of check-ins, how often branches meet, and who was there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onegrid.partyedu.v1.meetings_pb2 import (
    AttendanceSource,
    AttendanceState,
    MeetingAction,
    MeetingActor,
    MeetingKind,
    MeetingState,
)
from onegrid.partyedu.v1.members_pb2 import MemberState
from onegrid_kit.clock import CHINA
from onegrid_kit.errors import RateLimited
from onegrid_partyedu.check_in_codes import STEP, code_at, matches, new_secret, next_time, require_few_guesses
from onegrid_partyedu.errors import MeetingInWrongState
from onegrid_partyedu.meeting import Attendance, counts_of
from onegrid_partyedu.meeting_duties import MONTHS, due_time, met_before
from onegrid_partyedu.meeting_lifecycle import LIFE

MOMENTS = st.datetimes(datetime(1992, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
KINDS = st.sampled_from(sorted(MONTHS))
BEGIN = datetime(2026, 7, 1, tzinfo=UTC)
SECRET = bytes(range(32))
HOST, MEMBER = MeetingActor.MEETING_ACTOR_HOST, MeetingActor.MEETING_ACTOR_MEMBER


def test_what_is_over_stays_so() -> None:
    assert LIFE.ended == {MeetingState.MEETING_STATE_CANCELLED}
    held = MeetingState.MEETING_STATE_HELD
    for action in LIFE.allowed(held):
        assert LIFE.advance(held, action, HOST) == held
    with pytest.raises(MeetingInWrongState) as refused:
        LIFE.advance(held, MeetingAction.MEETING_ACTION_CHECK_IN, MEMBER)
    assert refused.value.metadata["allowed_actions"] == "RECORD_PRESENT,AMEND"


@given(MOMENTS)
def test_a_code_is_accepted_from_one_step_before_it_is_shown_to_one_after(shown: datetime) -> None:
    code, ends = code_at(SECRET, shown), next_time(shown)
    begins = ends - STEP
    assert begins <= shown < ends
    for moment in (begins - STEP, shown, ends, ends + STEP - timedelta(microseconds=1)):
        assert matches(SECRET, code, moment)
    assert len(code) == 6
    assert code.isdigit()
    # What is accepted besides is the chance of three in a million.
    for moment in (begins - STEP - timedelta(microseconds=1), ends + STEP):
        around = {code_at(SECRET, moment + STEP * each) for each in (-1, 0, 1)}
        assert matches(SECRET, code, moment) == (code in around)


def test_codes_are_those_of_rfc_6238_with_sha_256() -> None:
    # Appendix B, with the last six of its eight digits, and its secret for SHA-256.
    secret = b"12345678901234567890123456789012"
    for seconds, code in ((59, "119246"), (1111111109, "084774"), (2000000000, "698825")):
        assert code_at(secret, datetime.fromtimestamp(seconds, UTC)) == code


def test_another_meeting_has_other_codes() -> None:
    now = datetime(2026, 7, 1, tzinfo=UTC)
    assert len({code_at(new_secret(), now) for _ in range(20)}) > 15


@given(st.integers(0, 4), st.timedeltas(timedelta(), timedelta(minutes=20)))
def test_a_few_wrong_codes_are_forgiven(count: int, since: timedelta) -> None:
    require_few_guesses(count, BEGIN, BEGIN + since)


@given(st.integers(5, 9), st.timedeltas(timedelta(), timedelta(seconds=599)))
def test_five_wrong_codes_are_waited_for(count: int, since: timedelta) -> None:
    with pytest.raises(RateLimited) as limited:
        require_few_guesses(count, BEGIN, BEGIN + since)
    assert limited.value.retry_after == timedelta(minutes=10) - since
    require_few_guesses(count, BEGIN, BEGIN + timedelta(minutes=10))


@given(KINDS, MOMENTS, MOMENTS)
def test_a_meeting_is_overdue_when_its_time_has_come(kind: MeetingKind, last: datetime, now: datetime) -> None:
    assert (last < met_before(kind, now)) == (due_time(kind, last) <= now)


@given(KINDS, MOMENTS)
def test_who_meets_once_in_each_period_is_never_overdue(kind: MeetingKind, last: datetime) -> None:
    due = due_time(kind, last)
    begins = due.astimezone(CHINA)
    assert (begins.day, begins.hour, (begins.month - 1) % MONTHS[kind]) == (1, 0, 0)
    latest = due - timedelta(microseconds=1)
    assert not last < met_before(kind, latest)
    assert due_time(kind, latest) > due
    # Between one and two periods.
    days = (due - last) / timedelta(days=1)
    assert 27 * MONTHS[kind] < days <= 62 * MONTHS[kind]


@pytest.mark.parametrize(
    ("kind", "last", "due"),
    [
        (MeetingKind.MEETING_KIND_THEMED_DAY, "2026-01-31T23:59", "2026-03-01"),
        (MeetingKind.MEETING_KIND_THEMED_DAY, "2026-02-01T00:00", "2026-04-01"),
        (MeetingKind.MEETING_KIND_COMMITTEE, "2026-11-30T12:00", "2027-01-01"),
        (MeetingKind.MEETING_KIND_ASSEMBLY, "2026-03-31T23:59", "2026-07-01"),
        (MeetingKind.MEETING_KIND_ASSEMBLY, "2026-08-15T09:00", "2027-01-01"),
        (MeetingKind.MEETING_KIND_ORGANIZATION_LIFE, "2025-12-31T23:59", "2027-01-01"),
    ],
)
def test_periods_are_those_of_china(kind: MeetingKind, last: str, due: str) -> None:
    found = due_time(kind, datetime.fromisoformat(f"{last}+08:00"))
    assert found == datetime.fromisoformat(f"{due}T00:00+08:00")


@given(
    st.dictionaries(
        st.sampled_from("abcdefgh"),
        st.sampled_from([MemberState.MEMBER_STATE_FULL, MemberState.MEMBER_STATE_PROBATIONARY]),
    ),
    st.dictionaries(
        st.sampled_from("abcdefghij"),
        st.sampled_from([AttendanceState.ATTENDANCE_STATE_PRESENT, AttendanceState.ATTENDANCE_STATE_EXCUSED]),
    ),
)
def test_everybody_who_was_there_is_counted_once(
    expected: dict[str, MemberState], recorded: dict[str, AttendanceState]
) -> None:
    attendances = [
        Attendance(
            meeting="m",
            member=member,
            state=state,
            source=AttendanceSource.ATTENDANCE_SOURCE_HOST,
            record_time=datetime(2026, 7, 1, tzinfo=UTC),
        )
        for member, state in recorded.items()
    ]
    counts = counts_of(expected, attendances)
    assert counts.present + counts.guests == sum(each.present for each in attendances)
    assert counts.present + counts.excused <= counts.expected == len(expected)
    voters = [member for member, state in expected.items() if state == MemberState.MEMBER_STATE_FULL]
    there = sum(recorded.get(member) == AttendanceState.ATTENDANCE_STATE_PRESENT for member in voters)
    assert counts.quorate == (there >= len(voters) / 2)
