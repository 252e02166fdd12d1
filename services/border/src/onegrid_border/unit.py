"""Units (巡逻分队), as the rules see them: frozen, and changed only into others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from onegrid_kit import codes
from onegrid_kit.names import ResourceName

__all__ = ["UNIT", "Unit"]

UNIT: Final = ResourceName("units/{unit}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """Those who patrol together."""

    id: str
    version: int = 1
    display_name: str
    roster: str = ""
    """``rosters/{roster}``; empty: each patrol names its leader."""
    lone: bool = False
    """It is one person."""
    shift_route: str = ""
    """``routes/{route}`` that it patrols in each shift of its roster; empty: patrols are planned one by one."""
    shift_start: timedelta = timedelta()
    """How long after the shift's beginning such a patrol starts."""
    alarm_roster: str = ""
    """``rosters/{roster}`` whose officer on duty is paged when an alarm reaches its office; empty: nobody is."""
    retire_time: datetime | None = None
    create_time: datetime
    update_time: datetime

    @property
    def district(self) -> str:
        """The district that keeps it."""
        return codes.district_of(self.id)

    @property
    def name(self) -> str:
        """``units/{unit}``."""
        return UNIT.name(self.id)

    @property
    def etag(self) -> str:
        """Changes with every change."""
        return str(self.version)
