"""What an HTTP request meets on its way to its route, by real clients over real sockets."""

from __future__ import annotations

import asyncio
import json
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY
from sqlalchemy import Engine, text

from onegrid.common.v1.common_pb2 import OaLevel
from onegrid_kit.callers import Caller, Grant
from onegrid_kit.http.endpoint import Endpoint
from onegrid_kit.http.listener import HttpListener
from onegrid_kit.http.routes import PUBLIC, Permitted, get
from onegrid_kit.rpc.service_accounts import ServiceAccounts
from onegrid_kit.settings import SettingsError
from onegrid_kit.testing.api import Serving, serving
from onegrid_kit.testing.certificates import Authority
from onegrid_kit.testing.postgres import TestPostgres
from onegrid_kit.testing.waiting import HANG_S, eventually_async

from . import toy_web
from .loopback import LOOPBACK
from .toy import PERMISSION, SECRET, SERVICE
from .toy_web import SIGNATURE

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
STREET = "210602003"
ALICE = Caller(
    user="users/alice",
    session="s1",
    district="210602",
    grants=(Grant(STREET, OaLevel.OA_LEVEL_STREET, frozenset({PERMISSION})),),
)


@pytest_asyncio.fixture
async def api(database_url: str) -> AsyncIterator[Serving]:
    """The toy, with little patience."""
    async with serving(SERVICE, database_url, default_deadline_s=0.4, trace_ratio=0.0) as api:
        yield api


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(HANG_S)) as session:
        yield session


def bearer(api: Serving, who: Caller) -> dict[str, str]:
    """The header that makes a request this caller's."""
    return dict(api.token(who))


async def problem(answer: aiohttp.ClientResponse) -> dict[str, Any]:
    """What the problem says."""
    assert answer.content_type == "application/problem+json"
    said: dict[str, Any] = json.loads(await answer.read())
    assert said["status"] == answer.status
    assert said["domain"] == "onegrid.toy"
    assert said["type"] == f"urn:problem-type:onegrid.toy:{said['reason']}"
    return said


def effects(engine: Engine) -> list[str]:
    """What requests have stored."""
    with engine.connect() as conn:
        return list(conn.execute(text("SELECT name FROM effect ORDER BY id")).scalars())


def counted(route: str, method: str, status: int) -> float:
    """How many requests were answered so."""
    labels = {"service": "toy", "route": route, "method": method, "status": str(status)}
    return REGISTRY.get_sample_value("onegrid_http_duration_seconds_count", labels) or 0.0


async def raw(api: Serving, sent: bytes) -> bytes:
    """All that is answered to these bytes until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", api.http_port)
    writer.write(sent)
    async with asyncio.timeout(HANG_S):
        answered = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answered


async def test_a_handler_gets_who_calls_and_what_the_path_and_query_say(
    api: Serving, http: aiohttp.ClientSession
) -> None:
    headers = {"traceparent": TRACEPARENT[:-2] + "00", **bearer(api, ALICE)}
    url = f"{api.http_url}/v1/places/{STREET}/%E9%A1%B5?a=1&a=2&b=%20x"
    async with http.get(url, headers=headers) as answer:
        assert answer.status == 200
        assert await answer.json() == {
            "method": "GET /v1/places/{place}/{what}",
            "permission": PERMISSION,
            "traceparent": TRACEPARENT[:-2] + "00",
            "address": "127.0.0.1",
            "user": "users/alice",
            "place": STREET,
            "what": "页",
            "query": {"a": "1", "b": " x"},
        }


async def test_a_permission_holds_in_its_scope_alone(api: Serving, http: aiohttp.ClientSession) -> None:
    for path, who, status, reason in (
        (f"/v1/places/{STREET}/x", None, 401, "UNAUTHENTICATED"),
        (f"/v1/places/{STREET}/x", ALICE, 200, ""),
        ("/v1/places/210602004/x", ALICE, 403, "PERMISSION_DENIED"),
        ("/v1/anywhere/x", ALICE, 200, ""),
        ("/v1/anywhere/x", replace(ALICE, grants=()), 403, "PERMISSION_DENIED"),
    ):
        async with http.get(api.http_url + path, headers=bearer(api, who) if who else None) as answer:
            assert answer.status == status
            if reason:
                assert (await problem(answer))["reason"] == reason
            if status == 401:
                assert answer.headers["WWW-Authenticate"] == "Bearer"
            if status == 403:
                assert (await problem(answer))["metadata"] == {"permission": PERMISSION}


async def test_a_token_that_is_revoked_or_none_is_refused_even_where_none_is_needed(
    api: Serving, http: aiohttp.ClientSession
) -> None:
    headers = bearer(api, replace(ALICE, session="ended"))
    async with http.get(f"{api.http_url}/v1/anywhere/x", headers=headers) as answer:
        assert answer.status == 200
    await api.end_session("ended")
    for path in ("anywhere", "looks"):
        async with http.get(f"{api.http_url}/v1/{path}/x", headers=headers) as answer:
            assert answer.status == 401
    # A secret that nobody asks for is not looked at: clients send theirs everywhere.
    for path, status in (("anywhere", 401), ("looks", 200)):
        async with http.get(f"{api.http_url}/v1/{path}/x", headers={"authorization": "Basic eDp5"}) as answer:
            assert answer.status == status


async def test_a_signature_is_verified_over_the_body_and_tokens_mean_nothing(
    api: Serving, http: aiohttp.ClientSession
) -> None:
    url = f"{api.http_url}/v1/forms"
    headers = {"x-signature": SIGNATURE, "authorization": "Basic eDp5"}
    async with http.post(url, data={"topic": "党的声音"}, headers=headers) as answer:
        assert await answer.json() == {"verified": "42 bytes", "topic": "党的声音"}
    for signed in ({}, {"x-signature": "open"}, bearer(api, ALICE)):
        async with http.post(url, data={"topic": "x"}, headers=signed) as answer:
            assert (await problem(answer))["reason"] == "SIGNATURE_INVALID"
            assert answer.status == 403


async def test_forms_come_in_both_types(api: Serving, http: aiohttp.ClientSession) -> None:
    url, headers = f"{api.http_url}/v1/forms", {"x-signature": SIGNATURE}
    with aiohttp.MultipartWriter("form-data") as parts:
        parts.append("One-Click").set_content_disposition("form-data", name="List-Unsubscribe")
    for form in ({"List-Unsubscribe": "One-Click"}, parts):
        async with http.post(url, data=form, headers=headers) as answer:
            assert (await answer.json())["List-Unsubscribe"] == "One-Click"
    async with http.post(url, json={}, headers=headers) as answer:
        assert answer.status == 415
        assert "multipart/form-data" in (await problem(answer))["metadata"]["accepted"]
    for content_type in ("multipart/form-data", "multipart/form-data; boundary=x"):
        async with http.post(url, data=b"\xff", headers={"content-type": content_type, **headers}) as answer:
            assert (await problem(answer))["reason"] == "MALFORMED_REQUEST"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_what_only_reads_can_not_write(
    api: Serving, http: aiohttp.ClientSession, engine: Engine, method: str
) -> None:
    async with http.request(method, f"{api.http_url}/v1/looks/write") as answer:
        assert answer.status == 500
    assert effects(engine) == []
    async with http.get(f"{api.http_url}/v1/looks/effects") as answer:
        assert (answer.status, await answer.json()) == (200, 0)


async def test_post_writes(api: Serving, http: aiohttp.ClientSession, engine: Engine) -> None:
    async with http.post(f"{api.http_url}/v1/things", json={"name": "one"}) as answer:
        assert (answer.status, await answer.read()) == (204, b"")
    assert effects(engine) == ["one"]


async def test_head_is_get_without_the_body(api: Serving, http: aiohttp.ClientSession) -> None:
    async with http.get(f"{api.http_url}/v1/looks/page") as answer:
        length = len(await answer.read())
    async with http.head(f"{api.http_url}/v1/looks/page") as answer:
        assert (answer.status, answer.content_length, await answer.read()) == (200, length, b"")


async def test_what_is_not_served_is_a_problem(api: Serving, http: aiohttp.ClientSession) -> None:
    for path in ("/", "/v1", "/v1/looks", "/v1/looks/", "/v1/looks/a/b", "/v1/looks/a%2Fb/c", "/../etc/passwd", "//v1"):
        async with http.get(aiohttp.client.URL(api.http_url + path, encoded=True)) as answer:
            assert (await problem(answer))["reason"] == "ROUTE_NOT_FOUND"
            assert answer.status == 404
            assert path.strip("/") == "" or path not in await answer.text()
    for method, path, allowed in (
        ("POST", "/v1/looks/x", "GET, HEAD"),
        ("OPTIONS", "/v1/looks/x", "GET, HEAD"),
        ("GET", "/v1/things", "POST"),
        ("PROPFIND", "/v1/things", "POST"),
    ):
        async with http.request(method, api.http_url + path) as answer:
            assert answer.status == 405
            assert answer.headers["Allow"] == allowed
            assert (await problem(answer))["metadata"] == {"allow": allowed}
    assert counted("/v1/things", "unknown", 405) == 1


async def test_errors_are_the_problems_that_grpc_would_carry(api: Serving, http: aiohttp.ClientSession) -> None:
    async with http.get(f"{api.http_url}/v1/looks/miss") as answer:
        assert await problem(answer) == {
            "type": "urn:problem-type:onegrid.toy:NOT_FOUND",
            "title": "Not found",
            "status": 404,
            "detail": "things/1 does not exist",
            "domain": "onegrid.toy",
            "reason": "NOT_FOUND",
            "metadata": {"resource": "things/1"},
        }
    async with http.get(f"{api.http_url}/v1/looks/invalid") as answer:
        said = await problem(answer)
        assert (answer.status, said["metadata"]) == (400, {"thing": "1"})
        assert said["violations"] == [{"field": "thing.label", "description": "is too long"}]
    async with http.get(f"{api.http_url}/v1/looks/limit") as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (429, "2")
        assert (await problem(answer))["reason"] == "RATE_LIMITED"


async def test_a_fault_of_ours_is_answered_with_its_trace_alone(
    api: Serving, http: aiohttp.ClientSession, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = {"service": "toy", "route": "/v1/looks/{what}", "method": "GET"}
    before = REGISTRY.get_sample_value("onegrid_http_faults_total", labels)
    assert before is not None
    async with http.get(f"{api.http_url}/v1/looks/fail", headers={"traceparent": TRACEPARENT}) as answer:
        assert answer.status == 500
        assert (await problem(answer))["metadata"] == {"trace_id": TRACE}
        assert SECRET not in await answer.text()
    assert REGISTRY.get_sample_value("onegrid_http_faults_total", labels) == before + 1


async def test_bodies_that_are_no_json_or_too_large_or_packed_are_refused(
    api: Serving, http: aiohttp.ClientSession, engine: Engine
) -> None:
    url = f"{api.http_url}/v1/things"

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 100

    for body, headers, status, reason in (
        (b"{", {}, 400, "MALFORMED_REQUEST"),
        (b"[" * 900, {}, 400, "MALFORMED_REQUEST"),
        (b" " * 1001, {}, 413, "REQUEST_TOO_LARGE"),
        (b" " * 1001, {"expect": "100-continue"}, 413, "REQUEST_TOO_LARGE"),
        (chunks(), {}, 413, "REQUEST_TOO_LARGE"),
        (b"\x1f\x8b", {"content-encoding": "gzip"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
    ):
        async with http.post(url, data=body, headers=headers) as answer:
            assert answer.status == status
            assert (await problem(answer))["reason"] == reason
    async with http.post(url, json={"name": "small"}, headers={"expect": "100-continue"}) as answer:
        assert answer.status == 204
    assert effects(engine) == ["small"]


async def test_a_body_that_does_not_arrive_in_time_is_refused(api: Serving) -> None:
    answered = await raw(api, b"POST /v1/things HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
    head, _, body = answered.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert b"\r\nConnection: close" in head
    assert json.loads(body)["reason"] == "BODY_TOO_SLOW"


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/9\r\n\r\n", b"GET /\xff HTTP/1.1\r\nx\r\n\r\n"]
)
async def test_what_is_no_http_is_a_problem_that_quotes_nothing(api: Serving, sent: bytes) -> None:
    head, _, body = (await raw(api, sent)).partition(b"\r\n\r\n")
    assert head.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 "))
    assert b"aiohttp" not in head
    assert json.loads(body)["reason"] == "MALFORMED_REQUEST"


async def test_a_handler_that_takes_too_long_is_stopped(api: Serving, http: aiohttp.ClientSession) -> None:
    async with http.get(f"{api.http_url}/v1/looks/sleep") as answer:
        assert (answer.status, (await problem(answer))["reason"]) == (504, "DEADLINE_EXCEEDED")


async def test_requests_of_a_caller_that_went_away_are_stopped(database_url: str, http: aiohttp.ClientSession) -> None:
    async with serving(SERVICE, database_url, default_deadline_s=HANG_S) as api:
        gone = counted("/v1/looks/{what}", "GET", 499)
        with pytest.raises(TimeoutError):
            await http.get(f"{api.http_url}/v1/looks/sleep", timeout=aiohttp.ClientTimeout(0.2))

        async def noticed() -> bool:
            return counted("/v1/looks/{what}", "GET", 499) == gone + 1

        await eventually_async(noticed)
        assert (api.runtime.calls, api.runtime.requests) == (0, 0)


async def test_limits_are_those_of_calls(database_url: str, http: aiohttp.ClientSession) -> None:
    async with serving(SERVICE, database_url, max_calls_per_caller=2, max_calls=3) as api:

        async def look(who: Caller | None) -> tuple[int, str]:
            headers = bearer(api, who) if who else None
            async with http.get(f"{api.http_url}/v1/looks/nap", headers=headers) as answer:
                return answer.status, (await answer.json(content_type=None)).get("reason", "")

        assert sorted(await asyncio.gather(*(look(None) for _ in range(3)))) == [
            (200, ""),
            (200, ""),
            (429, "CALLER_LIMIT_REACHED"),
        ]
        crowd = await asyncio.gather(*(look(replace(ALICE, user=f"users/{number}")) for number in range(5)))
        assert sorted(crowd) == [(200, "")] * 3 + [(429, "OVERLOADED")] * 2


async def test_the_address_is_the_one_for_whom_proxies_forward(database_url: str, http: aiohttp.ClientSession) -> None:
    async with serving(SERVICE, database_url, http_forwarding_proxies=1) as api:
        headers = {"x-forwarded-for": "1.2.3.4, 198.51.100.7"}
        async with http.get(f"{api.http_url}/v1/looks/x", headers=headers) as answer:
            assert (await answer.json())["address"] == "198.51.100.7"


async def test_proxies_before_one_port_are_not_believed_at_the_other(
    database_url: str, http: aiohttp.ClientSession
) -> None:
    forwarded = {"x-forwarded-for": "198.51.100.7"}
    async with (
        serving(SERVICE, database_url, forwarding_proxies=1) as api,
        http.get(f"{api.http_url}/v1/looks/x", headers=forwarded) as answer,
    ):
        assert (await answer.json())["address"] == "127.0.0.1"


async def test_every_answer_is_guarded_and_names_no_version(api: Serving, http: aiohttp.ClientSession) -> None:
    for path in ("/v1/looks/page", "/v1/looks/fail", "/nowhere"):
        async with http.get(api.http_url + path) as answer:
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["Server"] == "OneGrid"
            assert "Strict-Transport-Security" not in answer.headers


async def test_a_sampled_request_has_a_span(
    api: Serving, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    async with http.get(f"{api.http_url}/v1/looks/x", headers={"traceparent": TRACEPARENT}) as answer:
        assert (await answer.json())["traceparent"][3:35] == TRACE
    (span,) = exporter.get_finished_spans()
    assert (span.name, f"{span.context.trace_id:032x}") == ("GET /v1/looks/{what}", TRACE)


async def test_requests_are_counted_by_route_method_and_status(api: Serving, http: aiohttp.ClientSession) -> None:
    before = counted("/v1/looks/{what}", "HEAD", 404)
    async with http.head(f"{api.http_url}/v1/looks/miss"):
        pass
    assert counted("/v1/looks/{what}", "HEAD", 404) == before + 1


async def test_without_the_database_it_answers_that_it_is_unavailable(
    own_postgres: TestPostgres, own_database_url: str, http: aiohttp.ClientSession
) -> None:
    async with serving(SERVICE, own_database_url) as api:
        own_postgres.server.kill()
        for method, path in (("GET", "/v1/looks/effects"), ("POST", "/v1/things")):
            async with http.request(
                method, api.http_url + path, json={"name": "x"} if method == "POST" else None
            ) as answer:
                assert (answer.status, (await problem(answer))["reason"]) == (503, "UNAVAILABLE")
                assert answer.headers["Retry-After"] == "1"
        own_postgres.server.start()


async def test_a_stopping_server_finishes_what_it_has_begun(database_url: str, engine: Engine) -> None:
    async with serving(SERVICE, database_url, drain_grace_s=HANG_S) as api, aiohttp.ClientSession() as http:
        under_way = asyncio.create_task(http.post(f"{api.http_url}/v1/things", json={"name": "nap"}))

        async def runs() -> bool:
            return api.runtime.requests == 1

        await eventually_async(runs)
        url = api.http_url
        stopping = asyncio.create_task(api.server.stop())
        answer = await under_way
        assert (answer.status, answer.headers["Connection"]) == (204, "close")
        await stopping
        with pytest.raises(aiohttp.ClientConnectionError):
            await http.get(f"{url}/v1/looks/x")
    assert effects(engine) == ["nap"]


async def test_with_tls_it_shows_the_certificate_of_the_moment(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    first, second = Authority(tmp_path), Authority(tmp_path / "new")
    certificate, key = first.issue("server")
    # gRPC's clients need a certificate; whoever comes by HTTP has none.
    tls = {"tls_certificate": certificate, "tls_key": key, "tls_client_ca": first.file}
    async with serving(SERVICE, database_url, **tls) as api:

        async def trusted(authority: Authority) -> bool:
            context = ssl.create_default_context(cafile=authority.file)
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
                try:
                    async with session.get(f"{api.http_url}/v1/looks/x") as answer:
                        return answer.status == 200 and "Strict-Transport-Security" in answer.headers
                except aiohttp.ClientConnectorCertificateError:
                    return False

        assert (await trusted(first), await trusted(second)) == (True, False)
        for old, new in zip((certificate, key), second.issue("server"), strict=True):
            shutil.copy(new, old)
        assert (await trusted(first), await trusted(second)) == (False, True)


async def test_routes_that_can_not_be_kept_stop_the_start(api: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    route = get("/v1/x", Permitted("toy.nobody.has"), toy_web.look)
    with pytest.raises(TypeError, match=r"toy\.nobody\.has"):
        Endpoint(api.runtime, api.runtime.service, route, ServiceAccounts(api.runtime.settings))
    monkeypatch.setattr(toy_web, "ROUTES", (get("/v1/x", PUBLIC, toy_web.look),) * 2)
    with pytest.raises(TypeError, match="served twice"):
        HttpListener([api.runtime], api.runtime.settings)


@asynccontextmanager
async def listening(api: Serving, http_listen: str) -> AsyncIterator[HttpListener]:
    """Another listener of the api."""
    listener = HttpListener([api.runtime], replace(api.runtime.settings, http_listen=http_listen, reuse_port=False))
    await listener.start()
    try:
        yield listener
    finally:
        await listener.stop(0)


@pytest.mark.parametrize("address", LOOPBACK)
async def test_every_address_is_one_of_either_version_of_ip(
    api: Serving, http: aiohttp.ClientSession, address: str
) -> None:
    async with (
        listening(api, "[::]:0") as listener,
        http.get(f"http://{address}:{listener.port}/nothing") as answer,
    ):
        assert answer.status == 404


@pytest.mark.parametrize("address", LOOPBACK)
async def test_it_listens_where_it_is_set_to_and_nowhere_by_default(api: Serving, address: str) -> None:
    async with listening(api, "") as listener:
        assert listener.port == 0
    async with listening(api, f"{address}:0") as listener:
        assert listener.port
        for refused in ("8080", "localhost:http", f"{address}:{listener.port}"):
            with pytest.raises(SettingsError, match="ONEGRID_HTTP_LISTEN"):
                async with listening(api, refused):
                    pass
