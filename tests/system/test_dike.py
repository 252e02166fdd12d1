"""A dike leaks: a plan opens the roster, elevates roles and warns people, and all clear takes all of it back; whatever
is killed meanwhile.
"""

from __future__ import annotations

import random

import grpc
import grpc.aio

from onegrid.emergency.v1 import warnings_pb2 as cap
from onegrid_demo import district
from onegrid_demo.loading import CELL, until
from onegrid_kit.testing.waiting import eventually

from .dike import Dike, feed, warning
from .fleet import Fleet
from .killing import PARTS, kill


async def test_a_plan_gives_authority_and_warns_until_all_clear_whatever_is_killed(fleet: Fleet, dike: Dike) -> None:
    emergency, rng = dike.client.emergency, random.Random()
    incident = await dike.report()
    await dike.confirm(incident)
    kill(fleet, rng.choice(PARTS))
    await dike.until_elevated()
    await until(lambda: dike.activation(incident), lambda found: bool(found.rosters[0].page))
    await until(lambda: dike.headlines("citizen"), lambda found: "堤坝渗水" in found)
    assert "堤坝渗水" not in await dike.headlines("neighbour")

    # Before, the community could not have warned the district.
    community = await dike.fresh("community")
    issue = cap.IssueWarningRequest(district=district.CODE, content=warning("洪水橙色预警", CELL))
    issued = (await dike.call(emergency.IssueWarning, community, issue)).warning
    kill(fleet, rng.choice(PARTS))
    # Neighbours share its edges.
    assert CELL in issued.cells
    assert len(issued.cells) < 10
    assert "洪水橙色预警" in await feed(fleet)
    await until(lambda: dike.headlines("citizen"), lambda found: "洪水橙色预警" in found)
    assert "洪水橙色预警" not in await dike.headlines("neighbour")
    update = cap.UpdateWarningRequest(name=issued.name, content=warning("洪水仍在上涨", CELL))
    await dike.call(emergency.UpdateWarning, community, update)
    kill(fleet, rng.choice(PARTS))
    changed = await feed(fleet)
    assert "洪水仍在上涨" in changed
    assert "洪水橙色预警" not in changed
    await until(lambda: dike.headlines("citizen"), lambda found: "洪水仍在上涨" in found)
    cancel = cap.CancelWarningRequest(name=issued.name, note="水位已回落")
    await dike.call(emergency.CancelWarning, community, cancel)
    assert "洪水" not in await feed(fleet)

    await dike.all_clear(incident)
    kill(fleet, rng.choice(PARTS))

    async def refused() -> bool:
        issue.request_id = ""
        try:
            await dike.call(emergency.IssueWarning, community, issue)
        except grpc.aio.AioRpcError as error:
            return error.code() in (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED)
        return False

    await until(refused, bool)
    await dike.until_demoted()
    ended = await dike.activation(incident)
    assert ended.HasField("end_time")
    await until(lambda: dike.headlines("citizen"), lambda found: "堤坝渗水" not in found)
    eventually(lambda: fleet.count("emergency", "outbox") == 0)
    assert (await dike.page(ended.rosters[0].page)).roster == ended.rosters[0].roster
    assert {task.name for task in (await dike.incident(incident)).tasks} == set(ended.tasks)
    assert len(ended.tasks) == 2
