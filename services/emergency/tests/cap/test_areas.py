"""The cells that a message is about."""

from __future__ import annotations

import pytest

from onegrid_emergency.cap.areas import Cells, survey, target_of
from onegrid_emergency.cap.reading import read

from .documents import area, document, info

DISTRICT = "210602"
WEST, EAST, OTHER = "210602003007001", "210602003007002", "210602004001001"


def square(west: float, south: float = 40.1, size: float = 0.1) -> list[tuple[float, float]]:
    return [(west, south), (west + size, south), (west + size, south + size), (west, south + size)]


CELLS = Cells([(OTHER, square(124.6)), (WEST, square(124.4)), (EAST, square(124.5))])


def target(*shapes: str, cells: Cells = CELLS) -> tuple[tuple[str, ...], tuple[str, ...]]:
    alert = read(document(says=info(areas=area(*shapes)))).alert
    assert alert is not None
    found = target_of(survey(alert), DISTRICT, cells)
    return found.cells, found.places


def polygon(text: str) -> str:
    return f"<polygon>{text}</polygon>"


def code(value: str, name: str = "GB/T 2260") -> str:
    return f"<geocode><valueName>{name}</valueName><value>{value}</value></geocode>"


@pytest.mark.parametrize(
    ("shape", "cells"),
    [
        (polygon("40.12,124.42 40.12,124.48 40.18,124.48 40.12,124.42"), (WEST,)),
        (polygon("40.12,124.42 40.12,124.58 40.18,124.58 40.12,124.42"), (WEST, EAST)),
        # Whose border alone is shared is not meant.
        (polygon("40.1,124.3 40.1,124.4 40.2,124.4 40.1,124.3"), ()),
        (polygon("50,124.42 50,124.48 51,124.48 50,124.42"), ()),
        # Broken ones, as far as they can be read: open, too short, crossing itself, turned around, with a bad point.
        (polygon("40.12,124.42 40.12,124.48 40.18,124.48"), (WEST,)),
        (polygon("40.15,124.45"), (WEST,)),
        (polygon("40.15,124.45 40.15,124.55"), (WEST, EAST)),
        (polygon("40.12,124.42 40.18,124.48 40.12,124.48 40.18,124.42 40.12,124.42"), (WEST,)),
        (polygon("124.42,40.12 124.48,40.12 124.48,40.18 124.42,40.12"), (WEST,)),
        (polygon("40.12,124.42 x,y 40.12,124.48 40.18,124.48 40.12,124.42"), (WEST,)),
        (polygon("40.12,124.42 400,400 40.12,124.48 40.18,124.48 40.12,124.42"), (WEST,)),
        (polygon("nothing"), ()),
        ("<circle>40.15,124.45 1</circle>", (WEST,)),
        ("<circle>40.15,124.45 0</circle>", (WEST,)),
        ("<circle>40.15,124.5 0</circle>", (WEST, EAST)),
        # A tenth of a degree is 8.5 km here: the next cell begins 4.25 km from the middle.
        ("<circle>40.15,124.45 4.2</circle>", (WEST,)),
        ("<circle>40.15,124.45 4.3</circle>", (WEST, EAST)),
        ("<circle>-40.15,-55.45 19990</circle>", (WEST, EAST, OTHER)),
        ("<circle>0,0 1</circle>", ()),
    ],
)
def test_cells_are_those_that_share_ground_with_the_area(shape: str, cells: tuple[str, ...]) -> None:
    assert target(shape)[0] == cells


@pytest.mark.parametrize(
    ("value", "cells", "places"),
    [
        ("210602", (WEST, EAST, OTHER), (DISTRICT,)),
        ("210602000000", (WEST, EAST, OTHER), (DISTRICT,)),
        ("210600", (WEST, EAST, OTHER), (DISTRICT,)),
        ("210000000000", (WEST, EAST, OTHER), (DISTRICT,)),
        ("210602003000", (WEST, EAST), ("210602003",)),
        ("210602003007", (WEST, EAST), ("210602003",)),
        (EAST, (EAST,), (EAST,)),
        # Nobody has announced a cell of it yet.
        ("210602009", (), ("210602009",)),
        ("210603", (), ()),
        ("220000", (), ()),
        ("river", (), ()),
    ],
)
def test_geocodes_are_codes_of_divisions(value: str, cells: tuple[str, ...], places: tuple[str, ...]) -> None:
    assert target(code(value)) == (cells, places)


def test_areas_add_up_and_are_the_fewest_places() -> None:
    assert target(code(WEST), code(EAST, "onegrid:place")) == ((WEST, EAST), ("210602003",))
    assert target(code(WEST), code(OTHER)) == ((WEST, OTHER), (WEST, "210602004"))
    assert target(code(WEST), code("210602003"), code(OTHER)) == ((WEST, EAST, OTHER), (DISTRICT,))
    assert target(code("210602003"), code(WEST), cells=Cells([])) == ((), ("210602003",))


def test_without_cells_shapes_mean_nobody() -> None:
    assert target("<circle>40.15,124.45 10</circle>", cells=Cells([])) == ((), ())
