"""Patrols of border, as it has announced them: the units that are out may be the nearest who can look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from onegrid_kit import codes
from onegrid_kit.locations import Location
from onegrid_kit.names import ResourceName, code_in

__all__ = ["FRESH", "UNIT", "Patrol"]

UNIT: Final = ResourceName("units/{unit}")
"""Of border."""
FRESH: Final = timedelta(hours=2)
"""For how long the position of a unit says where it is; it is deleted then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patrol:
    """One round of a unit. Nobody who walks it is known here."""

    name: str
    """``patrols/{patrol}``."""
    version: int
    unit: str
    """``units/{unit}``."""
    display_name: str
    """What people call the unit."""
    out: bool
    """It has started and is not over."""
    position: Location | None
    position_time: datetime | None
    announce_time: datetime

    @property
    def district(self) -> str:
        """The district that keeps it."""
        return codes.district_of(code_in(self.unit))
