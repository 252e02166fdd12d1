"""The ground that a message is about, and the cells that it meets.

A broken shape is read as far as it can be: warning too many is better than warning nobody.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final, TypeAlias

import numpy as np
import shapely

from onegrid.emergency.v1.warnings_pb2 import CapRule
from onegrid_emergency.cap.message import Alert, Area, Value, Violation
from onegrid_kit.distance import RADIUS_M
from onegrid_kit.geometry import Ring

__all__ = ["DISTRICT_CODE", "PLACE_CODE", "Cells", "Ground", "Target", "survey", "target_of"]

_Meets: TypeAlias = Callable[["Cells"], Any]
"""Which of the cells a shape shares ground with: an array of truth values."""

_EARTH_KM: Final = RADIUS_M / 1000
_MOST_AREAS: Final = 500
_MOST_POINTS: Final = 20_000
_CIRCLE: Final = re.compile(r"(\S+) +(\S+)")
DISTRICT_CODE: Final = "GB/T 2260"
"""The name under which a district's code is written as a geocode."""
PLACE_CODE: Final = "onegrid:place"
"""The same of smaller places' codes."""
_CODE_NAMES: Final = frozenset(
    {"gbt2260", "onegridplace", "adcode", "areacode", "divisioncode", "行政区划代码", "区划代码"}
)
_PADDING: Final = "000"


class Cells:
    """The cells of a district that have ground."""

    def __init__(self, cells: Iterable[tuple[str, Ring]]) -> None:
        ordered = sorted(cells, key=lambda cell: cell[0])
        self.codes = [code for code, _ in ordered]
        corners = [np.asarray(ring, dtype=float) for _, ring in ordered]
        numbers = np.repeat(np.arange(len(corners)), [len(ring) for ring in corners])
        # One call for all of them: it takes a tenth of the time of one for each.
        rings = shapely.linearrings(np.concatenate(corners), indices=numbers) if corners else np.empty(0, dtype=object)
        self.polygons = shapely.polygons(rings)


@dataclass(frozen=True, slots=True)
class Ground:
    """What a message says of where it counts."""

    shapes: tuple[_Meets, ...] = ()
    divisions: tuple[str, ...] = ()
    """Beginnings of codes: `21` is a province."""
    violations: tuple[Violation, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """What of a district a message is about."""

    cells: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    """The same as the fewest codes."""


@dataclass(slots=True)
class _Surveyor:
    shapes: list[_Meets] = field(default_factory=list)
    divisions: list[str] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)

    def area(self, area: Area, path: str) -> None:
        for number, text in enumerate(area.polygons):
            self._polygon(text, f"{path}.polygon[{number}]")
        for number, text in enumerate(area.circles):
            self._circle(text, f"{path}.circle[{number}]")
        for number, value in enumerate(area.geocodes):
            self._geocode(value, f"{path}.geocode[{number}]")
        if area.ceiling and not area.altitude:
            self.note(CapRule.CAP_RULE_ALTITUDE, f"{path}.ceiling", "comes without altitude")

    def note(self, rule: CapRule, path: str, description: str) -> None:
        self.violations.append(Violation(rule, path, description))

    def _polygon(self, text: str, path: str) -> None:
        points = self._points(text.split(), path)
        if not points:
            self.note(CapRule.CAP_RULE_POLYGON, path, "has no points")
            return
        if points[0] != points[-1] or len(points) == 1:
            self.note(CapRule.CAP_RULE_POLYGON_CLOSED, path, "ends elsewhere than it begins")
            points.append(points[0])
        if len(points) < 4:
            self.note(CapRule.CAP_RULE_POLYGON, path, "has fewer than four points")
            self.shapes.append(_meets_line(points))
            return
        shape = shapely.Polygon(points)
        if not shape.is_valid:
            self.note(CapRule.CAP_RULE_POLYGON, path, str(shapely.is_valid_reason(shape)))
            shape = shapely.make_valid(shape)
        self.shapes.append(_meets_ground(shape))

    def _circle(self, text: str, path: str) -> None:
        found = _CIRCLE.fullmatch(text)
        radius = _number(found[2]) if found else None
        if found is None or radius is None or not 0 <= radius <= math.pi * _EARTH_KM:
            self.note(CapRule.CAP_RULE_CIRCLE, path, "is no point and radius in kilometres")
            return
        for centre in self._points([found[1]], path):
            self.shapes.append(_meets_circle(centre, radius))

    def _points(self, texts: Sequence[str], path: str) -> list[tuple[float, float]]:
        """Points as longitude and latitude. Where latitudes can't be, but would be as longitudes, they are those."""
        pairs = [_pair(text) for text in texts]
        good = [pair for pair in pairs if pair is not None]
        swapped = any(abs(first) > 90 for first, _ in good) and all(
            abs(first) <= 180 and abs(second) <= 90 for first, second in good
        )
        points = [pair if swapped else (pair[1], pair[0]) for pair in good]
        on_earth = [(east, north) for east, north in points if abs(east) <= 180 and abs(north) <= 90]
        if len(good) < len(pairs):
            self.note(CapRule.CAP_RULE_COORDINATES, path, "has what is no pair of numbers")
        if swapped:
            self.note(CapRule.CAP_RULE_COORDINATES, path, "has longitude before latitude")
        if len(on_earth) < len(points):
            self.note(CapRule.CAP_RULE_COORDINATES, path, "has points that are not on earth")
        return on_earth

    def _geocode(self, value: Value, path: str) -> None:
        known = re.sub(r"[\W_]", "", value.name).lower() in _CODE_NAMES
        division = _division(value.value) if known else ""
        if division:
            self.divisions.append(division)
        else:
            self.note(CapRule.CAP_RULE_GEOCODE, path, f"is no code of a place: {value.name[:40]} {value.value[:40]}")


def survey(alert: Alert) -> Ground:
    """What a message says of where it counts, and what is wrong with that."""
    surveyor = _Surveyor()
    areas = [
        (area, f"info[{number}].area[{place}]")
        for number, info in enumerate(alert.infos)
        for place, area in enumerate(info.areas)
    ]
    points = sum(text.count(",") for area, _ in areas for text in area.polygons)
    if len(areas) > _MOST_AREAS or points > _MOST_POINTS:
        surveyor.note(CapRule.CAP_RULE_SIZE, "info", f"have more than {_MOST_AREAS} areas or {_MOST_POINTS} points")
        return Ground(violations=tuple(surveyor.violations))
    for area, path in areas:
        surveyor.area(area, path)
    return Ground(tuple(surveyor.shapes), tuple(surveyor.divisions), tuple(surveyor.violations))


def target_of(ground: Ground, district: str, cells: Cells) -> Target:
    """What of the district the ground meets."""
    met = np.zeros(len(cells.codes), dtype=bool)
    for meets in ground.shapes if cells.codes else ():
        met |= meets(cells)
    found = {code for code, each in zip(cells.codes, met, strict=True) if each}
    named = set()
    for division in ground.divisions:
        if division.startswith(district) or district.startswith(division):
            named.add(max(division, district, key=len))
    found |= {code for code in cells.codes for place in named if code.startswith(place)}
    return Target(tuple(sorted(found)), tuple(_fewest(district, found | named, cells.codes)))


def _fewest(district: str, wanted: set[str], known: Sequence[str]) -> Iterator[str]:
    """The fewest codes of places that hold what is wanted, and nothing else that is known."""

    def cover(place: str, cells: Sequence[str]) -> Iterator[str]:
        if place in wanted or (cells and all(cell in wanted for cell in cells)):
            yield place
            return
        inside = {code for code in wanted if code.startswith(place)}
        length = len(place) + len(_PADDING)
        parts = sorted({*(code[:length] for code in inside)})
        by_part = {part: list(group) for part, group in groupby(cells, key=lambda cell: cell[:length])}
        for part in parts:
            yield from cover(part, by_part.get(part, ()))

    yield from cover(district, known)


def _division(text: str) -> str:
    """The beginning of the codes of all that lies in a division; empty if the text is no code of one."""
    if not re.fullmatch(r"[1-9]\d{5}(\d{3}){0,3}", text):
        return ""
    while len(text) > 6 and text.endswith(_PADDING):
        text = text[:-3]
    if len(text) > 6:
        return text
    return text[:2] if text.endswith("0000") else text[:4] if text.endswith("00") else text


def _pair(text: str) -> tuple[float, float] | None:
    first, _, second = text.partition(",")
    numbers = _number(first), _number(second)
    return None if numbers[0] is None or numbers[1] is None else (numbers[0], numbers[1])


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[-+]?(\d{1,20}(\.\d{0,20})?|\.\d{1,20})", text) else None


def _meets_ground(shape: Any) -> _Meets:
    def meets(cells: Cells) -> Any:
        shapely.prepare(shape)
        # Who only shares a border is not meant.
        near = shapely.intersects(shape, cells.polygons)
        near[near] = ~shapely.touches(shape, cells.polygons[near])
        return near

    return meets


def _meets_line(points: Sequence[tuple[float, float]]) -> _Meets:
    line = shapely.LineString(points)
    return lambda cells: shapely.intersects(line, cells.polygons)


def _meets_circle(centre: tuple[float, float], radius_km: float) -> _Meets:
    def meets(cells: Cells) -> Any:
        # Seen from the centre (azimuthal equidistant), distances to it are right.
        around = shapely.transform(cells.polygons, lambda points: _seen_from(centre, points))
        distances = shapely.distance(shapely.Point(0, 0), around)
        return (distances < radius_km) | (distances == 0)

    return meets


def _seen_from(centre: tuple[float, float], points: Any) -> Any:
    east, north = np.radians(points[:, 0] - centre[0]), np.radians(points[:, 1])
    own = math.radians(centre[1])
    towards_north = np.cos(own) * np.sin(north) - np.sin(own) * np.cos(north) * np.cos(east)
    towards_east = np.cos(north) * np.sin(east)
    along = np.sin(own) * np.sin(north) + np.cos(own) * np.cos(north) * np.cos(east)
    away = np.hypot(towards_east, towards_north)
    distance = _EARTH_KM * np.arctan2(away, along)
    scale = np.divide(distance, away, out=np.zeros_like(away), where=away > 0)
    return np.column_stack((towards_east * scale, towards_north * scale))
