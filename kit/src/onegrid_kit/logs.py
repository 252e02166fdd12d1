"""Logs: one JSON object a line on standard error, each with the trace id of what it belongs to. They name no persons:
values that an error quotes are left out, unless they can't be personal data.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator
from typing import Any, Final

import structlog
from sqlalchemy.exc import OperationalError
from structlog.typing import EventDict, Processor, WrappedLogger

from onegrid_kit import tracing
from onegrid_kit.cipher import CipherError
from onegrid_kit.errors import Unavailable

__all__ = ["configure", "describe", "log"]

log: structlog.stdlib.BoundLogger = structlog.get_logger()
"""Call it with a short event name, and its fields as keywords."""

# What these say is of the machine or of the code. Other errors quote values: a KeyError its key, a ValueError its text.
_HARMLESS: Final = (
    OSError,
    AttributeError,
    TypeError,
    NameError,
    ImportError,
    AssertionError,
    Unavailable,
    CipherError,
)
_OF_VALUES: Final = "22"


def describe(error: BaseException) -> str:
    """A short description of the error without personal data; of a database's, SQLSTATE and first line at most."""
    kind = type(error).__name__
    cause = getattr(error, "orig", None) or error
    state = getattr(cause, "sqlstate", None)
    if state:
        return f"{kind} {state}" + ("" if state.startswith(_OF_VALUES) else f": {_first_line(cause)}")
    if isinstance(error, OperationalError):
        return f"{kind}: {_at_each_address(cause) or _first_line(cause)}"
    return f"{kind}: {error}" if isinstance(error, _HARMLESS) else kind


def configure(service: str, level: str = "info", *, console: bool = False) -> None:
    """Log from this level on; for people (console) or for machines."""
    threshold = logging.getLevelNamesMapping()[level.upper()]
    render: Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if console
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )

    def add_service(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        # Of the process: context variables do not reach its threads and greenlets.
        event.setdefault("service", service)
        return event

    processors: list[Processor] = [
        add_service,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
        _add_error,
    ]
    structlog.configure(
        processors=[*processors, render],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    _take_in_others(max(threshold, logging.WARNING), processors, render)


def _take_in_others(threshold: int, processors: list[Processor], render: Processor) -> None:
    """What libraries log looks and is treated the same."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_without_quotes)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *processors],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    logging.basicConfig(level=threshold, handlers=[handler], force=True)


def _without_quotes(record: logging.LogRecord) -> bool:
    if isinstance(record.args, tuple):
        record.args = tuple(describe(each) if isinstance(each, BaseException) else each for each in record.args)
    return True


def _add_trace(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    trace_id = tracing.current_trace_id()
    if trace_id:
        event["trace_id"] = trace_id
    return event


def _add_error(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    given: Any = event.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()
    error = given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["exception"] = "\n\nand then:\n\n".join(map(_traced, reversed(list(_chain(error)))))
    return event


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, and those that it came from, the latest first; one that is its own cause is listed once."""
    seen: list[BaseException] = []
    while error not in seen:
        yield error
        seen.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__) or error


def _traced(error: BaseException) -> str:
    """As Python prints it, but for what the error quotes."""
    return "".join(traceback.format_tb(error.__traceback__)) + describe(error)


def _at_each_address(cause: BaseException) -> str:
    """Why a host with several addresses was not connected to. Its first line names the last address alone, which may
    be one of IPv6 where nobody listens, while the other one refuses for a reason.
    """
    return "; ".join(line[2:] for line in str(cause).splitlines() if line.startswith("- host: "))


def _first_line(cause: BaseException) -> str:
    """A database's message without its DETAIL, which quotes rows."""
    diagnosed = getattr(getattr(cause, "diag", None), "message_primary", None)
    return str(diagnosed or getattr(cause.__cause__ or cause, "message", None) or cause).splitlines()[0]
