"""Divisions, cells and appointments as the service sees them, and how a table of divisions is read."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from onegrid.grid.v1 import resources_pb2
from onegrid.grid.v1.resources_pb2 import DivisionLevel, Post
from onegrid.identity.v1.resources_pb2 import UserState
from onegrid_grid.errors import DivisionsUnreadable
from onegrid_kit import codes
from onegrid_kit.geometry import Ring
from onegrid_kit.names import ResourceName
from onegrid_kit.rpc.validation import violations

__all__ = ["APPOINTMENT", "CELL", "DIVISION", "Appointment", "Cell", "Division", "User", "read_divisions"]

DIVISION: Final = ResourceName("divisions/{division}")
CELL: Final = ResourceName("cells/{cell}")
APPOINTMENT: Final = ResourceName("cells/{cell}/appointments/{appointment}")

_LEVELS: Final = {
    "district": (codes.is_district, DivisionLevel.DIVISION_LEVEL_DISTRICT),
    "street": (codes.is_street, DivisionLevel.DIVISION_LEVEL_STREET),
    "community": (codes.is_community, DivisionLevel.DIVISION_LEVEL_COMMUNITY),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """An administrative division."""

    code: str
    level: DivisionLevel
    display_name: str
    version: int = 1
    update_time: datetime | None = None

    @property
    def name(self) -> str:
        """``divisions/{code}``."""
        return DIVISION.name(self.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user as identity announced them."""

    district: str
    name: str
    """``users/{user}``."""
    state: UserState
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """A post that a user holds in a cell."""

    id: str
    cell: str
    user: str
    post: Post
    start_time: datetime
    end_time: datetime | None = None

    @property
    def name(self) -> str:
        """``cells/{code}/appointments/{appointment}``."""
        return APPOINTMENT.name(self.cell, self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A grid cell."""

    code: str
    display_name: str
    boundary: Ring
    area_m2: float
    version: int
    create_time: datetime
    update_time: datetime
    appointments: tuple[Appointment, ...] = ()
    """Those that last, leaders first."""

    @property
    def name(self) -> str:
        """``cells/{code}``."""
        return CELL.name(self.code)


def read_divisions(district: str, table: bytes) -> list[Division]:
    """The divisions of a CSV table, parents first. Raises DivisionsUnreadable for the first line that can't be used."""
    try:
        text = table.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = table[: error.start].count(b"\n") + 1
        raise DivisionsUnreadable(line, "it is not UTF-8") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    found: dict[str, Division] = {}
    try:
        if next(reader, None) != ["code", "name", "level"]:
            raise DivisionsUnreadable(1, "the header must be code,name,level")
        for row in reader:
            if row:
                division = _division(reader.line_num, district, row)
                if division.code in found:
                    raise DivisionsUnreadable(reader.line_num, f"code {division.code} is there twice")
                found[division.code] = division
    except csv.Error as error:
        raise DivisionsUnreadable(reader.line_num, str(error)) from None
    if not found:
        raise DivisionsUnreadable(1, "it has no divisions")
    return sorted(found.values(), key=lambda division: division.code)


def _division(line: int, district: str, row: list[str]) -> Division:
    if len(row) != 3:
        raise DivisionsUnreadable(line, f"it has {len(row)} columns, not 3")
    code, name, level = (cell.strip() for cell in row)
    if level not in _LEVELS:
        raise DivisionsUnreadable(line, f"level {level!r} is none of {', '.join(_LEVELS)}")
    is_of_level, value = _LEVELS[level]
    if not is_of_level(code):
        raise DivisionsUnreadable(line, f"code {code!r} does not have the digits of a {level}")
    if not codes.contains(district, code):
        raise DivisionsUnreadable(line, f"code {code} lies outside of {district}")
    for _, problem in violations(resources_pb2.Division(display_name=name)):
        raise DivisionsUnreadable(line, f"the name {problem}")
    return Division(code=code, level=value, display_name=name)
