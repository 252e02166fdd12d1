"""What became of the calls, by phase and method, and whether that meets the objectives."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from onegrid_checks.checklist import Checklist
from onegrid_checks.load.profile import METHODS, Objectives, Phase, Profile

__all__ = ["Outcomes", "percentile"]

LATE_S: Final = 0.25
"""An arrival that the generator made so long after it was due was not made in time."""
_ENOUGH: Final = 100
"""Of fewer calls, the slowest alone would be the 99th percentile: it is not judged."""
_ENOUGH_FOR_HALF: Final = 10
"""Half of fewer calls may be slow by chance, the first ones of a connection: they are held to the limit of the p99."""


@dataclass
class _Tally:
    latencies: list[float] = field(default_factory=list)
    """Seconds, from when the call was due: what a caller would have waited."""
    errors: Counter[str] = field(default_factory=Counter)


@dataclass
class _Arrived:
    due: int = 0
    late: int = 0
    dropped: int = 0
    worst_s: float = 0.0

    @property
    def made(self) -> float:
        return 1 - (self.late + self.dropped) / self.due if self.due else 0.0


class Outcomes:
    """Everything that is measured."""

    def __init__(self) -> None:
        self._tallies: defaultdict[tuple[str, str], _Tally] = defaultdict(_Tally)
        self._arrived: defaultdict[str, _Arrived] = defaultdict(_Arrived)

    def arrived(self, phase: str, late_s: float, *, made: bool = True) -> None:
        """A call was due; so late it was made, or not at all."""
        arrived = self._arrived[phase]
        arrived.due += 1
        arrived.late += made and late_s > LATE_S
        arrived.dropped += not made
        arrived.worst_s = max(arrived.worst_s, late_s)

    def answered(self, phase: str, method: str, seconds: float) -> None:
        """A call was answered, so long after it was due."""
        self._tallies[phase, method].latencies.append(seconds)

    def failed(self, phase: str, method: str, error: str) -> None:
        """A call failed for good."""
        self._tallies[phase, method].errors[error] += 1

    def table(self, profile: Profile) -> str:
        """A line per phase and method."""
        lines = [f"{'phase':9} {'method':18} {'calls':>7} {'errors':>6} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8}"]
        for phase in profile.phases:
            for method, tally in self._of_phase(phase.name):
                shown = [f"{1000 * percentile(tally.latencies, q):8.1f}" for q in (0.5, 0.99, 1.0)]
                calls, errors = len(tally.latencies), tally.errors.total()
                lines.append(f"{phase.name:9} {method:18} {calls:7} {errors:6} {' '.join(shown)}")
            arrived = self._arrived[phase.name]
            lines.append(
                f"{phase.name:9} {arrived.due / phase.seconds:.1f} calls/s due, {arrived.made:.1%} made in time, "
                f"the latest {1000 * arrived.worst_s:.0f} ms late"
            )
        return "\n".join(lines)

    def judge(self, profile: Profile, checklist: Checklist) -> None:
        """Hold them to the profile's objectives."""
        objectives = profile.objectives
        errors: Counter[str] = Counter()
        for (where, method), tally in self._tallies.items():
            errors.update({f"{where} {method}: {error}": count for error, count in tally.errors.items()})
        checklist.expect(
            f"at most {objectives.errors} calls fail",
            errors.total() <= objectives.errors,
            actual=f"{errors.total()}: " + "; ".join(f"{count} × {error}" for error, count in errors.most_common(5)),
            look="the api's log by these errors' trace ids; docs/clients.md describes which calls are retried",
        )
        for phase in profile.phases:
            arrived = self._arrived[phase.name]
            checklist.expect(
                f"{phase.name}: {objectives.made:.0%} of the arrivals are made when they are due",
                arrived.made >= objectives.made,
                actual=f"{arrived.made:.2%} of {arrived.due}: {arrived.late} more than {LATE_S:.2f} s late, "
                f"{arrived.dropped} not at all",
                look="the load generator lacks processor time: the other measurements mean little",
                of_speed=True,
            )
            slow = list(self._too_slow(phase, objectives))
            checklist.expect(
                f"{phase.name}: p50 and p99 of every method are within their objectives"
                + (f", times {phase.slack:g}" if phase.slack != 1 else ""),
                not slow,
                actual="; ".join(slow),
                look="the service's dashboard: pool waits, event loop lag, processor time; then replicas and pools",
                of_speed=True,
            )

    def _too_slow(self, phase: Phase, objectives: Objectives) -> Iterator[str]:
        for method, limits in objectives.latency_ms.items():
            latencies = self._tallies[phase.name, method].latencies
            half = limits.p50 if len(latencies) >= _ENOUGH_FOR_HALF else limits.p99
            for name, share, limit, enough in (("p50", 0.5, half, 1), ("p99", 0.99, limits.p99, _ENOUGH)):
                took = 1000 * percentile(latencies, share)
                if len(latencies) >= enough and took > limit * phase.slack:
                    yield f"{name} of {method} {took:.1f} ms, not {limit * phase.slack:g}"

    def _of_phase(self, phase: str) -> Iterator[tuple[str, _Tally]]:
        for method in METHODS:
            if (phase, method) in self._tallies:
                yield method, self._tallies[phase, method]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that this share of the values does not exceed; nan if there are none."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
