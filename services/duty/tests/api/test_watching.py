"""What is noticed in advance: shifts that begin soon, and gaps."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine

from onegrid.common.v1.common_pb2 import AccountKind
from onegrid.duty.v1 import events_pb2, resources_pb2
from onegrid.identity.v1.events_pb2 import ShiftRoleRefused, UserDefined
from onegrid.identity.v1.resources_pb2 import UserState
from onegrid_duty.jobs import JOBS
from onegrid_kit.clock import SettableClock
from onegrid_kit.jobs import run_job
from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.events import Events, announced_as, forget_announced

from .rostering import A_DAY, ADMIN, BOSS, DISTRICT, HANDOFF, LI, READER, ROSTER, START, WANG, ZHANG, define, rotation


def run(engine: Engine, clock: SettableClock) -> None:
    for job in JOBS:
        assert run_job("emergency", engine, job, clock.now())


def reminded(engine: Engine) -> list[str]:
    return [each.shift.user for each in announced_as(engine, events_pb2.ShiftReminded)]


def gaps(engine: Engine) -> list[tuple[int, str]]:
    return [(each.gap.reason, each.gap.user) for each in announced_as(engine, events_pb2.GapDetected)]


async def test_whoever_is_to_be_on_duty_is_reminded_once_a_day_before(
    api: Serving, engine: Engine, clock: SettableClock
) -> None:
    await define(api)
    run(engine, clock)
    # Tomorrow at 8:00 Wang comes; Li is on duty already.
    assert reminded(engine) == [WANG]
    run(engine, clock)
    assert reminded(engine) == [WANG]
    clock.set(HANDOFF + A_DAY)
    run(engine, clock)
    assert reminded(engine) == [WANG, LI]


async def test_who_takes_a_shift_over_is_reminded_as_well(api: Serving, engine: Engine, clock: SettableClock) -> None:
    await define(api)
    run(engine, clock)
    await define(api, rotations=[rotation(WANG, end_date="2020-11-11"), rotation(ZHANG, LI)])
    run(engine, clock)
    assert reminded(engine) == [WANG, ZHANG]


async def test_a_gap_of_the_next_two_weeks_is_announced_once(
    api: Serving, engine: Engine, clock: SettableClock
) -> None:
    await define(api, rotations=[rotation(WANG, LI, end_date="2020-11-30")], supervisors=[BOSS])
    run(engine, clock)
    assert gaps(engine) == []
    clock.set(START + timedelta(days=6))
    run(engine, clock)
    (found,) = announced_as(engine, events_pb2.GapDetected)
    assert (found.gap.reason, found.gap.roster) == (resources_pb2.GAP_REASON_NOBODY, ROSTER)
    assert (found.roster_display_name, found.scope, list(found.supervisors)) == ("指挥中心值班", DISTRICT, [BOSS])
    for hours in (1, 30):
        clock.set(START + timedelta(days=6, hours=hours))
        run(engine, clock)
    assert len(gaps(engine)) == 1, "it only grows with time"


async def test_a_gap_that_a_change_makes_is_announced_at_once(
    api: Serving, engine: Engine, clock: SettableClock, events: Events
) -> None:
    await define(api)
    run(engine, clock)
    known = UserDefined(
        user=WANG,
        kind=AccountKind.ACCOUNT_KIND_STAFF,
        district=DISTRICT,
        state=UserState.USER_STATE_ACTIVE,
        version=2,
    )
    events.deliver(known, subject=WANG)
    run(engine, clock)
    assert set(gaps(engine)) == {(resources_pb2.GAP_REASON_UNREACHABLE, WANG)}
    forget_announced(engine)
    known.version, known.state, known.has_phone = 3, UserState.USER_STATE_DISABLED, True
    events.deliver(known, subject=WANG)
    run(engine, clock)
    assert set(gaps(engine)) == {(resources_pb2.GAP_REASON_DISABLED, WANG)}


async def test_a_refused_role_is_announced_as_a_gap(
    api: Serving, engine: Engine, clock: SettableClock, events: Events
) -> None:
    await define(api, ADMIN, role="roles/commander")
    run(engine, clock)
    shift = (await api.call(READER, "GetOnDuty", roster=ROSTER)).shift
    events.deliver(ShiftRoleRefused(shift=shift.name, revision=1, reason="GRANT_EXCEEDS_OWN"), subject=shift.name)
    run(engine, clock)
    assert gaps(engine) == [(resources_pb2.GAP_REASON_ROLE_REFUSED, LI)]
