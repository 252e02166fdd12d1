"""Compares two sides in one run: short slices in turn, ABBA, so that a machine that slows down does so for both."""

from __future__ import annotations

import json
import math
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from benchmarks import machine

__all__ = ["Comparison", "Figure", "Generated", "Pgbench", "Side", "Slice", "compare", "generating", "percentile"]

PAIRS: Final = int(os.environ.get("PAIRS", "20"))
SLICE_S: Final = float(os.environ.get("SLICE_S", "1"))
WARM_UP_S: Final = 2.0
MOST_STEAL: Final = 0.02
MOST_SPREAD: Final = 0.10
"""Of the baseline's slices: half the distance between their quartiles, to their median."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report."""

    key: str
    """`file_petition.ratio_minimal`: the subject and what is measured of it."""
    value: float
    bar: float | None = None
    """What it must reach; None where it only informs."""
    least: bool = True
    """Whether the bar is the least value that is good, or the largest."""
    note: str = ""

    @property
    def good(self) -> bool:
        """Whether it reaches its bar."""
        return self.bar is None or (self.value >= self.bar if self.least else self.value <= self.bar)


@dataclass(frozen=True, slots=True)
class Slice:
    """What one side did in one slice."""

    calls: int
    seconds: float
    cpu_s: Mapping[str, float]
    """What each of its parts used of the processors."""
    latencies_ms: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        """Calls a second."""
        return self.calls / self.seconds


class Side(Protocol):
    """One of two."""

    def slice(self, seconds: float) -> Slice:
        """Work so long."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both sides, slice by slice."""

    subject: str
    ours: Sequence[Slice]
    baseline: Sequence[Slice]
    steal: float
    """The share of the processors that others took."""
    idle: float

    @property
    def ratios(self) -> list[float]:
        """Of each pair."""
        return [ours.per_second / base.per_second for ours, base in zip(self.ours, self.baseline, strict=True)]

    @property
    def ratio(self) -> float:
        """The median of the pairs' ratios."""
        return statistics.median(self.ratios)

    @property
    def quartiles(self) -> tuple[float, float]:
        """Of the pairs' ratios."""
        low, _, high = statistics.quantiles(self.ratios, n=4)
        return low, high

    @property
    def spread(self) -> float:
        """How far the baseline's slices lie apart; see MOST_SPREAD."""
        low, middle, high = statistics.quantiles([each.per_second for each in self.baseline], n=4)
        return (high - low) / 2 / middle

    @property
    def invalid(self) -> str:
        """Why the figures do not count; empty if they do."""
        reasons = []
        if stolen := stolen_too_much(self.steal):
            reasons.append(stolen)
        if self.spread > MOST_SPREAD:
            reasons.append(f"the baseline's slices lie {self.spread:.1%} apart, more than {MOST_SPREAD:.0%}")
        return "; ".join(reasons)

    def cpu_us(self, slices: Sequence[Slice]) -> dict[str, float]:
        """Microseconds of processor time a call, by part, and in total."""
        calls = sum(each.calls for each in slices)
        parts = {part: sum(each.cpu_s[part] for each in slices) / calls * 1e6 for part in slices[0].cpu_s}
        return {**parts, "total": sum(parts.values())}

    def figures(self, name: str, bar: float | None = None) -> Iterator[Figure]:
        """The ratio, its quartiles, and what makes it understandable."""
        low, high = self.quartiles
        key = f"{self.subject}.{name}"
        yield Figure(key, round(self.ratio, 3), bar, note=self.invalid)
        yield Figure(f"{key}.q1", round(low, 3))
        yield Figure(f"{key}.q3", round(high, 3))
        for side, slices in (("ours", self.ours), ("baseline", self.baseline)):
            yield Figure(f"{key}.{side}.per_second", round(statistics.median(each.per_second for each in slices)))
            for part, used in self.cpu_us(slices).items():
                yield Figure(f"{key}.{side}.cpu_us.{part}", round(used))
        yield Figure(f"{key}.spread", round(self.spread, 3))
        yield Figure(f"{key}.steal", round(self.steal, 3))
        yield Figure(f"{key}.idle", round(self.idle, 3))


def compare(subject: str, ours: Side, baseline: Side, between: Callable[[], None] = lambda: None) -> Comparison:
    """Let both work in turn, in pairs that begin with the one and the other."""
    for side in (ours, baseline):
        side.slice(WARM_UP_S)
        between()
    done: dict[str, list[Slice]] = {"ours": [], "baseline": []}
    passed = machine.Times(0, 0, 0)
    for pair in range(PAIRS):
        order = [("ours", ours), ("baseline", baseline)]
        for name, side in order if pair % 2 == 0 else reversed(order):
            before = machine.times()
            done[name].append(side.slice(SLICE_S))
            passed += machine.times() - before
            between()
        print(f"\r    pair {pair + 1} of {PAIRS}: {done['ours'][-1].per_second:,.0f}/s", end="", flush=True)
    print(f" of {done['baseline'][-1].per_second:,.0f}/s", flush=True)
    return Comparison(subject, done["ours"], done["baseline"], passed.share(passed.steal), passed.share(passed.idle))


class Generated:
    """Load from a generator on a server; see `benchmarks/load.py`."""

    def __init__(
        self, process: subprocess.Popen[str], callers: int, per_second: float, parts: Mapping[str, int]
    ) -> None:
        self._process = process
        self._callers = callers
        self._rate = per_second
        self._parts = parts

    def slice(self, seconds: float) -> Slice:
        """Work so long. SystemExit: a call failed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        before = {part: machine.cpu_seconds(pid) for part, pid in self._parts.items()}
        self._process.stdin.write(f"{seconds} {self._callers} {self._rate}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the load generator ended; see above")
        done = json.loads(line)
        if done["errors"]:
            raise SystemExit(f"calls failed: {done['errors']}")
        used = {part: machine.cpu_seconds(pid) - before[part] for part, pid in self._parts.items()}
        return Slice(done["calls"], done["seconds"], {**used, "client": done["client_cpu_s"]}, done["latencies_ms"])


@contextmanager
def generating(
    port: int, workload: str, *arguments: str | Path, callers: int, parts: Mapping[str, int], per_second: float = 0
) -> Iterator[Generated]:
    """A load generator on this port; `parts` are the processes whose processor time counts, by name."""
    command = [sys.executable, "-m", "benchmarks.load", f"127.0.0.1:{port}", workload, *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Generated(process, callers, per_second, parts)


class Pgbench:
    """PostgreSQL's own load generator with prepared statements: what the database does with nothing in front of it."""

    def __init__(self, program: Path, url: str, script: Path | Mapping[Path, int], callers: int, postgres: int) -> None:
        """`script` runs again and again; of several each as often as its weight says."""
        weights = {script: 1} if isinstance(script, Path) else script
        scripts = [part for path, weight in weights.items() for part in ("-f", f"{path}@{weight}")]
        self._command = [str(program), "-n", "-M", "prepared", "-c", str(callers), "-j", "2", *scripts]
        self._url = url
        self._postgres = postgres

    def slice(self, seconds: float) -> Slice:
        """Work so long."""
        before, own = machine.cpu_seconds(self._postgres), _children_seconds()
        command = [*self._command, "-T", str(max(1, round(seconds))), self._url]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        calls = re.search(r"actually processed: (\d+)", done.stdout)
        rate = re.search(r"tps = ([0-9.]+)", done.stdout)
        if calls is None or rate is None:
            raise SystemExit(done.stdout)
        used = {"postgres": machine.cpu_seconds(self._postgres) - before, "client": _children_seconds() - own}
        return Slice(int(calls[1]), int(calls[1]) / float(rate[1]), used)


def stolen_too_much(steal: float) -> str:
    """Why figures do not count while other machines took this share of the processors; empty if they do."""
    return f"others took {steal:.1%} of the processors, more than {MOST_STEAL:.0%}" if steal > MOST_STEAL else ""


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


def _children_seconds() -> float:
    times = os.times()
    return times.children_user + times.children_system
