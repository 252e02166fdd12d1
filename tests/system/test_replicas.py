"""Two processes of an api behind one port share its work."""

from __future__ import annotations

import asyncio
from collections import Counter

from onegrid.petition.v1 import petition_service_pb2 as pb

from .filing import file_one, insist
from .fleet import Fleet, FleetClient, Part

CONNECTIONS = 32


async def served(*parts: Part) -> list[float]:
    """How many public timelines each process has answered."""
    return [
        await asyncio.to_thread(
            part.metric, "onegrid_rpc_duration_seconds_count", method="GetPublicTimeline", code="OK"
        )
        for part in parts
    ]


async def test_two_processes_share_one_port_and_its_work(fleet: Fleet, client: FleetClient) -> None:
    name, _ = await file_one(client)
    request = pb.GetPublicTimelineRequest(name=name)
    first = fleet.parts["petition", "api"]

    async def ask(clients: list[FleetClient]) -> None:
        calls = (insist(each.petition.GetPublicTimeline, request, (), Counter()) for each in clients)
        await asyncio.gather(*calls)

    with fleet.second_api("petition") as second:
        clients = [FleetClient(fleet) for _ in range(CONNECTIONS)]
        before = await served(first, second)
        await ask(clients)
        shares = [now - then for now, then in zip(await served(first, second), before, strict=True)]
        print(shares)
        assert sum(shares) == CONNECTIONS
        # Chance alone gives one of them less than four once in a million times.
        assert min(shares) >= 4, shares

        second.kill()
        before = await served(first)
        await ask([*clients, client])
        assert await served(first) == [before[0] + CONNECTIONS + 1]
        await asyncio.gather(*(each.close() for each in clients))
