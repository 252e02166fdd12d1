"""How outcomes are held to the objectives."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onegrid_checks.checklist import Checklist
from onegrid_checks.load.outcomes import Outcomes, percentile
from onegrid_checks.load.profile import Latency, Objectives, Phase, Profile

PROFILE = Profile(
    "small",
    1,
    0,
    (Phase("steady", 10, 20, 20, 1), Phase("spike", 10, 20, 20, 2)),
    {"FilePetition": 1},
    Objectives(0, 0.99, {"FilePetition": Latency(10, 100)}),
)


def outcomes(phase: str = "steady", *, quick: int = 200, slow: int = 0, slow_s: float = 0.15) -> Outcomes:
    found = Outcomes()
    for each in PROFILE.phases:
        for _ in range(200):
            found.arrived(each.name, 0.001)
    for _ in range(quick):
        found.answered(phase, "FilePetition", 0.005)
    for _ in range(slow):
        found.answered(phase, "FilePetition", slow_s)
    return found


def failed(found: Outcomes, *, judges_speed: bool = True) -> list[str]:
    checklist = Checklist("load", judges_speed=judges_speed)
    found.judge(PROFILE, checklist)
    return checklist.failed


def test_what_meets_them_passes() -> None:
    assert not failed(outcomes(slow=2))


def test_too_many_slow_calls_are_reported(capsys: pytest.CaptureFixture[str]) -> None:
    assert failed(outcomes(slow=3)) == ["steady: p50 and p99 of every method are within their objectives"]
    assert "p99 of FilePetition 150.0 ms, not 100" in capsys.readouterr().out


def test_a_phase_with_slack_may_be_slower() -> None:
    assert not failed(outcomes("spike", slow=3))
    assert failed(outcomes("spike", slow=3, slow_s=0.25))


def test_the_slowest_of_few_calls_is_not_judged_but_half_of_them_are() -> None:
    assert not failed(outcomes(quick=50, slow=1))
    assert failed(outcomes(quick=10, slow=11))


@pytest.mark.parametrize(
    ("calls", "slow_s", "passes"), [(1, 0.09, True), (9, 0.09, True), (10, 0.09, False), (1, 0.15, False)]
)
def test_half_of_a_handful_of_calls_is_held_to_the_limit_of_the_slowest(
    calls: int, slow_s: float, passes: bool
) -> None:
    assert bool(failed(outcomes(quick=0, slow=calls, slow_s=slow_s))) is not passes


def test_where_speed_is_reported_what_is_slow_fails_nothing_and_errors_do(capsys: pytest.CaptureFixture[str]) -> None:
    found = outcomes(slow=30)
    for _ in range(30):
        found.arrived("steady", 0.3)
    assert len(failed(found)) == 2
    capsys.readouterr()
    assert not failed(found, judges_speed=False)
    assert [line[:5].strip() for line in capsys.readouterr().out.splitlines() if line[0] != " "] == [
        "ok", "slow", "slow", "ok", "ok",
    ]  # fmt: skip
    found.failed("spike", "FilePetition", "UNAVAILABLE gone")
    assert failed(found, judges_speed=False) == ["at most 0 calls fail"]


def test_one_error_is_one_too_many(capsys: pytest.CaptureFixture[str]) -> None:
    found = outcomes()
    found.failed("spike", "FilePetition", "UNAVAILABLE gone")
    assert failed(found) == ["at most 0 calls fail"]
    assert "1: 1 × spike FilePetition: UNAVAILABLE gone" in capsys.readouterr().out


@pytest.mark.parametrize("made", [True, False])
def test_a_generator_that_fell_behind_proves_nothing(made: bool, capsys: pytest.CaptureFixture[str]) -> None:
    found = outcomes()
    for _ in range(3):
        found.arrived("steady", 0.3, made=made)
    assert failed(found) == ["steady: 99% of the arrivals are made when they are due"]
    assert "98.52% of 203" in capsys.readouterr().out


def test_a_phase_without_a_single_arrival_does_not_pass() -> None:
    assert failed(Outcomes())


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_the_smallest_value_that_the_share_does_not_exceed(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert sum(value <= found for value in values) >= share * len(values)
    assert sum(value < found for value in values) < share * len(values)


def test_of_nothing_there_is_no_percentile() -> None:
    assert math.isnan(percentile([], 0.5))
