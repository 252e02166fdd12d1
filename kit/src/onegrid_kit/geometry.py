"""The ground: polygons and lines in WGS 84, and the cell that a point lies in.

grid keeps the cells and petition routes by them; both must agree on whose a border is.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import shapely
from shapely import STRtree

from onegrid_kit.locations import Location

__all__ = ["CellIndex", "Ring", "area_m2", "distances_to_line_m", "problem_of"]

Ring = Sequence[tuple[float, float]]
"""Corners as (longitude, latitude) in degrees, WGS 84; the last joins the first."""

_SQUARES_PER_DEGREE = 200
"""A square is about the size of a cell of a district, so that it meets a handful of them."""
_MOST_SQUARES = 256
"""A cell that meets more of them (some 60 km²) is looked at for every point: one of a continent's size would fill the
memory of every process that routes by it."""
_FEW_CORNERS = 16
"""Of a ring with no more of them, the side of a point is found sooner here than GEOS is called."""
_ROUNDING = 1e-15
"""By how much, at most, a difference of two products differs from the true one, relative to their sum (Shewchuk,
Adaptive Precision Floating-Point Arithmetic, gives a third of it)."""
_WIDEST_EDGE = 180
_METRES_PER_DEGREE = 111_194.93
"""Of latitude, on a sphere of 6,371.0088 km (IUGG mean radius)."""


class CellIndex:
    """Finds cells by points. A point on the border of several belongs to the one with the lowest code."""

    def __init__(self, cells: Iterable[tuple[str, Ring]]) -> None:
        # In the order of codes, so that the first that covers a point is the one it belongs to.
        ordered = sorted(cells)
        self._codes = [code for code, _ in ordered]
        self._polygons = [shapely.Polygon(ring) for _, ring in ordered]
        if self._polygons:
            shapely.prepare(self._polygons)
        self._rings = [ring if len(ring) <= _FEW_CORNERS else None for _, ring in ordered]
        self._bounds = [polygon.bounds for polygon in self._polygons]
        self._tree = STRtree(self._polygons)
        self._squares: dict[tuple[int, int], list[int]] = {}
        self._wide: list[int] = []
        for index, (west, south, east, north) in enumerate(self._bounds):
            columns = range(_square(west), _square(east) + 1)
            rows = range(_square(south), _square(north) + 1)
            if len(columns) * len(rows) > _MOST_SQUARES:
                self._wide.append(index)
                continue
            for column in columns:
                for row in rows:
                    self._squares.setdefault((column, row), []).append(index)

    def locate(self, longitude: float, latitude: float) -> str | None:
        """The code of the point's cell; None if no cell covers it."""
        # A few candidates in a dictionary are found ten times as quickly as by the tree.
        near: Iterable[int] = self._squares.get((_square(longitude), _square(latitude)), ())
        for index in heapq.merge(near, self._wide) if self._wide else near:
            west, south, east, north = self._bounds[index]
            if west <= longitude <= east and south <= latitude <= north and self._covers(index, longitude, latitude):
                return self._codes[index]
        return None

    def _covers(self, index: int, longitude: float, latitude: float) -> bool:
        ring = self._rings[index]
        inside = _is_inside(ring, longitude, latitude) if ring else None
        if inside is None:
            return bool(shapely.intersects_xy(self._polygons[index], longitude, latitude))
        return inside

    def overlapping(self, ring: Ring, tolerance_m2: float) -> Iterator[str]:
        """The codes of the cells that share more ground with the ring than that, lowest first."""
        polygon = shapely.Polygon(ring)
        for index in sorted(self._tree.query(polygon, predicate="intersects")):
            if _square_metres(polygon.intersection(self._polygons[index])) > tolerance_m2:
                yield self._codes[index]


def problem_of(ring: Ring) -> str | None:
    """Why the ring bounds no ground; None if it does."""
    if ring[0] == ring[-1]:
        return "its last corner repeats the first"
    if any(abs(east - west) > _WIDEST_EDGE for (west, _), (east, _) in pairwise((*ring, ring[0]))):
        # Such an edge goes around the earth, or across the antimeridian, where degrees jump from 180 to -180.
        return "it has an edge wider than 180 degrees, or crosses the antimeridian"
    polygon = shapely.Polygon(ring)
    if not polygon.is_valid:
        return str(shapely.is_valid_reason(polygon))
    if _square_metres(polygon) < 1:
        return "it has no area"
    return None


def area_m2(ring: Ring) -> float:
    """The ring's area in square metres, for rings of a few kilometres right to 0.25 % between 30° and 45° of latitude
    and to 0.9 % anywhere (the sphere stands for the ellipsoid).
    """
    return _square_metres(shapely.Polygon(ring))


def distances_to_line_m(points: Sequence[Location], line: Sequence[Location]) -> list[float]:
    """How far each point lies from a line of one or more corners, in metres: from the nearest point of any of its legs.

    On a plane that touches the sphere at the line's middle latitude (equidistant cylindrical projection: Snyder, Map
    Projections, USGS Professional Paper 1395, 1987, p. 90). Of a line that is 10 km long, at 40° of latitude, it is
    right to 0.1 %; far off the line it only says that it is far.
    """
    if not points:
        return []
    middle = (min(each.latitude for each in line) + max(each.latitude for each in line)) / 2
    scale, west = math.cos(math.radians(middle)), line[0].longitude

    def on_plane(each: Location) -> tuple[float, float]:
        # Over the antimeridian, too.
        east = math.remainder(each.longitude - west, 360)
        return east * scale * _METRES_PER_DEGREE, (each.latitude - middle) * _METRES_PER_DEGREE

    corners = [on_plane(each) for each in line]
    shape = shapely.LineString(corners) if len(corners) > 1 else shapely.Point(corners[0])
    shapely.prepare(shape)
    found: list[float] = shapely.distance(shapely.points([on_plane(each) for each in points]), shape).tolist()
    return found


def _square_metres(shape: shapely.Geometry) -> float:
    if shape.is_empty:
        return 0.0
    # A cell is small: one cosine serves all of it.
    scale = math.cos(math.radians(shape.centroid.y))
    return float(shape.area) * _METRES_PER_DEGREE**2 * scale


def _is_inside(ring: Ring, x: float, y: float) -> bool | None:
    """Whether the point lies inside; None if it is level with a corner, or too near to an edge to tell by floats."""
    inside = False
    ax, ay = ring[-1]
    for bx, by in ring:
        if y == by:
            return None
        if (ay > y) != (by > y):
            left, right = (bx - ax) * (y - ay), (x - ax) * (by - ay)
            if abs(left - right) <= _ROUNDING * (abs(left) + abs(right)):
                return None
            # The edge crosses the ray that runs east from the point.
            if (left > right) == (by > ay):
                inside = not inside
        ax, ay = bx, by
    return inside


def _square(degrees: float) -> int:
    return math.floor(degrees * _SQUARES_PER_DEGREE)
