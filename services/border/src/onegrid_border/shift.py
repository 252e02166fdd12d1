"""Shifts of duty (班次), as they were announced."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from onegrid_kit import codes
from onegrid_kit.names import code_in

__all__ = ["Shift"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """That somebody is on duty for a while."""

    name: str
    """``shifts/{shift}``."""
    version: int
    roster: str
    """``rosters/{roster}``."""
    user: str
    """``users/{user}``."""
    begin: datetime
    end: datetime
    cancelled: bool

    @property
    def district(self) -> str:
        """The district of its roster."""
        return codes.district_of(code_in(self.roster))
