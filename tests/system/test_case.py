"""The reference case, by as many processes as there are roles."""

from __future__ import annotations

from onegrid.petition.v1 import petition_service_pb2 as pb
from onegrid.petition.v1.resources_pb2 import Action
from onegrid_demo import case
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.waiting import HANG_S

from .fleet import Fleet, FleetClient


async def test_the_reference_case_comes_to_its_good_end(fleet: Fleet, client: FleetClient) -> None:
    # The processes use the system's clock; the case's own clock has no effect.
    petition = await case.replay(client, SettableClock(), fleet.accounts)
    assert case.succeeded(petition)
    timeline = await client.petition.GetPublicTimeline(pb.GetPublicTimelineRequest(name=petition.name), timeout=HANG_S)
    assert [Action.Name(entry.action)[7:] for entry in timeline.entries] == [
        "FILE",
        "ACCEPT",
        "DISPATCH",
        "TAKE",
        "REPORT",
        "CONCLUDE",
        "RATE_SATISFIED",
        "VERIFY_SOLVED",
    ]
