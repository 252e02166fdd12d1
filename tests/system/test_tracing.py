"""A trace that a client began goes through the api, the outbox, the relay and the broker to the handlers."""

from __future__ import annotations

import asyncio
import secrets

from onegrid_kit.service import installed
from onegrid_kit.testing.waiting import eventually

from .collector import Collector
from .filing import file_one
from .fleet import Fleet, FleetClient

CALL = "onegrid.petition.v1.PetitionService.FilePetition"
EVENT = "onegrid.petition.v1.PetitionFiled"


async def test_one_trace_spans_the_call_and_the_handlers_of_its_event(
    fleet: Fleet, client: FleetClient, collector: Collector
) -> None:
    trace, span = secrets.token_hex(16), secrets.token_hex(8)
    await file_one(client, ("traceparent", f"00-{trace}-{span}-01"))

    def spans() -> list[tuple[str, str]]:
        return sorted((each.name, each.handler) for each in collector.of_trace(trace))

    handlers = {
        each.name: service.name
        for service in installed()
        for each in service.load_handlers()
        if each.type == EVENT
    }  # fmt: skip
    expected = sorted([*((f"{EVENT} handle", name) for name in handlers), (f"{EVENT} publish", ""), (CALL, "")])
    await asyncio.to_thread(eventually, lambda: spans() == expected, describe=spans)
    parents = {(each.name, each.handler): each for each in collector.of_trace(trace)}
    call, publish = parents[CALL, ""], parents[f"{EVENT} publish", ""]
    assert call.parent == span
    assert publish.parent == call.id
    assert {each.parent for key, each in parents.items() if key[1]} == {publish.id}
    assert {each.service for each in parents.values()} == {f"onegrid-{name}" for name in handlers.values()}
    assert "onegrid-notify" in {each.service for each in parents.values()}
