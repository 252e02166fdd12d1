"""The last minutes of an exam of 11,020 members: two answers saved for each attempt handed in, against pgbench with the
same rows; and latencies at 400 saves and 200 submissions a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks import exam
from benchmarks.comparing import Figure, Pgbench, compare, generating, percentile
from benchmarks.platform import Platform

_FOLDER: Final = Path(__file__).parent.parent
_SCRIPTS: Final = {_FOLDER / "save_answer.sql": 2, _FOLDER / "submit_attempt.sql": 1}
_CALLERS: Final = 32
_ROUND_S: Final = 2
_BAR: Final = 0.5
_PER_SECOND: Final = 600
_PACED_CALLERS: Final = 200
_PACED_S: Final = 30
_MOST_P99_MS: Final = 200


def measure(platform: Platform) -> Iterator[Figure]:
    """At 32 callers on both sides; then at the rate of the exam, each call from when it was due."""
    api, postgres = platform.partyedu, platform.postgres
    url = postgres.url("partyedu")
    tokens = platform.folder / "members.txt"
    tokens.write_text("\n".join(platform.residents_tokens(exam.MEMBERS)))
    parts = {"api": api.pid, "postgres": postgres.pid}
    pgbench = Pgbench(postgres.binaries / "pgbench", url, _SCRIPTS, _CALLERS, postgres.pid)
    with generating(api.port, "exam", tokens, callers=_CALLERS, parts=parts) as ours:
        # By the end of an exam the service has heard of everyone.
        heard_of = 0
        while heard_of < exam.MEMBERS * exam.CALLS:
            heard_of += ours.slice(_ROUND_S).calls
            exam.reopen(url)
        found = compare("partyedu_exam", ours, pgbench, lambda: exam.reopen(url))
        yield from found.figures("ratio", _BAR)
    print(f"    {_PER_SECOND} calls a second", flush=True)
    with generating(api.port, "exam", tokens, callers=_PACED_CALLERS, parts=parts, per_second=_PER_SECOND) as paced:
        done = paced.slice(_PACED_S)
    every = [each for latencies in done.latencies_ms.values() for each in latencies]
    yield Figure("partyedu_exam.p99_ms", round(percentile(every, 0.99), 1), _MOST_P99_MS, least=False)
    for method, latencies in sorted(done.latencies_ms.items()):
        yield Figure(f"partyedu_exam.p99_ms.{method}", round(percentile(latencies, 0.99), 1))
