"""The evaluation's sink: receives one-time codes and traces, and serves them to the checks. Nothing is kept on disk.

For evaluations only: a client that reaches it can log in as any public user.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import signal
import threading
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

__all__ = ["Sink", "serve", "serving"]

PORT: Final = 4318
_CODES: Final = 10_000
_SPANS: Final = 20_000
"""Of all traces: some 40 MB."""
_BODY_BYTES: Final = 8 * 1024 * 1024

_CODE_PATH = re.compile(r"/codes/(\+[0-9]{7,15})")
_TRACE_PATH = re.compile(r"/api/traces/([0-9a-f]{32})")


class Sink:
    """The newest codes and traces, in bounded memory."""

    def __init__(self, codes: int = _CODES, spans: int = _SPANS) -> None:
        self._most_codes, self._most_spans = codes, spans
        self._spans = 0
        self._codes: OrderedDict[str, dict[str, str]] = OrderedDict()
        self._traces: OrderedDict[str, list[tuple[str, dict[str, Any]]]] = OrderedDict()
        self._lock = threading.Lock()

    def keep_code(self, message: dict[str, str]) -> None:
        """The number's newest code. Raises KeyError or TypeError for anything else."""
        kept = {name: message[name] for name in ("phone", "code", "expires")}
        with self._lock:
            self._codes[kept["phone"]] = kept
            self._codes.move_to_end(kept["phone"])
            if len(self._codes) > self._most_codes:
                self._codes.popitem(last=False)

    def code(self, phone: str) -> dict[str, str] | None:
        """The number's newest code."""
        with self._lock:
            return self._codes.get(phone)

    def keep_spans(self, request: ExportTraceServiceRequest) -> None:
        """What a service exported."""
        for of in request.resource_spans:
            service = next((a.value.string_value for a in of.resource.attributes if a.key == "service.name"), "")
            spans = [_as_jaeger_has_it(span) for scope in of.scope_spans for span in scope.spans]
            with self._lock:
                for span in spans:
                    self._traces.setdefault(span["traceID"], []).append((service, span))
                    self._spans += 1
                # The oldest are dropped, even the trace that these spans belong to.
                while self._spans > self._most_spans:
                    self._spans -= len(self._traces.popitem(last=False)[1])

    def trace(self, trace_id: str) -> dict[str, Any] | None:
        """The trace in the format of Jaeger's query service, as far as the checks need it."""
        with self._lock:
            kept = list(self._traces.get(trace_id, ()))
        if not kept:
            return None
        processes = {service: f"p{number}" for number, service in enumerate(dict.fromkeys(s for s, _ in kept), start=1)}
        return {
            "traceID": trace_id,
            "spans": [{**span, "processID": processes[service]} for service, span in kept],
            "processes": {process: {"serviceName": service} for service, process in processes.items()},
        }


def serve() -> None:
    """Serve on port 4318 until SIGTERM or SIGINT."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with serving(Sink(), "", PORT) as port:
        print(f"the sink takes codes and traces on port {port}", flush=True)
        stopping.wait()


@contextmanager
def serving(sink: Sink, host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """Serve while in here; the port."""

    class Handler(_Handler):
        kept = sink

    server = _Server((host, port), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.1,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    kept: Sink

    def do_POST(self) -> None:
        body = self._body()
        if body is None:
            return
        try:
            if self.path == "/v1/traces":
                self.kept.keep_spans(ExportTraceServiceRequest.FromString(body))
                self._answer(HTTPStatus.OK, b"", "application/x-protobuf")
            elif self.path == "/codes":
                self.kept.keep_code(json.loads(body))
                self._answer(HTTPStatus.ACCEPTED)
            else:
                self._answer(HTTPStatus.NOT_FOUND)
        except (ValueError, DecodeError, KeyError, TypeError):
            self._answer(HTTPStatus.BAD_REQUEST)

    def do_GET(self) -> None:
        if code := _CODE_PATH.fullmatch(self.path):
            self._answer_json(self.kept.code(code[1]))
        elif trace := _TRACE_PATH.fullmatch(self.path):
            found = self.kept.trace(trace[1])
            self._answer_json(found and {"data": [found]})
        elif self.path == "/":
            self._answer_json({"ready": True})
        else:
            self._answer(HTTPStatus.NOT_FOUND)

    def log_message(self, format: str, *args: object) -> None:
        """Paths hold telephone numbers: nothing is logged."""

    def _body(self) -> bytes | None:
        try:
            length = int(self.headers["content-length"] or "")
        except (TypeError, ValueError):
            self._refuse(HTTPStatus.LENGTH_REQUIRED)
            return None
        if not 0 <= length <= _BODY_BYTES:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return None
        body = self.rfile.read(length)
        if self.headers["content-encoding"] != "gzip":
            return body
        try:
            return _gunzip(body)
        except (OSError, EOFError, zlib.error):
            self._answer(HTTPStatus.BAD_REQUEST)
            return None

    def _answer_json(self, found: object) -> None:
        if found is None:
            self._answer(HTTPStatus.NOT_FOUND)
        else:
            self._answer(HTTPStatus.OK, json.dumps(found).encode())

    def _refuse(self, status: HTTPStatus) -> None:
        # The body was not read: the connection can't go on.
        self.close_connection = True
        self._answer(status)

    def _answer(self, status: HTTPStatus, body: bytes = b"", kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _gunzip(body: bytes) -> bytes:
    """What was packed, as far as a body may be large: a small one could hold gigabytes."""
    with gzip.open(io.BytesIO(body)) as packed:
        found = packed.read(_BODY_BYTES + 1)
    if len(found) > _BODY_BYTES:
        raise OSError("too large")
    return found


def _as_jaeger_has_it(span: Span) -> dict[str, Any]:
    trace_id = span.trace_id.hex()
    references = []
    if span.parent_span_id:
        references = [{"refType": "CHILD_OF", "traceID": trace_id, "spanID": span.parent_span_id.hex()}]
    return {
        "traceID": trace_id,
        "spanID": span.span_id.hex(),
        "operationName": span.name,
        "references": references,
        "startTime": span.start_time_unix_nano // 1000,
        "duration": (span.end_time_unix_nano - span.start_time_unix_nano) // 1000,
        "tags": [
            {"key": each.key, "type": "string", "value": each.value.string_value}
            for each in span.attributes
            if each.value.HasField("string_value")
        ],
    }
