"""What is taken up because it is due: an attempt begins, or it is deferred or set aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from uuid import uuid4

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import JSONB

from onegrid_kit.sending.model import Attempt, Conclusion, Lane, Outgoing, State
from onegrid_kit.sending.store.rows import ATTEMPT_COLUMNS, SENDING_COLUMNS, attempt_in, outgoing_in

__all__ = ["Claim", "begin", "claim", "defer", "drop", "set_aside"]

_CLAIM = text(
    f"""
    SELECT {SENDING_COLUMNS},
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
_HOLD_STOPPED = text(
    "SELECT batch FROM stopped_batch WHERE batch = ANY(CAST(:batches AS text[])) ORDER BY batch FOR SHARE"
)
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
    RETURNING {ATTEMPT_COLUMNS}
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


@dataclass(frozen=True, slots=True)
class Claim:
    """So many sendings of a channel and lane are wanted."""

    channel: str
    lane: Lane
    most: int


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
    rows = conn.execute(_CLAIM, values).all()
    # Held until these are STOPPED: who resumes the batch meanwhile would not find them, and they would stay so.
    held = {row.batch for row in rows if row.stopped}
    held = set(conn.execute(_HOLD_STOPPED, {"batches": list(held)}).scalars()) if held else held
    for row in rows:
        outgoing = outgoing_in(row)
        if outgoing.batch in held:
            ended.append((outgoing, State.STOPPED, ""))
        elif outgoing.expire_time is not None and outgoing.expire_time <= now:
            # What it waited for last says why.
            ended.append((outgoing, State.EXPIRED, outgoing.last_code))
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
    return {row.sending: attempt_in(row) for row in conn.execute(_BEGIN, values)}
