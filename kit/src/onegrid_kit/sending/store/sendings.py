"""What is enqueued and stopped, and what can be read of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, TextualSelect, text
from sqlalchemy.dialects.postgresql import JSONB

from onegrid_kit import tracing
from onegrid_kit.sending.model import Attempt, Lane, Outgoing, Sending, State
from onegrid_kit.sending.store.rows import ATTEMPT_COLUMNS, SENDING_COLUMNS, attempt_in, outgoing_in

__all__ = [
    "attempts_of",
    "attempts_of_all",
    "batch_page",
    "count_batch",
    "count_by_state",
    "enqueue",
    "find",
    "find_all",
    "measure",
    "move",
    "replay",
    "resume",
    "search",
    "stop",
    "stopped",
    "unresolved",
    "unresolved_page",
]

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
_STOP_BATCH = text("INSERT INTO stopped_batch (batch) VALUES (:batch) ON CONFLICT DO NOTHING")
_RESUME_BATCH = text("DELETE FROM stopped_batch WHERE batch = :batch")
_COUNT_STATES = text(
    """
    SELECT count(*) FROM sending WHERE batch = :batch AND batch <> '' AND state = ANY(CAST(:states AS text[]))
    """
)
# Held until the step is done: who resumes the batch meanwhile would not find what it has stopped.
_HOLD_STOPPED = text("SELECT batch FROM stopped_batch WHERE batch = :batch FOR SHARE")
_MOVE = text(
    """
    WITH piece AS (
      SELECT id FROM sending WHERE batch = :batch AND batch <> '' AND state = :before LIMIT :most
    ), locked AS (
      -- In the order in which outcomes lock them.
      SELECT id FROM sending WHERE id IN (SELECT id FROM piece) AND state = :before ORDER BY id FOR UPDATE
    ), moved AS (
      UPDATE sending SET state = :after, end_time = :end_time FROM locked WHERE sending.id = locked.id
      RETURNING sending.id
    )
    SELECT (SELECT count(*) FROM piece) AS found, (SELECT count(*) FROM moved) AS moved
    """
)
_REPLAY = text(
    """
    UPDATE sending SET state = 'WAITING', due_time = :now, tries = 0, end_time = NULL
    WHERE id = :id AND state IN ('FAILED', 'UNKNOWN', 'DROPPED')
    """
)
_FIND = text(f"SELECT {SENDING_COLUMNS} FROM sending WHERE id = :id").columns(parameters=JSONB)
_FIND_ALL = text(f"SELECT {SENDING_COLUMNS} FROM sending WHERE id = ANY(CAST(:ids AS text[])) ORDER BY id").columns(
    parameters=JSONB
)
_ATTEMPTS = text(
    f"SELECT {ATTEMPT_COLUMNS} FROM attempt WHERE sending = ANY(CAST(:ids AS text[])) ORDER BY sending, number"
)
_UNRESOLVED = text(
    f"""
    SELECT {SENDING_COLUMNS} FROM sending WHERE state IN ('FAILED', 'UNKNOWN') ORDER BY create_time, id LIMIT :most
    """
).columns(parameters=JSONB)


def _page(of: str, behind: str, order: str) -> TextualSelect:
    """Merges the first rows of one index range for each state and channel."""
    return text(
        f"""
        SELECT {SENDING_COLUMNS}
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
_COUNT_BATCH = text(
    """
    SELECT channel, state, count(*) AS sendings FROM sending WHERE batch = :batch AND batch <> ''
    GROUP BY channel, state
    """
)
_COUNT = text("SELECT state, count(*) AS sendings FROM sending WHERE batch = :batch AND batch <> '' GROUP BY state")
_STOPPED = text("SELECT batch FROM stopped_batch WHERE batch = ANY(CAST(:batches AS text[]))")
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


def stop(conn: Connection, batch: str) -> int:
    """Send nothing more of a batch, also of what is enqueued later; how many that keeps back, none if it was
    stopped before. Calls that run go on. `move` has what waits be STOPPED.
    """
    if not conn.execute(_STOP_BATCH, {"batch": batch}).rowcount:
        return 0
    return _count(conn, batch, State.WAITING)


def resume(conn: Connection, batch: str) -> int:
    """Send what a stop has kept back; how many there are, none if it was not stopped. `move` has them wait again."""
    if not conn.execute(_RESUME_BATCH, {"batch": batch}).rowcount:
        return 0
    return _count(conn, batch, State.WAITING, State.STOPPED)


def move(conn: Connection, batch: str, now: datetime, most: int = 5_000) -> tuple[int, bool]:
    """Have the next sendings of a batch be STOPPED or WAITING again, as it is stopped by now or not, so many at most:
    how many were, and whether there are no more.
    """
    stopping = conn.execute(_HOLD_STOPPED, {"batch": batch}).one_or_none() is not None
    before, after = (State.WAITING, State.STOPPED) if stopping else (State.STOPPED, State.WAITING)
    values = {"batch": batch, "before": before, "after": after, "end_time": now if stopping else None, "most": most}
    row = conn.execute(_MOVE, values).one()
    return row.moved, row.found < most


def _count(conn: Connection, batch: str, *states: State) -> int:
    return int(conn.execute(_COUNT_STATES, {"batch": batch, "states": list(states)}).scalar_one())


def replay(conn: Connection, sending_id: str, now: datetime) -> bool:
    """Attempt again what has failed, was dropped, or is UNKNOWN: in that case it may arrive twice. False if it is none
    of these.
    """
    return conn.execute(_REPLAY, {"id": sending_id, "now": now}).rowcount > 0


def find(conn: Connection, sending_id: str) -> Outgoing | None:
    """The sending of this id; one that has ended is forgotten after three months."""
    row = conn.execute(_FIND, {"id": sending_id}).one_or_none()
    return outgoing_in(row) if row else None


def find_all(conn: Connection, ids: Collection[str]) -> Sequence[Outgoing]:
    """Those of these sendings that there are, by id."""
    return [outgoing_in(row) for row in conn.execute(_FIND_ALL, {"ids": list(ids)})]


def attempts_of(conn: Connection, sending_id: str) -> Sequence[Attempt]:
    """Its attempts, the first one first."""
    return attempts_of_all(conn, [sending_id])


def attempts_of_all(conn: Connection, ids: Collection[str]) -> Sequence[Attempt]:
    """The attempts of these sendings, those of one together, its first one first."""
    return [attempt_in(row) for row in conn.execute(_ATTEMPTS, {"ids": list(ids)})]


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
    statement = text(
        f"SELECT {SENDING_COLUMNS} FROM sending {where} ORDER BY create_time DESC, id DESC LIMIT :most"
    ).columns(parameters=JSONB)
    return [outgoing_in(row) for row in conn.execute(statement, {**values, "most": most})]


def unresolved(conn: Connection, most: int = 1000) -> Sequence[Outgoing]:
    """The sendings that have failed or are UNKNOWN, oldest first."""
    return [outgoing_in(row) for row in conn.execute(_UNRESOLVED, {"most": most})]


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
    return [outgoing_in(row) for row in conn.execute(statement, values)]


def batch_page(
    conn: Connection, batch: str, states: Collection[State], channels: Collection[str], after: str, most: int
) -> Sequence[Outgoing]:
    """The sendings of a batch in these states and by these channels, by id, behind that one."""
    values = {"batch": batch, "states": list(states), "channels": list(channels), "after": after, "most": most}
    return [outgoing_in(row) for row in conn.execute(_BATCH_PAGE, values)]


def count_batch(conn: Connection, batch: str) -> Mapping[tuple[str, State], int]:
    """How many sendings of a batch go by each channel and are in each state; without those of which there are none."""
    return {(row.channel, State(row.state)): row.sendings for row in conn.execute(_COUNT_BATCH, {"batch": batch})}


def count_by_state(conn: Connection, batch: str) -> Mapping[State, int]:
    """How many sendings of a batch are in each state; states without any are left out."""
    return {State(row.state): row.sendings for row in conn.execute(_COUNT, {"batch": batch})}


def stopped(conn: Connection, batches: Collection[str]) -> set[str]:
    """Those of these batches of which nothing more is sent."""
    return set(conn.execute(_STOPPED, {"batches": list(batches)}).scalars())


def measure(conn: Connection, now: datetime) -> tuple[Mapping[tuple[str, str], tuple[int, float]], Mapping[State, int]]:
    """How many sendings wait in each channel and lane, and how late the one is that is due longest, in seconds; and how
    many have failed or are UNKNOWN.
    """
    waiting = {
        (row.channel, Lane(row.lane).name.lower()): (row.sendings, max(0.0, row.late_s))
        for row in conn.execute(_MEASURE, {"now": now})
    }
    return waiting, {State(row.state): row.sendings for row in conn.execute(_MEASURE_UNRESOLVED)}
