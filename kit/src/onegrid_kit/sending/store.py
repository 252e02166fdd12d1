"""Statements on sendings and their attempts, over a connection; each is in the transaction of who calls it.

Many rows share a statement, and rows are locked in the order of their ids.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, TypeAlias
from uuid import uuid4

from sqlalchemy import Connection, Row, TextualSelect, text
from sqlalchemy.dialects.postgresql import JSONB

from onegrid_kit import tracing
from onegrid_kit.sending.model import Attempt, Conclusion, Lane, Outcome, Outgoing, Receipt, Result, Sending, State
from onegrid_kit.sending.rules import ENDED, state_after, stronger

__all__ = [
    "Claim",
    "Finished",
    "Retry",
    "attempts_of",
    "attempts_of_all",
    "batch_page",
    "begin",
    "claim",
    "count_batch",
    "count_by_state",
    "defer",
    "drop",
    "enqueue",
    "find",
    "find_all",
    "finish",
    "is_stopped",
    "measure",
    "overdue",
    "receive",
    "receive_early",
    "replay",
    "resume",
    "search",
    "set_aside",
    "settle",
    "stop",
    "to_ask",
    "unresolved",
    "unresolved_page",
]

_COLUMNS = """id, district, kind, channel, recipient, subject, batch, lane, parameters, sealed, state, due_time,
    expire_time, attempts, tries, last_provider, last_code, create_time, end_time, traceparent"""
_NAMES = [name.strip() for name in _COLUMNS.split(",")]
_OF_ATTEMPT = "sending, number, key, provider, provider_id, begin_time, deadline, end_time, outcome, code, address_key"

_ENQUEUE = text(
    """
    INSERT INTO sending (id, district, kind, channel, recipient, subject, batch, lane, parameters, sealed, due_time,
                         expire_time, create_time, traceparent)
    SELECT id, district, kind, channel, recipient, subject, batch, lane, CAST(parameters AS jsonb), sealed,
           coalesce(due_time, CAST(:now AS timestamptz)), expire_time, :now, traceparent
    FROM unnest(
      CAST(:ids AS text[]), CAST(:districts AS text[]), CAST(:kinds AS text[]), CAST(:channels AS text[]),
      CAST(:recipients AS text[]), CAST(:subjects AS text[]), CAST(:batches AS text[]), CAST(:lanes AS smallint[]),
      CAST(:parameters AS text[]), CAST(:sealed AS bytea[]), CAST(:due_times AS timestamptz[]),
      CAST(:expire_times AS timestamptz[]), CAST(:traceparents AS text[])
    ) AS given (id, district, kind, channel, recipient, subject, batch, lane, parameters, sealed, due_time, expire_time,
                traceparent)
    ON CONFLICT (id) DO NOTHING
    """
)
_CLAIM = text(
    f"""
    SELECT {_COLUMNS},
           EXISTS (SELECT FROM stopped_batch AS stopped WHERE stopped.batch = claimed.batch) AS stopped
    FROM unnest(CAST(:channels AS text[]), CAST(:lanes AS smallint[]), CAST(:mosts AS integer[]))
      AS wanted (wanted_channel, wanted_lane, most)
    CROSS JOIN LATERAL (
      SELECT * FROM sending
      WHERE state = 'WAITING' AND channel = wanted_channel AND lane = wanted_lane AND due_time <= :now
      ORDER BY due_time LIMIT most FOR UPDATE SKIP LOCKED
    ) AS claimed
    """
).columns(parameters=JSONB)
_BEGIN = text(
    f"""
    WITH given AS (
      SELECT * FROM unnest(CAST(:ids AS text[]), CAST(:keys AS uuid[]), CAST(:providers AS text[]),
                           CAST(:addresses AS bytea[]), CAST(:address_keys AS text[]))
        AS given (id, key, provider, address, address_key)
    ), begun AS (
      UPDATE sending SET state = 'SENDING', attempts = attempts + 1, tries = tries + 1, last_provider = given.provider
      FROM given WHERE sending.id = given.id
      RETURNING sending.id, sending.attempts, given.key, given.provider, given.address, given.address_key
    )
    INSERT INTO attempt (sending, number, key, provider, deadline, sealed_address, address_key)
    SELECT id, attempts, key, provider, clock_timestamp() + make_interval(secs => :lasts_s), address, address_key
    FROM begun
    RETURNING {_OF_ATTEMPT}
    """
)
_SET_ASIDE = text(
    """
    UPDATE sending SET state = given.state, last_code = given.code, end_time = :now
    FROM unnest(CAST(:ids AS text[]), CAST(:states AS text[]), CAST(:codes AS text[])) AS given (id, state, code)
    WHERE sending.id = given.id
    """
)
_DEFER = text(
    """
    UPDATE sending SET due_time = given.due_time, last_code = given.code, tries = given.tries
    FROM unnest(CAST(:ids AS text[]), CAST(:due_times AS timestamptz[]), CAST(:codes AS text[]),
                CAST(:tries AS integer[])) AS given (id, due_time, code, tries)
    WHERE sending.id = given.id
    """
)
_LOCK = text(f"SELECT {_COLUMNS} FROM sending WHERE id = ANY(CAST(:ids AS text[])) ORDER BY id FOR UPDATE").columns(
    parameters=JSONB
)
_ATTEMPTS = text(
    f"SELECT {_OF_ATTEMPT} FROM attempt WHERE sending = ANY(CAST(:ids AS text[])) ORDER BY sending, number"
)
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
    DELETE FROM receipt USING attempt
    WHERE receipt.provider = attempt.provider AND receipt.provider_id = attempt.provider_id
      AND receipt.receive_time > clock_timestamp() - interval '1 hour'
    RETURNING receipt.outcome AS learned, receipt.code AS learned_code, address_refused,
      {", ".join("attempt." + name.strip() for name in _OF_ATTEMPT.split(","))}
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
    SELECT {_OF_ATTEMPT} FROM attempt
    JOIN unnest(CAST(:providers AS text[]), CAST(:provider_ids AS text[])) AS given (given_provider, given_id)
      ON provider = given_provider AND provider_id = given_id
    """
)
_OVERDUE = text(
    f"""
    SELECT {_OF_ATTEMPT} FROM attempt WHERE outcome IS NULL AND deadline <= clock_timestamp()
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
    RETURNING {_OF_ATTEMPT}, asked_address
    """
)
_STOP_BATCH = text("INSERT INTO stopped_batch (batch) VALUES (:batch) ON CONFLICT DO NOTHING")
_STOP = text(
    """
    UPDATE sending SET state = 'STOPPED', end_time = :now WHERE batch = :batch AND batch <> '' AND state = 'WAITING'
    """
)
_RESUME_BATCH = text("DELETE FROM stopped_batch WHERE batch = :batch")
_RESUME = text(
    """
    UPDATE sending SET state = 'WAITING', end_time = NULL WHERE batch = :batch AND batch <> '' AND state = 'STOPPED'
    """
)
_REPLAY = text(
    """
    UPDATE sending SET state = 'WAITING', due_time = :now, tries = 0, end_time = NULL
    WHERE id = :id AND state IN ('FAILED', 'UNKNOWN', 'DROPPED')
    """
)
_FIND = text(f"SELECT {_COLUMNS} FROM sending WHERE id = :id").columns(parameters=JSONB)
_FIND_ALL = text(f"SELECT {_COLUMNS} FROM sending WHERE id = ANY(CAST(:ids AS text[])) ORDER BY id").columns(
    parameters=JSONB
)
_UNRESOLVED = text(
    f"""
    SELECT {_COLUMNS} FROM sending WHERE state IN ('FAILED', 'UNKNOWN') ORDER BY create_time, id LIMIT :most
    """
).columns(parameters=JSONB)
_MEASURE = text(
    """
    SELECT channel, lane, count(*) AS sendings,
           CAST(extract(epoch FROM CAST(:now AS timestamptz) - min(due_time)) AS double precision) AS late_s
    FROM sending WHERE state = 'WAITING' GROUP BY channel, lane
    """
)
_MEASURE_UNRESOLVED = text(
    "SELECT state, count(*) AS sendings FROM sending WHERE state IN ('FAILED', 'UNKNOWN') GROUP BY state"
)
_COUNT_BATCH = text(
    """
    SELECT channel, state, count(*) AS sendings FROM sending WHERE batch = :batch AND batch <> ''
    GROUP BY channel, state
    """
)
_STOPPED = text("SELECT EXISTS (SELECT FROM stopped_batch WHERE batch = :batch)")


def _page(of: str, behind: str, order: str) -> TextualSelect:
    """Merges the first rows of one index range for each state and channel."""
    return text(
        f"""
        SELECT {_COLUMNS}
        FROM unnest(CAST(:states AS text[])) AS wanted_state (wanted_state)
        CROSS JOIN unnest(CAST(:channels AS text[])) AS wanted_channel (wanted_channel)
        CROSS JOIN LATERAL (
          SELECT * FROM sending
          WHERE {of} AND sending.state = wanted_state AND sending.channel = wanted_channel {behind}
          ORDER BY {order} LIMIT :most
        ) AS sending
        ORDER BY {order} LIMIT :most
        """
    ).columns(parameters=JSONB)


_BATCH_PAGE = _page("sending.batch = :batch AND sending.batch <> ''", "AND sending.id > :after", "sending.id")
_OF_DISTRICT = "sending.district = :district AND sending.state IN ('FAILED', 'UNKNOWN')"
_NEWEST = "sending.create_time DESC, sending.id DESC"
_UNRESOLVED_PAGE = _page(_OF_DISTRICT, "", _NEWEST)
_NEXT_UNRESOLVED_PAGE = _page(
    _OF_DISTRICT, "AND (sending.create_time, sending.id) < (CAST(:before_time AS timestamptz), :before_id)", _NEWEST
)
_COUNT = text("SELECT state, count(*) AS sendings FROM sending WHERE batch = :batch AND batch <> '' GROUP BY state")


@dataclass(frozen=True, slots=True)
class Claim:
    """So many sendings of a channel and lane are wanted."""

    channel: str
    lane: Lane
    most: int


@dataclass(frozen=True, slots=True)
class Finished:
    """What an attempt came to."""

    sending: str
    number: int
    result: Result


Retry: TypeAlias = Callable[[Outgoing, Result], float | None]
"""How many seconds after a failure that may be retried the next attempt is due; None gives up."""


def enqueue(conn: Connection, sendings: Sequence[Sending], now: datetime) -> int:
    """Have these sent once the transaction is committed; how many are new. One of an id that is known is left as it
    is. `now`: the domain's time.
    """
    if not sendings:
        return 0
    # In the order of their ids: two transactions that enqueue the same ones do not wait for each other.
    ordered = sorted(sendings, key=lambda each: each.id)
    values = {
        "ids": [each.id for each in ordered],
        "districts": [each.district for each in ordered],
        "kinds": [each.kind for each in ordered],
        "channels": [each.channel for each in ordered],
        "recipients": [each.recipient for each in ordered],
        "subjects": [each.subject for each in ordered],
        "batches": [each.batch for each in ordered],
        "lanes": [int(each.lane) for each in ordered],
        "parameters": [json.dumps(dict(each.parameters), ensure_ascii=False) for each in ordered],
        "sealed": [each.sealed or None for each in ordered],
        "due_times": [each.due_time for each in ordered],
        "expire_times": [each.expire_time for each in ordered],
        "traceparents": [each.traceparent or tracing.current_traceparent() for each in ordered],
        "now": now,
    }
    return conn.execute(_ENQUEUE, values).rowcount


def stop(conn: Connection, batch: str, now: datetime) -> int:
    """Send nothing more of a batch, also of what is enqueued later; how many were waiting. Calls that run go on."""
    conn.execute(_STOP_BATCH, {"batch": batch})
    return conn.execute(_STOP, {"batch": batch, "now": now}).rowcount


def resume(conn: Connection, batch: str) -> int:
    """Send what a stop has kept back; how many there are."""
    conn.execute(_RESUME_BATCH, {"batch": batch})
    return conn.execute(_RESUME, {"batch": batch}).rowcount


def replay(conn: Connection, sending_id: str, now: datetime) -> bool:
    """Attempt again what has failed, was dropped, or is UNKNOWN: in that case it may arrive twice. False if it is none
    of these.
    """
    return conn.execute(_REPLAY, {"id": sending_id, "now": now}).rowcount > 0


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


def receive(conn: Connection, receipts: Sequence[Receipt], now: datetime) -> Sequence[Conclusion]:
    """Store what providers say, in whatever order and how often they say it; what was learned, for the service.

    A receipt of a message that is not known is kept for an hour: it may come before the call's outcome is stored.
    """
    if not receipts:
        return []
    by_id: dict[tuple[str, str], list[Receipt]] = {}
    for receipt in receipts:
        by_id.setdefault((receipt.provider, receipt.provider_id), []).append(receipt)
    values = {"providers": [key[0] for key in by_id], "provider_ids": [key[1] for key in by_id]}
    learned = [
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


def receive_early(conn: Connection, now: datetime) -> Sequence[Conclusion]:
    """Store what the receipts say that came before the outcome of their attempt."""
    learned = [
        _Learned(row.sending, row.number, Outcome(row.learned), row.learned_code, address_refused=row.address_refused)
        for row in conn.execute(_EARLY)
    ]
    return _learn(conn, learned, now)


def find(conn: Connection, sending_id: str) -> Outgoing | None:
    """The sending of this id; one that has ended is forgotten after three months."""
    row = conn.execute(_FIND, {"id": sending_id}).one_or_none()
    return _outgoing(row) if row else None


def find_all(conn: Connection, ids: Collection[str]) -> Sequence[Outgoing]:
    """Those of these sendings that there are, by id."""
    return [_outgoing(row) for row in conn.execute(_FIND_ALL, {"ids": list(ids)})]


def attempts_of(conn: Connection, sending_id: str) -> Sequence[Attempt]:
    """Its attempts, the first one first."""
    return attempts_of_all(conn, [sending_id])


def attempts_of_all(conn: Connection, ids: Collection[str]) -> Sequence[Attempt]:
    """The attempts of these sendings, those of one together, its first one first."""
    return [_attempt(row) for row in conn.execute(_ATTEMPTS, {"ids": list(ids)})]


def unresolved(conn: Connection, most: int = 1000) -> Sequence[Outgoing]:
    """The sendings that have failed or are UNKNOWN, oldest first."""
    return [_outgoing(row) for row in conn.execute(_UNRESOLVED, {"most": most})]


def search(
    conn: Connection,
    *,
    states: Collection[State] = (),
    channel: str = "",
    recipient: str = "",
    subject: str = "",
    batch: str = "",
    before: tuple[datetime, str] | None = None,
    most: int = 100,
) -> Sequence[Outgoing]:
    """The sendings that have all that is given, newest first. `before`: create time and id of the last one that the
    caller has.
    """
    given = {"channel": channel, "recipient": recipient, "subject": subject, "batch": batch}
    values: dict[str, Any] = {name: value for name, value in given.items() if value}
    conditions = [f"{name} = :{name}" for name in values]
    if states:
        conditions.append("state = ANY(CAST(:states AS text[]))")
        values["states"] = [state.value for state in states]
    if before:
        conditions.append("(create_time, id) < (CAST(:before_time AS timestamptz), :before_id)")
        values |= {"before_time": before[0], "before_id": before[1]}
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    statement = text(f"SELECT {_COLUMNS} FROM sending {where} ORDER BY create_time DESC, id DESC LIMIT :most").columns(
        parameters=JSONB
    )
    return [_outgoing(row) for row in conn.execute(statement, {**values, "most": most})]


def batch_page(
    conn: Connection, batch: str, states: Collection[State], channels: Collection[str], after: str, most: int
) -> Sequence[Outgoing]:
    """The sendings of a batch in these states and by these channels, by id, behind that one."""
    values = {"batch": batch, "states": list(states), "channels": list(channels), "after": after, "most": most}
    return [_outgoing(row) for row in conn.execute(_BATCH_PAGE, values)]


def unresolved_page(
    conn: Connection,
    district: str,
    states: Collection[State],
    channels: Collection[str],
    before: tuple[datetime, str] | None,
    most: int,
) -> Sequence[Outgoing]:
    """The sendings of a district by these channels that have failed or are UNKNOWN, and are in one of these states; the
    newest first. `before`: create time and id of the last one that the caller has.
    """
    values: dict[str, Any] = {"district": district, "states": list(states), "channels": list(channels), "most": most}
    if before is not None:
        values |= {"before_time": before[0], "before_id": before[1]}
    statement = _UNRESOLVED_PAGE if before is None else _NEXT_UNRESOLVED_PAGE
    return [_outgoing(row) for row in conn.execute(statement, values)]


def count_batch(conn: Connection, batch: str) -> Mapping[tuple[str, State], int]:
    """How many sendings of a batch go by each channel and are in each state; without those of which there are none."""
    return {(row.channel, State(row.state)): row.sendings for row in conn.execute(_COUNT_BATCH, {"batch": batch})}


def is_stopped(conn: Connection, batch: str) -> bool:
    """Whether nothing more of a batch is sent."""
    return bool(conn.execute(_STOPPED, {"batch": batch}).scalar_one())


def count_by_state(conn: Connection, batch: str) -> Mapping[State, int]:
    """How many sendings of a batch are in each state; states without any are left out."""
    return {State(row.state): row.sendings for row in conn.execute(_COUNT, {"batch": batch})}


def claim(conn: Connection, wanted: Sequence[Claim], now: datetime) -> tuple[list[Outgoing], list[Conclusion]]:
    """Lock sendings that are due until the transaction ends; those whose time is over or whose batch was stopped are
    ended, and come second.
    """
    values = {
        "channels": [each.channel for each in wanted],
        "lanes": [int(each.lane) for each in wanted],
        "mosts": [each.most for each in wanted],
        "now": now,
    }
    due, ended = [], []
    for row in conn.execute(_CLAIM, values):
        outgoing = _outgoing(row)
        if row.stopped:
            ended.append((outgoing, State.STOPPED, ""))
        elif outgoing.expire_time is not None and outgoing.expire_time <= now:
            ended.append((outgoing, State.EXPIRED, ""))
        else:
            due.append(outgoing)
    return due, set_aside(conn, ended, now)


def drop(conn: Connection, dropped: Sequence[tuple[Outgoing, str]], now: datetime) -> None:
    """These are not sent, each for the reason of this code."""
    set_aside(conn, [(outgoing, State.DROPPED, code) for outgoing, code in dropped], now)


def set_aside(conn: Connection, ended: Sequence[tuple[Outgoing, State, str]], now: datetime) -> list[Conclusion]:
    """End claimed sendings without an attempt."""
    if not ended:
        return []
    values = {
        "ids": [outgoing.id for outgoing, _, _ in ended],
        "states": [state.value for _, state, _ in ended],
        "codes": [code for _, _, code in ended],
        "now": now,
    }
    conn.execute(_SET_ASIDE, values)
    return [
        Conclusion(replace(outgoing, state=state, last_code=code, end_time=now), None)
        for outgoing, state, code in ended
    ]


def defer(conn: Connection, deferred: Sequence[tuple[Outgoing, datetime, str]], *, tried: bool = False) -> None:
    """Claim these again then, each for the reason of this code. `tried`: it counts as a try."""
    if deferred:
        values = {
            "ids": [outgoing.id for outgoing, _, _ in deferred],
            "due_times": [due_time for _, due_time, _ in deferred],
            "codes": [code for _, _, code in deferred],
            "tries": [outgoing.tries + tried for outgoing, _, _ in deferred],
        }
        conn.execute(_DEFER, values)


def begin(
    conn: Connection,
    begun: Sequence[tuple[Outgoing, str]],
    lasts_s: float,
    addresses: Mapping[str, bytes] = MappingProxyType({}),
    address_keys: Mapping[str, str] = MappingProxyType({}),
) -> Mapping[str, Attempt]:
    """Record an attempt for each of these, by the provider of this name; they are called once this is committed. An
    attempt without an outcome is UNKNOWN after so many seconds. `addresses`: those that providers are asked by, sealed,
    by the ids of the sendings. `address_keys`: digests of where each goes, likewise.
    """
    if not begun:
        return {}
    values = {
        "ids": [outgoing.id for outgoing, _ in begun],
        "keys": [uuid4() for _ in begun],
        "providers": [provider for _, provider in begun],
        "addresses": [addresses.get(outgoing.id) for outgoing, _ in begun],
        "address_keys": [address_keys.get(outgoing.id, "") for outgoing, _ in begun],
        "lasts_s": lasts_s,
    }
    return {row.sending: _attempt(row) for row in conn.execute(_BEGIN, values)}


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


def overdue(conn: Connection, most: int = 500) -> Sequence[Attempt]:
    """Attempts that have no outcome after their deadline: whoever made them has ended, or hangs."""
    return [_attempt(row) for row in conn.execute(_OVERDUE, {"most": most})]


def to_ask(
    conn: Connection, providers: Collection[str], *, most: int = 20, asks: int = 6, base_s: float = 5.0
) -> Sequence[tuple[Attempt, bytes | None]]:
    """Attempts without a known outcome that it is time to ask these providers for, with the sealed addresses that were
    recorded with them. Each is given so often, after pauses that grow fourfold.
    """
    values = {"providers": sorted(providers), "most": most, "asks": asks, "base_s": base_s}
    return [(_attempt(row), row.asked_address) for row in conn.execute(_TO_ASK, values)]


def measure(conn: Connection, now: datetime) -> tuple[Mapping[tuple[str, str], tuple[int, float]], Mapping[State, int]]:
    """How many sendings wait in each channel and lane, and how late the one is that is due longest, in seconds; and how
    many have failed or are UNKNOWN.
    """
    waiting = {
        (row.channel, Lane(row.lane).name.lower()): (row.sendings, max(0.0, row.late_s))
        for row in conn.execute(_MEASURE, {"now": now})
    }
    return waiting, {State(row.state): row.sendings for row in conn.execute(_MEASURE_UNRESOLVED)}


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
    sendings = {row.id: _outgoing(row) for row in conn.execute(_LOCK, {"ids": ids})}
    attempts: dict[str, dict[int, Attempt]] = {}
    # Read by a statement of its own: it sees what was committed while the rows were waited for.
    for row in conn.execute(_ATTEMPTS, {"ids": ids}):
        attempts.setdefault(row.sending, {})[row.number] = _attempt(row)
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


def _outgoing(row: Row[Any]) -> Outgoing:
    # By position: looking up so many columns by name takes as long as all the rest.
    given = dict(zip(_NAMES, row, strict=False))
    typed = {"sealed": bytes(row.sealed or b""), "lane": Lane(row.lane), "state": State(row.state)}
    return Outgoing(**{**given, **typed})


def _attempt(row: Row[Any]) -> Attempt:
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
