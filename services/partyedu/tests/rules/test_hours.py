"""Hours of study: who is to study how much, and what is shown of whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from onegrid.partyedu.v1.organizations_pb2 import OfficerPost
from onegrid_kit.clock import CHINA
from onegrid_partyedu.hours import (
    SMALLEST_GROUP,
    HoursDuty,
    at_in_year,
    duty_minutes,
    hours_figures,
    span_of,
    standing_duties,
    with_standing,
)

SECRETARY, PUBLICITY = OfficerPost.OFFICER_POST_SECRETARY, OfficerPost.OFFICER_POST_PUBLICITY
HOUR = 60


@st.composite
def districts(draw: st.DrawFn) -> tuple[dict[str, str], dict[str, tuple[int, int, int]]]:
    """Organizations, of which one stands at the top or several do, with their own members."""
    parents: dict[str, str] = {}
    own = {}
    for number in range(draw(st.integers(1, 14))):
        id_ = f"o{number:02}"
        parents[id_] = draw(st.sampled_from(["", *parents])) if parents else ""
        if members := draw(st.integers(0, 9)):
            own[id_] = (members, draw(st.integers(0, 100)), draw(st.integers(0, members)))
    return parents, own


@given(districts())
def test_nothing_that_is_shown_tells_of_a_small_group(
    district: tuple[dict[str, str], dict[str, tuple[int, int, int]]],
) -> None:
    parents, own = district
    figures = hours_figures(parents, own)

    def line(id_: str) -> list[str]:
        return [id_, *line(parents[id_])] if id_ else []

    # The finest groups that can be computed from what is shown: by each member the set of shown figures that has him.
    groups: dict[frozenset[str], int] = {}
    for id_, (members, _, _) in own.items():
        within = frozenset(each for each in line(id_) if figures[each].shown)
        groups[within] = groups.get(within, 0) + members
    for within, members in groups.items():
        assert not within or members >= SMALLEST_GROUP
    # It is not shown little for no reason: whoever stands alone at the top with enough members is shown.
    for id_, parent in parents.items():
        if not parent and id_ in figures:
            assert figures[id_].shown == (figures[id_].members >= SMALLEST_GROUP)


@given(districts())
def test_organizations_are_ranked_by_who_reached_and_the_hidden_come_last(
    district: tuple[dict[str, str], dict[str, tuple[int, int, int]]],
) -> None:
    ranked = sorted(hours_figures(*district).values(), key=lambda each: each.rank)
    shown = [each for each in ranked if each.shown]
    assert ranked[: len(shown)] == shown
    assert [each.reached_percent for each in shown] == sorted((each.reached_percent for each in shown), reverse=True)
    for each in ranked:
        assert each.members > 0
        assert each.minutes >= 0
        assert 0 <= each.reached_percent <= 100


def test_members_study_32_hours_and_who_holds_a_post_56() -> None:
    duties = standing_duties("210602")
    assert duty_minutes(duties, [], 2026) == 32 * HOUR
    assert duty_minutes(duties, [PUBLICITY], 2026) == 56 * HOUR


def test_a_district_defines_it_otherwise_from_a_year_on() -> None:
    fewer = HoursDuty(id="210602-members", display_name="x", minutes=24 * HOUR)
    assert duty_minutes(with_standing("210602", [fewer]), [], 2026) == 24 * HOUR
    more = HoursDuty(
        id="210602-secretaries",
        display_name="x",
        posts=(SECRETARY,),
        minutes=72 * HOUR,
        first_year=2026,
        last_year=2027,
    )
    duties = with_standing("210602", [more])
    assert [duty_minutes(duties, [SECRETARY], year) // HOUR for year in (2025, 2026, 2027, 2028)] == [56, 72, 72, 56]
    assert duty_minutes(duties, [PUBLICITY], 2026) == 56 * HOUR
    assert duty_minutes([replace(more, last_year=0)], [SECRETARY], 9000) == 72 * HOUR
    assert duty_minutes([more], [], 2026) == 0


@given(st.integers(1921, 2200), st.integers(0, 366 * 86_400))
def test_a_year_is_looked_at_until_its_end_in_china(year: int, second: int) -> None:
    begin, end = span_of(year)
    assert (begin.astimezone(CHINA).hour, end.astimezone(CHINA).year) == (0, year + 1)
    now = begin + timedelta(seconds=second)
    assert at_in_year(year, now) == (now if now < end else end)
    assert at_in_year(year, datetime(2300, 1, 1, tzinfo=UTC)) == end
