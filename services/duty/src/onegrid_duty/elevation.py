"""What plans of emergency add to the authority of whoever is on duty."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from onegrid_duty.shifts import Shift

__all__ = ["Elevation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Elevation:
    """A role that a plan gives to whoever is on duty while it lasts."""

    name: str
    """``planActivations/{activation}/elevations/{number}``."""
    roster: str
    """The roster's id."""
    role: str
    """``roles/{role}``."""
    scope: str
    guarantor: str
    """``users/{user}`` whose authority bounds it."""
    begin: datetime
    end: datetime
    ended: bool = False
    """Whether the plan has ended."""

    def covers(self, shift: Shift) -> bool:
        """Whether it adds anything to the shift."""
        return not self.ended and shift.begin < self.end and self.begin < shift.end

    def revision_for(self, shift: Shift) -> int:
        """Grows with the shift's revision, and once more when the plan ends."""
        return shift.revision * 2 + self.ended
