"""SIGTERM: each role ends in order, in time and completely, and no call or event is lost."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import grpc
import pytest

from onegrid.petition.v1 import petition_service_pb2 as pb
from onegrid_kit.testing.waiting import HANG_S, eventually

from . import ledger
from .filing import Load, file_one
from .fleet import DRAIN_GRACE_S, DRAIN_PAUSE_S, Fleet, FleetClient, Part


def require_orderly_end(part: Part) -> None:
    """It ends by itself, well, and leaves no process."""
    # The interpreter's own end takes a moment, too.
    assert part.await_end(DRAIN_PAUSE_S + DRAIN_GRACE_S + 5) == 0, part.output()
    assert not part.leaves_processes()
    assert "Traceback" not in part.output()


async def read_on(stream: Any, received: list[pb.WatchPetitionResponse]) -> None:
    """Append the stream's messages, to its end."""
    while (message := await stream.read()) is not grpc.aio.EOF:
        received.append(message)


def test_each_role_is_restarted_under_load_and_no_call_fails(fleet: Fleet) -> None:
    load = Load(fleet, by_the_policy=True)
    with fleet.second_api("petition"), load.running():
        for role in ("api", "relay", "worker"):
            part = fleet.parts["petition", role]
            eventually(load.goes_on(20), describe=load.outcomes)
            part.ask_to_stop()
            require_orderly_end(part)
            eventually(load.goes_on(20), describe=load.outcomes)
            part.start()
    ledger.require_acknowledged_once(fleet, load)
    ledger.require_handled_once(fleet)
    assert not load.repeated


async def test_a_watcher_goes_on_with_another_process_where_the_first_one_left_off(
    fleet: Fleet, client: FleetClient
) -> None:
    commander = await client.staff("commander", fleet.accounts["commander"]["password"])
    name, petitioner = await file_one(client)
    first = fleet.parts["petition", "api"]
    # The connection is there already, and stays with the first process.
    stream = client.petition.WatchPetition(pb.WatchPetitionRequest(name=name), metadata=petitioner, timeout=HANG_S)
    received = [await stream.read()]
    with fleet.second_api("petition"):
        first.ask_to_stop()
        # A step that happens while it drains is sent by it or by the other replica, once.
        accepting = FleetClient(fleet)
        accepted = pb.AcceptPetitionRequest(name=name, request_id=str(uuid.uuid4()))
        await accepting.petition.AcceptPetition(accepted, metadata=commander, timeout=HANG_S, wait_for_ready=True)
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await read_on(stream, received)
        assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
        await asyncio.to_thread(require_orderly_end, first)

        rest = client.petition.WatchPetition(
            pb.WatchPetitionRequest(name=name, resume_token=received[-1].resume_token),
            metadata=petitioner,
            timeout=HANG_S,
            wait_for_ready=True,
        )
        closed = pb.ClosePetitionRequest(name=name, public_note="已修好", request_id=str(uuid.uuid4()))
        await accepting.petition.ClosePetition(closed, metadata=commander, timeout=HANG_S)
        await read_on(rest, received)
        await accepting.close()
    assert [message.entry.sequence for message in received] == [1, 2, 3]
