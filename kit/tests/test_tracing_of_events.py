"""A sampled call, the publishing of its event and the handling of it are one trace."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from sqlalchemy import Engine

from onegrid.identity.v1.events_pb2 import UserDisabled
from onegrid_kit import outbox
from onegrid_kit.testing.rabbitmq import RabbitServer
from onegrid_kit.testing.waiting import eventually

from . import roles
from .calls import TRACE, a_call, count


@pytest.fixture
def collector() -> Iterator[tuple[str, dict[str, tuple[str, bytes, bytes]]]]:
    """Where spans are exported to, and what came: name to trace, span and parent."""
    spans: dict[str, tuple[str, bytes, bytes]] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                import gzip

                raw = gzip.decompress(raw)
            for of in ExportTraceServiceRequest.FromString(raw).resource_spans:
                for scope in of.scope_spans:
                    for span in scope.spans:
                        spans[span.name] = (span.trace_id.hex(), span.span_id, span.parent_span_id)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/traces", spans
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_handling_of_an_event_belongs_to_the_trace_of_its_call(
    database_url: str,
    engine: Engine,
    empty_broker: RabbitServer,
    collector: tuple[str, dict[str, tuple[str, bytes, bytes]]],
) -> None:
    endpoint, spans = collector
    environ = roles.environment(database_url, empty_broker.url, OTLP_ENDPOINT=endpoint)
    assert roles.run(environ, "migrate").returncode == 0
    call = replace(a_call(), traceparent=f"00-{TRACE}-00f067aa0ba902b7-01")
    with engine.begin() as conn:
        outbox.append(conn, call, [("users/a", UserDisabled(user="a"))])
    with roles.running(environ, "relay"), roles.running(environ, "worker"):
        eventually(lambda: count(engine, "note") == 1)
    published = spans["onegrid.identity.v1.UserDisabled publish"]
    handled = spans["onegrid.identity.v1.UserDisabled handle"]
    assert (published[0], published[2]) == (TRACE, bytes.fromhex("00f067aa0ba902b7"))
    assert (handled[0], handled[2]) == (TRACE, published[1])


def test_logs_of_a_role_are_json_on_standard_error(database_url: str) -> None:
    ended = roles.run(roles.environment(database_url), "migrate", "--without-broker")
    assert all(json.loads(line)["level"] for line in ended.stderr.splitlines())


def test_the_api_side_never_loads_eventlet_and_domain_modules_never_grpc() -> None:
    def loaded(modules: str, *unwanted: str) -> str:
        program = f"import sys, {modules}; print(*(m for m in {unwanted!r} if m in sys.modules))"
        return subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        ).stdout.strip()

    domain = "database, outbox, inbox, idempotency, audit, events, jobs, housekeeping, callers, errors, coalescer"
    everything = ", ".join(f"onegrid_kit.{name.strip()}" for name in domain.split(","))
    assert loaded(everything, "grpc", "nameko", "eventlet", "kombu") == ""
    assert loaded("onegrid_kit.relay, onegrid_kit.pump, onegrid_kit.main", "grpc", "nameko", "eventlet") == ""
    assert loaded("onegrid_kit.pump", "aio_pika", "aiormq", "amqp", "kombu") == ""
    assert loaded("onegrid_kit.server", "nameko", "eventlet", "kombu") == ""
