"""What is measured while calls run: bounded, and with a way from a slow call to its trace."""

from __future__ import annotations

import secrets
import urllib.request
from collections.abc import AsyncIterator, Callable

import grpc
import grpc.aio
import pytest
import pytest_asyncio
from prometheus_client import REGISTRY
from sqlalchemy import Engine, text

from onegrid_kit import probes
from onegrid_kit.callers import Caller, Grant
from onegrid_kit.embedded.ports import free_port
from onegrid_kit.inbox import Inbox
from onegrid_kit.jobs import Schedule
from onegrid_kit.outbox import measure
from onegrid_kit.settings import ServiceSettings
from onegrid_kit.testing.api import TEST_CIPHER, Refused, Serving, serving
from onegrid_kit.testing.waiting import HANG_S

from . import toy
from .sample.main import SERVICE as SAMPLE

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@pytest_asyncio.fixture
async def api(database_url: str) -> AsyncIterator[Serving]:
    async with serving(toy.SERVICE, database_url, trace_ratio=0.0) as api:
        yield api


@pytest.fixture(scope="session")
def scrape() -> Callable[..., str]:
    """The metrics that this process exports."""
    port = free_port()
    probes.serve(port, probes.Health("database"), "toy", "api")

    def exported(accept: str = OPENMETRICS) -> str:
        asked = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"Accept": accept})
        with urllib.request.urlopen(asked, timeout=HANG_S) as answer:  # noqa: S310
            content: str = answer.read().decode()
        return content

    return exported


def a_caller() -> Caller:
    """A new user, session and place each time."""
    scope = f"210602{secrets.randbelow(1000):03}"
    grant = Grant(scope, 0, frozenset({toy.PERMISSION}))  # type: ignore[arg-type]
    return Caller(
        user=f"users/{secrets.token_hex(8)}", session=secrets.token_hex(8), district="210602", grants=(grant,)
    )


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, {"service": "toy", **labels}) or 0.0


async def call_wildly(api: Serving) -> None:
    """One call of each kind, by a new caller about a new resource."""
    who = a_caller()
    place = who.grants[0].scope
    metadata = (*api.token(who), ("x-purpose", secrets.token_hex(8)), (f"x-{secrets.token_hex(4)}", "1"))
    await api.call_with(metadata, "Keep", place=place, request_id=secrets.token_hex(8), text=secrets.token_hex(8))
    await api.call_with(metadata, "Read", place=place)
    for method, fields in (
        ("Ask", {"text": "fail"}),
        ("Ask", {"text": "miss"}),
        ("Keep", {"place": "999999"}),
        ("Look", {"things": [{"label": secrets.token_hex(8)}]}),
    ):
        with pytest.raises(Refused):
            await api.call_with(metadata, method, **fields)
    with pytest.raises(Refused):
        await api.call_with((("authorization", f"Bearer {secrets.token_hex(8)}"),), "Ask")
    for path in (f"/toy.v1.ToyService/{secrets.token_hex(4)}", f"/{secrets.token_hex(4)}.Service/Do"):
        with pytest.raises(grpc.aio.AioRpcError):
            await api.channel.unary_unary(path)(secrets.token_bytes(9), timeout=HANG_S)


async def test_no_caller_can_make_the_metrics_grow(api: Serving, scrape: Callable[..., str]) -> None:
    def series() -> int:
        return sum(not line.startswith("#") for line in scrape("text/plain").splitlines())

    await call_wildly(api)
    before = series()
    for _ in range(30):
        await call_wildly(api)
    assert series() == before
    assert before > 100


async def test_a_call_that_is_traced_leaves_its_trace_with_its_duration(
    api: Serving, scrape: Callable[..., str]
) -> None:
    for flags in ("00", "01"):
        trace = secrets.token_hex(16)
        await api.call_with((*api.token(a_caller()), ("traceparent", f"00-{trace}-00f067aa0ba902b7-{flags}")), "Ask")
        exported = [line for line in scrape().splitlines() if trace in line]
        assert len(exported) == (flags == "01")
    assert 'method="Ask"' in exported[0]
    assert trace not in scrape("text/plain")


def test_times_of_creation_are_not_exported(scrape: Callable[..., str]) -> None:
    assert "_created" not in scrape()
    assert "_created" not in scrape("text/plain")
    assert 'onegrid_need_met{need="database",role="api",service="toy"} 0.0' in scrape()
    assert 'onegrid_build_info{role="api",service="toy",version="' in scrape()


async def test_only_what_no_caller_is_to_blame_for_is_a_fault(api: Serving) -> None:
    who = a_caller()
    assert REGISTRY.get_sample_value("onegrid_rpc_faults_total", {"service": "toy", "method": "Watch"}) is not None
    before = value("onegrid_rpc_faults_total", method="Ask")
    for words, faults in (("miss", 0), ("fail", 1)):
        with pytest.raises(Refused):
            await api.call(who, "Ask", text=words)
        assert value("onegrid_rpc_faults_total", method="Ask") == before + faults


async def test_pools_export_their_use(api: Serving) -> None:
    waited = value("onegrid_database_wait_seconds_count", pool="read")
    used: list[float] = []
    await api.runtime.db.read(
        lambda conn: (
            conn.execute(text("SELECT 1")),
            used.append(value("onegrid_database_connections", pool="read", state="used")),
        )
    )
    assert used[0] >= 1
    assert value("onegrid_database_wait_seconds_count", pool="read") > waited
    assert value("onegrid_database_connections_max", pool="write") == api.runtime.settings.database_pool
    # For the audit of reads, and for the toy's hot command.
    assert value("onegrid_database_connections_max", pool="line") == 2


def test_what_may_go_wrong_is_there_before_it_does(engine: Engine) -> None:
    """An increase that begins with the first sample is not seen by who asks for increases."""
    Inbox("metrics test", engine, SAMPLE.load_handlers(), TEST_CIPHER)
    Schedule(
        "metrics test",
        engine,
        SAMPLE.load_jobs(ServiceSettings(database_url="", page_token_key="k" * 32, cipher_keys=f"a:{'0' * 64}")),
        clock=None,
    )  # type: ignore[arg-type]
    for handler in ("note_user", "refuse_session"):
        for outcome in ("handled", "duplicate", "failed", "parked"):
            labels = {"service": "metrics test", "handler": handler, "outcome": outcome}
            assert REGISTRY.get_sample_value("onegrid_events_handled_total", labels) == 0
    labels = {"service": "metrics test", "name": "forget answers"}
    assert REGISTRY.get_sample_value("onegrid_job_runs_total", {**labels, "outcome": "failed"}) == 0
    assert REGISTRY.get_sample_value("onegrid_job_interval_seconds", labels) == 600


def test_an_outbox_is_measured_without_a_relay(engine: Engine) -> None:
    with engine.begin() as conn:
        conn.execute(
            text(
                "INSERT INTO outbox (id, type, subject, time, traceparent, body, created_at) "
                "VALUES (gen_random_uuid(), 't', 's', now(), '', '', now() - interval '90 seconds')"
            )
        )
        conn.execute(text("UPDATE audit_head SET block = 2"))
    measure("toy", engine)
    assert value("onegrid_outbox_events") == 1
    assert 90 <= value("onegrid_outbox_oldest_age_seconds") < 90 + HANG_S
    assert value("onegrid_audit_blocks") == 16
