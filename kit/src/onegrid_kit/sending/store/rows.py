"""What sendings and attempts are read as."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from onegrid_kit.sending.model import Attempt, Lane, Outcome, Outgoing, State

__all__ = ["ATTEMPT_COLUMNS", "SENDING_COLUMNS", "attempt_in", "outgoing_in"]

SENDING_COLUMNS = """id, district, kind, channel, recipient, subject, batch, lane, parameters, sealed, state, due_time,
    expire_time, attempts, tries, last_provider, last_code, create_time, end_time, traceparent"""
ATTEMPT_COLUMNS = (
    "sending, number, key, provider, provider_id, begin_time, deadline, end_time, outcome, code, address_key"
)
_NAMES = [name.strip() for name in SENDING_COLUMNS.split(",")]


def outgoing_in(row: Row[Any]) -> Outgoing:
    """The sending of a row that begins with its columns."""
    # By position: looking up so many columns by name takes as long as all the rest.
    given = dict(zip(_NAMES, row, strict=False))
    typed = {"sealed": bytes(row.sealed or b""), "lane": Lane(row.lane), "state": State(row.state)}
    return Outgoing(**{**given, **typed})


def attempt_in(row: Row[Any]) -> Attempt:
    """The attempt of a row that has its columns."""
    return Attempt(
        row.sending,
        row.number,
        row.key,
        row.provider,
        row.provider_id,
        row.begin_time,
        row.deadline,
        row.end_time,
        None if row.outcome is None else Outcome(row.outcome),
        row.code,
        row.address_key,
    )
