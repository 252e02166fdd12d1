"""How many entries of the field log a second are stored and judged, sent by many telephones in batches of 200, against
pgbench inserting the same rows, each in a transaction of its own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import psycopg

from benchmarks import machine, patrols
from benchmarks.comparing import Figure, Generated, Pgbench, Slice, compare, generating
from benchmarks.platform import Platform
from onegrid_border.main import SERVICE
from onegrid_kit.database import sync_engine
from onegrid_kit.migrations import migrate
from onegrid_kit.topology import declare_consumer

_METHOD: Final = "/onegrid.border.v1.BorderService/AppendEntries"
_DATABASE: Final = "check_ins"
_OUTINGS: Final = 400
"""More than a slice uses."""
_CALLERS: Final = 16
_CLIENTS: Final = (4, 8, 16, 32, 64)
"""pgbench has as many as it reaches most with."""
_BAR: Final = 0.8
_PATIENCE_S: Final = 60
# A device's counters are its own, and a patrol has many entries.
_INSERT: Final = """
\\set n random(1, 9000000000000000000)
\\set patrol :n % {outings}
INSERT INTO field_entry (district, device_key, counter, entry_id, hash, subject, receive_time, body)
VALUES ('210602', CAST(lpad(CAST(:client_id AS text), 32, '0') AS uuid), :n, gen_random_uuid(), sha256(int8send(:n)),
  '{prefix}' || lpad(CAST(:patrol AS text), 20, '0'), now(), decode('{body}', 'hex'));
"""
_CLEAR: Final = (
    "TRUNCATE field_entry, field_conflict, field_sending, field_boot, field_log",
    "TRUNCATE outbox, idempotency, audit_entry, audit_block",
    "DELETE FROM climb",
    "DELETE FROM alarm",
    "DELETE FROM patrol",
    "INSERT INTO patrol SELECT * FROM bench_patrol",
    "VACUUM climb, alarm, patrol",
    "CHECKPOINT",
)


class _Platform:
    """Border's api, and its worker, which judges what the api stores."""

    def __init__(self, load: Generated, url: str, parts: Mapping[str, int]) -> None:
        self._load = load
        self._url = url
        self._parts = parts

    def slice(self, seconds: float) -> Slice:
        """Send batches so long; it is over when all that was stored is judged."""
        used = {part: machine.cpu_seconds(pid) for part, pid in self._parts.items()}
        began = time.perf_counter()
        sent = self._load.slice(seconds)
        _wait_until_judged(self._url)
        took = time.perf_counter() - began
        cpu = {part: machine.cpu_seconds(pid) - used[part] for part, pid in self._parts.items()}
        return Slice(sent.calls * patrols.ENTRIES, took, {**cpu, **sent.cpu_s})


def measure(platform: Platform) -> Iterator[Figure]:
    """Each batch holds all that a telephone has recorded on a patrol; the baseline knows of no patrol."""
    postgres = platform.postgres
    migrate(SERVICE, postgres.create_database(_DATABASE))
    url = postgres.url(_DATABASE)
    outings = patrols.store(sync_engine(url), _OUTINGS, datetime.now(UTC) - timedelta(hours=4))
    with psycopg.connect(url) as conn:
        conn.execute("CREATE TABLE bench_patrol AS TABLE patrol")
    file, script = platform.folder / "outings.json", platform.folder / "check_in.sql"
    patrols.keep(outings, file)
    _write_insert(script, outings[0])
    asyncio.run(
        declare_consumer(platform.broker.url, "border", sorted({each.type for each in SERVICE.load_handlers()}))
    )
    api = platform.start_api("border", _DATABASE)
    with (
        platform.carrier("border", "worker", _DATABASE) as worker,
        generating(
            api.port, "check_ins", *(_METHOD, platform.tokens["gateway"], file), callers=_CALLERS, parts={}
        ) as load,
    ):
        ours = _Platform(load, url, {"api": api.pid, "worker": worker.pid, "postgres": postgres.pid})
        pgbench = _best(platform, url, script)
        yield from compare("border_checkins", ours, pgbench, lambda: _clear(url)).figures("ratio", _BAR)


def _best(platform: Platform, url: str, script: Path) -> Pgbench:
    """The one with which it reaches most."""
    found: dict[int, tuple[float, Pgbench]] = {}
    for clients in _CLIENTS:
        one = Pgbench(
            platform.postgres.binaries / "pgbench", url, script, clients, platform.postgres.pid
        )  # fmt: skip
        found[clients] = one.slice(2).per_second, one
        _clear(url)
    clients = max(found, key=lambda each: found[each][0])
    print(f"    pgbench has {clients} clients: {found[clients][0]:,.0f}/s", flush=True)
    return found[clients][1]


def _write_insert(path: Path, outing: patrols.Outing) -> None:
    prefix = outing.patrol[:-20]
    body = patrols.recorded(outing, 2).entries[1].hex()
    path.write_text(_INSERT.format(prefix=prefix, outings=_OUTINGS, body=body))


def _wait_until_judged(url: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    with psycopg.connect(url, autocommit=True) as conn:
        while time.monotonic() < deadline:
            # One that is judged has finished, and is looked at no more.
            row = conn.execute("SELECT count(*) FROM climb").fetchone()
            if row == (0,):
                return
            time.sleep(0.01)
    raise SystemExit(f"{row} patrols are not judged after {_PATIENCE_S} s")


def _clear(url: str) -> None:
    """Have nothing recorded of any patrol, so that each slice begins alike."""
    with psycopg.connect(url, autocommit=True) as conn:
        row = conn.execute("SELECT count(*) FROM patrol WHERE entries NOT IN (0, %s)", [patrols.ENTRIES]).fetchone()
        if row != (0,):
            raise SystemExit(f"{row} patrols lack some of their entries")
        for statement in _CLEAR:
            conn.execute(statement)
