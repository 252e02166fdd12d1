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
    whole = shapely.union_all(polygons)
    assert whole.geom_type == "Polygon"
    assert not whole.interiors
    assert sum(polygon.area for polygon in polygons) == pytest.approx(whole.area, rel=1e-9)


def test_it_measures_about_91_6_square_kilometres() -> None:
    assert sum(area_m2(cell.corners) for cell in district.cells()) == pytest.approx(91.6e6, rel=0.01)


def test_every_corner_belongs_to_exactly_one_cell() -> None:
    index = CellIndex((cell.code, cell.corners) for cell in district.cells())
    for cell in district.cells()[::50]:
        for longitude, latitude in cell.corners:
            assert index.locate(longitude, latitude) is not None
