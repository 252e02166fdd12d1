"""When calls arrive: by themselves, as people do (Poisson), whether or not those before were answered."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from onegrid_checks.load.profile import Phase, Profile

__all__ = ["Arrival", "arrivals", "times"]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A call that is due."""

    due: float
    """Seconds from the beginning of the first phase."""
    phase: str
    method: str


def arrivals(profile: Profile, rng: random.Random) -> Iterator[Arrival]:
    """All arrivals of the profile, in order."""
    methods, weights = list(profile.mix), list(profile.mix.values())
    begins = 0.0
    for phase in profile.phases:
        for time in times(phase, rng):
            yield Arrival(begins + time, phase.name, rng.choices(methods, weights)[0])
        begins += phase.seconds


def times(phase: Phase, rng: random.Random) -> Sequence[float]:
    """Seconds from the phase's beginning at which calls arrive.

    The times of a Poisson process of rate 1 are stretched so that as many are expected up to each moment as the
    phase's rate sums up to by then.
    """
    expected = (phase.begins + phase.ends) / 2 * phase.seconds
    found = []
    count = rng.expovariate(1)
    while count < expected:
        # Of rounding alone could it come to lie behind the end.
        found.append(min(_when(phase, count), math.nextafter(phase.seconds, 0)))
        count += rng.expovariate(1)
    return found


def _when(phase: Phase, count: float) -> float:
    """When so many calls are expected to have arrived: solves begins·t + (ends - begins)/(2·seconds)·t² = count."""
    steeper = (phase.ends - phase.begins) / phase.seconds
    # In this form it stays exact where the rate does not change.
    return 2 * count / (phase.begins + math.sqrt(max(0.0, phase.begins**2 + 2 * steeper * count)))
