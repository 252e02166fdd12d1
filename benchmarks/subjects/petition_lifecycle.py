"""Whole lifecycles of seven calls each: the cost of a desk's step beside a filing's, and with much stored."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.comparing import Figure, compare, generating, percentile
from benchmarks.platform import Platform

_CALLERS = 32
_PACED_S = 20
_MOST_P99_MS = 60


def measure(platform: Platform) -> Iterator[Figure]:
    """Steps to filings; 100,000 stored petitions to none; latencies at half of capacity."""
    api, postgres = platform.petition, platform.postgres.pid
    parts = {"api": api.pid, "postgres": postgres}
    filing = ("/onegrid.petition.v1.PetitionService/FilePetition", platform.tokens["petitioner"], platform.filing)
    with generating(api.port, "lifecycles", platform.lifecycle, callers=_CALLERS, parts=parts) as steps:
        with generating(api.port, "repeated", *filing, callers=_CALLERS, parts=parts) as filings:
            print("    steps against filings", flush=True)
            found = compare("petition_lifecycle", steps, filings)
        yield from found.figures("steps_to_filings", 0.5)
        full = platform.full_petition
        parts = {"api": full.pid, "postgres": postgres}
        with generating(full.port, "lifecycles", platform.lifecycle, callers=_CALLERS, parts=parts) as stored:
            print("    with 100,000 stored, against none", flush=True)
            found = compare("petition_lifecycle", stored, steps)
        yield from found.figures("at_100000", 0.95)
    half = sum(each.per_second for each in found.baseline) / len(found.baseline) / 2
    print(f"    at half of capacity, {half:,.0f} steps/s", flush=True)
    with generating(
        api.port, "lifecycles", platform.lifecycle, callers=_CALLERS, parts={"api": api.pid}, per_second=half
    ) as paced:
        paced.slice(2)
        for method, latencies in sorted(paced.slice(_PACED_S).latencies_ms.items()):
            key = f"petition_lifecycle.p99_ms.{method}"
            yield Figure(key, percentile(latencies, 0.99), _MOST_P99_MS, least=False)
