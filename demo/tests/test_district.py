"""The demonstration district is the size of the real one, and its cells tile it."""

import csv
import io

import pytest
import shapely

from onegrid_demo import district
from onegrid_kit import codes
from onegrid_kit.geometry import CellIndex, area_m2


def test_it_has_as_many_cells_departments_and_work_items_as_the_real_one() -> None:
    assert len(district.cells()) == len({cell.code for cell in district.cells()}) == 1035
    assert len({department.code for department in district.DEPARTMENTS}) == 34
    assert len({item.name for item in district.work_items()}) >= 110


def test_its_divisions_are_the_published_ones() -> None:
    rows = list(csv.DictReader(io.StringIO(district.divisions_csv().decode())))
    assert [sum(row["level"] == level for row in rows) for level in ("district", "street", "community")] == [1, 5, 49]


def test_every_cell_lies_in_a_community_and_every_community_has_cells() -> None:
    assert {codes.parent_of(cell.code) for cell in district.cells()} == set(district.communities())


def test_cells_tile_the_district_without_gap_or_overlap() -> None:
    polygons = [shapely.Polygon(cell.corners) for cell in district.cells()]
    union = shapely.union_all(polygons)
    assert union.geom_type == "Polygon"
    assert not union.interiors
    assert sum(polygon.area for polygon in polygons) == pytest.approx(union.area, rel=1e-9)


def test_it_measures_about_91_6_square_kilometres() -> None:
    assert sum(area_m2(cell.corners) for cell in district.cells()) == pytest.approx(91.6e6, rel=0.01)


@pytest.mark.parametrize("digits", [9, 12])
def test_streets_and_communities_are_in_one_piece(digits: int) -> None:
    parts: dict[str, list[shapely.Polygon]] = {}
    for cell in district.cells():
        parts.setdefault(cell.code[:digits], []).append(shapely.Polygon(cell.corners))
    assert {shapely.union_all(polygons).geom_type for polygons in parts.values()} == {"Polygon"}


def test_the_inside_of_a_cell_is_its_own_and_a_corner_that_of_the_lowest_code_there() -> None:
    index = CellIndex((cell.code, cell.corners) for cell in district.cells())
    meeting: dict[tuple[float, float], set[str]] = {}
    for cell in district.cells():
        inside = shapely.Polygon(cell.corners).representative_point()
        assert index.locate(inside.x, inside.y) == cell.code
        for corner in cell.corners:
            meeting.setdefault(corner, set()).add(cell.code)
    for corner, codes_there in meeting.items():
        assert index.locate(*corner) == min(codes_there)


def test_every_work_item_has_a_department_and_a_promise() -> None:
    departments = {department.code: department.name for department in district.DEPARTMENTS}
    assert all(item.department in departments and item.promised_working_days > 0 for item in district.work_items())
    assert {item.department for item in district.work_items()} == set(departments)
    assert "人才和社会保障服务中心" in departments.values()
