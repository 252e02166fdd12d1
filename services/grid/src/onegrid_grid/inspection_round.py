"""Inspection rounds (网格巡查), as the rules see them: frozen, and changed only into others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from onegrid.field.v1.field_pb2 import Mark
from onegrid.grid.v1.rounds_pb2 import RoundState
from onegrid_kit import codes
from onegrid_kit.names import ResourceName

__all__ = ["ROUND", "Round", "cell_of"]

ROUND: Final = ResourceName("rounds/{round}")


def cell_of(id_: str) -> str:
    """The code of the cell that the id of a round, or of a finding, begins with."""
    return id_.partition("-")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """A round of a grid worker through a cell."""

    id: str
    version: int = 1
    create_time: datetime
    update_time: datetime
    # What its log comes to.
    state: RoundState = RoundState.ROUND_STATE_UNDERWAY
    worker: str = ""
    """``users/{user}``, or empty."""
    start_time: datetime | None = None
    finish_time: datetime | None = None
    entry_time: datetime | None = None
    """Of the newest entry."""
    entries: int = 0
    visits: int = 0
    findings: int = 0
    track_m: int = 0
    """The length of the way from fix to fix."""
    duration: timedelta = timedelta()
    marks: tuple[Mark, ...] = ()
    devices: tuple[str, ...] = ()
    """``deviceKeys/{device_key}`` of those that made its entries."""

    @property
    def district(self) -> str:
        """The district that keeps it."""
        return codes.district_of(self.id)

    @property
    def cell(self) -> str:
        """The code of the cell that is walked."""
        return cell_of(self.id)

    @property
    def name(self) -> str:
        """``rounds/{round}``."""
        return ROUND.name(self.id)

    @property
    def etag(self) -> str:
        """Changes with every change."""
        return str(self.version)

    @property
    def begin_time(self) -> datetime:
        """By which it is listed: when it started, as far as that is known."""
        return self.start_time or self.create_time
