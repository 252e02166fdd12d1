"""Rosters and their shifts over gRPC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import grpc
import pytest
from sqlalchemy import Engine

from onegrid.common.v1.common_pb2 import AccountKind
from onegrid.duty.v1 import events_pb2, resources_pb2
from onegrid.identity.v1.events_pb2 import UserDefined
from onegrid.identity.v1.resources_pb2 import UserState
from onegrid_duty.jobs import JOBS
from onegrid_kit.clock import SettableClock
from onegrid_kit.jobs import run_job
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.events import Events, announced_as, forget_announced

from .rostering import (
    A_DAY,
    ADMIN,
    BOSS,
    COMMANDER,
    DISTRICT,
    HANDOFF,
    LI,
    READER,
    ROSTER,
    START,
    WANG,
    WORKER,
    ZHANG,
    define,
    moment,
    rotation,
    shifts,
)

SUPERVISED = resources_pb2.Rung(target=resources_pb2.RUNG_TARGET_SUPERVISORS, wait_minutes=5)
ON_DUTY = resources_pb2.Rung(target=resources_pb2.RUNG_TARGET_ON_DUTY, wait_minutes=5)


async def refused(call: object) -> Refused:
    with pytest.raises(Refused) as error:
        await call  # type: ignore[misc]
    return error.value


async def test_a_roster_says_who_is_on_duty_and_who_comes_next(api: Serving) -> None:
    roster = await define(api)
    assert (roster.scope, roster.time_zone, roster.definer) == (DISTRICT, "Asia/Shanghai", COMMANDER.user)
    answer = await api.call(READER, "GetOnDuty", roster=ROSTER)
    assert (answer.shift.user, answer.next.user) == (LI, WANG)
    assert moment(answer.next.begin_time) == HANDOFF + A_DAY
    assert (await api.call(READER, "GetRoster", name=ROSTER)).roster == roster
    assert list((await api.call(READER, "ListRosters", scope=DISTRICT)).rosters) == [roster]


async def test_shifts_are_fixed_for_eight_weeks_announced_once_and_computed_behind_that(
    api: Serving, engine: Engine
) -> None:
    await define(api)
    scheduled = announced_as(engine, events_pb2.ShiftScheduled)
    assert len(scheduled) == 57
    assert [each.shift.user for each in scheduled[:3]] == [LI, WANG, LI]
    # What has begun before the roster was entered begins with it.
    assert moment(scheduled[0].shift.begin_time) == START
    far = HANDOFF + timedelta(days=100)
    assert await shifts(api, far, far + A_DAY) == [(LI, far, far + A_DAY)]
    listed = (await api.call(READER, "ListShifts", roster=ROSTER, begin_time=far, end_time=far + A_DAY)).shifts
    assert (listed[0].name, listed[0].revision) == ("", 0)


async def test_shifts_are_listed_page_by_page_over_what_is_fixed_and_what_is_computed(api: Serving) -> None:
    await define(api)
    period = {"roster": ROSTER, "begin_time": START, "end_time": START + timedelta(days=70)}
    whole = (await api.call(READER, "ListShifts", **period, page_size=500)).shifts
    assert len(whole) == 71
    found, token = [], ""
    while True:
        page = await api.call(READER, "ListShifts", **period, page_size=9, page_token=token)
        found += page.shifts
        token = page.next_page_token
        if not token:
            break
    assert found == list(whole)


async def test_a_new_definition_changes_what_comes_and_ends_who_is_on_duty_no_more(
    api: Serving, engine: Engine, clock: SettableClock
) -> None:
    await define(api)
    forget_announced(engine)
    later = START + timedelta(hours=2)
    clock.set(later)
    await define(api, rotations=[rotation(ZHANG)])
    assert await shifts(api, HANDOFF, HANDOFF + A_DAY * 2) == [
        (LI, START, later),
        (ZHANG, later, HANDOFF + A_DAY),
        (ZHANG, HANDOFF + A_DAY, HANDOFF + A_DAY * 2),
    ]
    changed = announced_as(engine, events_pb2.ShiftChanged)
    assert (changed[0].shift.user, moment(changed[0].shift.end_time)) == (LI, later)
    assert {each.shift.revision for each in changed} == {2}
    assert [each.former_user for each in changed[1:3]] == [WANG, LI]
    assert [each.shift.user for each in announced_as(engine, events_pb2.ShiftScheduled)] == [ZHANG]


async def test_a_definition_that_changes_nobody_s_turn_announces_no_shift(api: Serving, engine: Engine) -> None:
    before = await define(api)
    forget_announced(engine)
    after = await define(api, display_name="值班", etag=before.etag)
    assert after.etag != before.etag
    assert [type(each) for each in announced_as(engine, events_pb2.ShiftChanged)] == []
    assert [each.version for each in announced_as(engine, events_pb2.RosterDefined)] == [2]


async def test_a_retired_roster_has_no_shifts_and_can_be_defined_again(
    api: Serving, engine: Engine, clock: SettableClock
) -> None:
    await define(api)
    clock.set(START + timedelta(hours=1))
    forget_announced(engine)
    assert (await api.call(COMMANDER, "RetireRoster", name=ROSTER)).roster.retired
    assert len(announced_as(engine, events_pb2.ShiftCancelled)) == 56
    assert not (await api.call(READER, "GetOnDuty", roster=ROSTER)).HasField("shift")
    assert not (await api.call(READER, "ListRosters", scope=DISTRICT)).rosters
    await define(api)
    assert (await api.call(READER, "GetOnDuty", roster=ROSTER)).shift.user == LI


async def test_shifts_are_fixed_further_as_time_goes_by(api: Serving, engine: Engine, clock: SettableClock) -> None:
    before = await define(api)
    forget_announced(engine)
    clock.set(START + timedelta(days=7))
    for job in JOBS:
        assert run_job("emergency", engine, job, clock.now())
    scheduled = announced_as(engine, events_pb2.ShiftScheduled)
    assert len(scheduled) == 7
    assert not announced_as(engine, events_pb2.ShiftChanged)
    after = (await api.call(READER, "GetRoster", name=ROSTER)).roster
    assert moment(after.scheduled_until) == moment(before.scheduled_until) + timedelta(days=7)


@pytest.mark.parametrize(
    ("given", "reason", "fields"),
    [
        ({"rotations": [rotation("users/00stranger")]}, "USER_UNKNOWN", ["rotations"]),
        ({"rotations": [rotation("users/0000gone")]}, "USER_UNKNOWN", ["rotations"]),
        ({"supervisors": ["users/0citizen"]}, "USER_UNKNOWN", ["supervisors"]),
        ({"time_zone": "Asia/Nowhere"}, "SCHEDULE_INVALID", ["time_zone"]),
        ({"rotations": [rotation(WANG, first_date="2021-02-29")]}, "SCHEDULE_INVALID", ["rotations[0].first_date"]),
        ({"rotations": [rotation(WANG, length=32)]}, "SCHEDULE_INVALID", ["rotations[0].length"]),
        ({"rotations": [rotation(WANG, end_date="2020-11-10")]}, "SCHEDULE_INVALID", ["rotations[0].end_date"]),
        ({"escalation": [SUPERVISED]}, "LAST_RUNG_EMPTY", ["escalation"]),
        ({"escalation": [SUPERVISED, ON_DUTY], "supervisors": [BOSS]}, "LAST_RUNG_EMPTY", ["escalation"]),
    ],
)
async def test_what_does_not_go_is_refused(
    api: Serving, given: dict[str, object], reason: str, fields: list[str]
) -> None:
    error = await refused(define(api, **given))
    assert (error.code, error.reason, error.domain) == (grpc.StatusCode.INVALID_ARGUMENT, reason, "onegrid.duty")
    assert error.fields == fields


async def test_who_may_grant_no_roles_defines_no_roster_that_grants_one(api: Serving) -> None:
    error = await refused(define(api, role="roles/commander"))
    assert (error.code, error.reason) == (grpc.StatusCode.PERMISSION_DENIED, "ROLE_NOT_GRANTABLE")
    roster = await define(api, ADMIN, role="roles/commander")
    error = await refused(define(api, role="roles/commander", display_name="别的"))
    assert error.reason == "ROLE_NOT_GRANTABLE"
    assert (roster.role, roster.definer) == ("roles/commander", ADMIN.user)


async def test_a_shift_announces_what_it_grants_and_whose_authority_bounds_it(api: Serving, engine: Engine) -> None:
    await define(api, ADMIN, role="roles/commander")
    authority = announced_as(engine, events_pb2.ShiftScheduled)[0].authority
    assert authority == events_pb2.ShiftAuthority(role="roles/commander", scope=DISTRICT, definer=ADMIN.user)
    forget_announced(engine)
    # The same people and times, without the role.
    await define(api, ADMIN)
    changed = announced_as(engine, events_pb2.ShiftChanged)
    assert len(changed) == 57
    assert not changed[0].HasField("authority")


async def test_a_roster_that_has_changed_is_not_overwritten(api: Serving) -> None:
    roster = await define(api)
    await define(api, display_name="新名")
    error = await refused(define(api, etag=roster.etag))
    assert (error.code, error.reason) == (grpc.StatusCode.ABORTED, "STALE_ETAG")


async def test_others_neither_read_nor_define(api: Serving) -> None:
    for call in (
        define(api, WORKER),
        define(api, READER),
        api.call(WORKER, "GetRoster", name=ROSTER),
        api.call(COMMANDER, "GetRoster", name="rosters/210603-command-centre"),
    ):
        assert (await refused(call)).reason == "PERMISSION_DENIED"
    for method in ("GetRoster", "RetireRoster"):
        assert (await refused(api.call(COMMANDER, method, name=ROSTER))).reason == "NOT_FOUND"
    for method in ("GetOnDuty", "ListShifts"):
        assert (await refused(api.call(COMMANDER, method, roster=ROSTER))).reason == "NOT_FOUND"


async def test_staff_are_those_that_identity_announces(api: Serving, events: Events) -> None:
    new = "users/00newcomer"
    known = UserDefined(
        user=new,
        kind=AccountKind.ACCOUNT_KIND_STAFF,
        district=DISTRICT,
        state=UserState.USER_STATE_ACTIVE,
        version=2,
        has_phone=True,
    )
    events.deliver(known, subject=new)
    await define(api, rotations=[rotation(new)])
    known.version, known.state = 3, UserState.USER_STATE_DISABLED
    events.deliver(known, subject=new)
    assert (await refused(define(api, rotations=[rotation(new)]))).reason == "USER_UNKNOWN"


async def test_a_period_that_ends_before_it_begins_is_refused(api: Serving) -> None:
    await define(api)
    error = await refused(api.call(READER, "ListShifts", roster=ROSTER, end_time=datetime(2020, 1, 1, tzinfo=UTC)))
    assert error.fields == ["end_time"]
