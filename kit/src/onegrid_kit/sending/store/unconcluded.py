"""What a service failed to hear, until it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from onegrid_kit.sending.model import Conclusion, Outgoing
from onegrid_kit.sending.store.sendings import attempts_of_all, find_all

__all__ = ["Unconcluded", "count", "defer", "due", "set_aside", "take", "unconcluded"]

_SET_ASIDE = text(
    """
    INSERT INTO unconcluded (sending, number, address_refused, code, error, retry_time)
    VALUES (:sending, :number, :address_refused, :code, :error, clock_timestamp() + make_interval(secs => :pause_s))
    ON CONFLICT DO NOTHING
    """
)
_DUE = text(
    """
    SELECT sending, number, address_refused, code, tries FROM unconcluded WHERE retry_time <= clock_timestamp()
    ORDER BY retry_time LIMIT :most FOR UPDATE SKIP LOCKED
    """
)
_THIS = "sending = :sending AND number = :number AND address_refused = :address_refused AND code = :code"
_TAKE = text(f"DELETE FROM unconcluded WHERE {_THIS}")
_DEFER = text(
    f"""
    UPDATE unconcluded
    SET tries = tries + 1, error = :error, retry_time = clock_timestamp() + make_interval(secs => :pause_s)
    WHERE {_THIS}
    """
)
_ALL = text("SELECT sending, tries, error, create_time FROM unconcluded ORDER BY create_time, sending LIMIT :most")
_COUNT = text("SELECT count(*) FROM unconcluded")


@dataclass(frozen=True, slots=True)
class Unconcluded:
    """That a service has not heard something."""

    sending: Outgoing
    tries: int
    error: str
    """How the last try failed."""
    create_time: datetime
    """By the database's clock."""


def set_aside(conn: Connection, conclusion: Conclusion, error: str, pause_s: float) -> None:
    """Keep what the service failed to hear. Once, however often it is said."""
    conn.execute(_SET_ASIDE, {**_key(conclusion), "error": error, "pause_s": pause_s})


def due(conn: Connection, most: int = 100) -> Sequence[tuple[Conclusion, int]]:
    """What the service is to hear again, with how often it failed; it is locked until the transaction ends."""
    rows = conn.execute(_DUE, {"most": most}).all()
    ids = {row.sending for row in rows}
    sendings = {each.id: each for each in find_all(conn, ids)} if ids else {}
    attempts = {(each.sending, each.number): each for each in attempts_of_all(conn, ids)} if ids else {}
    return [
        (
            Conclusion(sendings[row.sending], attempts.get((row.sending, row.number)), row.address_refused, row.code),
            row.tries,
        )
        for row in rows
    ]


def take(conn: Connection, conclusion: Conclusion) -> None:
    """The service has heard it."""
    conn.execute(_TAKE, _key(conclusion))


def defer(conn: Connection, conclusion: Conclusion, error: str, pause_s: float) -> None:
    """It has failed again."""
    conn.execute(_DEFER, {**_key(conclusion), "error": error, "pause_s": pause_s})


def unconcluded(conn: Connection, most: int = 1000) -> Sequence[Unconcluded]:
    """All that the service has not heard, the oldest first."""
    rows = conn.execute(_ALL, {"most": most}).all()
    sendings = {each.id: each for each in find_all(conn, {row.sending for row in rows})}
    return [Unconcluded(sendings[row.sending], row.tries, row.error, row.create_time) for row in rows]


def count(conn: Connection) -> int:
    """How much the service has not heard."""
    return int(conn.execute(_COUNT).scalar_one())


def _key(conclusion: Conclusion) -> dict[str, Any]:
    return {
        "sending": conclusion.sending.id,
        "number": conclusion.attempt.number if conclusion.attempt else 0,
        "address_refused": conclusion.address_refused,
        "code": conclusion.code,
    }
