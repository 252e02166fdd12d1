"""The earth as a sphere: how far apart two points are, and the box that holds everything within a distance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from onegrid_kit.locations import Location

__all__ = ["RADIUS_M", "Box", "box_around", "distance_m"]

RADIUS_M: Final = 6_371_008.8
"""The mean radius of the earth (IUGG)."""
_SLACK: Final = 1e-6
"""Degrees by which a box is larger than it need be, so that rounding leaves nothing out: 0.1 m."""


@dataclass(frozen=True, slots=True)
class Box:
    """Between two latitudes, and between one or two pairs of longitudes: two where it crosses the antimeridian."""

    south: float
    north: float
    longitudes: tuple[tuple[float, float], ...]


def box_around(centre: Location, within_m: float) -> Box:
    """A box that holds every point that is no further away."""
    angle = within_m / RADIUS_M
    south, north = (centre.latitude + math.degrees(each) for each in (-angle, angle))
    if south <= -90 or north >= 90:  # it holds a pole, and so every meridian
        return Box(max(south, -90.0) - _SLACK, min(north, 90.0) + _SLACK, ((-180.0, 180.0),))
    # The meridians that touch the circle do so nearer to the pole than its centre is.
    width = math.degrees(math.asin(min(1.0, math.sin(angle) / math.cos(math.radians(centre.latitude))))) + _SLACK
    west, east = centre.longitude - width, centre.longitude + width
    longitudes: tuple[tuple[float, float], ...] = ((west, east),)
    if west < -180:
        longitudes = ((-180.0, east), (west + 360, 180.0))
    elif east > 180:
        longitudes = ((west, 180.0), (-180.0, east - 360))
    return Box(south - _SLACK, north + _SLACK, longitudes)


def distance_m(one: Location, other: Location) -> float:
    """How far apart two points are, along a great circle."""
    north, south = math.radians(one.latitude), math.radians(other.latitude)
    east = math.radians(other.longitude - one.longitude)
    chord = math.sin((south - north) / 2) ** 2 + math.cos(north) * math.cos(south) * math.sin(east / 2) ** 2
    # Of antipodes it may be more than 1, by rounding.
    return 2 * RADIUS_M * math.asin(math.sqrt(min(1.0, chord)))
