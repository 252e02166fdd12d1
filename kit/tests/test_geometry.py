"""Every point of a tiled ground belongs to exactly one cell."""

from __future__ import annotations

import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st

from onegrid_kit import geometry
from onegrid_kit.distance import distance_m
from onegrid_kit.geometry import CellIndex, distances_to_line_m
from onegrid_kit.locations import Location

SIZE = 0.003
COLUMNS, ROWS = 6, 5
RINGS = {
    f"{row * COLUMNS + column:03}": [
        (round(124 + (column + x) * SIZE, 9), round(40 + (row + y) * SIZE, 9))
        for x, y in ((0, 0), (1, 0), (1, 1), (0, 1))
    ]
    for row in range(ROWS)
    for column in range(COLUMNS)
}
INDEX = CellIndex(RINGS.items())
CORNERS = sorted({corner for ring in RINGS.values() for corner in ring})


def covering(longitude: float, latitude: float) -> list[str]:
    """By plain comparison: these cells are upright rectangles."""
    return [
        code
        for code, ring in RINGS.items()
        if ring[0][0] <= longitude <= ring[2][0] and ring[0][1] <= latitude <= ring[2][1]
    ]


@given(st.floats(124, 124 + COLUMNS * SIZE), st.floats(40, 40 + ROWS * SIZE))
def test_a_point_belongs_to_the_lowest_of_those_that_cover_it(longitude: float, latitude: float) -> None:
    expected = covering(longitude, latitude)
    assert INDEX.locate(longitude, latitude) == (expected[0] if expected else None)


@given(st.sampled_from(CORNERS), st.sampled_from(CORNERS))
def test_borders_and_corners_belong_to_the_lowest(one: tuple[float, float], other: tuple[float, float]) -> None:
    # A column's and a row's border meet in a corner; alone they run along a border.
    for longitude, latitude in (one, (one[0], other[1]), (one[0], 40.0071), (124.0071, one[1])):
        expected = covering(longitude, latitude)
        assert INDEX.locate(longitude, latitude) == (expected[0] if expected else None)


@given(st.floats(-180, 180), st.floats(-90, 90))
def test_outside_there_is_no_cell(longitude: float, latitude: float) -> None:
    if not covering(longitude, latitude):
        assert INDEX.locate(longitude, latitude) is None


corner = st.tuples(st.floats(124, 124.01), st.floats(40, 40.01))


@given(st.tuples(corner, corner, corner), st.integers(0, 2), st.floats(0, 1), st.floats(-1e-15, 1e-15))
def test_a_slanted_border_is_where_geos_sees_it(
    ring: tuple[tuple[float, float], ...], edge: int, share: float, beside: float
) -> None:
    assume(geometry.problem_of(ring) is None)
    (west, south), (east, north) = ring[edge], ring[edge - 1]
    longitude, latitude = west + share * (east - west) + beside, south + share * (north - south)
    covered = shapely.intersects_xy(shapely.Polygon(ring), longitude, latitude)
    assert CellIndex([("cell", ring)]).locate(longitude, latitude) == ("cell" if covered else None)


def test_a_cell_of_any_size_is_indexed_at_once_and_yields_to_lower_codes() -> None:
    world = [(-180.0, -90.0), (180.0, -90.0), (180.0, 90.0), (-180.0, 90.0)]
    index = CellIndex([*RINGS.items(), ("0145", world)])
    assert index.locate(*RINGS["014"][0]) == INDEX.locate(*RINGS["014"][0])
    middle = {code: (ring[0][0] + SIZE / 2, ring[0][1] + SIZE / 2) for code, ring in RINGS.items()}
    assert index.locate(*middle["014"]) == "014"
    assert index.locate(*middle["015"]) == "0145"
    assert index.locate(-77, 12) == "0145"


def test_an_index_without_cells_finds_none() -> None:
    assert CellIndex([]).locate(124, 40) is None


def test_neighbours_share_no_ground_and_overlaps_are_named_lowest_first() -> None:
    assert list(INDEX.overlapping(RINGS["000"], 1)) == ["000"]
    assert list(INDEX.overlapping([(x + SIZE / 2, y) for x, y in RINGS["000"]], 1)) == ["000", "001"]


def test_areas_are_those_of_the_ground() -> None:
    # A thousandth of a degree each way at 40° north: 111.19 m by 85.18 m.
    ring = [(124, 40), (124.001, 40), (124.001, 40.001), (124, 40.001)]
    assert geometry.area_m2(ring) == pytest.approx(111.19 * 85.18, rel=0.001)


@pytest.mark.parametrize(
    ("ring", "problem"),
    [([(0, 0), (1, 1), (0, 1), (1, 0)], "Self-intersection"), ([(0, 0), (1, 0), (2, 0)], "intersection")],
)
def test_a_ring_that_bounds_no_ground_is_refused_with_the_reason(ring: geometry.Ring, problem: str) -> None:
    assert problem in str(geometry.problem_of(ring))


def test_a_ring_that_bounds_ground_has_no_problem() -> None:
    assert geometry.problem_of(RINGS["000"]) is None


@pytest.mark.parametrize(
    ("ring", "problem"),
    [
        ([(124.0, 40.0), (124.01, 40.0), (124.01, 40.01)], None),
        ([(124.0, 40.0), (124.01, 40.0), (124.01, 40.01), (124.0, 40.0)], "its last corner repeats the first"),
        ([(124.0, 40.0), (124.01, 40.01), (124.01, 40.0), (124.0, 40.01)], "Self-intersection"),
        ([(179.99, 40.0), (-179.99, 40.0), (-179.99, 40.01), (179.99, 40.01)], "antimeridian"),
        ([(-179.99, 40.01), (0.0, 40.0), (179.99, 40.01)], "antimeridian"),
    ],
)
def test_a_ring_that_bounds_no_ground_has_a_problem(ring: list[tuple[float, float]], problem: str | None) -> None:
    found = geometry.problem_of(ring)
    assert found is None if problem is None else found is not None and problem in found


def test_a_point_is_as_far_from_a_line_as_from_its_nearest_leg() -> None:
    west, corner, north = Location(124.4, 40.1), Location(124.5, 40.1), Location(124.5, 40.2)
    line = [west, corner, north]
    points = [Location(124.45, 40.1), Location(124.45, 40.11), Location(124.52, 40.15), Location(124.39, 40.1), north]
    nearest = [Location(124.45, 40.1), Location(124.45, 40.1), Location(124.5, 40.15), west, north]
    expected = [distance_m(each, foot) for each, foot in zip(points, nearest, strict=True)]
    assert distances_to_line_m(points, line) == pytest.approx(expected, rel=2e-3, abs=0.1)
    assert distances_to_line_m([corner], [west]) == pytest.approx([distance_m(west, corner)], rel=1e-4)
    assert distances_to_line_m([], line) == []
    # A boat that stays where it is, and a line over the antimeridian.
    assert distances_to_line_m([west], [west, west]) == [0]
    across = [Location(179.99, 40), Location(-179.99, 40)]
    assert distances_to_line_m([Location(180, 40.01)], across) == pytest.approx([1_112], rel=1e-3)


@given(
    st.lists(st.builds(Location, st.floats(-180, 180), st.floats(-90, 90)), min_size=1, max_size=5),
    st.permutations([Location(124.4, 40.1), Location(124.5, 40.0), Location(124.6, 40.1)]),
)
def test_a_distance_to_a_line_does_not_depend_on_what_else_is_asked(
    points: list[Location], line: list[Location]
) -> None:
    together = distances_to_line_m(points, line)
    assert together == [distances_to_line_m([each], line)[0] for each in points]
    assert all(each >= 0 for each in together)
