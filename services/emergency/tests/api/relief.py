"""What the tests of resources and reservations do first."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from sqlalchemy import Engine, text

from onegrid.common.v1.common_pb2 import Point
from onegrid.emergency.v1.relief_pb2 import (
    Depot,
    Expert,
    Reservation,
    Resource,
    Shelter,
    Stock,
    StockMovementKind,
    Team,
    TeamKind,
    Vehicle,
)
from onegrid_emergency.jobs import expire_reservations
from onegrid_kit.callers import Caller
from onegrid_kit.testing.api import Serving

from .people import COMMANDER, DISTRICT, STREET

TEAM, OTHER_TEAM = f"teams/{DISTRICT}D07-first", f"teams/{STREET}-second"
EXPERT, VEHICLE = f"experts/{DISTRICT}-water", f"vehicles/{STREET}-pump"
SHELTER, DEPOT = f"shelters/{STREET}-school", f"depots/{STREET}-main"
SANDBAGS = f"{DEPOT}/stocks/sandbags"
HERE = Point(longitude=124.45, latitude=40.15)
DETAILS = {
    "teams": {"team": Team(kind=TeamKind.TEAM_KIND_FLOOD, members=12, equipment=["冲锋舟"])},
    "experts": {"expert": Expert(subjects=["水利"])},
    "vehicles": {"vehicle": Vehicle(purpose="排水车", seats=3)},
    "shelters": {"shelter": Shelter(capacity=100)},
    "depots": {"depot": Depot()},
}

_KINDS = {"team", "expert", "vehicle", "shelter", "depot"}


async def define(api: Serving, name: str, caller: Caller = COMMANDER, **fields: Any) -> Resource:
    """A resource with details of its kind, unless others are given."""
    details = {} if fields.keys() & _KINDS else DETAILS[name.partition("/")[0]]
    resource = Resource(**{"name": name, "display_name": "抢险一队", "home": HERE, **details, **fields})
    return cast(Resource, (await api.call(caller, "DefineResource", resource=resource)).resource)


async def get(api: Serving, name: str, caller: Caller = COMMANDER) -> Resource:
    return cast(Resource, (await api.call(caller, "GetResource", name=name)).resource)


async def incident(api: Serving) -> str:
    """The name of a new incident."""
    answer = await api.call(COMMANDER, "ReportIncident", district=DISTRICT, text="江边堤坝渗水。")
    return cast(str, answer.report.incident)


async def reserve(api: Serving, resource: str, of: str, caller: Caller = COMMANDER, **fields: Any) -> Reservation:
    answer = await api.call(caller, "ReserveResource", resource=resource, incident=of, **fields)
    return cast(Reservation, answer.reservation)


async def step(api: Serving, method: str, found: Reservation, **fields: Any) -> Reservation:
    return cast(Reservation, (await api.call(COMMANDER, method, name=found.name, **fields)).reservation)


async def stock_of(api: Serving, quantity: int = 0, name: str = SANDBAGS, **fields: Any) -> Stock:
    """A supply of a depot, with so much of it."""
    asked = Stock(**{"name": name, "display_name": "沙袋", "unit": "袋", **fields})
    found = (await api.call(COMMANDER, "DefineStock", stock=asked)).stock
    if quantity:
        found = (await move(api, StockMovementKind.STOCK_MOVEMENT_KIND_IN, quantity, name=name)).stock
    return cast(Stock, found)


async def move(api: Serving, kind: StockMovementKind, quantity: int, name: str = SANDBAGS, **fields: Any) -> Any:
    return await api.call(COMMANDER, "MoveStock", name=name, kind=kind, quantity=quantity, **fields)


def expire(engine: Engine, now: datetime) -> None:
    """Do what the job does."""
    with engine.begin() as conn:
        expire_reservations(conn, now)


def counted(engine: Engine, name: str) -> tuple[int, int]:
    """How much of it there is, and how much is counted as reserved."""
    with engine.connect() as conn:
        row = conn.execute(text("SELECT total, reserved FROM capacity WHERE resource = :name"), {"name": name}).one()
    return row.total, row.reserved
