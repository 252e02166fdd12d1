"""What becomes of attempts: outcomes of calls, receipts, and what is found out when there is neither."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import JSONB

from onegrid_kit.sending.model import Attempt, Conclusion, Outcome, Outgoing, Receipt, Result, State
from onegrid_kit.sending.rules import ENDED, state_after, stronger
from onegrid_kit.sending.store.rows import ATTEMPT_COLUMNS, SENDING_COLUMNS, attempt_in, outgoing_in
from onegrid_kit.sending.store.sendings import attempts_of_all, find

__all__ = ["Finished", "Retry", "finish", "overdue", "receive", "receive_early", "settle", "to_ask"]

_LOCK = text(
    f"SELECT {SENDING_COLUMNS} FROM sending WHERE id = ANY(CAST(:ids AS text[])) ORDER BY id FOR UPDATE"
).columns(parameters=JSONB)
_LEARN = text(
    """
    UPDATE attempt SET
      outcome = given.outcome, code = given.code, provider_id = given.provider_id,
      end_time = coalesce(end_time, clock_timestamp()),
      ask_time = CASE WHEN given.outcome = 'UNKNOWN' THEN coalesce(ask_time, clock_timestamp()) END,
      sealed_address = CASE WHEN given.outcome = 'UNKNOWN' THEN sealed_address END
    FROM unnest(CAST(:ids AS text[]), CAST(:numbers AS integer[]), CAST(:outcomes AS text[]), CAST(:codes AS text[]),
                CAST(:provider_ids AS text[])) AS given (id, number, outcome, code, provider_id)
    WHERE sending = given.id AND attempt.number = given.number
    """
)
_CONCLUDE = text(
    """
    UPDATE sending SET
      state = given.state, last_code = given.code, due_time = given.due_time, end_time = given.end_time
    FROM unnest(
      CAST(:ids AS text[]), CAST(:states AS text[]), CAST(:codes AS text[]), CAST(:due_times AS timestamptz[]),
      CAST(:end_times AS timestamptz[])
    ) AS given (id, state, code, due_time, end_time)
    WHERE sending.id = given.id
    """
)
# Also those that another transaction kept while the outcome of their attempt was on its way.
_EARLY = text(
    f"""
    DELETE FROM receipt USING (
      SELECT early.ctid AS early, meant.*
      FROM receipt AS early CROSS JOIN LATERAL (
        SELECT {ATTEMPT_COLUMNS} FROM attempt
        -- The index has only those with an id. With a limit it is used for each receipt, however few there are.
        WHERE provider = early.provider AND provider_id = early.provider_id AND provider_id <> '' LIMIT 1
      ) AS meant
      WHERE early.receive_time > clock_timestamp() - interval '1 hour'
    ) AS attempt
    WHERE receipt.ctid = attempt.early
    RETURNING receipt.outcome AS learned, receipt.code AS learned_code, address_refused,
      {", ".join("attempt." + name.strip() for name in ATTEMPT_COLUMNS.split(","))}
    """
)
_KEEP = text(
    """
    INSERT INTO receipt (provider, provider_id, outcome, code, address_refused)
    SELECT * FROM unnest(CAST(:providers AS text[]), CAST(:provider_ids AS text[]), CAST(:outcomes AS text[]),
                         CAST(:codes AS text[]), CAST(:refused AS boolean[])) AS given (p, i, o, c, r)
    ORDER BY p, i, o, c
    ON CONFLICT DO NOTHING
    """
)
_MEANT = text(
    f"""
    SELECT {ATTEMPT_COLUMNS} FROM attempt
    JOIN unnest(CAST(:providers AS text[]), CAST(:provider_ids AS text[])) AS given (given_provider, given_id)
      -- The index has only those with an id.
      ON provider = given_provider AND provider_id = given_id AND provider_id <> ''
    """
)
_MEANT_BY_KEY = text(
    f"""
    SELECT {ATTEMPT_COLUMNS} FROM attempt
    JOIN unnest(CAST(:providers AS text[]), CAST(:keys AS uuid[])) AS given (given_provider, given_key)
      ON key = given_key AND provider = given_provider
    """
)
_OVERDUE = text(
    f"""
    SELECT {ATTEMPT_COLUMNS} FROM attempt WHERE outcome IS NULL AND deadline <= clock_timestamp()
    ORDER BY deadline LIMIT :most
    """
)
_TO_ASK = text(
    f"""
    UPDATE attempt SET
      asks = asks + 1,
      ask_time = CASE WHEN asks + 1 < :asks THEN clock_timestamp() + make_interval(secs => :base_s * power(4, asks))
        END,
      sealed_address = CASE WHEN asks + 1 < :asks THEN sealed_address END
    FROM (
      SELECT sending AS asked, number AS asked_number, sealed_address AS asked_address FROM attempt
      WHERE ask_time <= clock_timestamp() AND provider = ANY(CAST(:providers AS text[]))
      ORDER BY ask_time LIMIT :most FOR UPDATE SKIP LOCKED
    ) AS due
    WHERE sending = asked AND number = asked_number
    RETURNING {ATTEMPT_COLUMNS}, asked_address
    """
)


@dataclass(frozen=True, slots=True)
class Finished:
    """What an attempt came to."""

    sending: str
    number: int
    result: Result


Retry: TypeAlias = Callable[[Outgoing, Result], float | None]
"""How many seconds after a failure that may be retried the next attempt is due; None gives up."""


def finish(conn: Connection, finished: Sequence[Finished], now: datetime, retry: Retry) -> Sequence[Conclusion]:
    """Store what attempts came to; what was learned, for the service."""
    learned = [
        _Learned(
            each.sending,
            each.number,
            each.result.outcome,
            each.result.code,
            provider_id=each.result.provider_id,
            address_refused=each.result.address_refused,
            result=each.result,
        )
        for each in finished
    ]
    return _learn(conn, learned, now, retry)


def receive(conn: Connection, receipts: Sequence[Receipt], now: datetime) -> Sequence[Conclusion]:
    """Store what providers say, in whatever order and how often they say it; what was learned, for the service.

    A receipt of a message that is not known is kept for an hour: it may come before the call's outcome is stored. One
    that names the attempt's key needs not wait for that.
    """
    if not receipts:
        return []
    by_key: dict[tuple[str, UUID], list[Receipt]] = {}
    by_id: dict[tuple[str, str], list[Receipt]] = {}
    for receipt in receipts:
        if receipt.key is not None:
            by_key.setdefault((receipt.provider, receipt.key), []).append(receipt)
    learned = _learned_by_key(conn, by_key) if by_key else []
    for receipt in receipts:
        if receipt.key is None or (receipt.provider, receipt.key) in by_key:
            by_id.setdefault((receipt.provider, receipt.provider_id), []).append(receipt)
    if not by_id:
        return _learn(conn, learned, now)
    values = {"providers": [key[0] for key in by_id], "provider_ids": [key[1] for key in by_id]}
    learned += [
        _Learned(row.sending, row.number, receipt.outcome, receipt.code, address_refused=receipt.address_refused)
        for row in conn.execute(_MEANT, values)
        for receipt in by_id.pop((row.provider, row.provider_id), ())
    ]
    unknown = [receipt for some in by_id.values() for receipt in some if receipt.provider_id]
    if unknown:
        kept = {
            "providers": [each.provider for each in unknown],
            "provider_ids": [each.provider_id for each in unknown],
            "outcomes": [each.outcome.value for each in unknown],
            "codes": [each.code for each in unknown],
            "refused": [each.address_refused for each in unknown],
        }
        conn.execute(_KEEP, kept)
    return _learn(conn, learned, now)


def _learned_by_key(conn: Connection, by_key: dict[tuple[str, UUID], list[Receipt]]) -> list[_Learned]:
    """What receipts say of attempts of their provider that they name by key; those are taken out."""
    values = {"providers": [each[0] for each in by_key], "keys": [each[1] for each in by_key]}
    return [
        _Learned(
            row.sending,
            row.number,
            receipt.outcome,
            receipt.code,
            provider_id=receipt.provider_id,
            address_refused=receipt.address_refused,
        )
        for row in conn.execute(_MEANT_BY_KEY, values)
        for receipt in by_key.pop((row.provider, row.key))
    ]


def receive_early(conn: Connection, now: datetime) -> Sequence[Conclusion]:
    """Store what the receipts say that came before the outcome of their attempt."""
    learned = [
        _Learned(row.sending, row.number, Outcome(row.learned), row.learned_code, address_refused=row.address_refused)
        for row in conn.execute(_EARLY)
    ]
    return _learn(conn, learned, now)


def settle(conn: Connection, sending_id: str, now: datetime, *, delivered: bool) -> Conclusion | None:
    """Store what an operator has found out about a sending that is UNKNOWN: that it was delivered, or that it was not
    and has failed. None if it is not UNKNOWN.
    """
    found = find(conn, sending_id)
    if found is None or found.state is not State.UNKNOWN:
        return None
    outcome = Outcome.DELIVERED if delivered else Outcome.FAILED
    (concluded,) = _learn(conn, [_Learned(sending_id, found.attempts, outcome, "SETTLED")], now)
    return concluded


def overdue(conn: Connection, most: int = 500) -> Sequence[Attempt]:
    """Attempts that have no outcome after their deadline: whoever made them has ended, or hangs."""
    return [attempt_in(row) for row in conn.execute(_OVERDUE, {"most": most})]


def to_ask(
    conn: Connection, providers: Collection[str], *, most: int = 20, asks: int = 6, base_s: float = 5.0
) -> Sequence[tuple[Attempt, bytes | None]]:
    """Attempts without a known outcome that it is time to ask these providers for, with the sealed addresses that were
    recorded with them. Each is given so often, after pauses that grow fourfold.
    """
    values = {"providers": sorted(providers), "most": most, "asks": asks, "base_s": base_s}
    return [(attempt_in(row), row.asked_address) for row in conn.execute(_TO_ASK, values)]


@dataclass(frozen=True, slots=True)
class _Learned:
    """Something new about an attempt."""

    sending: str
    number: int
    outcome: Outcome
    code: str
    provider_id: str = ""
    address_refused: bool = False
    result: Result | None = None
    """What its call came to, if it was that."""


def _learn(
    conn: Connection, learned: Sequence[_Learned], now: datetime, retry: Retry = lambda _, __: None
) -> Sequence[Conclusion]:
    if not learned:
        return []
    ids = sorted({each.sending for each in learned})
    sendings = {row.id: outgoing_in(row) for row in conn.execute(_LOCK, {"ids": ids})}
    attempts: dict[str, dict[int, Attempt]] = {}
    # Read by a statement of its own: it sees what was committed while the rows were waited for.
    for found in attempts_of_all(conn, ids):
        attempts.setdefault(found.sending, {})[found.number] = found
    known = [each for each in learned if each.number in attempts.get(each.sending, ())]
    changed: dict[str, Outgoing] = {}
    for each in known:
        of = attempts[each.sending]
        attempt = of[each.number]
        if stronger(attempt.outcome, each.outcome):
            of[each.number] = attempt = replace(attempt, outcome=each.outcome, code=each.code)
            changed[each.sending] = sendings[each.sending] = _after(
                sendings[each.sending], list(of.values()), each, now, retry
            )
        if each.provider_id and not attempt.provider_id:
            of[each.number] = replace(attempt, provider_id=each.provider_id)
    _store_learned(conn, [attempts[key[0]][key[1]] for key in dict.fromkeys((k.sending, k.number) for k in known)])
    _store_concluded(conn, list(changed.values()))
    return [
        Conclusion(sendings[each.sending], attempts[each.sending][each.number], each.address_refused, each.code)
        for each in known
    ]


def _after(before: Outgoing, attempts: Sequence[Attempt], learned: _Learned, now: datetime, retry: Retry) -> Outgoing:
    pause_s = retry(before, learned.result) if learned.result is not None else None
    outcomes = [each.outcome for each in attempts]
    # A receipt never brings about another try.
    may_retry = before.state is State.WAITING if learned.result is None else pause_s is not None
    state = state_after(before.state, outcomes, replayed=before.tries == 0, may_retry=may_retry)
    due_time = before.due_time
    if state is State.WAITING and before.state is not State.WAITING:
        due_time = now + timedelta(seconds=pause_s or 0.0)
    end_time = (before.end_time or now) if state in ENDED else None
    return replace(before, state=state, last_code=attempts[-1].code, due_time=due_time, end_time=end_time)


def _store_learned(conn: Connection, attempts: Sequence[Attempt]) -> None:
    if attempts:
        values = {
            "ids": [each.sending for each in attempts],
            "numbers": [each.number for each in attempts],
            "outcomes": [None if each.outcome is None else each.outcome.value for each in attempts],
            "codes": [each.code for each in attempts],
            "provider_ids": [each.provider_id for each in attempts],
        }
        conn.execute(_LEARN, values)


def _store_concluded(conn: Connection, sendings: Sequence[Outgoing]) -> None:
    if sendings:
        values = {
            "ids": [each.id for each in sendings],
            "states": [each.state.value for each in sendings],
            "codes": [each.last_code for each in sendings],
            "due_times": [each.due_time for each in sendings],
            "end_times": [each.end_time for each in sendings],
        }
        conn.execute(_CONCLUDE, values)
