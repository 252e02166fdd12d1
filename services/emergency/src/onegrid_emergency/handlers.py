"""What emergency does when others announce something."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

from sqlalchemy import Connection

from onegrid.border.v1.events_pb2 import (
    InspectionEscalated,
    ObservationEscalated,
    PatrolFinished,
    PatrolStarted,
    UnitMoved,
)
from onegrid.border.v1.observations_pb2 import Observation
from onegrid.border.v1.patrols_pb2 import Patrol as PatrolMessage
from onegrid.border.v1.patrols_pb2 import PatrolState
from onegrid.common.v1.common_pb2 import AccountKind
from onegrid.duty.v1.events_pb2 import PlanRosterPaged
from onegrid.emergency.v1.events_pb2 import AllClearDeclared, IncidentDismissed
from onegrid.emergency.v1.plans_pb2 import ElevationState
from onegrid.grid.v1.events_pb2 import CellDefined, DivisionDefined, FindingEscalated
from onegrid.grid.v1.findings_pb2 import Finding
from onegrid.identity.v1.events_pb2 import DepartmentDefined, PlanRoleGranted, PlanRoleRefused
from onegrid.petition.v1.events_pb2 import PetitionEscalated
from onegrid_emergency.commands import plans, reservations
from onegrid_emergency.commands.sources import OBSERVED, Reported, report_source
from onegrid_emergency.patrol import Patrol
from onegrid_emergency.plan import ACTIVATION, ELEVATION, PagedRoster
from onegrid_emergency.store import patrols, places
from onegrid_kit import codes
from onegrid_kit.callers import ANONYMOUS, Call, Caller
from onegrid_kit.events import Delivery, on
from onegrid_kit.findings import words_of
from onegrid_kit.locations import location_in
from onegrid_kit.timestamps import moment

__all__ = ["HANDLERS"]


def keep_division(conn: Connection, event: DivisionDefined, _: Delivery) -> None:
    """Keep a division's code and name."""
    places.keep_place(conn, event.code, event.version, event.display_name)


def keep_cell(conn: Connection, event: CellDefined, _: Delivery) -> None:
    """Keep a cell's ground and the first of its grid workers."""
    boundary = [(corner.longitude, corner.latitude) for corner in event.boundary.corners]
    worker = event.appointments[-1].user if event.appointments else ""
    places.keep_place(conn, event.code, event.version, event.display_name, grid_worker=worker, boundary=boundary)


def keep_department(conn: Connection, event: DepartmentDefined, _: Delivery) -> None:
    """Keep a department's name."""
    places.keep_department(conn, event.code, event.version, event.display_name)


def release_resources(conn: Connection, event: AllClearDeclared | IncidentDismissed, delivery: Delivery) -> None:
    """Give back what is kept for an incident that is over."""
    call = Call(
        caller=ANONYMOUS,
        now=delivery.time,
        method="release resources",
        resource=event.step.incident,
        traceparent=delivery.traceparent,
    )
    reservations.release_all(conn, event.step.incident, call)


def keep_elevation_state(conn: Connection, event: PlanRoleGranted | PlanRoleRefused, _: Delivery) -> None:
    """Know whether a plan's role is held."""
    activation, number = ELEVATION.ids(event.elevation)
    if isinstance(event, PlanRoleGranted):
        plans.keep_elevation_state(conn, activation, int(number), ElevationState.ELEVATION_STATE_GRANTED)
    else:
        refused = ElevationState.ELEVATION_STATE_REFUSED
        plans.keep_elevation_state(conn, activation, int(number), refused, event.reason)


def keep_page(conn: Connection, event: PlanRosterPaged, _: Delivery) -> None:
    """Know whether the duty of a roster was paged for a plan."""
    result = PagedRoster(roster=event.roster, page=event.page, reason=event.reason)
    plans.keep_page(conn, ACTIVATION.id(event.activation), result)


def report_petition(conn: Connection, event: PetitionEscalated, delivery: Delivery) -> None:
    """Make an incident of a petition."""
    district = codes.district_of(event.step.place)
    reporter = Caller(user=event.reporter, kind=AccountKind.ACCOUNT_KIND_STAFF, district=district)
    reported = Reported(
        source_name=event.step.petition,
        place=event.step.place,
        kind=event.incident_kind,
        level=event.incident_level,
        text="\n\n".join(part for part in (event.note, event.text) if part),
        location=location_in(event),
        address=event.address,
        occur_time=event.create_time.ToDatetime(tzinfo=UTC),
    )
    report_source(conn, reported, replace(delivery.call(), caller=reporter))


def report_observation(conn: Connection, event: ObservationEscalated, delivery: Delivery) -> None:
    """Make an incident of what a patrol noticed."""
    _report_seen(conn, event, event.observation, OBSERVED.get(event.observation.kind, ""), delivery)


def report_finding(conn: Connection, event: FindingEscalated, delivery: Delivery) -> None:
    """Make an incident of what an inspection round found."""
    _report_seen(conn, event, event.finding, words_of(event.finding), delivery)


def _report_seen(
    conn: Connection,
    event: ObservationEscalated | FindingEscalated,
    seen: Observation | Finding,
    words: str,
    delivery: Delivery,
) -> None:
    reporter = Caller(user=event.reporter, kind=AccountKind.ACCOUNT_KIND_STAFF, district=codes.district_of(seen.place))
    reported = Reported(
        source_name=seen.name,
        place=seen.place,
        kind=event.incident_kind,
        level=event.incident_level,
        text="\n\n".join(part for part in (event.note, words, seen.text) if part),
        location=location_in(seen),
        occur_time=seen.time.ToDatetime(tzinfo=UTC),
    )
    report_source(conn, reported, replace(delivery.call(), caller=reporter))


def keep_patrol(conn: Connection, event: PatrolStarted | PatrolFinished, delivery: Delivery) -> None:
    """Know whether a unit is out, and where it was then."""
    patrols.keep_patrol(conn, _announced(event, event.patrol.name, event.patrol, delivery))


def keep_position(conn: Connection, event: UnitMoved, delivery: Delivery) -> None:
    """Know where a unit is."""
    patrols.keep_patrol(conn, _announced(event, event.patrol, event, delivery))


def _announced(
    event: PatrolStarted | PatrolFinished | UnitMoved, name: str, of: PatrolMessage | UnitMoved, delivery: Delivery
) -> Patrol:
    position = location_in(of, "position")
    return Patrol(
        name=name,
        version=event.version,
        unit=of.unit,
        display_name=event.unit_display_name,
        out=of.state in (PatrolState.PATROL_STATE_UNDERWAY, PatrolState.PATROL_STATE_PAUSED),
        position=position,
        position_time=moment(of.position_time) if position else None,
        announce_time=delivery.time,
    )


def report_inspection(conn: Connection, event: InspectionEscalated, delivery: Delivery) -> None:
    """Make an incident of what the inspection of an asset of the border found."""
    reporter = Caller(user=event.reporter, kind=AccountKind.ACCOUNT_KIND_STAFF, district=codes.district_of(event.place))
    reported = Reported(
        source_name=event.inspection.name,
        place=event.place,
        kind=event.incident_kind,
        level=event.incident_level,
        text=event.text,
        location=location_in(event),
        occur_time=event.inspection.inspect_time.ToDatetime(tzinfo=UTC),
    )
    report_source(conn, reported, replace(delivery.call(), caller=reporter))


HANDLERS = (
    on("keep_granted_plan_role", PlanRoleGranted, keep_elevation_state),
    on("keep_refused_plan_role", PlanRoleRefused, keep_elevation_state),
    on("keep_plan_page", PlanRosterPaged, keep_page),
    on("keep_division", DivisionDefined, keep_division),
    on("keep_cell", CellDefined, keep_cell),
    on("keep_department", DepartmentDefined, keep_department),
    on("report_petition", PetitionEscalated, report_petition),
    on("report_observation", ObservationEscalated, report_observation),
    on("report_finding", FindingEscalated, report_finding),
    on("report_inspection", InspectionEscalated, report_inspection),
    on("keep_started_patrol", PatrolStarted, keep_patrol),
    on("keep_finished_patrol", PatrolFinished, keep_patrol),
    on("keep_unit_position", UnitMoved, keep_position),
    on("release_resources_at_all_clear", AllClearDeclared, release_resources),
    on("release_resources_of_dismissed", IncidentDismissed, release_resources),
)
