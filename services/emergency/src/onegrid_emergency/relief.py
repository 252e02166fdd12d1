"""What helps in an emergency, and reservations of it, as the rules see them: frozen, and changed only into others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from onegrid.emergency.v1.relief_pb2 import ReservationState, ResourceKind, StockMovementKind, TeamKind
from onegrid_kit import codes
from onegrid_kit.lifecycle import short_name
from onegrid_kit.locations import Location
from onegrid_kit.names import ResourceName, code_in

__all__ = [
    "EXCLUSIVE",
    "HOLD",
    "RESERVATION",
    "Depot",
    "Details",
    "Expert",
    "Movement",
    "Reservation",
    "Resource",
    "Room",
    "Shelter",
    "Stock",
    "Team",
    "Vehicle",
    "depot_of",
    "kind_of",
    "office_of",
]

RESERVATION: Final = ResourceName("reservations/{reservation}")
HOLD: Final = timedelta(minutes=30)
"""How long a reservation is held if nothing else is asked for."""

_KINDS: Final = {
    "teams": ResourceKind.RESOURCE_KIND_TEAM,
    "experts": ResourceKind.RESOURCE_KIND_EXPERT,
    "vehicles": ResourceKind.RESOURCE_KIND_VEHICLE,
    "shelters": ResourceKind.RESOURCE_KIND_SHELTER,
    "depots": ResourceKind.RESOURCE_KIND_DEPOT,
}
EXCLUSIVE: Final = frozenset(
    {ResourceKind.RESOURCE_KIND_TEAM, ResourceKind.RESOURCE_KIND_EXPERT, ResourceKind.RESOURCE_KIND_VEHICLE}
)
"""The kinds of which one reservation takes all."""


def kind_of(name: str) -> ResourceKind:
    """The kind of the resource of that name; of a stock its depot's."""
    return _KINDS[name.partition("/")[0]]


def office_of(name: str) -> str:
    """The code of the office that answers for a resource, or for what a reservation keeps."""
    return codes.office_of(code_in(name))


def depot_of(stock: str) -> str:
    """The name of the depot that has the supply of this name."""
    return stock.partition("/stocks/")[0]


@dataclass(frozen=True, slots=True)
class Team:
    """A team (应急队伍)."""

    kind: TeamKind
    members: int
    equipment: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Expert:
    """An expert (专家)."""

    subjects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A vehicle (车辆)."""

    purpose: str
    seats: int


@dataclass(frozen=True, slots=True)
class Shelter:
    """A shelter (避难场所)."""

    capacity: int


@dataclass(frozen=True, slots=True)
class Depot:
    """A depot (物资库)."""


Details: TypeAlias = Team | Expert | Vehicle | Shelter | Depot


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource (应急资源)."""

    name: str
    sequence: int = 1
    display_name: str
    contact: str
    """``users/{user}``; empty: nobody in particular."""
    details: Details
    home: Location | None
    place: str
    position: Location | None = None
    """Where it last reported to be."""
    position_time: datetime | None = None
    retire_time: datetime | None = None
    create_time: datetime
    update_time: datetime
    free: int = 0
    """How many reservations of one it has room for; of a depot 1."""

    @property
    def district(self) -> str:
        """The district that keeps it."""
        return codes.district_of(self.office)

    @property
    def office(self) -> str:
        """The code of the office that answers for it."""
        return office_of(self.name)

    @property
    def kind(self) -> ResourceKind:
        """What it is."""
        return kind_of(self.name)

    @property
    def etag(self) -> str:
        """Changes with its description."""
        return str(self.sequence)

    @property
    def available(self) -> bool:
        """Whether it can be reserved."""
        return self.retire_time is None and self.free > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """A supply of a depot (应急物资)."""

    name: str
    sequence: int = 1
    display_name: str
    unit: str
    minimum: int
    quantity: int = 0
    free: int = 0
    """How many of them nobody has reserved."""
    movements: int = 0
    """How many there have been: the number of the last one."""
    update_time: datetime

    @property
    def district(self) -> str:
        """The district that keeps it."""
        return codes.district_of(office_of(self.name))

    @property
    def depot(self) -> str:
        """``depots/{depot}``."""
        return depot_of(self.name)

    @property
    def etag(self) -> str:
        """Changes with its description."""
        return str(self.sequence)

    @property
    def short(self) -> bool:
        """Whether there is less than the minimum."""
        return self.quantity < self.minimum


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """A change of a stock."""

    stock: str
    number: int
    kind: StockMovementKind
    change: int
    balance: int
    reservation: str = ""
    note: str = ""
    create_time: datetime

    @property
    def name(self) -> str:
        """``depots/{depot}/stocks/{stock}/movements/{number}``."""
        return f"{self.stock}/movements/{self.number}"


@dataclass(frozen=True, slots=True)
class Room:
    """What a shelter or stock has at a moment, and what of that was reserved."""

    total: int
    reserved: int
    """By reservations that are in effect."""
    expired: int
    """By reservations that have expired, which is not stored yet."""
    open: bool
    """It was not retired."""

    @property
    def free(self) -> int:
        """How much can be reserved."""
        return max(0, self.total - self.reserved)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """That a resource, or a part of it, is kept for an incident."""

    id: str
    sequence: int = 1
    incident: str
    """``incidents/{incident}``."""
    resource: str
    quantity: int = 1
    state: ReservationState = ReservationState.RESERVATION_STATE_HELD
    begin_time: datetime
    end_time: datetime | None
    """When it ended or, while it is held, when it expires; None while it is confirmed."""

    @property
    def district(self) -> str:
        """The district that keeps it."""
        return codes.district_of(self.id)

    @property
    def name(self) -> str:
        """``reservations/{reservation}``."""
        return RESERVATION.name(self.id)

    @property
    def exclusive(self) -> bool:
        """Whether it takes all of the resource."""
        return kind_of(self.resource) in EXCLUSIVE

    @property
    def etag(self) -> str:
        """Changes with every step."""
        return str(self.sequence)

    @property
    def held(self) -> bool:
        """Whether it expires unless it is confirmed."""
        return self.state == ReservationState.RESERVATION_STATE_HELD

    @property
    def open(self) -> bool:
        """Whether it keeps something, if it has not expired meanwhile."""
        return self.held or self.state == ReservationState.RESERVATION_STATE_CONFIRMED

    @property
    def state_name(self) -> str:
        """The state in short: ``EXPIRED``."""
        return short_name(ReservationState, self.state)

    def at(self, moment: datetime) -> Reservation:
        """As it is at that moment: it expires by itself."""
        if self.held and self.end_time is not None and self.end_time <= moment:
            return replace(self, state=ReservationState.RESERVATION_STATE_EXPIRED, sequence=self.sequence + 1)
        return self

    def confirmed(self) -> Reservation:
        """Kept until it is released."""
        return self._step(ReservationState.RESERVATION_STATE_CONFIRMED, None)

    def prolonged(self, until: datetime) -> Reservation:
        """Held until that moment."""
        return self._step(ReservationState.RESERVATION_STATE_HELD, until)

    def moved(self, incident: str) -> Reservation:
        """Kept for another incident, as long as before."""
        return replace(self, incident=incident, sequence=self.sequence + 1)

    def ended(self, state: ReservationState, moment: datetime) -> Reservation:
        """Given back, or issued, at that moment."""
        # Clocks of several processes differ a little.
        return self._step(state, max(moment, self.begin_time))

    def _step(self, state: ReservationState, end_time: datetime | None) -> Reservation:
        return replace(self, state=state, end_time=end_time, sequence=self.sequence + 1)
