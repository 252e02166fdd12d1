"""From the datums that devices in China state to WGS 84, to less than a millimetre.

GCJ-02 (国测局坐标) moves every point by some hundred metres, in a way that was never published. The formula here is
the one that became known in 2010 and that all open libraries have (github.com/googollee/eviltransform,
github.com/wandergis/coordtransform), on the ellipsoid of Krasovsky (1940). BD-09 (百度坐标) is a further shift of
GCJ-02, as in the latter library (the former has another constant, which is 10 m off). Neither can be inverted in
closed form: the inverse is found by iterating the formula, whose shift changes by less than a hundredth of the way.

Where GCJ-02 ends. By the sources, points outside of a rectangle around China (72.004° to 137.8347° E, 0.8293° to
55.8271° N) are not shifted. The rectangle holds the whole Korean peninsula, while maps' SDKs shift inside of mainland
China only and answer in WGS 84 beyond its border, as they state with each fix (AMap: `AMapLocation.getCoordType`). So
what a device states is taken at its word on both banks of the Yalu: a position in GCJ-02 is shifted back wherever in
the rectangle it lies, and one in WGS 84 never is. A border of our own would have a fix jump by 500 m in the middle of
the river wherever it differs from the SDK's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from onegrid.field.v1.field_pb2 import Datum
from onegrid_kit.locations import Location

__all__ = ["bd09_of", "gcj02_of", "to_wgs84"]

# An attribute of an enum of a message is looked up by code in Python.
_WGS84, _GCJ02, _BD09 = Datum.DATUM_WGS84, Datum.DATUM_GCJ02, Datum.DATUM_BD09
_AXIS: Final = 6378245.0
"""Of the ellipsoid of Krasovsky, in metres."""
_ECCENTRICITY: Final = 0.00669342162296594323
"""Of that ellipsoid, squared."""
_BD_TURN: Final = math.pi * 3000.0 / 180.0
_BD_EAST: Final = 0.0065
_BD_NORTH: Final = 0.006
_ENOUGH: Final = 1e-10
"""Degrees: a hundredth of a millimetre."""
_MOST_ROUNDS: Final = 20


def to_wgs84(longitude: float, latitude: float, datum: Datum) -> Location | None:
    """A position in WGS 84; None if its datum is not known."""
    stated = Location(longitude, latitude)
    if datum == _WGS84:
        return stated
    if datum == _GCJ02:
        return _wgs84_of(stated)
    return _wgs84_of(_inverse(_to_bd09, stated)) if datum == _BD09 else None


def gcj02_of(location: Location) -> Location:
    """A position in GCJ-02, of one in WGS 84."""
    return _shifted(location) if _is_around_china(location) else location


def bd09_of(location: Location) -> Location:
    """A position in BD-09, of one in WGS 84."""
    return _to_bd09(gcj02_of(location))


def _wgs84_of(gcj02: Location) -> Location:
    return _inverse(_shifted, gcj02) if _is_around_china(gcj02) else gcj02


def _inverse(formula: Callable[[Location], Location], shifted: Location) -> Location:
    """What the formula makes this of."""
    found = shifted
    for _ in range(_MOST_ROUNDS):
        again = formula(found)
        east, north = shifted.longitude - again.longitude, shifted.latitude - again.latitude
        found = Location(found.longitude + east, found.latitude + north)
        if max(abs(east), abs(north)) < _ENOUGH:
            break
    return found


def _is_around_china(location: Location) -> bool:
    return 72.004 <= location.longitude <= 137.8347 and 0.8293 <= location.latitude <= 55.8271


def _shifted(location: Location) -> Location:
    x, y = location.longitude - 105.0, location.latitude - 35.0
    root = math.sqrt(abs(x))
    waves = 20.0 * math.sin(6.0 * x * math.pi) + 20.0 * math.sin(2.0 * x * math.pi)
    north = (
        -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
        + (waves
           + 20.0 * math.sin(y * math.pi) + 40.0 * math.sin(y / 3.0 * math.pi)
           + 160.0 * math.sin(y / 12.0 * math.pi) + 320.0 * math.sin(y / 30.0 * math.pi)) * 2.0 / 3.0
    )  # fmt: skip
    east = (
        300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
        + (waves
           + 20.0 * math.sin(x * math.pi) + 40.0 * math.sin(x / 3.0 * math.pi)
           + 150.0 * math.sin(x / 12.0 * math.pi) + 300.0 * math.sin(x / 30.0 * math.pi)) * 2.0 / 3.0
    )  # fmt: skip
    phi = math.radians(location.latitude)
    magic = 1.0 - _ECCENTRICITY * math.sin(phi) ** 2
    meridian = _AXIS * (1.0 - _ECCENTRICITY) / (magic * math.sqrt(magic))
    parallel = _AXIS / math.sqrt(magic) * math.cos(phi)
    return Location(
        location.longitude + math.degrees(east / parallel), location.latitude + math.degrees(north / meridian)
    )


def _to_bd09(gcj02: Location) -> Location:
    x, y = gcj02.longitude, gcj02.latitude
    distance = math.hypot(x, y) + 0.00002 * math.sin(y * _BD_TURN)
    angle = math.atan2(y, x) + 0.000003 * math.cos(x * _BD_TURN)
    return Location(distance * math.cos(angle) + _BD_EAST, distance * math.sin(angle) + _BD_NORTH)
