"""The sink over HTTP, as identity, the exporters and the checks use it."""

from __future__ import annotations

import gzip
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from onegrid_checks.district import codes_of
from onegrid_checks.sink import Sink, serving
from onegrid_identity.senders import Code, WebhookSender
from onegrid_identity.settings import IdentitySettings
from onegrid_kit.testing.waiting import HANG_S

PHONE = "+8613912345678"


@pytest.fixture
def sink() -> Iterator[str]:
    with serving(Sink(codes=3, spans=6)) as port:
        yield f"http://127.0.0.1:{port}"


def post(url: str, body: bytes, **headers: str) -> int:
    request = urllib.request.Request(url, body, {name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=HANG_S) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=HANG_S) as answer:
        return json.load(answer)


def exported(trace: int, *spans: tuple[str, int, int], service: str = "onegrid-petition") -> bytes:
    request = ExportTraceServiceRequest()
    of = request.resource_spans.add()
    of.resource.attributes.add(key="service.name").value.string_value = service
    kept = of.scope_spans.add()
    for name, own, parent in spans:
        span = kept.spans.add(name=name, trace_id=trace.to_bytes(16, "big"), span_id=own.to_bytes(8, "big"))
        span.parent_span_id = parent.to_bytes(8, "big") if parent else b""
        span.attributes.add(key="handler").value.string_value = "count_filed"
    return request.SerializeToString()


async def test_a_code_that_identity_posts_is_served_to_the_checks(sink: str) -> None:
    settings = IdentitySettings(
        database_url="", page_token_key="x" * 32, cipher_keys="k:" + "5a" * 32, code_webhook_url=f"{sink}/codes"
    )
    for digits in ("000001", "000002"):
        await WebhookSender(settings).send(Code(PHONE, digits, datetime.now(UTC)))
    assert await codes_of(sink)(PHONE) == "000002"


async def test_for_a_number_without_a_code_the_error_names_where_to_look(sink: str) -> None:
    with pytest.raises(LookupError, match="ONEGRID_CODE_WEBHOOK_URL"):
        await codes_of(sink)(PHONE)


@pytest.mark.parametrize("packed", [False, True])
def test_a_trace_is_served_in_jaegers_format(sink: str, packed: bool) -> None:
    for service, spans in (("onegrid-petition", [("call", 1, 9), ("publish", 2, 1)]), ("onegrid-grid", [("x", 3, 2)])):
        body = exported(7, *spans, service=service)
        encoding = {"content_encoding": "gzip"} if packed else {}
        assert post(f"{sink}/v1/traces", gzip.compress(body) if packed else body, **encoding) == 200
    [trace] = get(f"{sink}/api/traces/{7:032x}")["data"]
    spans = [(s["operationName"], s["references"][0]["spanID"], s["processID"]) for s in trace["spans"]]
    assert spans == [("call", f"{9:016x}", "p1"), ("publish", f"{1:016x}", "p1"), ("x", f"{2:016x}", "p2")]
    assert trace["processes"] == {"p1": {"serviceName": "onegrid-petition"}, "p2": {"serviceName": "onegrid-grid"}}
    assert trace["spans"][0]["tags"] == [{"key": "handler", "type": "string", "value": "count_filed"}]


def test_it_keeps_the_newest_and_forgets_the_oldest(sink: str) -> None:
    for number in range(1, 6):
        post(f"{sink}/v1/traces", exported(number, ("call", 1, 0), ("publish", 2, 1)))
        code = {"phone": f"+861390000000{number}", "code": "123456", "expires": "2020-11-11T06:36:00+00:00"}
        post(f"{sink}/codes", json.dumps(code).encode())
    for number, there in ((1, False), (2, False), (3, True), (5, True)):
        for url in (f"{sink}/api/traces/{number:032x}", f"{sink}/codes/+861390000000{number}"):
            if there:
                assert get(url)
            else:
                with pytest.raises(urllib.error.HTTPError, match="404"):
                    get(url)


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/codes", b"{", {}, 400),
        ("/codes", b'{"phone": "+8613912345678"}', {}, 400),
        ("/codes", b"[]", {}, 400),
        ("/v1/traces", b"\xff\xff\xff", {}, 400),
        ("/v1/traces", b"no gzip", {"content_encoding": "gzip"}, 400),
        ("/v1/traces", gzip.compress(bytes(64 * 1024 * 1024)), {"content_encoding": "gzip"}, 400),
        ("/v1/logs", b"", {}, 404),
    ],
)
def test_what_it_cannot_use_is_refused(sink: str, path: str, body: bytes, headers: dict[str, str], status: int) -> None:
    assert post(sink + path, body, **headers) == status
