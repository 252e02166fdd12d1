"""Pages and handovers, and whom each rung of their escalation asks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from onegrid.duty.v1.resources_pb2 import RungTarget
from onegrid_duty.roster import Roster, Rung
from onegrid_duty.shifts import Shift
from onegrid_kit.names import ResourceName

__all__ = ["HANDOVER", "HANDOVER_WAIT", "PAGE", "SOMEBODY", "Cause", "Handover", "Page", "asked"]

PAGE: Final = ResourceName("pages/{page}")
HANDOVER: Final = ResourceName("handovers/{handover}")
HANDOVER_WAIT: Final = timedelta(minutes=15)
"""How long each rung of a handover is waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What raised a page, once of each roster, and ends it; nothing, if somebody did."""

    plan_activation: str = ""
    """``planActivations/{activation}`` of emergency."""
    alarm: str = ""
    """``patrols/{patrol}/alarms/{alarm}`` of border."""
    alarm_raise_time: datetime | None = None
    """When that alarm was raised: raised again, it is another cause."""


SOMEBODY: Final = Cause()
"""The cause of a page that somebody raised by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A call for whoever is on duty. The escalation is that of the roster when it was raised."""

    id: str
    roster: str
    """The roster's id."""
    title: str
    author: str
    escalation: tuple[Rung, ...]
    supervisors: tuple[str, ...]
    paged: tuple[str, ...] = ()
    acknowledger: str = ""
    create_time: datetime
    acknowledge_time: datetime | None = None
    cause: Cause = SOMEBODY
    end_time: datetime | None = None
    """When its cause ended before anybody took the page."""

    @property
    def name(self) -> str:
        """``pages/{page}``."""
        return PAGE.name(self.id)

    @property
    def open(self) -> bool:
        """Whether somebody is still to take it."""
        return not self.acknowledger and self.end_time is None

    def reaching(self, users: tuple[str, ...]) -> Page:
        """The page once these were paged as well."""
        return replace(self, paged=tuple(dict.fromkeys((*self.paged, *users))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """An entry of the handover book; its id is that of the shift that ends."""

    id: str
    roster: str
    """The roster's id."""
    author: str
    text: str
    following_shift: str
    """The id of the shift that follows."""
    acknowledger: str = ""
    create_time: datetime
    acknowledge_time: datetime | None = None

    @property
    def name(self) -> str:
        """``handovers/{handover}``."""
        return HANDOVER.name(self.id)


def asked(page: Page, rung: int, roster: Roster, now: Shift | None, coming: Shift | None) -> tuple[str, ...]:
    """Whom a rung asks, counted from 1; nobody: the next one is reached at once."""
    match page.escalation[rung - 1].target:
        case RungTarget.RUNG_TARGET_ON_DUTY:
            return (now.user,) if now is not None else ()
        case RungTarget.RUNG_TARGET_NEXT:
            return (coming.user,) if coming is not None and (now is None or coming.user != now.user) else ()
        case _:
            # Those of now, and if the roster has none any more those of then: the last rung is never empty.
            return roster.supervisors or page.supervisors
