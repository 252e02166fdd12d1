"""W3C trace context: who carries it, and OpenTelemetry spans for the calls that are sampled.

A call that is not sampled costs no span; it still has a trace id, which its errors and logs show.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.util.re import parse_env_headers

if TYPE_CHECKING:
    from onegrid_kit.settings import ServiceSettings

__all__ = [
    "SPANS",
    "accepted",
    "configure",
    "current_trace_id",
    "current_traceparent",
    "enter",
    "exporter",
    "new_traceparent",
    "sampled",
    "span",
]

SPANS: Final = (
    ("`<package>.<Service>.<Method>`", "server", "", "A call, from its arrival to its answer."),
    ("`<HTTP method> <route>`", "server", "", "An HTTP request, from its arrival to its answer."),
    ("`<event's type> publish`", "producer", "", "An event, from the relay until the broker has confirmed it."),
    ("`<event's type> handle`", "consumer", "`handler`", "A handler's work on an event."),
    ("`<kind> step`", "internal", "`kind`, `work`", "A step of work that is too large for one transaction."),
    ("`<kind> rung`", "internal", "`rung`", "What belongs to a rung of a deadline, where each is climbed by itself."),
    ("`<channel> send`", "client", "`provider`", "A call of an outside system, from the sender."),
)
"""Every span there is: its name, kind, attributes and meaning, for the documents."""

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_ODD = frozenset("13579bdf")
_current: ContextVar[str] = ContextVar("traceparent", default="")


def configure(service: str, settings: ServiceSettings) -> None:
    """Export this process's spans, if an endpoint is set."""
    if not settings.otlp_endpoint:
        return
    provider = TracerProvider(resource=Resource.create({"service.name": f"onegrid-{service}"}))
    provider.add_span_processor(BatchSpanProcessor(exporter(settings)))
    trace.set_tracer_provider(provider)


def exporter(settings: ServiceSettings) -> SpanExporter:
    """Where spans go, and with which headers."""
    return OTLPSpanExporter(
        endpoint=settings.otlp_endpoint,
        # Liberal: the value of a header may have spaces, `Bearer …`.
        headers=parse_env_headers(settings.otlp_headers, liberal=True),
        certificate_file=settings.otlp_ca or None,
    )


def accepted(traceparent: str, ratio: float) -> str:
    """The context that a caller sent, or a new one for what is none."""
    return traceparent if _TRACEPARENT.fullmatch(traceparent) else new_traceparent(ratio)


def new_traceparent(ratio: float) -> str:
    """The context of a call that came without one; sampled in this share of cases."""
    flags = "01" if ratio and random.random() < ratio else "00"  # noqa: S311
    drawn = f"{random.getrandbits(192):048x}"
    return f"00-{drawn[:32]}-{drawn[32:]}-{flags}"


def sampled(traceparent: str) -> bool:
    """Whether spans are made of it: the lowest bit of its flags; the next one is the random trace id's."""
    return traceparent[-1:] in _ODD


def enter(traceparent: str) -> None:
    """Make this the context of what the current task or thread goes on to do."""
    _current.set(traceparent)


def current_traceparent() -> str:
    """The context that is carried on; empty outside of calls and deliveries."""
    return _current.get()


def current_trace_id() -> str:
    """The trace's 32 hex digits; empty outside of calls and deliveries."""
    return _current.get()[3:35]


@contextmanager
def span(name: str, kind: SpanKind, traceparent: str, attributes: Mapping[str, str] | None = None) -> Iterator[None]:
    """A span below the given context, which becomes the current one; only the context is kept if it is not sampled."""
    if not sampled(traceparent):
        token = _current.set(traceparent)
        try:
            yield
        finally:
            _current.reset(token)
        return
    parent = trace.set_span_in_context(NonRecordingSpan(_span_context(traceparent)))
    tracer = trace.get_tracer("onegrid")
    with tracer.start_as_current_span(
        name, context=parent, kind=kind, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as started:
        own = started.get_span_context()
        token = _current.set(f"00-{own.trace_id:032x}-{own.span_id:016x}-01")
        try:
            yield
        except BaseException as error:
            started.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
        finally:
            _current.reset(token)


def _span_context(traceparent: str) -> SpanContext:
    return SpanContext(
        trace_id=int(traceparent[3:35], 16),
        span_id=int(traceparent[36:52], 16),
        is_remote=True,
        trace_flags=TraceFlags(1),
    )
