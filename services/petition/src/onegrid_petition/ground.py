"""What petition knows of the district's ground, from the events of grid; and how it routes by it."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

from onegrid_kit import codes
from onegrid_kit.geometry import CellIndex
from onegrid_kit.locations import Location
from onegrid_petition.errors import PlaceUnknown

__all__ = ["Ground", "Route", "route"]


@dataclass(frozen=True, slots=True)
class Ground:
    """A snapshot of the places and who looks after them."""

    version: int
    """Grows with every change of what it is made from."""
    places: Set[str]
    """The code of each district, street, community and cell."""
    grid_workers: Mapping[str, str]
    """Who looks after a cell, by its code."""
    cells: Mapping[str, CellIndex]
    """Finds the cell of a position, by the code of the district that is asked."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a petition belongs."""

    place: str
    """The code of the smallest place that is known."""
    grid_worker: str
    """``users/{user}``; empty where no worker is appointed."""


def route(ground: Ground, district: str, place: str, location: Location | None) -> Route:
    """Where a petition belongs; a location decides over a place. Raises PlaceUnknown."""
    if location is not None:
        # As grid's LocateCell does: on the border of two districts, each finds a cell of its own.
        cells = ground.cells.get(district)
        cell = cells.locate(location.longitude, location.latitude) if cells else None
        if cell is None:
            raise PlaceUnknown("location", "")
        return Route(cell, ground.grid_workers.get(cell, ""))
    if place not in ground.places or not codes.contains(district, place):
        raise PlaceUnknown("place", place)
    return Route(place, ground.grid_workers.get(place, ""))
