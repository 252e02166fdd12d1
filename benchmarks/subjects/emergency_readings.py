"""How many readings a second become decisions on one stream, against a bare stream that stores the same batches; and
how long an alarm takes, at half of that rate, from its reading to its incident.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Final

import psycopg

from benchmarks import bare_readings, readings
from benchmarks.comparing import Figure, compare, generating, percentile
from benchmarks.platform import Platform, process, wait_until_listening
from onegrid_kit.embedded.ports import free_port

_METHOD: Final = "/onegrid.emergency.v1.EmergencyService/IngestReadings"
_UNDERWAY: Final = 8
"""Batches that the sender does not wait for."""
_PACED_S: Final = 30
_BAR: Final = 0.5
_MOST_P99_MS: Final = 300


def measure(platform: Platform) -> Iterator[Figure]:
    """Batches of 500 readings, each of another device; an alarm in each tenth while latencies are measured."""
    api, postgres = platform.sensors, platform.postgres.pid
    url = platform.postgres.url("sensors")
    port = free_port()
    with process([sys.executable, "-m", "benchmarks.bare_readings", str(port), url]) as bare:
        wait_until_listening(port)
        parts = {"api": bare.pid, "postgres": postgres}
        with generating(port, "readings", bare_readings.METHOD, "", callers=_UNDERWAY, parts=parts) as baseline:
            given = (_METHOD, platform.tokens["gateway"])
            parts = {"api": api.pid, "postgres": postgres}
            with generating(api.port, "readings", *given, callers=_UNDERWAY, parts=parts) as ours:
                found = compare("emergency_readings", ours, baseline)
    yield from found.figures("ratio", _BAR)
    ours_per_second = sum(each.per_second for each in found.ours) / len(found.ours)
    yield Figure("emergency_readings.per_second", round(ours_per_second * readings.BATCH))
    with psycopg.connect(url, autocommit=True) as conn:
        # Another sender counts from the beginning.
        conn.execute("UPDATE device_state SET version = version + 1, time_ms = 0, sequence = 0, value_since_ms = 0")
        conn.execute("VACUUM device_state")
    half = ours_per_second / 2
    print(f"    alarms at half of that rate, {half * readings.BATCH:,.0f} readings/s", flush=True)
    with generating(
        api.port, "readings", *given, "alarms", callers=_UNDERWAY, parts={"api": api.pid}, per_second=half
    ) as paced:
        paced.slice(2)
        latencies = paced.slice(_PACED_S).latencies_ms["alarm"]
    with psycopg.connect(url) as conn:
        row = conn.execute("SELECT count(*) FROM alarm JOIN report ON report.id = alarm.report").fetchone()
    if row is None or row[0] < len(latencies):
        raise SystemExit(f"{row} alarms have been reported, of {len(latencies)}")
    yield Figure("emergency_readings.alarms", len(latencies))
    yield Figure("emergency_readings.p50_ms", round(percentile(latencies, 0.5), 1))
    yield Figure("emergency_readings.p99_ms", round(percentile(latencies, 0.99), 1), _MOST_P99_MS, least=False)
