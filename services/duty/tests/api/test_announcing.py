"""Who comes later hears of the shifts that are fixed."""

from __future__ import annotations

from datetime import UTC, timedelta

from sqlalchemy import Engine

from onegrid.duty.v1.events_pb2 import ShiftScheduled
from onegrid_kit.clock import SettableClock
from onegrid_kit.service import Service
from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.events import announce_current, announced_as, forget_announced

from .rostering import HANDOFF, ROSTER, define


async def test_who_comes_later_hears_of_all_shifts_that_have_not_ended_as_they_are_now(
    api: Serving, service: Service, engine: Engine, clock: SettableClock
) -> None:
    await define(api)
    fixed = {each.shift.name: each for each in announced_as(engine, ShiftScheduled)}
    forget_announced(engine)
    clock.set(HANDOFF + timedelta(days=2))
    announce_current(service, engine, clock)
    told = announced_as(engine, ShiftScheduled)
    expected = [each for each in fixed.values() if each.shift.end_time.ToDatetime(UTC) > clock.now()]
    assert 0 < len(expected) < len(fixed)
    assert told == sorted(expected, key=lambda each: each.shift.name)
    assert told[0].shift.roster == ROSTER
    forget_announced(engine)
    announce_current(service, engine, clock)
    assert not announced_as(engine, ShiftScheduled)
