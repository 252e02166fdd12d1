"""How long it takes until 11,020 attempts of 50 answered items are scored, whose deadline passes at the same moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

import psycopg

from benchmarks import exam, machine
from benchmarks.comparing import Figure
from benchmarks.platform import Platform
from onegrid_kit.migrations import migrate
from onegrid_kit.topology import declare_consumer
from onegrid_partyedu.main import SERVICE

_DATABASE: Final = "expiry"
_REPLICAS: Final = 2
_LEAD_S: Final = 10
_BAR_S: Final = 5
_PATIENCE_S: Final = 120
_ANSWERED: Final = (
    """
    INSERT INTO attempt_save (district, attempt, slot, sequence, answer, number, time)
    SELECT district, id, slot, 1, 'ABD', 1 + slot, now() FROM quiz_attempt, generate_subscripts(sequences, 1) AS slot
    WHERE sequences[slot] = 0
    """,
    """
    UPDATE quiz_attempt SET
      sequences = array_fill(1, ARRAY[cardinality(sequences)]), version = 1 + cardinality(sequences)
    """,
    "VACUUM ANALYZE attempt_save",
)
_DUE: Final = (
    "UPDATE quiz_attempt SET due_time = date_trunc('second', now()) + make_interval(secs => %(lead)s)",
    "UPDATE climb SET due_time = (SELECT max(due_time) FROM quiz_attempt), revision = DEFAULT WHERE kind = 'attempt'",
    "VACUUM ANALYZE quiz_attempt, climb",
    "CHECKPOINT",
)
_WAIT: Final = "SELECT pg_sleep_until(max(due_time)) FROM quiz_attempt"
_OPEN: Final = "SELECT EXISTS (SELECT FROM quiz_attempt WHERE state = 1)"
_SCORED: Final = "SELECT count(*) FROM quiz_attempt WHERE state = 3 AND hundredths > 0"
_LATE: Final = "SELECT CAST(extract(epoch FROM clock_timestamp() - max(due_time)) AS float8) FROM quiz_attempt"


def measure(platform: Platform) -> Iterator[Figure]:
    """With two workers, and nobody who reads."""
    migrate(SERVICE, platform.postgres.create_database(_DATABASE))
    url = platform.postgres.url(_DATABASE)
    print(f"    storing {exam.MEMBERS:,} attempts", flush=True)
    exam.store(url)
    asyncio.run(
        declare_consumer(platform.broker.url, "partyedu", sorted({each.type for each in SERVICE.load_handlers()}))
    )
    with ExitStack() as stack, psycopg.connect(url, autocommit=True) as conn:
        for statement in _ANSWERED:
            conn.execute(statement)
        workers = [stack.enter_context(platform.carrier("partyedu", "worker", _DATABASE)) for _ in range(_REPLICAS)]
        for statement in _DUE:
            conn.execute(statement, {"lead": _LEAD_S} if "%(" in statement else None)
        conn.execute(_WAIT)
        parts = {"workers": [each.pid for each in workers], "postgres": [platform.postgres.pid]}
        before = {part: sum(map(machine.cpu_seconds, pids)) for part, pids in parts.items()}
        late = _await(conn)
        took = {part: sum(map(machine.cpu_seconds, pids)) - before[part] for part, pids in parts.items()}
        scored = conn.execute(_SCORED).fetchone()
        if scored != (exam.MEMBERS,):
            raise SystemExit(f"{scored} of {exam.MEMBERS} were scored")
        yield Figure("partyedu_expiry.late_s", round(late, 2), _BAR_S, least=False)
        for part, seconds in took.items():
            yield Figure(f"partyedu_expiry.cpu_s.{part}", round(seconds, 1))


def _await(conn: psycopg.Connection) -> float:
    """How many seconds after the deadline the last one is scored."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        (waiting,) = conn.execute(_OPEN).fetchone() or (True,)
        if not waiting:
            (late,) = conn.execute(_LATE).fetchone() or (0.0,)
            return float(late)
        time.sleep(0.05)
    raise SystemExit(f"attempts are open {_PATIENCE_S} s after their deadline")
