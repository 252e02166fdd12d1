"""Between the contract's messages and border's records."""

from __future__ import annotations

from datetime import timedelta

from onegrid.border.v1 import events_pb2, resources_pb2
from onegrid_border.asset import Asset, Inspection
from onegrid_border.route import Checkpoint, Course, Route
from onegrid_border.unit import Unit
from onegrid_kit.locations import location_of, point
from onegrid_kit.timestamps import timestamp

__all__ = ["asset", "course_of", "inspection", "route", "route_defined", "unit", "unit_defined"]

_MINUTE = timedelta(minutes=1)


def unit(of: Unit) -> resources_pb2.Unit:
    """The unit as a message."""
    return resources_pb2.Unit(
        name=of.name,
        display_name=of.display_name,
        roster=of.roster,
        lone=of.lone,
        retire_time=timestamp(of.retire_time),
        create_time=timestamp(of.create_time),
        update_time=timestamp(of.update_time),
        etag=of.etag,
    )


def unit_defined(of: Unit) -> events_pb2.UnitDefined:
    """The unit as others hear of it."""
    return events_pb2.UnitDefined(unit=unit(of), version=of.version)


def route(of: Route) -> resources_pb2.Route:
    """The revision of a route as a message."""
    return resources_pb2.Route(
        name=of.name,
        display_name=of.course.display_name,
        checkpoints=map(_checkpoint, of.course.checkpoints),
        corridor_m=of.course.corridor_m,
        max_speed_kmh=of.course.max_speed_kmh,
        revision=of.revision,
        effective_time=timestamp(of.effective_time),
        retire_time=timestamp(of.retire_time),
        create_time=timestamp(of.create_time),
        etag=of.etag,
    )


def route_defined(of: Route) -> events_pb2.RouteDefined:
    """The route as others hear of it."""
    return events_pb2.RouteDefined(route=route(of), version=of.version)


def course_of(message: resources_pb2.Route) -> Course:
    """What a message says that a route is to be."""
    return Course(
        display_name=message.display_name,
        checkpoints=tuple(_checkpoint_of(each) for each in message.checkpoints),
        corridor_m=message.corridor_m,
        max_speed_kmh=message.max_speed_kmh,
    )


def asset(of: Asset) -> resources_pb2.Asset:
    """The asset as a message."""
    return resources_pb2.Asset(
        name=of.name,
        kind=of.kind,
        display_name=of.display_name,
        course=[point(each) for each in of.course],
        condition=of.condition,
        inspect_time=timestamp(of.inspect_time),
        retire_time=timestamp(of.retire_time),
        create_time=timestamp(of.create_time),
        update_time=timestamp(of.update_time),
        etag=of.etag,
    )


def inspection(of: Inspection) -> resources_pb2.Inspection:
    """The inspection as a message."""
    return resources_pb2.Inspection(
        name=of.name,
        condition=of.condition,
        note=of.note,
        inspector=of.inspector,
        inspect_time=timestamp(of.inspect_time),
        create_time=timestamp(of.create_time),
    )


def _checkpoint(of: Checkpoint) -> resources_pb2.Checkpoint:
    return resources_pb2.Checkpoint(
        id=of.id,
        display_name=of.display_name,
        location=point(of.location),
        tolerance_m=of.tolerance_m,
        due_minutes=of.due // _MINUTE,
        tolerance_minutes=of.tolerance // _MINUTE,
    )


def _checkpoint_of(message: resources_pb2.Checkpoint) -> Checkpoint:
    return Checkpoint(
        id=message.id,
        display_name=message.display_name,
        location=location_of(message.location),
        tolerance_m=message.tolerance_m,
        due=message.due_minutes * _MINUTE,
        tolerance=message.tolerance_minutes * _MINUTE,
    )
