"""FilePetition with everything on, against a minimal server with the same SQL and pgbench with the same rows."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.comparing import Figure, Pgbench, compare, generating
from benchmarks.platform import Platform, process, wait_until_listening
from onegrid_kit.embedded.ports import free_port

_METHOD: Final = "/onegrid.petition.v1.PetitionService/FilePetition"
_SCRIPT: Final = Path(__file__).parent.parent / "file_petition.sql"


def measure(platform: Platform) -> Iterator[Figure]:
    """At 32 and 96 callers."""
    api, postgres = platform.petition, platform.postgres
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.minimal", str(port), postgres.url("petition")]
    with process(command) as minimal:
        wait_until_listening(port)
        for callers, bar in ((32, 0.7), (96, None)):
            with (
                generating(
                    api.port,
                    "repeated",
                    *(_METHOD, platform.tokens["petitioner"], platform.filing),
                    callers=callers,
                    parts={"api": api.pid, "postgres": postgres.pid},
                ) as ours,
                generating(
                    port,
                    "repeated",
                    *("/bench.Minimal/File", "", platform.filing),
                    callers=callers,
                    parts={"api": minimal.pid, "postgres": postgres.pid},
                ) as limit,
            ):
                print(f"    against the minimal server, {callers} callers", flush=True)
                found = compare("file_petition", ours, limit, platform.clear_filings)
                yield from found.figures("ratio_minimal" if callers == 32 else f"ratio_minimal_{callers}", bar)
                if callers == 32:
                    print("    against pgbench, 32 clients", flush=True)
                    pgbench = Pgbench(
                        postgres.binaries / "pgbench", postgres.url("petition"), _SCRIPT, 32, postgres.pid
                    )
                    found = compare("file_petition", ours, pgbench, platform.clear_filings)
                    yield from found.figures("ratio_pgbench")
                    used = found.cpu_us(found.baseline)["total"] / found.cpu_us(found.ours)["total"]
                    yield Figure("file_petition.cpu_ratio", round(used, 3), 0.7, note=found.invalid)
