"""How late silence is found among 50,000 devices that are to send something each minute, of which a tenth sends nothing
any more; and how long it takes when all of them fall silent in the same moment.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

import psycopg

from benchmarks import readings
from benchmarks.comparing import Figure
from benchmarks.platform import Platform
from onegrid_emergency.main import SERVICE
from onegrid_kit.migrations import migrate

_DEVICES: Final = 50_000
_INTERVAL_S: Final = 20
"""They are silent after a minute; each minute the due times of all of them come round."""
_SILENT_AFTER_S: Final = 3 * _INTERVAL_S
_MEASURED_S: Final = 30
_BAR_MS: Final = 1_000
_PATIENCE_S: Final = 60
_EVENT: Final = "onegrid.emergency.v1.DeviceConditionChanged"

# Of ten devices, nine have sent something since their due time was set: they are looked at, and left for later.
_SPREAD: Final = """
    UPDATE device_state SET version = version + 1, silent = false,
      due_time = now() + random() * make_interval(secs => %(measured)s),
      receive_time = now()
    """
_SILENT_TENTH: Final = """
    UPDATE device_state SET receive_time = due_time - silent_after WHERE random() < 0.1
    """
_ALL_AT_ONCE: Final = """
    UPDATE device_state SET version = version + 1, silent = false, receive_time = now() - silent_after + interval '3 s',
      due_time = now() + interval '3 s'
    """
_LATE: Final = """
    SELECT coalesce(max(extract(epoch FROM found.time - (state.receive_time + state.silent_after))), 0) * 1000 AS late,
      count(*) AS count
    FROM outbox AS found JOIN device_state AS state ON found.subject = 'devices/' || state.device
    WHERE found.type = %(type)s
    """


def measure(platform: Platform) -> Iterator[Figure]:
    """With the outbox as the witness: each silence is announced with the time at which it was found."""
    migrate(SERVICE, platform.postgres.create_database("silence"))
    url = platform.postgres.url("silence")
    readings.store(url, "users/nobody", _DEVICES, f"{_INTERVAL_S} s")
    platform.start_api("emergency", "silence")
    with psycopg.connect(url, autocommit=True) as conn:
        ready = _SILENT_AFTER_S + 5
        print(f"    waiting for {ready} s: silence counts from readiness", flush=True)
        conn.execute("UPDATE device_state SET due_time = now() + interval '1 hour'")
        time.sleep(ready)
        conn.execute("TRUNCATE outbox")
        conn.execute(_SPREAD, {"measured": _MEASURED_S})
        conn.execute(_SILENT_TENTH)
        time.sleep(_MEASURED_S + 2)
        late, count = _found(conn)
        if not count > _DEVICES / 20:
            raise SystemExit(f"only {count} devices were found silent")
        yield Figure("emergency_silence.found", count)
        yield Figure("emergency_silence.late_ms", round(late), _BAR_MS, least=False)
        conn.execute("TRUNCATE outbox")
        conn.execute("VACUUM device_state")
        conn.execute(_ALL_AT_ONCE)
        deadline = time.monotonic() + _PATIENCE_S
        while (found := _found(conn))[1] < _DEVICES and time.monotonic() < deadline:
            time.sleep(0.5)
        yield Figure("emergency_silence.at_once_late_ms", round(found[0]))


def _found(conn: psycopg.Connection) -> tuple[float, int]:
    row = conn.execute(_LATE, {"type": _EVENT}).fetchone()
    return (float(row[0]), int(row[1])) if row else (0.0, 0)
