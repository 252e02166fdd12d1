"""One answer for one `request_id`: a request repeated within 24 hours gets the first answer."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from onegrid_kit.callers import Call
from onegrid_kit.errors import RequestIdReused

__all__ = ["KEPT_HOURS", "PURPOSE", "Earlier", "claim", "earlier_answer", "keep_answer"]

KEPT_HOURS = 24
PURPOSE = "kit.answer"
"""The purpose that stored answers are encrypted for, by the callers of `claim` and `keep`."""

# A second transaction with the same key waits here until the first has ended.
_CLAIM = text(
    """
    INSERT INTO idempotency (caller, request_id, method, fingerprint)
    VALUES (:caller, :request_id, :method, :fingerprint)
    ON CONFLICT (caller, request_id) DO NOTHING RETURNING true
    """
)
_STORED = text(
    "SELECT method, fingerprint, answer FROM idempotency WHERE caller = :caller AND request_id = :request_id"
)
_KEEP = text("UPDATE idempotency SET answer = :answer WHERE caller = :caller AND request_id = :request_id")


@dataclass(frozen=True, slots=True)
class Earlier:
    """A request whose id was claimed before."""

    method: str
    fingerprint: bytes
    answer: bytes
    """Sealed."""

    def answer_to(self, call: Call) -> bytes:
        """What the call is answered, if it is that request again. Raises RequestIdReused."""
        if (call.method, call.fingerprint) != (self.method, self.fingerprint):
            raise RequestIdReused(call.request_id)
        return self.answer


def claim(conn: Connection, call: Call) -> bytes | None:
    """Claim the call's request id in this transaction: None, or what the request was answered before.

    Raises RequestIdReused.
    """
    values = {**_key(call), "method": call.method, "fingerprint": call.fingerprint}
    if not call.request_id or conn.execute(_CLAIM, values).one_or_none():
        return None
    return earlier_answer(conn, call)


def earlier_answer(conn: Connection, call: Call) -> bytes | None:
    """What the request was answered before; None if its id was not claimed. Raises RequestIdReused."""
    row = conn.execute(_STORED, _key(call)).one_or_none()
    return None if row is None else Earlier(row.method, bytes(row.fingerprint), bytes(row.answer)).answer_to(call)


def keep_answer(conn: Connection, call: Call, answer: bytes) -> None:
    """Keep what a claimed call was answered."""
    conn.execute(_KEEP, {**_key(call), "answer": answer})


def _key(call: Call) -> dict[str, str]:
    return {"caller": call.caller.user, "request_id": call.request_id}
