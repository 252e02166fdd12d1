"""Trace contexts, and the logs that carry them."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator

import pytest
import structlog
from opentelemetry.trace import SpanKind

from onegrid_kit import logs, tracing

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
