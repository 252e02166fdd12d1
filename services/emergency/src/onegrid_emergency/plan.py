"""Plans, and what becomes of one that is activated, as the rules see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from onegrid.emergency.v1.plans_pb2 import ElevationState, PlanOffice
from onegrid.emergency.v1.resources_pb2 import Confidence, IncidentKind, IncidentLevel
from onegrid_emergency.incident import Incident
from onegrid_kit import codes
from onegrid_kit.names import ResourceName

__all__ = [
    "ACTIVATION",
    "DEFAULT_ELEVATE_AT_MOST",
    "ELEVATION",
    "PLAN",
    "Activation",
    "ActiveElevation",
    "Checklist",
    "Elevation",
    "Item",
    "Notice",
    "PagedRoster",
    "Plan",
    "PlanTask",
    "items_of",
]

PLAN: Final = ResourceName("plans/{plan}")
ACTIVATION: Final = ResourceName("planActivations/{activation}")
ELEVATION: Final = ResourceName("planActivations/{activation}/elevations/{elevation}")
DEFAULT_ELEVATE_AT_MOST: Final = timedelta(hours=72)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTask:
    """What is to be done."""

    assignee: str = ""
    """The code of an office, or ``users/{user}``."""
    office: PlanOffice = PlanOffice.PLAN_OFFICE_UNSPECIFIED
    """Without an assignee, the office of the incident's place."""
    instruction: str
    acknowledge_within_s: int = 0
    """0: as long as the incident's level allows."""
    due_after_s: int = 0
    """0: there is no deadline."""

    def assignee_at(self, place: str) -> str:
        """Who is to do it in an incident of this place."""
        if self.assignee:
            return self.assignee
        is_street = self.office == PlanOffice.PLAN_OFFICE_STREET
        return codes.street_of(place) if is_street else codes.community_of(place)

    @property
    def acknowledge_within(self) -> timedelta | None:
        """How soon it must be acknowledged; None: as the incident's level has it."""
        return timedelta(seconds=self.acknowledge_within_s) if self.acknowledge_within_s else None

    def due_time(self, now: datetime) -> datetime | None:
        """Until when it must be completed, of a plan that is activated now."""
        return now + timedelta(seconds=self.due_after_s) if self.due_after_s else None


@dataclass(frozen=True, slots=True)
class Checklist:
    """What is to be thought of."""

    title: str
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Elevation:
    """A role that somebody is given."""

    holder: str
    """``users/{user}``, or ``rosters/{roster}`` of duty."""
    role: str
    """``roles/{role}``."""
    scope: str


@dataclass(frozen=True, slots=True)
class Notice:
    """What people are told."""

    headline: str
    text: str
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a district does in incidents of a kind and level (应急预案)."""

    id: str
    sequence: int = 1
    """How often it was defined or retired: its version."""
    display_name: str
    kind: IncidentKind
    level: IncidentLevel
    automatic: bool
    tasks: tuple[PlanTask, ...] = ()
    checklists: tuple[Checklist, ...] = ()
    elevations: tuple[Elevation, ...] = ()
    elevate_at_most: timedelta = DEFAULT_ELEVATE_AT_MOST
    rosters: tuple[str, ...] = ()
    """``rosters/{roster}``."""
    notice: Notice | None = None
    definer: str
    """``users/{user}``, who stands for its elevations."""
    retire_time: datetime | None = None
    create_time: datetime
    update_time: datetime

    @property
    def name(self) -> str:
        """``plans/{plan}``."""
        return PLAN.name(self.id)

    @property
    def district(self) -> str:
        """The code that the id begins with."""
        return codes.district_of(self.id)

    @property
    def etag(self) -> str:
        """Changes with every change."""
        return str(self.sequence)

    def matches(self, incident: Incident) -> bool:
        """Whether it is for incidents of that kind and level, and this one is known to be true."""
        confirmed = incident.confidence == Confidence.CONFIDENCE_CONFIRMED
        return confirmed and (self.kind, self.level) == (incident.kind, incident.level)

    def notice_at(self, place: str) -> Notice | None:
        """What people are told in an incident of this place."""
        return self.notice and replace(self.notice, places=self.notice.places or (codes.street_of(place),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An item of a checklist."""

    number: int
    checklist: str
    text: str
    ticked_by: str = ""
    """``users/{user}``; empty: it is not ticked."""
    tick_time: datetime | None = None

    def ticked(self, user: str, now: datetime) -> Item:
        """The item once it is ticked; who did it first stays."""
        return self if self.ticked_by else replace(self, ticked_by=user, tick_time=now)

    def unticked(self) -> Item:
        """The item once its tick is taken back."""
        return replace(self, ticked_by="", tick_time=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveElevation:
    """A role that a plan gives, and what identity made of it."""

    elevation: Elevation
    state: ElevationState = ElevationState.ELEVATION_STATE_UNSPECIFIED
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PagedRoster:
    """A roster whose duty a plan pages, and what duty made of it."""

    roster: str
    page: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """A plan that is, or was, in effect for an incident."""

    district: str
    id: str
    plan: str
    """The plan's id."""
    display_name: str
    incident: str
    """The id of the incident that it is in effect for now."""
    activator: str
    """``users/{user}``; empty if it was activated by itself."""
    guarantor: str
    """``users/{user}``, who stands for its elevations."""
    tasks: tuple[str, ...]
    """``tasks/{task}``."""
    items: tuple[Item, ...]
    elevations: tuple[ActiveElevation, ...]
    rosters: tuple[PagedRoster, ...]
    notice: Notice | None
    activate_time: datetime
    expire_time: datetime
    end_time: datetime | None = None

    @property
    def name(self) -> str:
        """``planActivations/{activation}``."""
        return ACTIVATION.name(self.id)

    @property
    def roles_refused(self) -> int:
        """How many of its elevations identity has refused."""
        return sum(each.state == ElevationState.ELEVATION_STATE_REFUSED for each in self.elevations)

    @property
    def pages_failed(self) -> int:
        """Of how many of its rosters nobody can be paged."""
        return sum(bool(each.reason) for each in self.rosters)

    def with_elevation(self, number: int, state: ElevationState, reason: str) -> Activation:
        """The activation once identity has decided on an elevation, counted from 1."""
        changed = [
            replace(each, state=state, reason=reason) if index == number else each
            for index, each in enumerate(self.elevations, 1)
        ]
        return replace(self, elevations=tuple(changed))

    def with_page(self, result: PagedRoster) -> Activation:
        """The activation once duty has paged a roster."""
        changed = [result if each.roster == result.roster else each for each in self.rosters]
        return replace(self, rosters=tuple(changed))


def items_of(checklists: Sequence[Checklist]) -> tuple[Item, ...]:
    """The items of all checklists, numbered from 1."""
    texts = [(checklist.title, text) for checklist in checklists for text in checklist.items]
    return tuple(Item(number=number, checklist=title, text=text) for number, (title, text) in enumerate(texts, 1))
