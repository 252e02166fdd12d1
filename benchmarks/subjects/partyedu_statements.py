"""A learning record store with 1,000,000 statements: batches of 100 that are sent over HTTP, against pgbench with the
same rows; and pages of 100 by every combination of filters.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from itertools import product
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from benchmarks import statements as stored
from benchmarks.comparing import Figure, Pgbench, compare, generating, percentile
from benchmarks.platform import Platform

_SCRIPT: Final = Path(__file__).parent.parent / "store_statements.sql"
_PATH: Final = "/xapi/statements"
_CALLERS: Final = 8
_BAR: Final = 0.4
_SCREENED, _CALLS, _SLOWEST = 3, 200, 10
_MOST_MS: Final = 50

_VERBS: Final = [*stored.VERBS]
FILTERS: Final[Mapping[str, Mapping[str, Mapping[str, str]]]] = {
    "agent": {
        "any": {},
        "one": {"agent": json.dumps(stored.agent(17))},
        "sender": {"agent": json.dumps(stored.SENDER), "related_agents": "true"},
        "none": {"agent": json.dumps(stored.agent(stored.AGENTS))},
    },
    "activity": {
        "any": {},
        "common": {"activity": stored.ACTIVITIES[0]},
        "rare": {"activity": stored.ACTIVITIES[-2]},
        "course": {"activity": stored.COURSES[0], "related_activities": "true"},
        "none": {"activity": "https://lms.example.cn/lessons/none"},
    },
    "verb": {
        "any": {},
        "common": {"verb": _VERBS[0]},
        "rare": {"verb": _VERBS[-1]},
        "none": {"verb": "http://adlnet.gov/expapi/verbs/none"},
    },
    "time": {
        "any": {},
        "since": {"since": (datetime.now(UTC) - timedelta(days=300)).isoformat()},
        "until": {"until": (datetime.now(UTC) - timedelta(days=300)).isoformat()},
    },
    "order": {"any": {}, "ascending": {"ascending": "true"}},
}
"""For each parameter of a list some values, by what is special about them."""


class _Reader:
    """Asks over one connection."""

    def __init__(self, url: str, token: str) -> None:
        self._connection = HTTPConnection(urlsplit(url).netloc, timeout=30)
        self._headers = {**stored.HEADERS, "Authorization": f"Bearer {token}"}

    def ask(self, path: str) -> tuple[float, Any]:
        """How many milliseconds it took, and the answer."""
        began = time.perf_counter()
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        took = (time.perf_counter() - began) * 1000
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {body!r}")
        return took, body


def measure(platform: Platform) -> Iterator[Figure]:
    """Pages before the batches, so that it is 1,000,000 that they are read from."""
    api, postgres = platform.statements, platform.postgres
    yield from _pages(_Reader(api.http_url, platform.tokens["gateway"]))
    file = platform.folder / "statements.json"
    stored.keep(file)
    pgbench = Pgbench(postgres.binaries / "pgbench", postgres.url("statements"), _SCRIPT, _CALLERS, postgres.pid)
    given = (f"{api.http_url}{_PATH}", platform.tokens["gateway"], file)
    parts = {"api": api.pid, "postgres": postgres.pid}
    with generating(api.port, "statements", *given, callers=_CALLERS, parts=parts) as ours:
        found = compare("partyedu_statements", ours, pgbench)
    yield from found.figures("ratio", _BAR)
    used = found.cpu_us(found.baseline)["total"] / found.cpu_us(found.ours)["total"]
    yield Figure("partyedu_statements.cpu_ratio", round(used, 3))
    per_second = sum(each.per_second for each in found.ours) / len(found.ours)
    yield Figure("partyedu_statements.per_second", round(per_second * stored.BATCH))


def combinations() -> Iterator[tuple[str, str]]:
    """Every combination of filters: its name and its path."""
    for chosen in product(*(values.items() for values in FILTERS.values())):
        query = {name: value for _, given in chosen for name, value in given.items()}
        named = [f"{name}={kind}" for name, (kind, _) in zip(FILTERS, chosen, strict=True) if kind != "any"]
        yield " ".join(named) or "newest", f"{_PATH}?{urlencode(query)}"


def _pages(reader: _Reader) -> Iterator[Figure]:
    """The slowest one's 99th percentile, one call at a time."""
    paths = dict(combinations())
    more = {}
    print(f"    {len(paths)} combinations of filters", flush=True)
    screened = {}
    for name, path in paths.items():
        took = [reader.ask(path) for _ in range(_SCREENED)]
        screened[name] = sorted(ms for ms, _ in took)[_SCREENED // 2]
        if next_ := json.loads(took[0][1])["more"]:
            more[f"{name}, more"] = next_
    for name, path in more.items():
        screened[name] = sorted(reader.ask(path)[0] for _ in range(_SCREENED))[_SCREENED // 2]
    slowest = sorted(screened, key=screened.__getitem__, reverse=True)[:_SLOWEST]
    found = {name: percentile([reader.ask((paths | more)[name])[0] for _ in range(_CALLS)], 0.99) for name in slowest}
    for name, p99 in found.items():
        print(f"    {name}: p99 {p99:.1f} ms", flush=True)
    worst = max(found, key=found.__getitem__)
    yield Figure("partyedu_statements.p99_ms", round(found[worst], 1), _MOST_MS, least=False, note=worst)
