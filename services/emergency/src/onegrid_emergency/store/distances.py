"""How far away something is, as the database computes it."""

from __future__ import annotations

from sqlalchemy import ColumnElement, func, literal

from onegrid_kit.distance import RADIUS_M
from onegrid_kit.locations import Location

__all__ = ["distance_m"]


def distance_m(
    longitude: ColumnElement[float], latitude: ColumnElement[float], location: Location
) -> ColumnElement[float]:
    """From the location to what is there, by the haversine formula, which is exact for points that are near to each
    other as well.
    """
    across = func.power(func.sin(func.radians(latitude - location.latitude) / 2), 2)
    along = func.power(func.sin(func.radians(longitude - location.longitude) / 2), 2)
    parallels = func.cos(func.radians(literal(location.latitude))) * func.cos(func.radians(latitude))
    return 2 * RADIUS_M * func.asin(func.sqrt(func.least(1.0, across + parallels * along)))
