"""Logs: one JSON object a line on standard error, each with the trace id of what it belongs to. They name no
persons.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

from onegrid_kit import tracing

__all__ = ["configure", "log"]

log: structlog.stdlib.BoundLogger = structlog.get_logger()
"""Call it with an event in a few words, and what is known of it as keywords."""


def _add_trace(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    trace_id = tracing.current_trace_id()
    if trace_id:
        event["trace_id"] = trace_id
    return event


def configure(service: str, level: str = "info", *, console: bool = False) -> None:
    """Log from this level on; for people (console) or for machines."""
    threshold = logging.getLevelNamesMapping()[level.upper()]
    render: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if console
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _add_trace,
            structlog.processors.format_exc_info,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(level=max(threshold, logging.WARNING), stream=sys.stderr, format="%(name)s: %(message)s")
