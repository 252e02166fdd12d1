"""Months by China's time, and the counts that they are added up of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onegrid.field.v1.field_pb2 import Mark, WaypointState
from onegrid_border.patrol import Patrol, Point
from onegrid_border.statistics import MOST_MONTHS, months
from onegrid_kit.clock import CHINA
from onegrid_kit.errors import InvalidRequest
from onegrid_kit.locations import Location

NOW = datetime(2020, 11, 11, tzinfo=UTC)
numbers = st.integers(2000 * 12, 2999 * 12)
marks = st.sampled_from([Mark.MARK_EARLY, Mark.MARK_LATE, Mark.MARK_FROM_FUTURE, Mark.MARK_OFF_POINT])
states = st.sampled_from([state for state in WaypointState.values() if state])


def month(number: int) -> str:
    return f"{number // 12:04}-{number % 12 + 1:02}"


@given(numbers, st.integers(0, MOST_MONTHS - 1))
def test_months_follow_one_another_and_begin_at_midnight_in_china(first: int, more: int) -> None:
    span = months(month(first), month(first + more))
    assert [each.name for each in span] == [month(first + number) for number in range(more + 1)]
    for each in span:
        local = each.begin.astimezone(CHINA)
        assert (f"{local:%Y-%m-%d %H:%M:%S.%f}", each.begin.utcoffset()) == (
            f"{each.name}-01 00:00:00.000000",
            timedelta(),
        )
    assert [each.begin for each in span[1:]] == [each.behind for each in span[:-1]]


@given(numbers, st.one_of(st.integers(-20, -1), st.integers(MOST_MONTHS, 30)))
def test_no_month_and_more_than_a_year_are_refused(first: int, more: int) -> None:
    with pytest.raises(InvalidRequest):
        months(month(first), month(first + more))


@given(st.lists(st.tuples(states, st.sets(marks, max_size=1)), max_size=20))
def test_each_checkpoint_that_is_due_is_reached_missed_or_outstanding(
    found: list[tuple[WaypointState, set[Mark]]],
) -> None:
    points = tuple(
        Point(
            id=f"p{number}",
            display_name="",
            location=Location(124.0, 40.0),
            tolerance_m=50,
            due_time=NOW,
            late_time=NOW,
            state=state,
            marks=tuple(of) if state == WaypointState.WAYPOINT_STATE_REACHED else (),
        )
        for number, (state, of) in enumerate(found)
    )
    patrol = Patrol(
        id="210602-0",
        unit="210602-u",
        route="210602-r",
        route_revision=1,
        planned_leader="",
        start_due_time=NOW,
        create_time=NOW,
        update_time=NOW,
        points=points,
    )
    counts = patrol.counts
    pending = sum(point.state == WaypointState.WAYPOINT_STATE_PENDING for point in points)
    assert counts.reached + counts.missed + counts.outstanding == len(points) - pending
    unknown = sum(Mark.MARK_FROM_FUTURE in point.marks for point in points)
    assert counts.in_time + counts.early + counts.late + unknown == counts.reached
