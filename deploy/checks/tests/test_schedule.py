"""When calls arrive."""

from __future__ import annotations

import math
import random
from collections import Counter

from hypothesis import assume, given
from hypothesis import strategies as st

from onegrid_checks.load.profile import Objectives, Phase, Profile
from onegrid_checks.load.schedule import arrivals, times

RATES = st.floats(0, 200)
PHASES = st.builds(Phase, st.just("phase"), st.floats(1, 60), RATES, RATES, st.just(1.0))


def expected_until(phase: Phase, time: float) -> float:
    return phase.begins * time + (phase.ends - phase.begins) / (2 * phase.seconds) * time**2


@given(PHASES, st.integers())
def test_they_arrive_in_order_and_within_the_phase(phase: Phase, seed: int) -> None:
    assume(phase.begins + phase.ends > 0)
    found = times(phase, random.Random(seed))
    assert list(found) == sorted(found)
    assert all(0 <= time < phase.seconds for time in found)


@given(PHASES, st.integers(), st.floats(0.1, 1))
def test_up_to_every_moment_there_are_as_many_as_the_rate_sums_up_to(phase: Phase, seed: int, share: float) -> None:
    assume(phase.begins + phase.ends > 0)
    moment = share * phase.seconds
    expected = expected_until(phase, moment)
    count = sum(time < moment for time in times(phase, random.Random(seed)))
    # A Poisson count strays by the root of what is expected; by eight of them not once in the age of the world.
    assert abs(count - expected) <= 8 * math.sqrt(expected) + 12


def test_the_same_seed_gives_the_same_arrivals() -> None:
    phase = Phase("phase", 10, 5, 50, 1)
    assert times(phase, random.Random(1)) == times(phase, random.Random(1)) != times(phase, random.Random(2))


def test_phases_follow_one_another_and_methods_come_by_their_weights() -> None:
    phases = (Phase("first", 10, 100, 100, 1), Phase("second", 10, 200, 200, 1))
    profile = Profile("p", 1, 0, phases, {"FilePetition": 1, "GetPetition": 3}, Objectives(0, 1, {}))
    found = list(arrivals(profile, random.Random(7)))
    assert [each.due for each in found] == sorted(each.due for each in found)
    assert {each.phase for each in found if each.due < 10} == {"first"}
    assert {each.phase for each in found if each.due >= 10} == {"second"}
    methods = Counter(each.method for each in found)
    assert 0.2 < methods["FilePetition"] / methods.total() < 0.3
