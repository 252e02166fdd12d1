"""What is measured of petitions: how many are open, whose clocks run out, what became of the rest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from prometheus_client import REGISTRY
from sqlalchemy import Engine, text

from onegrid.petition.v1.resources_pb2 import State
from onegrid_kit.clock import SettableClock
from onegrid_petition import jobs, lifecycle, queries

from .desk import Desk
from .people import CITIZEN, COMMANDER, LEAD_CLERK


def value_of(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, {"service": "petition", **labels})


def clocks(engine: Engine, clock: SettableClock) -> dict[tuple[str, str, str], float]:
    """The clocks that run, measured now."""
    with engine.begin() as conn:
        jobs.measure_petitions(conn, clock.now())
    found = {
        (s.labels["clock"], s.labels["tier"], s.labels["due"]): s.value
        for metric in REGISTRY.collect()
        if metric.name == "onegrid_petition_clocks"
        for s in metric.samples
    }
    assert len(found) == 2 * 5 * 3
    return {labels: count for labels, count in found.items() if count}


async def test_deadlines_are_measured_by_tier_and_by_when_they_end(
    desk: Desk, engine: Engine, clock: SettableClock
) -> None:
    assert clocks(engine, clock) == {}
    filed = await desk.file()
    accepted = await desk.file()
    await desk.call(COMMANDER, "AcceptPetition", name=accepted.name)
    taken = await desk.dispatched()
    await desk.call(LEAD_CLERK, "TakeTask", name=f"{taken.name}/tasks/1")
    waiting = {
        ("accept", "community", "later"): 1,
        ("conclude", "district", "later"): 1,
        ("conclude", "department", "later"): 1,
    }
    assert clocks(engine, clock) == waiting
    assert value_of("onegrid_petitions_open", state="HANDLING", tier="department") == 1
    clock.set(filed.accept_due_time.ToDatetime(tzinfo=clock.now().tzinfo) - timedelta(hours=23))
    assert clocks(engine, clock)["accept", "community", "within a day"] == 1
    clock.set(clock.now() + timedelta(hours=24))
    assert clocks(engine, clock)["accept", "community", "overdue"] == 1
    await desk.call(CITIZEN, "WithdrawPetition", name=filed.name)
    assert ("accept", "community", "overdue") not in clocks(engine, clock)


async def test_outcomes_of_petitions_are_measured_over_thirty_days(
    desk: Desk, engine: Engine, clock: SettableClock
) -> None:
    petition = await desk.concluded(LEAD_CLERK)
    await desk.call(CITIZEN, "RatePetition", name=petition.name, satisfied=False, stars=1)
    desk.handle_events()
    clocks(engine, clock)
    steps = ("filed", "concluded", "rated", "satisfied", "reopened")
    assert [value_of("onegrid_petitions_30_days", step=step) for step in steps] == [1, 1, 1, 0, 1]
    clock.set(clock.now() + timedelta(days=30, seconds=1))
    clocks(engine, clock)
    assert value_of("onegrid_petitions_30_days", step="filed") == 0


def test_open_petitions_are_found_by_their_index(engine: Engine) -> None:
    """However many have ended, what is asked every few seconds reads none of them."""
    with engine.connect() as conn:
        conn.execute(text("SET enable_seqscan = off"))
        now = datetime.now(UTC)
        explained = conn.execute(text(f"EXPLAIN {queries.WORKLOAD.text}"), {"now": now, "soon": now})
        plan = "\n".join(explained.scalars())
    assert "petition_open" in plan


def test_the_index_of_open_petitions_holds_the_states_that_the_rules_call_open(engine: Engine) -> None:
    predicate = "pg_get_expr(indpred, indrelid) FROM pg_index WHERE indexrelid = 'petition_open'::regclass"
    with engine.connect() as conn:
        holds = conn.execute(text(f"SELECT {predicate}")).scalar_one()
        states = conn.execute(
            text(f"SELECT state FROM unnest(CAST(:states AS smallint[])) AS state WHERE {holds}"),
            {"states": [state for state in State.values() if state]},
        ).scalars()
        assert set(states) == lifecycle.OPEN
