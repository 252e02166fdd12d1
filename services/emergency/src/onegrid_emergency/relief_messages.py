"""Between the contract's messages and the values of resources, supplies and reservations."""

from __future__ import annotations

from onegrid.emergency.v1 import relief_pb2 as pb
from onegrid_emergency.patrol import Patrol
from onegrid_emergency.relief import (
    Depot,
    Details,
    Expert,
    Movement,
    Reservation,
    Resource,
    Shelter,
    Stock,
    Team,
    Vehicle,
)
from onegrid_kit.locations import point
from onegrid_kit.timestamps import timestamp

__all__ = ["details_of", "located_unit", "movement", "reservation", "resource", "stock"]


def details_of(message: pb.Resource) -> Details:
    """What is special about the resource's kind."""
    match message.WhichOneof("details"):
        case "team":
            return Team(message.team.kind, message.team.members, tuple(message.team.equipment))
        case "expert":
            return Expert(tuple(message.expert.subjects))
        case "vehicle":
            return Vehicle(message.vehicle.purpose, message.vehicle.seats)
        case "shelter":
            return Shelter(message.shelter.capacity)
    return Depot()


def resource(found: Resource) -> pb.Resource:
    """The message of a resource."""
    message = pb.Resource(
        name=found.name,
        display_name=found.display_name,
        contact=found.contact,
        home=point(found.home),
        place=found.place,
        position=point(found.position),
        position_time=timestamp(found.position_time),
        retire_time=timestamp(found.retire_time),
        create_time=timestamp(found.create_time),
        update_time=timestamp(found.update_time),
        etag=found.etag,
        available=found.available,
    )
    match found.details:
        case Team(kind, members, equipment):
            message.team.CopyFrom(pb.Team(kind=kind, members=members, equipment=equipment))
        case Expert(subjects):
            message.expert.CopyFrom(pb.Expert(subjects=subjects))
        case Vehicle(purpose, seats):
            message.vehicle.CopyFrom(pb.Vehicle(purpose=purpose, seats=seats))
        case Shelter(capacity):
            message.shelter.CopyFrom(pb.Shelter(capacity=capacity, free=found.free))
        case Depot():
            message.depot.SetInParent()
    return message


def located_unit(found: Patrol, away_m: float) -> pb.LocatedPatrolUnit:
    """The message of a unit on patrol."""
    return pb.LocatedPatrolUnit(
        name=found.unit,
        display_name=found.display_name,
        patrol=found.name,
        position=point(found.position),
        position_time=timestamp(found.position_time),
        distance_m=away_m,
    )


def stock(found: Stock) -> pb.Stock:
    """The message of a supply."""
    return pb.Stock(
        name=found.name,
        display_name=found.display_name,
        unit=found.unit,
        minimum=found.minimum,
        quantity=found.quantity,
        free=found.free,
        update_time=timestamp(found.update_time),
        etag=found.etag,
    )


def movement(found: Movement) -> pb.StockMovement:
    """The message of a movement."""
    return pb.StockMovement(
        name=found.name,
        kind=found.kind,
        change=found.change,
        balance=found.balance,
        reservation=found.reservation,
        note=found.note,
        create_time=timestamp(found.create_time),
    )


def reservation(found: Reservation) -> pb.Reservation:
    """The message of a reservation, as it was found."""
    return pb.Reservation(
        name=found.name,
        incident=found.incident,
        resource=found.resource,
        quantity=found.quantity,
        state=found.state,
        begin_time=timestamp(found.begin_time),
        expire_time=timestamp(found.end_time) if found.held else None,
        end_time=None if found.open else timestamp(found.end_time),
        etag=found.etag,
    )
