"""Trace contexts, and the logs that carry them."""

from __future__ import annotations

import json
import logging
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import structlog
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.trace import SpanContext, SpanKind

from onegrid_kit import logs, tracing
from onegrid_kit.settings import ServiceSettings, SettingsError
from onegrid_kit.testing.certificates import Authority

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize(("flags", "sampled"), [("00", False), ("01", True), ("02", False), ("03", True), ("ff", True)])
def test_the_lowest_bit_decides_whether_it_is_sampled(flags: str, sampled: bool) -> None:
    assert tracing.sampled(f"00-{TRACE}-00f067aa0ba902b7-{flags}") is sampled


def test_nothing_is_sampled_that_has_no_context() -> None:
    assert not tracing.sampled("")


def test_a_context_of_our_own_is_well_formed_and_sampled_at_the_configured_ratio() -> None:
    made = {tracing.new_traceparent(0.5) for _ in range(1000)}
    assert all(re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", each) for each in made)
    assert len(made) == 1000
    assert 350 < sum(map(tracing.sampled, made)) < 650
    assert not any(tracing.sampled(tracing.new_traceparent(0)) for _ in range(100))


@pytest.mark.parametrize("flags", ["00", "01"])
def test_a_span_is_left_as_it_was_entered(flags: str) -> None:
    outside = tracing.current_traceparent()
    with tracing.span("a", SpanKind.SERVER, f"00-{TRACE}-00f067aa0ba902b7-{flags}"):
        assert tracing.current_trace_id() == TRACE
    with pytest.raises(KeyError), tracing.span("a", SpanKind.SERVER, f"00-{TRACE}-00f067aa0ba902b7-{flags}"):
        raise KeyError
    assert tracing.current_traceparent() == outside


@pytest.fixture
def _restored() -> Iterator[None]:
    """Logging as it was before."""
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


@pytest.mark.usefixtures("_restored")
def test_a_log_line_is_json_with_service_and_trace(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("toy", "info")
    log = structlog.get_logger()
    with tracing.span("a", SpanKind.SERVER, f"00-{TRACE}-00f067aa0ba902b7-00"):
        log.info("something happened", what="网格")
        log.debug("not told")
    (line,) = capsys.readouterr().err.splitlines()
    entry = json.loads(line)
    assert (entry["event"], entry["what"], entry["trace_id"], entry["service"], entry["level"]) == (
        "something happened",
        "网格",
        TRACE,
        "toy",
        "info",
    )


@contextmanager
def collecting(certificate: tuple[str, str]) -> Iterator[tuple[str, list[Message]]]:
    """A collector by TLS: where it is, and the headers that it is sent."""
    came: list[Message] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            came.append(self.headers)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}/v1/traces", came
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def settings(**given: Any) -> ServiceSettings:
    return ServiceSettings(
        database_url="postgresql://h/d", page_token_key="k" * 32, cipher_keys="k1:" + "5a" * 32, **given
    )


def test_spans_are_exported_with_the_headers_of_the_setting_to_a_collector_of_a_known_authority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        # Those of the library go before any setting.
        monkeypatch.delenv(name, raising=False)
    authority = Authority(tmp_path)
    with collecting(authority.issue("collector")) as (endpoint, came):
        exporter = tracing.exporter(
            settings(
                otlp_endpoint=endpoint,
                otlp_headers="Authorization=Bearer abc==,x-scope=a%2Cb",
                otlp_ca=authority.file,
            )
        )
        span = ReadableSpan("call", context=SpanContext(1, 1, is_remote=False))
        assert exporter.export([span]) is SpanExportResult.SUCCESS
        exporter.shutdown()
    (headers,) = came
    assert (headers["authorization"], headers["x-scope"]) == ("Bearer abc==", "a,b")


def test_headers_that_are_none_are_refused_without_being_quoted() -> None:
    with pytest.raises(SettingsError, match="OTLP_HEADERS: it takes `name=value`") as refused:
        settings(otlp_headers="secret")
    assert "secret" not in str(refused.value)
