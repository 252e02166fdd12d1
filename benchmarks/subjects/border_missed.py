"""How late it is noticed that a patrol has not checked in, of 10,000 that are out and miss one checkpoint each; and
whether any of these alarms is lost, or raised twice, while workers are killed.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg
from sqlalchemy import Engine

from benchmarks import patrols
from benchmarks.comparing import Figure
from benchmarks.platform import Platform
from onegrid_border.commands.entries import append_entries
from onegrid_border.main import SERVICE
from onegrid_kit.callers import ANONYMOUS, Call
from onegrid_kit.database import sync_engine
from onegrid_kit.migrations import migrate
from onegrid_kit.testing.api import TEST_CIPHER
from onegrid_kit.topology import declare_consumer

_DATABASE: Final = "missed"
_PATROLS: Final = 10_000
_MINUTES: Final = 12
"""How long they are out: they have passed the first checkpoint, and none will pass the second."""
_SPREAD_S: Final = 30
_KILLED_SPREAD_S: Final = 150
_KILLS: Final = 50
_REPLICAS: Final = 2
_LEAD_S: Final = 5
_BAR_MS: Final = 2_000
_PATIENCE_S: Final = 600
_TOGETHER: Final = 100
_RAISED: Final = "onegrid.border.v1.AlarmRaised"

# All of a patrol is moved in time, so that its second checkpoint is missed at a moment of the period.
_MOVED: Final = """
    CREATE TEMP TABLE moved ON COMMIT DROP AS
    SELECT district, id, CAST(split_part(devices[1], '/', 2) AS uuid) AS device, missed,
      missed - CAST(points -> 1 ->> 'late_time' AS timestamptz) AS by
    FROM patrol, LATERAL (
      -- It depends on the patrol, so that each has a moment of its own.
      SELECT %(begin)s + random() * make_interval(secs => %(spread)s) AS missed WHERE patrol.id <> ''
    ) AS drawn
    """
_MOVE: Final = (
    "DELETE FROM alarm",
    "DELETE FROM climb WHERE kind = 'alarm'",
    "DELETE FROM outbox",
    """
    UPDATE patrol SET start_due_time = start_due_time + by FROM moved
    WHERE patrol.district = moved.district AND patrol.id = moved.id
    """,
    """
    UPDATE field_boot SET anchor = anchor + by FROM moved
    WHERE field_boot.district = moved.district AND field_boot.device_key = moved.device
    """,
    """
    UPDATE climb SET due_time = missed + interval '1 ms', revision = DEFAULT FROM moved
    WHERE kind = 'patrol' AND subject = 'patrols/' || id
    """,
)
_FOUND: Final = """
    SELECT count(*), count(DISTINCT subject),
      coalesce(max(extract(epoch FROM outbox.created_at - alarm.since_time)), 0) * 1000
    FROM outbox JOIN alarm ON outbox.subject = 'patrols/' || alarm.patrol || '/alarms/' || alarm.id
    WHERE outbox.type = %(raised)s
    """


@dataclass(frozen=True, slots=True)
class _Found:
    """What was raised, with the outbox as the witness."""

    raised: int
    alarms: int
    late_ms: float


def measure(platform: Platform) -> Iterator[Figure]:
    """With two workers: undisturbed, with kills, and all deadlines in one moment."""
    migrate(SERVICE, platform.postgres.create_database(_DATABASE))
    url = platform.postgres.url(_DATABASE)
    print(f"    sending {_PATROLS} patrols out", flush=True)
    _send_out(sync_engine(url))
    asyncio.run(
        declare_consumer(platform.broker.url, "border", sorted({each.type for each in SERVICE.load_handlers()}))
    )
    with ExitStack() as stack, psycopg.connect(url, autocommit=True) as conn:
        # When it is stored, rather than when its transaction began.
        conn.execute("ALTER TABLE outbox ALTER created_at SET DEFAULT clock_timestamp()")
        workers = _Workers(platform, stack)
        _wait_until_judged(conn)
        _miss(conn, _SPREAD_S)
        undisturbed = _await(conn, _SPREAD_S)
        yield Figure("border_missed.found", undisturbed.alarms)
        yield Figure("border_missed.late_ms", round(undisturbed.late_ms), _BAR_MS, least=False)
        print(f"    killing a worker {_KILLS} times within {_KILLED_SPREAD_S} s", flush=True)
        workers.begin()
        _miss(conn, _KILLED_SPREAD_S)
        for moment in sorted(random.uniform(_LEAD_S, _LEAD_S + _KILLED_SPREAD_S) for _ in range(_KILLS)):
            workers.kill_at(moment)
        killed = _await(conn, 0)
        both = (undisturbed, killed)
        yield Figure("border_missed.kills", workers.kills)
        yield Figure("border_missed.lost", sum(_PATROLS - each.alarms for each in both), 0, least=False)
        yield Figure("border_missed.twice", sum(each.raised - each.alarms for each in both), 0, least=False)
        yield Figure("border_missed.killed_late_ms", round(killed.late_ms))
        _miss(conn, 0)
        yield Figure("border_missed.at_once_late_ms", round(_await(conn, 0).late_ms))


class _Workers:
    """The replicas."""

    def __init__(self, platform: Platform, stack: ExitStack) -> None:
        self._platform = platform
        self._stack = stack
        self._running = [self._start() for _ in range(_REPLICAS)]
        self._began = time.monotonic()
        self.kills = 0
        """How many were killed."""

    def begin(self) -> None:
        """Count moments from now on."""
        self._began = time.monotonic()

    def kill_at(self, moment: float) -> None:
        """Kill one of them so many seconds after the beginning, as `kill -9` does, and start it again."""
        time.sleep(max(0.0, self._began + moment - time.monotonic()))
        which = random.randrange(_REPLICAS)
        self._running[which].kill()
        self._running[which].wait()
        self._running[which] = self._start()
        self.kills += 1

    def _start(self) -> subprocess.Popen[bytes]:
        return self._stack.enter_context(self._platform.carrier("border", "worker", _DATABASE))


def _send_out(engine: Engine) -> None:
    """Store what their telephones have recorded, as the api does."""
    start = datetime.now(UTC) - timedelta(minutes=_MINUTES)
    outings = patrols.store(engine, _PATROLS, start)
    for first in range(0, _PATROLS, _TOGETHER):
        with engine.begin() as conn:
            for outing in outings[first : first + _TOGETHER]:
                device, now = patrols.recorded(outing, _MINUTES), datetime.now(UTC)
                call = Call(caller=ANONYMOUS, now=now, method="bench")
                append_entries(conn, device.batch(now), TEST_CIPHER, call)


def _wait_until_judged(conn: psycopg.Connection) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        row = conn.execute("SELECT count(*) FROM patrol WHERE entries < %s", [_MINUTES]).fetchone()
        if row == (0,):
            conn.execute("VACUUM ANALYZE")
            return
        time.sleep(0.5)
    raise SystemExit(f"{row} patrols are not judged after {_PATIENCE_S} s")


def _miss(conn: psycopg.Connection, spread_s: float) -> None:
    """Have all of them miss their second checkpoint within so many seconds, from soon on; as if it had not been."""
    begin = datetime.now(UTC) + timedelta(seconds=_LEAD_S)
    with conn.transaction():
        conn.execute(_MOVED, {"begin": begin, "spread": spread_s})
        for statement in _MOVE:
            conn.execute(statement)


def _await(conn: psycopg.Connection, seconds: float) -> _Found:
    """What is found so long after they begin to miss it; and until nothing is missing, or patience ends."""
    time.sleep(seconds)
    deadline = time.monotonic() + _PATIENCE_S
    while _found(conn).alarms < _PATROLS and time.monotonic() < deadline:
        time.sleep(0.5)
    # What is raised twice, may be so after the last one.
    time.sleep(2)
    return _found(conn)


def _found(conn: psycopg.Connection) -> _Found:
    row: Sequence[float] = conn.execute(_FOUND, {"raised": _RAISED}).fetchone() or (0, 0, 0)
    return _Found(int(row[0]), int(row[1]), float(row[2]))
