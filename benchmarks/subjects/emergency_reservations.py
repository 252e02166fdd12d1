"""Reservations of one shelter that all want at once, against pgbench updating its one row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg

from benchmarks.comparing import Figure, Pgbench, compare, generating
from benchmarks.platform import Platform
from onegrid.emergency.v1.relief_pb2 import ReserveResourceRequest
from onegrid_demo import district

_METHOD: Final = "/onegrid.emergency.v1.EmergencyService/ReserveResource"
_SCRIPT: Final = Path(__file__).parent.parent / "hot_row.sql"
_BAR: Final = 2
_INCIDENT: Final = f"{district.CODE}-20201111-7KX3M9QF"
_SHELTER: Final = f"shelters/{district.CODE}-school"


def measure(platform: Platform) -> Iterator[Figure]:
    """At 96 callers on both sides, where the row is hot, and at 32, with which pgbench reaches most."""
    api, postgres = platform.emergency, platform.postgres
    url = postgres.url("emergency")
    _prepare(url)
    request = platform.folder / "reserve.bin"
    asked = ReserveResourceRequest(
        incident=f"incidents/{_INCIDENT}",
        resource=_SHELTER,
        quantity=1,
        request_id="00000000-0000-4000-8000-000000000000",
    )
    request.write_bytes(asked.SerializeToString())
    for callers, name, bar in ((96, "ratio", _BAR), (32, "ratio_32", None)):
        print(f"    {callers} callers", flush=True)
        pgbench = Pgbench(postgres.binaries / "pgbench", url, _SCRIPT, callers, postgres.pid)
        with generating(
            api.port,
            "repeated",
            *(_METHOD, platform.tokens["commander"], request),
            callers=callers,
            parts={"api": api.pid, "postgres": postgres.pid},
        ) as ours:
            found = compare("emergency_reservations", ours, pgbench, lambda: _clear(url))
            yield from found.figures(name, bar)


def _prepare(url: str) -> None:
    """A shelter without end, and an incident that it is reserved for."""
    with psycopg.connect(url) as conn:
        conn.execute(
            """
            INSERT INTO incident (
              district, id, sequence, kind, level, confidence, state, place, occur_time, create_time, update_time)
            VALUES (%(district)s, %(id)s, 1, 1, 0, 1, 1, %(district)s, now(), now(), now())
            """,
            {"district": district.CODE, "id": _INCIDENT},
        )
        conn.execute("INSERT INTO capacity VALUES (%s, %s, 1000000000000, 0, true)", [district.CODE, _SHELTER])


def _clear(url: str) -> None:
    """Empty what reservations fill, so that each slice begins alike. Each must have been counted."""
    with psycopg.connect(url, autocommit=True) as conn:
        row = conn.execute("SELECT (SELECT count(*) FROM reservation), (SELECT sum(reserved) FROM capacity)").fetchone()
        if row is None or row[0] > row[1]:
            raise SystemExit(f"{row} reservations and places that are reserved")
        conn.execute("TRUNCATE reservation, outbox, idempotency, audit_entry, audit_block")
        conn.execute("UPDATE capacity SET reserved = 0")
        conn.execute("VACUUM capacity")
        conn.execute("CHECKPOINT")
