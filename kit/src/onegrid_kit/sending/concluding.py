"""The service hears what was learned, in the transaction that stores it.

What it fails to take is set aside, so that it keeps nothing else from being stored and heard; it hears that again after
pauses that grow, until it takes it.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from onegrid_kit import metrics
from onegrid_kit.failures import is_conflict, lost
from onegrid_kit.logs import describe, log
from onegrid_kit.sending.model import Conclusion, Context, Sender
from onegrid_kit.sending.rules import pause_s
from onegrid_kit.sending.store import unconcluded

__all__ = ["conclude", "conclude_again"]


def conclude(
    conn: Connection, service: str, sender: Sender, conclusions: Sequence[Conclusion], context: Context
) -> None:
    """Have the service hear these. Raises only what ends the transaction anyway, or another try of it may mend."""
    if not conclusions:
        return
    error = _fault(conn, sender, conclusions, context)
    if error is None:
        return
    if len(conclusions) > 1:
        for each in conclusions:
            conclude(conn, service, sender, [each], context)
        return
    _report(service, conclusions[0], error)
    unconcluded.set_aside(conn, conclusions[0], describe(error), pause_s(1, sender.retry_base_s, sender.retry_most_s))


def conclude_again(conn: Connection, service: str, sender: Sender, context: Context) -> None:
    """Have it hear what was set aside and is due, as the sendings stand now."""
    for conclusion, tries in unconcluded.due(conn):
        error = _fault(conn, sender, [conclusion], context)
        if error is None:
            unconcluded.take(conn, conclusion)
            continue
        _report(service, conclusion, error)
        pause = pause_s(tries + 1, sender.retry_base_s, sender.retry_most_s)
        unconcluded.defer(conn, conclusion, describe(error), pause)


def _fault(conn: Connection, sender: Sender, conclusions: Sequence[Conclusion], context: Context) -> Exception | None:
    """What the service failed with, of which nothing is stored."""
    try:
        with conn.begin_nested():
            sender.concluded(conn, conclusions, context)
    except Exception as error:
        if lost(error) or is_conflict(error):
            raise
        return error
    return None


def _report(service: str, conclusion: Conclusion, error: Exception) -> None:
    metrics.SENDING_FAULTS.labels(service, "concluded").inc()
    log.error("outcome not concluded", sending=conclusion.sending.id, exc_info=error)
