"""One answer for one `request_id`: whoever repeats a request within 24 hours gets what the first one got."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from onegrid_kit.callers import Call
from onegrid_kit.errors import RequestIdReused

__all__ = ["KEPT_HOURS", "PURPOSE", "Answered", "claim", "keep_answer"]

KEPT_HOURS = 24
PURPOSE = "kit.answer"
"""What kept answers are sealed for; whoever claims and keeps seals and opens them."""

# A second transaction with the same key waits here until the first has ended.
_CLAIM = text(
    """
    INSERT INTO idempotency (caller, request_id, method, fingerprint, answer)
    SELECT * FROM unnest(CAST(:callers AS text[]), CAST(:request_ids AS text[]), CAST(:methods AS text[]),
                         CAST(:fingerprints AS bytea[]), CAST(:answers AS bytea[]))
    ON CONFLICT (caller, request_id) DO NOTHING
    RETURNING caller, request_id
    """
)
_STORED = text(
    """
    SELECT idempotency.* FROM idempotency
    JOIN unnest(CAST(:callers AS text[]), CAST(:request_ids AS text[])) AS wanted (caller, request_id)
      USING (caller, request_id)
    """
)
_KEEP = text("UPDATE idempotency SET answer = :answer WHERE caller = :caller AND request_id = :request_id")


@dataclass(frozen=True, slots=True)
class Answered:
    """The request was answered before, with these bytes."""

    answer: bytes


def claim(
    conn: Connection, calls: Sequence[Call], answers: Sequence[bytes | None]
) -> list[Answered | RequestIdReused | None]:
    """Claim each call's request id in this transaction, keeping its answer if that is known already.

    For each call: None if it is new or has no request id, Answered, or the error that its id is of another request.
    """
    outcomes: list[Answered | RequestIdReused | None] = [None] * len(calls)
    first: dict[tuple[str, str], int] = {}
    again: list[int] = []
    for index, call in enumerate(calls):
        if call.request_id and first.setdefault(_key(call), index) != index:
            again.append(index)
    if not first:
        return outcomes
    # In the same order everywhere, so that two batches can't wait for one another.
    claimed = [index for _, index in sorted(first.items())]
    inserted = {
        (row.caller, row.request_id)
        for row in conn.execute(
            _CLAIM,
            {
                "callers": [calls[i].caller.user for i in claimed],
                "request_ids": [calls[i].request_id for i in claimed],
                "methods": [calls[i].method for i in claimed],
                "fingerprints": [calls[i].fingerprint for i in claimed],
                "answers": [answers[i] for i in claimed],
            },
        )
    }
    repeated = [i for i in claimed if _key(calls[i]) not in inserted]
    if repeated:
        keys = {
            "callers": [calls[i].caller.user for i in repeated],
            "request_ids": [calls[i].request_id for i in repeated],
        }
        stored = {(row.caller, row.request_id): row for row in conn.execute(_STORED, keys)}
        for i in repeated:
            row = stored[_key(calls[i])]
            outcomes[i] = _judge(calls[i], row.method, bytes(row.fingerprint), bytes(row.answer))
    for i in again:
        original = first[_key(calls[i])]
        earlier, before = calls[original], outcomes[original]
        if before is None:
            answer = answers[original]
            assert answer is not None, "calls are batched only where their answers are known"
            outcomes[i] = _judge(calls[i], earlier.method, earlier.fingerprint, answer)
        elif isinstance(before, Answered):
            outcomes[i] = _judge(calls[i], earlier.method, earlier.fingerprint, before.answer)
        else:
            outcomes[i] = before
    return outcomes


def keep_answer(conn: Connection, call: Call, answer: bytes) -> None:
    """Keep what a claimed call was answered."""
    conn.execute(_KEEP, {"answer": answer, "caller": call.caller.user, "request_id": call.request_id})


def _key(call: Call) -> tuple[str, str]:
    return call.caller.user, call.request_id


def _judge(call: Call, method: str, fingerprint: bytes, answer: bytes) -> Answered | RequestIdReused:
    if call.method != method or call.fingerprint != fingerprint:
        return RequestIdReused(call.request_id)
    return Answered(answer)
