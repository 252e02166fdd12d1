"""Overrides, temporary schedules and gaps over gRPC."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from onegrid.duty.v1 import events_pb2, resources_pb2
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.events import announced_as, forget_announced

from .rostering import (
    A_DAY,
    ADMIN,
    COMMANDER,
    HANDOFF,
    LI,
    READER,
    ROSTER,
    START,
    WANG,
    ZHANG,
    ZHAO,
    define,
    rotation,
    shifts,
)

NIGHT = HANDOFF + timedelta(hours=12)
TOMORROW = HANDOFF + A_DAY


async def override(api: Serving, by: object = COMMANDER, **more: object) -> resources_pb2.Override:
    values = {"roster": ROSTER, "begin_time": NIGHT, "end_time": TOMORROW, "reason": "替班", **more}
    answer: resources_pb2.Override = (await api.call(by, "CreateOverride", **values)).override  # type: ignore[arg-type]
    return answer


async def gaps(api: Serving, end: object = HANDOFF + A_DAY * 3) -> list[tuple[int, str, object, object]]:
    answer = await api.call(READER, "ListGaps", roster=ROSTER, end_time=end)
    return [
        (each.reason, each.user, each.begin_time.ToDatetime(START.tzinfo), each.end_time.ToDatetime(START.tzinfo))
        for each in answer.gaps
    ]


async def test_somebody_else_is_on_duty_for_a_while_until_it_is_taken_back(
    api: Serving, engine: Engine, clock: SettableClock
) -> None:
    await define(api)
    forget_announced(engine)
    made = await override(api, user=ZHANG)
    assert await shifts(api, START, TOMORROW) == [(LI, START, NIGHT), (ZHANG, NIGHT, TOMORROW)]
    (changed,), (added,) = (announced_as(engine, each) for each in (events_pb2.ShiftChanged, events_pb2.ShiftScheduled))
    assert (changed.shift.user, added.shift.user, added.shift.source) == (
        LI,
        ZHANG,
        resources_pb2.SHIFT_SOURCE_OVERRIDE,
    )
    assert list((await api.call(READER, "ListOverrides", roster=ROSTER)).overrides) == [made]
    half = NIGHT + timedelta(hours=6)
    clock.set(half)
    await api.call(COMMANDER, "DeleteOverride", name=made.name)
    # What it did until now stays.
    assert await shifts(api, START, TOMORROW) == [(LI, START, NIGHT), (ZHANG, NIGHT, half), (LI, half, TOMORROW)]
    with pytest.raises(Refused) as error:
        await api.call(COMMANDER, "DeleteOverride", name=made.name)
    assert error.value.reason == "NOT_FOUND"


async def test_a_temporary_schedule_stands_in_place_of_the_rotations(api: Serving) -> None:
    await define(api)
    flood = resources_pb2.TemporarySchedule(rotations=[rotation(ZHANG, ZHAO, unit=1, length=8)])
    await override(api, begin_time=TOMORROW, end_time=TOMORROW + A_DAY, schedule=flood)
    hours = [TOMORROW + timedelta(hours=8 * number) for number in range(4)]
    assert await shifts(api, TOMORROW - A_DAY, TOMORROW + A_DAY) == [
        (LI, START, TOMORROW),
        (ZHANG, hours[0], hours[1]),
        (ZHAO, hours[1], hours[2]),
        (ZHANG, hours[2], hours[3]),
    ]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"user": "users/0citizen"}, "USER_UNKNOWN"),
        ({"user": ZHANG, "end_time": NIGHT}, "INVALID_REQUEST"),
        ({"user": ZHANG, "end_time": NIGHT + timedelta(days=101)}, "INVALID_REQUEST"),
        ({"user": ZHANG, "begin_time": HANDOFF, "end_time": START}, "INVALID_REQUEST"),
        ({"roster": f"{ROSTER}x", "user": ZHANG}, "NOT_FOUND"),
        (
            {"schedule": resources_pb2.TemporarySchedule(rotations=[rotation(ZHANG, length=32)])},
            "SCHEDULE_INVALID",
        ),
    ],
)
async def test_an_override_that_does_not_go_is_refused(api: Serving, given: dict[str, object], reason: str) -> None:
    await define(api)
    with pytest.raises(Refused) as error:
        await override(api, **given)
    assert error.value.reason == reason


async def test_who_may_grant_no_roles_puts_only_people_of_the_roster_into_shifts_that_grant_one(
    api: Serving, engine: Engine
) -> None:
    await define(api, ADMIN, role="roles/commander")
    with pytest.raises(Refused) as error:
        await override(api, user=ZHANG)
    assert error.value.reason == "ROLE_NOT_GRANTABLE"
    forget_announced(engine)
    await override(api, user=WANG)
    await override(api, ADMIN, user=ZHANG)
    added = {each.shift.user: each.authority.definer for each in announced_as(engine, events_pb2.ShiftScheduled)}
    assert added == {WANG: ADMIN.user}
    changed = announced_as(engine, events_pb2.ShiftChanged)[-1]
    assert (changed.shift.user, changed.former_user, changed.authority.definer) == (ZHANG, WANG, ADMIN.user)


async def test_gaps_are_where_nobody_is_on_duty_who_can_be_counted_on(api: Serving) -> None:
    await define(api)
    assert await gaps(api) == []
    await define(api, rotations=[rotation(LI, end_date="2020-11-13")])
    end = HANDOFF + A_DAY * 2
    assert await gaps(api) == [(resources_pb2.GAP_REASON_NOBODY, "", end, HANDOFF + A_DAY * 3)]
    # From 20:00 to 8:00 nobody needs to be there.
    await define(
        api,
        rotations=[rotation(LI, end_date="2020-11-13")],
        coverage=resources_pb2.DailyWindow(begin_time="08:00", end_time="20:00"),
    )
    assert await gaps(api) == [(resources_pb2.GAP_REASON_NOBODY, "", end, end + timedelta(hours=12))]


async def test_a_roster_has_two_hundred_overrides_at_most_that_are_not_over(api: Serving, engine: Engine) -> None:
    await define(api)
    await override(api, user=ZHANG)
    with engine.begin() as conn:
        conn.exec_driver_sql(
            'INSERT INTO duty_override SELECT district, id || n, roster, begin_time, end_time, "user", rotations, '
            "reason, author, swap, create_time FROM duty_override, generate_series(1, 199) n"
        )
    with pytest.raises(Refused) as error:
        await override(api, user=ZHANG)
    assert error.value.reason == "OVERRIDE_LIMIT_REACHED"
