"""A petition is routed to the smallest place that is known."""

from __future__ import annotations

import pytest

from onegrid_kit.geometry import CellIndex
from onegrid_kit.locations import Location
from onegrid_petition.errors import PlaceUnknown
from onegrid_petition.ground import Ground, route
from onegrid_petition.petition import first_asked

CELL, COMMUNITY, DISTRICT = "210602003007005", "210602003007", "210602"
OTHER_DISTRICT, OTHER_CELL = "210601", "210601001001001"
GROUND = Ground(
    version=1,
    places=frozenset({DISTRICT, "210602003", COMMUNITY, CELL}),
    grid_workers={CELL: "users/worker"},
    cells={
        DISTRICT: CellIndex([(CELL, [(124.40, 40.10), (124.41, 40.10), (124.41, 40.11), (124.40, 40.11)])]),
        # Beside it, and by a fault of the past over a part of it.
        OTHER_DISTRICT: CellIndex(
            [(OTHER_CELL, [(124.408, 40.10), (124.42, 40.10), (124.42, 40.11), (124.408, 40.11)])]
        ),
    },
)


def test_a_location_finds_its_cell_and_grid_worker() -> None:
    found = route(GROUND, DISTRICT, "", Location(124.405, 40.105))
    assert (found.place, found.grid_worker) == (CELL, "users/worker")


def test_a_location_decides_over_a_place() -> None:
    assert route(GROUND, DISTRICT, COMMUNITY, Location(124.405, 40.105)).place == CELL


@pytest.mark.parametrize("longitude", [124.408, 124.409, 124.41])
def test_ground_that_two_districts_claim_belongs_to_the_one_that_is_asked(longitude: float) -> None:
    assert route(GROUND, DISTRICT, "", Location(longitude, 40.105)).place == CELL
    assert route(GROUND, OTHER_DISTRICT, "", Location(longitude, 40.105)).place == OTHER_CELL


def test_a_place_without_location_is_taken_as_it_is() -> None:
    assert route(GROUND, DISTRICT, COMMUNITY, None).place == COMMUNITY


@pytest.mark.parametrize(
    ("district", "place", "location"),
    [
        (DISTRICT, "", Location(100.0, 20.0)),
        (DISTRICT, "210602999", None),
        ("210603", CELL, None),
        ("210603", "", Location(124.405, 40.105)),
    ],
)
def test_what_lies_in_no_place_of_the_district_is_refused(district: str, place: str, location: Location | None) -> None:
    with pytest.raises(PlaceUnknown):
        route(GROUND, district, place, location)


@pytest.mark.parametrize(
    ("place", "office"), [(CELL, COMMUNITY), (COMMUNITY, COMMUNITY), ("210602003", "210602003"), (DISTRICT, DISTRICT)]
)
def test_the_lowest_platform_of_the_place_is_asked_first(place: str, office: str) -> None:
    assert first_asked(place) == office
