"""A fire, from its sensor to all clear: whatever is killed meanwhile, nothing of it is lost or happens twice.

`ONEGRID_KILLS=30` kills more often.
"""

from __future__ import annotations

import asyncio
import os
import random

from onegrid.emergency.v1.incident_steps_pb2 import IncidentAction
from onegrid_demo import fire
from onegrid_demo.loading import COMMUNITY
from onegrid_kit.testing.waiting import eventually

from .fleet import Fleet, FleetClient
from .killing import PARTS, Insisting, kill

KILLS = int(os.environ.get("ONEGRID_KILLS", "6"))
STEPS = (
    "REPORT",
    "RESPOND",
    "ASSIGN",
    "ASSIGN",
    "ACKNOWLEDGE",
    "ACKNOWLEDGE",
    "CONFIRM",
    "COMPLETE",
    "GRADE",
    "ACTIVATE_PLAN",
    "TICK",
    "TICK",
    "REPORT_SITUATION",
    "COMPLETE",
    "ANNOTATE",
    "DEACTIVATE_PLAN",
    "CLEAR",
    "REPORT_FINALLY",
    "REVIEW",
)


def incidents_of(fleet: Fleet) -> set[str]:
    return {f"incidents/{row.id}" for row in fleet.rows("emergency", "SELECT id FROM incident")}


async def test_a_fire_is_handled_to_its_end_whatever_is_killed(fleet: Fleet) -> None:
    rng = random.Random()
    client = FleetClient(fleet, Insisting())
    before = incidents_of(fleet)
    outcomes: list[fire.Outcome] = []
    over = asyncio.Event()

    async def burn() -> None:
        accounts = {**fleet.accounts, "sensors": await fire.connect_sensors(client, fleet.accounts)}
        while not over.is_set() or not outcomes:
            outcomes.append(await fire.replay(client, None, accounts))

    try:
        burning = asyncio.create_task(burn())
        for _ in range(KILLS):
            # Kills fall into any moment of a fire, which takes about a second.
            await asyncio.sleep(rng.uniform(0, 1))
            kill(fleet, rng.choice(PARTS))
        over.set()
        await burning
    finally:
        await client.close()

    for outcome in outcomes:
        assert fire.succeeded(outcome)
        assert outcome.team.name == f"teams/{COMMUNITY}-fire"
        assert [IncidentAction.Name(entry.action)[16:] for entry in outcome.timeline] == list(STEPS)
        assert [report.incident for report in outcome.incident.reports] == [outcome.incident.name]
    eventually(lambda: fleet.count("emergency", "outbox") == 0)
    names = {outcome.incident.name for outcome in outcomes}
    assert len(names) == len(outcomes)
    assert incidents_of(fleet) - before == names
    reserved = "SELECT incident, count(*) AS n FROM reservation GROUP BY incident"
    assert {row.incident: row.n for row in fleet.rows("emergency", reserved)} == dict.fromkeys(names, 1)


async def test_two_fires_at_once_get_a_team_each(fleet: Fleet, client: FleetClient) -> None:
    accounts = {**fleet.accounts, "sensors": await fire.connect_sensors(client, fleet.accounts)}
    both = await asyncio.gather(*(fire.replay(client, None, accounts) for _ in range(2)))
    assert all(map(fire.succeeded, both))
    assert len({outcome.team.name for outcome in both}) == 2
