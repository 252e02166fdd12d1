"""Between the contract's messages and border's records."""

from __future__ import annotations

from datetime import datetime, timedelta

from onegrid.border.v1 import border_service_pb2 as pb
from onegrid.border.v1 import codes_pb2, events_pb2, observations_pb2, patrols_pb2, resources_pb2, statistics_pb2
from onegrid.border.v1.records_pb2 import PatrolRecord
from onegrid.border.v1.statistics_pb2 import PatrolGrouping
from onegrid_border.alarm import Alarm
from onegrid_border.asset import Asset, Inspection
from onegrid_border.checkpoint_code import CheckpointCode
from onegrid_border.observation import Observation
from onegrid_border.patrol import PATROL, Patrol, Point
from onegrid_border.route import ROUTE, Checkpoint, Course, Route
from onegrid_border.statistics import Statistics
from onegrid_border.unit import UNIT, Unit
from onegrid_kit import incidents
from onegrid_kit.cipher import Cipher
from onegrid_kit.field.listing import fields_of
from onegrid_kit.field.model import JudgedEntry
from onegrid_kit.locations import location_of, point
from onegrid_kit.timestamps import timestamp

__all__ = [
    "alarm",
    "asset",
    "checkpoint_code",
    "course_of",
    "inspection",
    "judged_entry",
    "moved",
    "observation",
    "patrol",
    "patrol_finished",
    "patrol_started",
    "route",
    "route_defined",
    "statistics",
    "unit",
    "unit_defined",
    "watched",
]

_MINUTE = timedelta(minutes=1)


def unit(of: Unit) -> resources_pb2.Unit:
    """The unit as a message."""
    return resources_pb2.Unit(
        name=of.name,
        display_name=of.display_name,
        roster=of.roster,
        lone=of.lone,
        shift_route=of.shift_route,
        shift_start_minutes=of.shift_start // _MINUTE,
        alarm_roster=of.alarm_roster,
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


def checkpoint_code(of: CheckpointCode, cipher: Cipher, now: datetime) -> codes_pb2.CheckpointCode:
    """The code as a message. What counts no more has no text that one could print. Raises CipherError."""
    return codes_pb2.CheckpointCode(
        name=of.name,
        evidence=of.evidence,
        text="" if of.is_over(now) else of.text(cipher),
        uid=of.uid,
        issue_time=timestamp(of.issue_time),
        end_time=timestamp(of.end_time),
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
        repair_request_time=timestamp(of.repair_request_time),
        petition=of.petition,
        petition_state=of.petition_state,
        escalate_time=timestamp(of.escalate_time),
        **incidents.fields_of(of.incident),
    )


def patrol(of: Patrol) -> patrols_pb2.Patrol:
    """The patrol as a message."""
    return patrols_pb2.Patrol(
        name=of.name,
        unit=UNIT.name(of.unit),
        route=ROUTE.name(of.route),
        route_revision=of.route_revision,
        leader=of.leader,
        lone=of.lone,
        shift=of.shift,
        start_due_time=timestamp(of.start_due_time),
        grace_minutes=of.grace // _MINUTE,
        state=of.state,
        start_time=timestamp(of.start_time),
        finish_time=timestamp(of.finish_time),
        pause_until_time=timestamp(of.pause_until_time),
        checkpoints=map(_patrol_checkpoint, of.points),
        coverage=_coverage(of),
        position=point(of.position),
        position_time=timestamp(of.position_time) if of.position else None,
        entry_time=timestamp(of.entry_time),
        entries=of.entries,
        marks=of.marks,
        cancel_reason=of.cancel_reason,
        create_time=timestamp(of.create_time),
        update_time=timestamp(of.update_time),
        etag=of.etag,
    )


def patrol_started(of: Patrol, unit_name: str) -> events_pb2.PatrolStarted:
    """That the patrol has started. `unit_name`: what people call its unit."""
    return events_pb2.PatrolStarted(patrol=patrol(of), version=of.version, unit_display_name=unit_name)


def patrol_finished(of: Patrol, unit_name: str) -> events_pb2.PatrolFinished:
    """That the patrol is over."""
    return events_pb2.PatrolFinished(patrol=patrol(of), version=of.version, unit_display_name=unit_name)


def moved(of: Patrol, unit_name: str) -> events_pb2.UnitMoved:
    """Where the patrol's unit is, as others hear of it."""
    return events_pb2.UnitMoved(
        unit=UNIT.name(of.unit),
        patrol=of.name,
        position=point(of.position),
        position_time=timestamp(of.position_time),
        state=of.state,
        version=of.version,
        unit_display_name=unit_name,
    )


def watched(of: Patrol) -> pb.WatchUnitsResponse:
    """Where the patrol's unit is, for who watches it."""
    return pb.WatchUnitsResponse(
        unit=UNIT.name(of.unit),
        patrol=of.name,
        state=of.state,
        position=point(of.position),
        position_time=timestamp(of.position_time),
    )


def alarm(of: Alarm) -> patrols_pb2.Alarm:
    """The alarm as a message."""
    return patrols_pb2.Alarm(
        name=of.name,
        kind=of.kind,
        state=of.state,
        unit=UNIT.name(of.unit),
        lone=of.lone,
        checkpoint=of.checkpoint,
        text=of.text,
        since_time=timestamp(of.since_time),
        raise_time=timestamp(of.raise_time),
        recipients=of.recipients,
        acknowledger=of.acknowledger,
        acknowledge_time=timestamp(of.acknowledge_time),
        note=of.note,
        end_time=timestamp(of.end_time),
        position=point(of.position),
        roster=of.roster,
    )


def observation(of: Observation) -> observations_pb2.Observation:
    """The observation as a message."""
    return observations_pb2.Observation(
        name=of.name,
        patrol=PATROL.name(of.patrol),
        unit=UNIT.name(of.unit),
        entry_id=of.entry_id,
        kind=of.kind,
        hazard=of.hazard,
        text=of.text,
        media=of.media,
        asset=of.asset,
        location=point(of.location),
        place=of.place,
        time=timestamp(of.time),
        anchored=of.anchored,
        marks=of.marks,
        create_time=timestamp(of.create_time),
        escalate_time=timestamp(of.escalate_time),
        **incidents.fields_of(of.incident),
    )


def judged_entry(of: JudgedEntry, record: PatrolRecord) -> patrols_pb2.JudgedEntry:
    """An entry of a patrol's log as a message."""
    made = patrols_pb2.JudgedEntry(**fields_of(of), record=record)
    if made.record.HasField("check_in"):
        # Marks say what is wrong with it. Who has it can print it; and if it is none of ours, it may be anything.
        made.record.check_in.ClearField("code")
    return made


def statistics(of: Statistics, grouping: PatrolGrouping) -> statistics_pb2.PatrolStatistics:
    """What patrols came to in a month as a message."""
    made = statistics_pb2.PatrolStatistics(
        month=of.month,
        unit=UNIT.name(of.subject) if grouping == PatrolGrouping.PATROL_GROUPING_UNIT else "",
        route=ROUTE.name(of.subject) if grouping == PatrolGrouping.PATROL_GROUPING_ROUTE else "",
        planned=of.planned,
        cancelled=of.cancelled,
        started=of.started,
        finished=of.finished,
        not_started=of.not_started,
        checkpoints_due=of.reached + of.missed + of.outstanding,
        checkpoints_reached=of.reached,
        checkpoints_in_time=of.in_time,
        checkpoints_early=of.early,
        checkpoints_late=of.late,
        checkpoints_missed=of.missed,
        checkpoints_outstanding=of.outstanding,
        covered_m=of.covered_m,
        route_m=of.route_m,
        track_m=of.track_m,
        alarms_raised=of.alarms_raised,
        alarms_retracted=of.alarms_retracted,
    )
    made.duration.FromTimedelta(of.duration)
    return made


def _patrol_checkpoint(of: Point) -> patrols_pb2.PatrolCheckpoint:
    return patrols_pb2.PatrolCheckpoint(
        id=of.id,
        display_name=of.display_name,
        due_time=timestamp(of.due_time),
        late_time=timestamp(of.late_time),
        state=of.state,
        reach_time=timestamp(of.reach_time),
        entry_id=of.entry_id,
        marks=of.marks,
        location=point(of.location),
        tolerance_m=of.tolerance_m,
        evidence=of.evidence,
    )


def _coverage(of: Patrol) -> patrols_pb2.PatrolCoverage:
    made = patrols_pb2.PatrolCoverage(
        reached=of.covered.reached,
        checkpoints=len(of.points),
        covered_m=of.covered.covered_m,
        route_m=of.covered.route_m,
        track_m=of.covered.track_m,
    )
    made.duration.FromTimedelta(of.covered.duration)
    return made


def _checkpoint(of: Checkpoint) -> resources_pb2.Checkpoint:
    return resources_pb2.Checkpoint(
        id=of.id,
        display_name=of.display_name,
        location=point(of.location),
        tolerance_m=of.tolerance_m,
        due_minutes=of.due // _MINUTE,
        tolerance_minutes=of.tolerance // _MINUTE,
        evidence=of.evidence,
    )


def _checkpoint_of(message: resources_pb2.Checkpoint) -> Checkpoint:
    return Checkpoint(
        id=message.id,
        display_name=message.display_name,
        location=location_of(message.location),
        tolerance_m=message.tolerance_m,
        due=message.due_minutes * _MINUTE,
        tolerance=message.tolerance_minutes * _MINUTE,
        evidence=message.evidence,
    )
