"""The client policy that comes with the contracts repeats what is safe to repeat, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.descriptor import MethodDescriptor

from onegrid.contracts import CONTRACTS
from onegrid_demo.client import connect

POLICY = json.loads(files("onegrid").joinpath("grpc_service_config.json").read_text())


def methods() -> Iterator[MethodDescriptor]:
    for contract in CONTRACTS.values():
        yield from contract.methods


def config_of(method: MethodDescriptor) -> dict[str, Any]:
    """As gRPC finds it: the method's own, else its service's, else the default."""
    for name in (
        {"service": method.containing_service.full_name, "method": method.name},
        {"service": method.containing_service.full_name},
        {},
    ):
        for config in POLICY["methodConfig"]:
            if name in config["name"]:
                return dict(config)
    return {}


def test_every_method_that_it_names_exists() -> None:
    known = {(method.containing_service.full_name, method.name) for method in methods()}
    named = [(name["service"], name["method"]) for each in POLICY["methodConfig"] for name in each["name"] if name]
    assert set(named) <= known
    assert len(set(named)) == len(named)


def test_what_is_repeated_is_safe_to_repeat() -> None:
    repeated = {method.full_name for method in methods() if "retryPolicy" in config_of(method)}
    safe = {
        method.full_name
        for method in methods()
        if "request_id" in method.input_type.fields_by_name or method.GetOptions().idempotency_level
    }
    assert repeated == safe


def test_only_what_was_not_answered_is_repeated() -> None:
    policies = [each["retryPolicy"] for each in POLICY["methodConfig"] if "retryPolicy" in each]
    assert all(each["retryableStatusCodes"] == ["UNAVAILABLE", "CANCELLED"] for each in policies)


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.ABORTED])
async def test_a_caller_by_the_policy_does_not_notice_that_a_replica_stops(code: grpc.StatusCode) -> None:
    calls = 0

    async def stop_first(_: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        nonlocal calls
        calls += 1
        if calls == 1:
            await context.abort(code)
        return b""

    server = grpc.aio.server()
    handlers = {"GetPetition": grpc.unary_unary_rpc_method_handler(stop_first)}
    name = "onegrid.petition.v1.PetitionService"
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(name, handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with connect(f"127.0.0.1:{port}") as channel:
            code_received = await channel.unary_unary(f"/{name}/GetPetition")(b"").code()
    finally:
        await server.stop(None)
    answer = code is grpc.StatusCode.ABORTED
    assert (code_received, calls) == ((code, 1) if answer else (grpc.StatusCode.OK, 2))


def test_everything_has_a_deadline_but_streams() -> None:
    without = {method.name for method in methods() if "timeout" not in config_of(method)}
    streams = {method.name for method in methods() if method.server_streaming}
    assert without == streams == {"IngestReadings", "StreamInbox", "WatchIncident", "WatchPetition", "WatchUnits"}
