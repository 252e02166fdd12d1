"""Compares what the databases hold with what clients were answered and events announced."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from onegrid.petition.v1 import petition_service_pb2 as pb
from onegrid.petition.v1.resources_pb2 import Action
from onegrid_demo import district
from onegrid_kit import audit
from onegrid_kit.testing.waiting import HANG_S, eventually

from .filing import STEPS, Load
from .fleet import SERVICES, Fleet, FleetClient

_FILED = "SELECT right(text, 36) AS request_id, array_agg('petitions/' || id) AS names FROM petition GROUP BY 1"
_TIMELINES = (
    "SELECT 'petitions/' || petition AS name, array_agg(action ORDER BY sequence) AS steps FROM timeline GROUP BY 1"
)
_AUDITED = "SELECT request_id, array_agg(resource) AS resources FROM audit_entry WHERE request_id <> '' GROUP BY 1"
_STEPS = "SELECT action, count(*) FROM timeline GROUP BY 1"
_HANDLED = "SELECT handler, count(*) FROM inbox WHERE handler ~ '^(count|index)_' GROUP BY 1"
_COUNTED = "SELECT sum(filed), sum(accepted), sum(concluded), sum(rated), sum(satisfied), sum(reopened) FROM tally"


def require_acknowledged_once(fleet: Fleet, load: Load) -> None:
    """Each filing and step that was acknowledged is there, once, and nothing else."""
    assert fleet.count("petition", "petition") == load.petitions_before + len(load.filed)
    filed = {row.request_id: row.names for row in fleet.rows("petition", _FILED) if row.request_id in load.filed}
    assert filed == {request_id: [name] for request_id, name in load.filed.items()}
    steps = {row.name: row.steps for row in fleet.rows("petition", _TIMELINES)}
    all_actions = [Action.Value(f"ACTION_{step}") for step in STEPS]
    done = set(load.concluded)
    for name in load.filed.values():
        assert steps[name] == (all_actions if name in done else all_actions[:1]), name
    audited = {row.request_id: row.resources for row in fleet.rows("petition", _AUDITED)}
    for request_id, name in (load.filed | load.handled).items():
        resources = audited[request_id]
        assert len(resources) == 1, resources
        assert resources[0].startswith(name), resources


def require_handled_once(fleet: Fleet) -> None:
    """Every event of every petition so far was carried and handled, and had its effect once."""
    for service in SERVICES:
        eventually(lambda service=service: fleet.count(service, "outbox") == 0)
    taken = {Action.Name(action)[7:]: number for action, number in fleet.rows("petition", _STEPS)}
    petitions = fleet.count("petition", "petition")
    assert taken["FILE"] == petitions
    rated = taken["RATE_SATISFIED"]
    expected = {
        "index_words": petitions,
        "count_filed": petitions,
        "count_accepted": taken["ACCEPT"],
        "count_concluded": taken["CONCLUDE"],
        "count_rated": rated,
        "count_verified": taken["VERIFY_SOLVED"],
    }

    def handled() -> dict[Any, Any]:
        return dict(fleet.rows("petition", _HANDLED))

    eventually(lambda: handled() == expected, describe=lambda: f"{handled()} are not {expected}")
    counts = (petitions, taken["ACCEPT"], taken["CONCLUDE"], rated, rated, 0)
    assert tuple(fleet.rows("petition", _COUNTED)[0]) == counts
    assert fleet.count("petition", "search") == petitions
    figures = asyncio.run(summary(fleet))
    assert (
        figures.filed,
        figures.accepted,
        figures.concluded,
        figures.rated,
        figures.satisfied,
        figures.reopened,
    ) == counts
    for service in SERVICES:
        assert fleet.count(service, "parked_event") == 0


def require_intact_audit_trails(fleet: Fleet) -> None:
    """Each call's audit entry is there and unchanged."""
    for service in SERVICES:
        with fleet.connection(service).execution_options(isolation_level="REPEATABLE READ") as conn:
            assert list(audit.broken_blocks(conn)) == []


async def summary(fleet: Fleet) -> pb.SummarizePetitionsResponse:
    """The district's figures, from the api."""
    today = datetime.now(UTC)
    days = [f"{today + timedelta(days=days):%Y-%m-%d}" for days in (-1, 1)]
    request = pb.SummarizePetitionsRequest(place=district.CODE, first_day=days[0], last_day=days[1])
    client = FleetClient(fleet)
    try:
        commander = await client.staff("commander", fleet.accounts["commander"]["password"])
        return await client.petition.SummarizePetitions(request, metadata=commander, timeout=HANG_S)
    finally:
        await client.close()
