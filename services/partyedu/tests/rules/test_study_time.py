"""What is credited of times of study: each moment once, whatever became known first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from onegrid_partyedu.study_time import clipped, credited, duration, merged, reached

BEGIN = datetime(2020, 11, 11, tzinfo=UTC)
INTERVALS = st.tuples(st.integers(0, 200), st.integers(0, 60)).map(
    lambda drawn: (BEGIN + timedelta(seconds=drawn[0]), BEGIN + timedelta(seconds=drawn[0] + drawn[1]))
)
STUDIED = st.dictionaries(st.sampled_from("abc"), st.lists(INTERVALS, max_size=8))


@given(st.lists(INTERVALS, max_size=12), st.randoms())
def test_any_order_of_arrival_gives_the_same_union(intervals: list[tuple[datetime, datetime]], random: object) -> None:
    shuffled = list(intervals)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    half = len(shuffled) // 2
    union = merged(intervals)
    assert merged(shuffled) == union
    assert merged([*merged(shuffled[:half]), *merged(shuffled[half:]), *intervals]) == union
    for second in range(280):
        moment = BEGIN + timedelta(seconds=second)
        assert any(begin <= moment < end for begin, end in union) == any(
            begin <= moment < end for begin, end in intervals
        )


@given(STUDIED)
def test_each_moment_counts_once_for_the_lesson_that_was_begun_first(
    studied: dict[str, list[tuple[datetime, datetime]]],
) -> None:
    found = credited(studied)
    everything = [each for intervals in studied.values() for each in intervals]
    assert merged(each for intervals in found.values() for each in intervals) == merged(everything)
    # So no more is credited than time has passed.
    assert sum((duration(each) for each in found.values()), timedelta()) == duration(merged(everything))
    for second in range(280):
        moment = BEGIN + timedelta(seconds=second)
        begun = [
            (begin, lesson)
            for lesson, intervals in studied.items()
            for begin, end in merged(intervals)
            if begin <= moment < end
        ]
        counted = [
            lesson for lesson, intervals in found.items() if any(begin <= moment < end for begin, end in intervals)
        ]
        assert counted == ([min(begun)[1]] if begun else [])


@given(st.lists(INTERVALS, max_size=8), st.integers(1, 400))
def test_a_time_is_reached_when_so_much_has_passed(intervals: list[tuple[datetime, datetime]], seconds: int) -> None:
    studied, required = merged(intervals), timedelta(seconds=seconds)
    moment = reached(studied, required)
    if moment is None:
        assert duration(studied) < required
    else:
        assert duration(clipped(studied, end=moment)) == required
        assert duration(clipped(studied, begin=moment)) == duration(studied) - required
