"""Where the platform's spans are exported to."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Span:
    """A span, as far as the tests need it."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    handler: str


class Collector:
    """Takes OTLP over HTTP."""

    def __init__(self) -> None:
        self.endpoint = ""
        self._spans: list[Span] = []

    def of_trace(self, trace: str) -> list[Span]:
        """The spans of a trace that have come so far."""
        return [span for span in self._spans if span.trace == trace]

    def take(self, request: ExportTraceServiceRequest) -> None:
        """Keep what was exported."""
        for of in request.resource_spans:
            service = next(a.value.string_value for a in of.resource.attributes if a.key == "service.name")
            for scope in of.scope_spans:
                for span in scope.spans:
                    handler = next((a.value.string_value for a in span.attributes if a.key == "handler"), "")
                    ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
                    self._spans.append(Span(service, span.name, *ids, handler))


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that runs."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                raw = gzip.decompress(raw)
            collector.take(ExportTraceServiceRequest.FromString(raw))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector.endpoint = f"http://127.0.0.1:{server.server_port}/v1/traces"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
