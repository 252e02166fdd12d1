"""What is measured of duty: gaps by when they begin, and pages that nobody has acknowledged."""

from __future__ import annotations

from datetime import timedelta

from prometheus_client import REGISTRY
from sqlalchemy import Engine, text

from onegrid_duty.jobs import measure_duty
from onegrid_kit.clock import SettableClock
from onegrid_kit.service import Service
from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.ladders import climb_due

from .rostering import A_DAY, BOSS, COMMANDER, HANDOFF, ROSTER, START, WANG, define, rotation
from .test_escalation import RUNGS, page, who


def value_of(name: str) -> float | None:
    return REGISTRY.get_sample_value(name, {"service": "emergency"})


def measure(engine: Engine, clock: SettableClock) -> None:
    with engine.begin() as conn:
        measure_duty(conn, clock.now())


def gaps(engine: Engine, clock: SettableClock) -> dict[tuple[str, str], float]:
    """How many gaps there are, measured now."""
    measure(engine, clock)
    return {
        (sample.labels["reason"], sample.labels["begins"]): sample.value
        for metric in REGISTRY.collect()
        if metric.name == "onegrid_duty_gaps"
        for sample in metric.samples
        if sample.value
    }


async def test_gaps_are_measured_by_when_they_begin(api: Serving, engine: Engine, clock: SettableClock) -> None:
    assert gaps(engine, clock) == {}
    # The last shift ends on the 13th at 8:00, and nobody comes.
    await define(api, rotations=[rotation(WANG, end_date="2020-11-13")], supervisors=[BOSS])
    assert gaps(engine, clock) == {("NOBODY", "later"): 1}
    ended = HANDOFF + 2 * A_DAY
    clock.set(ended - A_DAY)
    assert gaps(engine, clock) == {("NOBODY", "within a day"): 1}
    clock.set(ended)
    assert gaps(engine, clock) == {("NOBODY", "now"): 1}
    await define(api, rotations=[rotation(WANG)], supervisors=[BOSS])
    assert gaps(engine, clock) == {}


async def test_pages_are_open_until_they_are_acknowledged(
    api: Serving, service: Service, engine: Engine, clock: SettableClock
) -> None:
    def open_pages() -> tuple[float | None, ...]:
        measure(engine, clock)
        return tuple(map(value_of, ("onegrid_duty_pages_open", "onegrid_duty_page_oldest_open_seconds")))

    await define(api, escalation=RUNGS, supervisors=[BOSS])
    assert open_pages() == (0, 0)
    first = await page(api)
    climb_due(service, engine, clock)
    clock.set(START + timedelta(minutes=2))
    await page(api)
    clock.set(START + timedelta(minutes=3))
    assert open_pages() == (2, 180)
    await api.call(who("li"), "AcknowledgePage", name=first.name)
    assert open_pages() == (1, 60)
    clock.set(START + A_DAY + timedelta(minutes=3))
    # Nobody will come for a page of yesterday.
    assert open_pages() == (0, 0)
    assert len((await api.call(COMMANDER, "ListPages", roster=ROSTER)).pages) == 2


def test_the_index_of_open_pages_holds_those_that_nobody_has_acknowledged(engine: Engine) -> None:
    predicate = "pg_get_expr(indpred, indrelid) FROM pg_index WHERE indexrelid = 'duty_page_open'::regclass"
    with engine.connect() as conn:
        assert conn.execute(text(f"SELECT {predicate}")).scalar_one() == "(acknowledger = ''::text)"
