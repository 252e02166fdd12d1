"""What a call meets on its way to the servicer, and in which order."""

from __future__ import annotations

import asyncio
import json
import random
import re
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import grpc
import grpc.aio
import pytest
import pytest_asyncio
from google.protobuf import descriptor_pb2
from google.rpc import error_details_pb2
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY
from sqlalchemy import Engine, text

from onegrid.common.v1.common_pb2 import OaLevel
from onegrid.identity.v1.events_pb2 import RoleRevoked
from onegrid.options.v1 import options_pb2
from onegrid_kit import housekeeping
from onegrid_kit.callers import Call, Caller, Grant, Period
from onegrid_kit.clock import SettableClock
from onegrid_kit.database import sync_engine
from onegrid_kit.events import Delivery
from onegrid_kit.rpc.access import access_rule
from onegrid_kit.rpc.pipeline import service_handler
from onegrid_kit.testing import waiting
from onegrid_kit.testing.api import Refused, Serving, serving

from . import toy
from .toy import CONTRACT, PERMISSION, SECRET, SERVICE, Request, Toy, toy_of

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
STREET = "210602003"


def caller(*scopes: str) -> Caller:
    """Somebody with the permission over these scopes."""
    grants = tuple(Grant(scope, OaLevel.OA_LEVEL_STREET, frozenset({PERMISSION})) for scope in scopes)
    return Caller(user="users/alice", session="s1", district="210602", grants=grants)


ALICE = caller(STREET)


@pytest_asyncio.fixture
async def api(database_url: str) -> AsyncIterator[Serving]:
    """The toy, with little patience."""
    async with serving(
        SERVICE, database_url, default_deadline_s=0.3, statement_timeout_ms=2000, trace_ratio=0.0
    ) as api:
        yield api


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Asks for the spans that ended."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    return exporter.get_finished_spans


async def refusal(api: Serving, who: Caller | None, method: str, **fields: Any) -> Refused:
    """What the call is refused with."""
    with pytest.raises(Refused) as refused:
        await api.call(who, method, **fields)
    return refused.value


async def raw_refusal(api: Serving, method: str, raw: bytes, who: Caller | None = None) -> grpc.aio.AioRpcError:
    """The same for a request of any bytes."""
    metadata = api.token(who) if who else ()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await api.channel.unary_unary(f"/toy.v1.ToyService/{method}")(raw, metadata=metadata, timeout=waiting.HANG_S)
    return refused.value


async def drained(stream: AsyncIterator[Any]) -> Refused:
    """What ends the stream."""
    with pytest.raises(Refused) as refused:
        async for _ in stream:
            pass
    return refused.value


def outcomes(method: str, code: str) -> float:
    """How many calls of the method ended so."""
    labels = {"service": "toy", "method": method, "code": code}
    return REGISTRY.get_sample_value("onegrid_rpc_duration_seconds_count", labels) or 0.0


async def eventually(happens: Any) -> None:
    """Wait for it."""
    await asyncio.to_thread(waiting.eventually, happens)


async def test_a_servicer_gets_caller_method_and_purpose(api: Serving) -> None:
    metadata = (*api.token(ALICE), ("x-purpose", "p" * 300), ("traceparent", f"00-{TRACE}-00f067aa0ba902b7-00"))
    answer = await api.call_with(metadata, "Keep", place=STREET, request_id="r1")
    assert json.loads(answer.text) == {
        "user": "users/alice",
        "method": "toy.v1.ToyService.Keep",
        "request_id": "r1",
        "purpose": "p" * 200,
        "traceparent": f"00-{TRACE}-00f067aa0ba902b7-00",
        "address": "127.0.0.1",
    }


async def purpose_of(api: Serving, *metadata: tuple[str, str | bytes]) -> str:
    """The purpose that the servicer gets."""
    answer = await api.call_with((*api.token(ALICE), *metadata), "Ask")
    return str(json.loads(answer.text)["purpose"])


async def test_a_purpose_is_given_in_any_language(api: Serving) -> None:
    assert await purpose_of(api, ("x-purpose-bin", "核实诉求人电话".encode())) == "核实诉求人电话"
    assert await purpose_of(api, ("x-purpose-bin", ("为" * 300).encode())) == "为" * 200
    for both in (
        (("x-purpose", "visit"), ("x-purpose-bin", "走访".encode())),
        (
            ("x-purpose-bin", "走访".encode()),
            ("x-purpose", "visit"),
        ),
    ):
        assert await purpose_of(api, *both) == "走访"


@pytest.mark.parametrize(
    ("raw", "problem"),
    [(b"\xff\xfe", "is not UTF-8"), (b"a\0b", "holds control characters"), (b"a\nb", "holds control characters")],
)
async def test_a_purpose_that_can_not_be_read_is_refused(api: Serving, raw: bytes, problem: str) -> None:
    with pytest.raises(Refused) as refused:
        await purpose_of(api, ("x-purpose-bin", raw))
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert refused.value.fields == ["x-purpose-bin"]
    assert problem in str(refused.value)


async def test_who_sends_no_token_may_call_public_methods_only(api: Serving) -> None:
    assert json.loads((await api.call(None, "Look")).text)["user"] == ""
    for method in ("Ask", "Read", "Hold", "Keep", "Move"):
        assert (await refusal(api, None, method)).reason == "UNAUTHENTICATED"


async def test_a_token_must_be_good_where_none_is_needed_too(api: Serving) -> None:
    with pytest.raises(Refused) as refused:
        await api.call_with((("authorization", "Bearer x"),), "Look")
    assert refused.value.code is grpc.StatusCode.UNAUTHENTICATED


async def test_a_caller_is_known_before_the_request_is_read(api: Serving) -> None:
    assert (await raw_refusal(api, "Ask", b"\xff")).code() is grpc.StatusCode.UNAUTHENTICATED
    error = await raw_refusal(api, "Ask", b"\xff", ALICE)
    assert (error.code(), error.details()) == (grpc.StatusCode.INVALID_ARGUMENT, "not a toy.v1.Request")


async def test_a_caller_is_permitted_before_the_request_is_judged(api: Serving) -> None:
    wrong = {"text": "a\0b", "things": [{"label": "too long"}]}
    assert (await refusal(api, ALICE, "Keep", place="210602004", **wrong)).reason == "PERMISSION_DENIED"
    assert (await refusal(api, ALICE, "Keep", place=STREET, **wrong)).reason == "INVALID_REQUEST"
    assert toy_of(api).calls == 0


async def test_a_code_outside_or_none_at_all_is_denied(api: Serving) -> None:
    for place in ("", "2", "21060200", "210602004", "self", "/", "//", f" {STREET}", f"x/y/{STREET}"):
        assert (await refusal(api, ALICE, "Keep", place=place)).reason == "PERMISSION_DENIED"
        assert (await refusal(api, caller("", "self"), "Keep", place=place)).reason == "PERMISSION_DENIED"


async def test_a_name_outside_or_none_at_all_is_denied(api: Serving) -> None:
    for name in ("", "things", "things/", "things//", "/", f"things/x/{STREET}", f"things /{STREET[:8]}"):
        assert (await refusal(api, ALICE, "Move", thing={"name": name})).reason == "PERMISSION_DENIED"
        assert (await refusal(api, ALICE, "Move")).reason == "PERMISSION_DENIED"


async def test_a_scope_holds_what_its_code_begins(api: Serving) -> None:
    assert (await api.call(ALICE, "Keep", place=STREET + "007")).text
    assert (await api.call(ALICE, "Move", thing={"name": f"things/{STREET}007/parts/1"})).text
    assert (await api.call(caller("self"), "Hold")).text
    assert (await refusal(api, caller(), "Hold")).metadata == {"permission": PERMISSION}


async def test_each_field_that_breaks_a_rule_is_named(api: Serving) -> None:
    refused = await refusal(
        api, ALICE, "Ask", place="x", thing={"label": "123456"}, things=[{"label": "1"}, {"label": "123456"}]
    )
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert sorted(refused.fields) == ["place", "thing.label", "things[1].label"]


async def test_what_no_database_can_keep_is_refused_wherever_it_is(api: Serving) -> None:
    spoiled: Sequence[tuple[dict[str, Any], str]] = (
        ({"text": "a\0"}, "text"),
        ({"thing": {"name": "\0"}}, "thing.name"),
        ({"things": [{"name": "a"}, {"name": "\0"}]}, "things[1].name"),
        ({"labels": {"\0": "a"}}, "labels[0]"),
        ({"labels": {"a": "\0"}}, "labels[1]"),
    )
    for fields, path in spoiled:
        assert (await refusal(api, ALICE, "Ask", **fields)).fields == [path]


async def test_a_method_that_does_not_exist_is_not_implemented(api: Serving) -> None:
    assert (await raw_refusal(api, "Nothing", b"", ALICE)).code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_request_that_is_too_large_is_refused(database_url: str) -> None:
    async with serving(SERVICE, database_url, max_message_bytes=1000) as api:
        assert (await api.call(ALICE, "Ask", text="x" * 900)).text
        refused = await refusal(api, ALICE, "Ask", text="x" * 1100)
        assert (refused.code, refused.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE")
        assert refused.metadata == {"bytes": "1103", "limit": "1000"}
        # Twice as much is not even read, so that gRPC itself refuses it, without details.
        error = await raw_refusal(api, "Ask", Request(text="x" * 2100).SerializeToString(), ALICE)
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_response_that_clients_do_not_accept_is_an_error_with_a_reason(api: Serving) -> None:
    refused = await refusal(api, ALICE, "Ask", text="large")
    assert (refused.code, refused.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "RESPONSE_TOO_LARGE")
    with pytest.raises(Refused) as streamed:
        await anext(api.stream(ALICE, "Watch", text="large"))
    assert streamed.value.reason == "RESPONSE_TOO_LARGE"


async def test_a_domain_error_is_answered_with_reason_and_domain(api: Serving) -> None:
    refused = await refusal(api, ALICE, "Ask", text="miss")
    assert (refused.code, refused.reason, refused.domain) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND", "onegrid.toy")
    assert refused.metadata == {"resource": "things/1"}


@pytest.mark.parametrize("flags", ["00", "01", "03"])
async def test_an_internal_error_reveals_only_its_trace(flags: str, api: Serving) -> None:
    metadata = (*api.token(ALICE), ("traceparent", f"00-{TRACE}-00f067aa0ba902b7-{flags}"))
    with pytest.raises(Refused) as refused:
        await api.call_with(metadata, "Ask", text="fail")
    assert refused.value.code is grpc.StatusCode.INTERNAL
    assert refused.value.metadata == {"trace_id": TRACE}
    assert SECRET not in str(refused.value)


async def test_a_fault_without_a_trace_is_given_one(api: Serving) -> None:
    assert re.fullmatch("[0-9a-f]{32}", (await refusal(api, ALICE, "Ask", text="fail")).metadata["trace_id"])


async def test_a_value_that_postgresql_refuses_is_the_callers_error(api: Serving) -> None:
    refused = await refusal(api, ALICE, "Ask", text="bad sql")
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")


async def test_who_sets_no_deadline_gets_one(api: Serving) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await api.channel.unary_unary("/toy.v1.ToyService/Ask")(
            Request(text="sleep").SerializeToString(), metadata=api.token(ALICE)
        )
    assert refused.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_statement_that_takes_too_long_is_no_fault(api: Serving) -> None:
    refused = await refusal(api, ALICE, "Ask", text="slow sql")
    assert (refused.code, refused.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")


async def test_who_runs_out_of_time_is_counted_apart_from_who_goes_away(api: Serving) -> None:
    call = api.channel.unary_unary("/toy.v1.ToyService/Ask")
    raw = Request(text="sleep").SerializeToString()
    late, gone = outcomes("Ask", "DEADLINE_EXCEEDED"), outcomes("Ask", "CANCELLED")
    with pytest.raises(grpc.aio.AioRpcError):
        await call(raw, metadata=api.token(ALICE), timeout=5)
    await eventually(lambda: outcomes("Ask", "DEADLINE_EXCEEDED") == late + 1)
    before = toy_of(api).calls
    leaving = call(raw, metadata=api.token(ALICE), timeout=waiting.HANG_S)
    await eventually(lambda: toy_of(api).calls == before + 1)
    leaving.cancel()
    await eventually(lambda: outcomes("Ask", "CANCELLED") == gone + 1)
    assert outcomes("Ask", "DEADLINE_EXCEEDED") == late + 1


async def test_only_what_happened_is_counted(api: Serving) -> None:
    """A histogram for each of seventeen codes would make every scrape a megabyte longer."""
    await api.call(ALICE, "Move", thing={"name": f"things/{STREET}"})
    codes = {
        sample.labels["code"]
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name == "onegrid_rpc_duration_seconds_count" and sample.labels["method"] == "Move"
    }
    assert "OK" in codes
    assert not codes & {"DATA_LOSS", "UNKNOWN", "INTERNAL"}


async def test_reads_of_personal_data_are_in_the_trail_and_others_are_not(api: Serving, engine: Engine) -> None:
    await api.call_with((*api.token(ALICE), ("x-purpose", "visit")), "Read", place=STREET)
    await api.call(ALICE, "Ask", place=STREET)
    with engine.connect() as conn:
        rows = conn.execute(text("SELECT caller, method, resource, purpose FROM audit_entry")).all()
    assert [tuple(row) for row in rows] == [("users/alice", "toy.v1.ToyService.Read", STREET, "visit")]


@pytest.mark.parametrize("asked", ["", "miss"])
async def test_who_asks_for_personal_data_has_no_answer_before_that_is_in_the_trail(
    api: Serving, engine: Engine, asked: str
) -> None:
    """Also who is refused it."""
    with engine.begin() as conn:
        conn.execute(text("ALTER TABLE audit_entry RENAME TO gone"))
    assert (await refusal(api, ALICE, "Read", place=STREET, text=asked)).code is grpc.StatusCode.INTERNAL


async def test_a_token_is_valid_until_it_expires(database_url: str) -> None:
    clock = SettableClock()
    async with serving(SERVICE, database_url, clock=clock) as api:
        metadata = api.token(ALICE, timedelta(minutes=15))
        assert (await api.call_with(metadata, "Ask")).text
        clock.set(clock.now() + timedelta(minutes=16))
        with pytest.raises(Refused) as refused:
            await api.call_with(metadata, "Ask")
        assert refused.value.reason == "UNAUTHENTICATED"


async def test_a_revoked_session_is_refused_after_a_second(api: Serving) -> None:
    metadata = api.token(ALICE)
    assert (await api.call_with(metadata, "Ask")).text
    await api.end_session("s1")
    with pytest.raises(Refused) as refused:
        await api.call_with(metadata, "Ask")
    assert refused.value.reason == "UNAUTHENTICATED"


async def test_a_stream_meets_the_same_concerns(api: Serving) -> None:
    watch = api.channel.unary_stream("/toy.v1.ToyService/Watch")
    for metadata, raw, code in (
        ((), b"", grpc.StatusCode.UNAUTHENTICATED),
        (api.token(ALICE), b"\xff", grpc.StatusCode.INVALID_ARGUMENT),
        (api.token(ALICE), Request(place="x").SerializeToString(), grpc.StatusCode.INVALID_ARGUMENT),
        (api.token(ALICE), Request(text="fail").SerializeToString(), grpc.StatusCode.INTERNAL),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            async for _ in watch(raw, metadata=metadata, timeout=waiting.HANG_S):
                pass
        assert refused.value.code() is code
    assert [json.loads(m.text)["user"] async for m in api.stream(ALICE, "Watch", text="once")] == ["users/alice"]
    # The default deadline is for answers; a stream may last.
    messages = api.stream(ALICE, "Watch")
    await anext(messages)
    await asyncio.sleep(0.5)
    assert toy_of(api).watching == 1
    await messages.aclose()
    await eventually(lambda: toy_of(api).watching == 0)


@pytest.mark.parametrize("behaviour", ["wait", "flood"])
async def test_a_stream_ends_with_its_session(behaviour: str, api: Serving) -> None:
    other = api.stream(replace(ALICE, session="s2"), "Watch")
    await anext(other)
    watching = asyncio.create_task(drained(api.stream(ALICE, "Watch", text=behaviour)))
    await eventually(lambda: toy_of(api).watching == 2)
    await api.end_session("s1")
    ended = await watching
    assert (ended.code, ended.reason) == (grpc.StatusCode.UNAUTHENTICATED, "SESSION_ENDED")
    await eventually(lambda: toy_of(api).watching == 1)
    await other.aclose()


async def test_a_revoked_grant_ends_streams_and_older_tokens_and_a_fresh_one_goes_on(database_url: str) -> None:
    clock = SettableClock()
    async with serving(SERVICE, database_url, clock=clock) as api:
        older = api.token(ALICE)
        watching = asyncio.create_task(drained(api.stream(ALICE, "Watch")))
        await eventually(lambda: toy_of(api).watching == 1)
        revoked = clock.now() + timedelta(milliseconds=10)
        clock.set(revoked + timedelta(milliseconds=10))
        engine = sync_engine(database_url)
        with engine.begin() as conn:
            event = RoleRevoked(user=ALICE.user)
            delivery = Delivery(id="1", type=event.DESCRIPTOR.full_name, subject=ALICE.user, time=revoked)
            housekeeping.refuse_older_tokens(conn, event, delivery)
        engine.dispose()
        ended = await watching
        assert (ended.code, ended.reason) == (grpc.StatusCode.UNAUTHENTICATED, "GRANT_REVOKED")
        with pytest.raises(Refused) as refused:
            await api.call_with(older, "Ask")
        assert refused.value.reason == "UNAUTHENTICATED"
        assert (await api.call(ALICE, "Ask")).text
        assert (await api.call(replace(ALICE, user="users/bob"), "Ask")).text


async def test_a_token_whose_grants_were_read_before_a_revocation_is_refused_whenever_it_was_issued(
    database_url: str,
) -> None:
    clock = SettableClock()
    async with serving(SERVICE, database_url, clock=clock) as api:
        engine = sync_engine(database_url)
        with engine.begin() as conn:
            for revision in (7, 6):
                event = RoleRevoked(user=ALICE.user, grant_revision=revision)
                delivery = Delivery(id="1", type=event.DESCRIPTOR.full_name, subject=ALICE.user, time=clock.now())
                housekeeping.refuse_older_tokens(conn, event, delivery)
        engine.dispose()
        # On its way from before the revocation, while the other replica's clock was ahead.
        clock.set(clock.now() + timedelta(seconds=1))
        late = api.token(replace(ALICE, grant_revision=6))

        async def late_is_refused() -> bool:
            try:
                await api.call_with(late, "Ask")
            except Refused as refused:
                return refused.reason == "UNAUTHENTICATED"
            return False

        await waiting.eventually_async(late_is_refused)
        assert (await api.call(replace(ALICE, grant_revision=7), "Ask")).text
        # Of a release that did not count, it goes by its time.
        assert (await api.call(ALICE, "Ask")).text


async def test_a_stream_ends_when_its_token_expires_and_a_fresh_one_opens_it_again(database_url: str) -> None:
    clock = SettableClock()
    async with serving(SERVICE, database_url, clock=clock) as api:
        watching = asyncio.create_task(drained(api.stream(ALICE, "Watch")))
        await eventually(lambda: toy_of(api).watching == 1)
        clock.set(clock.now() + timedelta(minutes=16))
        ended = await watching
        assert (ended.code, ended.reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_EXPIRED")
        again = api.stream(ALICE, "Watch")
        assert json.loads((await anext(again)).text)["user"] == "users/alice"
        await again.aclose()


async def test_a_stream_ends_when_the_grant_that_admits_it_expires(database_url: str) -> None:
    clock = SettableClock()
    async with serving(SERVICE, database_url, clock=clock) as api:
        until = Period(expire=clock.now() + timedelta(minutes=5))
        (lasting,) = ALICE.grants
        brief = replace(ALICE, grants=(replace(lasting, period=until),))
        watching = asyncio.create_task(drained(api.stream(brief, "Follow")))
        staying = api.stream(ALICE, "Follow")
        await anext(staying)
        await eventually(lambda: toy_of(api).watching == 2)
        clock.set(clock.now() + timedelta(minutes=6))
        assert (await watching).reason == "PERMISSION_DENIED"
        assert toy_of(api).watching == 1
        await staying.aclose()


async def test_one_caller_takes_a_share_of_the_streams_and_leaves_the_rest_to_others(database_url: str) -> None:
    async with serving(SERVICE, database_url, max_streams_per_caller=2) as api:
        mine = [api.stream(ALICE, "Watch") for _ in range(3)]
        await anext(mine[0])
        await anext(mine[1])
        with pytest.raises(Refused) as refused:
            await anext(mine[2])
        assert (refused.value.code, refused.value.reason) == (
            grpc.StatusCode.RESOURCE_EXHAUSTED, "CALLER_LIMIT_REACHED",
        )  # fmt: skip
        assert refused.value.metadata == {"kind": "streams", "limit": "2"}
        assert "RetryInfo" in refused.value.details
        others = api.stream(replace(ALICE, user="users/bob"), "Watch")
        await anext(others)
        await mine[0].aclose()
        await eventually(lambda: toy_of(api).watching == 2)
        again = api.stream(ALICE, "Watch")
        await anext(again)
        for stream in (mine[1], others, again):
            await stream.aclose()


@pytest.mark.parametrize("who", [ALICE, None])
async def test_one_caller_or_one_address_takes_a_share_of_the_calls(who: Caller | None, database_url: str) -> None:
    async with serving(SERVICE, database_url, max_calls_per_caller=2) as api:
        napping = [asyncio.create_task(api.call(who, "Look", text="nap")) for _ in range(2)]
        await eventually(lambda: toy_of(api).calls == 2)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{api.port}") as channel:
            refused = await refusal(replace(api, channel=channel), who, "Look")
        assert (refused.reason, refused.metadata) == ("CALLER_LIMIT_REACHED", {"kind": "calls", "limit": "2"})
        assert (await api.call(replace(ALICE, user="users/bob"), "Look")).text
        await asyncio.gather(*napping)
        assert (await api.call(who, "Look")).text


async def test_calls_and_streams_that_break_off_give_their_share_back(database_url: str) -> None:
    share = 16
    moments = random.Random(20201111)

    async def call(api: Serving, channel: grpc.aio.Channel, method: str, behaviour: str, patience: float) -> None:
        request = Request(text=behaviour, request_id=str(uuid.uuid4())).SerializeToString()
        stub = channel.unary_unary(f"/toy.v1.ToyService/{method}")
        with suppress(grpc.aio.AioRpcError):
            await stub(request, metadata=api.token(ALICE), timeout=patience)

    async def watch(api: Serving, channel: grpc.aio.Channel, behaviour: str, patience: float) -> None:
        request = Request(text=behaviour).SerializeToString()
        stub = channel.unary_stream("/toy.v1.ToyService/Watch")
        with suppress(grpc.aio.AioRpcError):
            async for _ in stub(request, metadata=api.token(ALICE), timeout=patience):
                pass

    async with serving(
        SERVICE, database_url, max_calls_per_caller=share, max_streams_per_caller=share, default_deadline_s=0.3
    ) as api:
        loop = asyncio.get_running_loop()
        for _ in range(10):
            async with grpc.aio.insecure_channel(f"127.0.0.1:{api.port}") as channel:
                begun = [
                    asyncio.create_task(attempt)
                    for patience in (0.01, 0.05, waiting.HANG_S)
                    for attempt in (
                        call(api, channel, "Look", "nap", patience),
                        call(api, channel, "Look", "slow sql", patience),
                        call(api, channel, "Look", "fail", patience),
                        call(api, channel, "Read", "nap", patience),
                        call(api, channel, "Make", "made", patience),
                        call(api, channel, "Mend", "", patience),
                        call(api, channel, "Pile", "piled", patience),
                        watch(api, channel, "wait", patience),
                        watch(api, channel, "flood", patience),
                        watch(api, channel, "slow sql", patience),
                        watch(api, channel, "fail", patience),
                    )
                ]
                for each in begun:
                    loop.call_later(moments.uniform(0, 0.1), each.cancel)
                await asyncio.gather(*begun, return_exceptions=True)
        await eventually(lambda: api.runtime.calls == api.runtime.streams == 0)
        # All of the share is there to be taken again, at once.
        watching = [api.stream(ALICE, "Watch") for _ in range(share)]
        await asyncio.gather(*(anext(stream) for stream in watching))
        await asyncio.gather(*(api.call(ALICE, "Look", text="nap") for _ in range(share)))
        for stream in watching:
            await stream.aclose()


@pytest.mark.parametrize("behaviour", ["wait", "flood"])
async def test_streams_end_with_a_hint_to_come_back_when_the_server_stops(behaviour: str, database_url: str) -> None:
    async def watch(api: Serving) -> Refused:
        with pytest.raises(Refused) as refused:
            async for _ in api.stream(ALICE, "Watch", text=behaviour):
                pass
        return refused.value

    async with serving(SERVICE, database_url, drain_grace_s=60.0) as api:
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{api.port}")
        watchers = [asyncio.create_task(watch(replace(api, channel=channel))) for _ in range(5)]
        await eventually(lambda: toy_of(api).watching == 5)
        began = asyncio.get_running_loop().time()
    for ended in await asyncio.gather(*watchers):
        assert (ended.code, ended.reason) == (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE")
        retry = error_details_pb2.RetryInfo()
        ended.details["RetryInfo"].Unpack(retry)
        assert retry.retry_delay.ToTimedelta() > timedelta(0)
    assert asyncio.get_running_loop().time() - began < 30
    assert toy_of(api).watching == 0
    await channel.close()


async def test_a_watcher_who_does_not_read_does_not_keep_the_server_from_stopping(database_url: str) -> None:
    async with serving(SERVICE, database_url, drain_grace_s=0.5) as api:
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{api.port}")
        watch = channel.unary_stream("/toy.v1.ToyService/Watch")
        stuck = watch(Request(text="flood").SerializeToString(), metadata=api.token(ALICE), timeout=waiting.HANG_S)
        await stuck.read()
        await asyncio.sleep(0.3)
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 30
    assert toy_of(api).watching == 0
    stuck.cancel()
    await channel.close()


def described(*, command: bool = False, **access: Any) -> Any:
    """The only method of a contract with this access."""
    described.count += 1  # type: ignore[attr-defined]
    package = f"odd{described.count}.v1"  # type: ignore[attr-defined]
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    file.dependency.extend(["toy.v1/toy.proto", "onegrid/options/v1/options.proto"])
    method = file.service.add(name="Odd").method.add(
        name="Do", input_type=".toy.v1.Request", output_type=".toy.v1.Response"
    )
    if not command:
        method.options.idempotency_level = descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS
    if access:
        method.options.Extensions[options_pb2.access].CopyFrom(options_pb2.Access(**access))
    return toy.contract(file).methods[0]


described.count = 0  # type: ignore[attr-defined]


PERMITTED = {"audience": options_pb2.AUDIENCE_PERMITTED, "permission": "a.b.c"}


@pytest.mark.parametrize(
    ("access", "problem"),
    [
        ({}, "does not say who may call it"),
        ({"audience": options_pb2.AUDIENCE_PERMITTED}, "a permission goes with"),
        ({"audience": options_pb2.AUDIENCE_PUBLIC, "permission": "a.b.c"}, "a permission goes with"),
        ({**PERMITTED, "scope_field": "nothing"}, "no single field"),
        ({**PERMITTED, "scope_field": "thing.nothing"}, "no single field"),
        ({**PERMITTED, "scope_field": "thing"}, "holds no string"),
        ({**PERMITTED, "scope_field": "things"}, "no single field"),
        ({**PERMITTED, "scope_field": "things.name"}, "no single field"),
        ({"audience": options_pb2.AUDIENCE_AUTHENTICATED, "scope_field": "place"}, "a scope goes with a permission"),
        ({**PERMITTED, "command": True}, "names the resource"),
        ({**PERMITTED, "reads_personal_data": True}, "names the resource"),
        ({**PERMITTED, "resource_field": "place"}, "names the resource"),
        (
            {**PERMITTED, "command": True, "resource_field": "place", "response_resource_field": "thing.name"},
            "names the resource",
        ),
        (
            {**PERMITTED, "reads_personal_data": True, "response_resource_field": "thing.name"},
            "its request names the resource",
        ),
        ({**PERMITTED, "command": True, "resource_field": "nothing"}, "no single field"),
        ({**PERMITTED, "command": True, "response_resource_field": "thing"}, "holds no string"),
        ({"audience": options_pb2.AUDIENCE_PUBLIC, "command": True, "resource_field": "place"}, "names the resource"),
    ],
)
def test_a_rule_that_can_not_be_kept_is_not_served(access: dict[str, Any], problem: str) -> None:
    with pytest.raises(TypeError, match=problem):
        access_rule(described(**access))


async def test_a_command_is_audited_for_what_the_contract_names(api: Serving, engine: Engine) -> None:
    await api.call(ALICE, "Make", text="2", place=STREET)
    await api.call(ALICE, "Mend", text="2", thing={"name": "things/1"})
    with engine.connect() as conn:
        rows = conn.execute(text("SELECT method, resource FROM audit_entry ORDER BY time")).all()
    assert [tuple(row) for row in rows] == [
        ("toy.v1.ToyService.Make", "things/2"),
        ("toy.v1.ToyService.Mend", "things/1"),
    ]


async def test_a_command_that_leaves_its_resource_empty_is_not_done(api: Serving, engine: Engine) -> None:
    assert (await refusal(api, ALICE, "Make", text="")).code is grpc.StatusCode.INTERNAL
    with engine.connect() as conn:
        assert conn.execute(text("SELECT count(*) FROM audit_entry")).scalar_one() == 0


async def test_a_method_that_no_servicer_implements_is_not_served(api: Serving) -> None:
    with pytest.raises(TypeError, match="Look is implemented by no servicer"):
        service_handler(api.runtime, api.runtime.service, [object()])


async def test_a_method_that_two_servicers_implement_is_not_served(api: Serving) -> None:
    class Again:
        async def Ask(self, request: Any, call: Call) -> bytes:
            return b""

    with pytest.raises(TypeError, match="Ask is implemented by Toy and Again"):
        service_handler(api.runtime, api.runtime.service, [toy_of(api), Again()])


async def test_a_servicer_with_a_method_that_the_contract_lacks_is_not_served(api: Serving) -> None:
    class More:
        async def Lok(self, request: Any, call: Call) -> bytes:
            return b""

    with pytest.raises(TypeError, match=r"More\.Lok is no method of toy\.v1\.ToyService"):
        service_handler(api.runtime, api.runtime.service, [toy_of(api), More()])


async def test_several_servicers_share_a_contract(api: Serving) -> None:
    class Looking:
        Look = Toy.Look

    class Others:
        Ask = Read = Hold = Keep = Move = Make = Mend = Pile = Toy.Ask
        Watch = Follow = Pour = Toy.Watch

    assert service_handler(api.runtime, api.runtime.service, [Looking(), Others()])


async def test_a_sampled_stream_is_one_span(api: Serving, spans: Any) -> None:
    metadata = (*api.token(ALICE), ("traceparent", f"00-{TRACE}-00f067aa0ba902b7-03"))
    watch = api.channel.unary_stream("/toy.v1.ToyService/Watch")
    async for _ in watch(Request(text="once").SerializeToString(), metadata=metadata, timeout=waiting.HANG_S):
        pass
    await api.call_with(metadata, "Ask")
    await eventually(lambda: len(spans()) == 2)
    assert {span.name for span in spans()} == {f"{CONTRACT.full_name}.Watch", f"{CONTRACT.full_name}.Ask"}
    assert {f"{span.context.trace_id:032x}" for span in spans()} == {TRACE}
    assert all(span.kind is trace.SpanKind.SERVER for span in spans())
