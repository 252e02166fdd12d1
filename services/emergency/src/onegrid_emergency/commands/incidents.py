"""What can be done with incidents."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from onegrid.emergency.v1 import events_pb2
from onegrid.emergency.v1.incident_steps_pb2 import IncidentAction, IncidentActor
from onegrid.emergency.v1.resources_pb2 import IncidentKind, IncidentLevel, Source
from onegrid_emergency.commands import incident_deadlines as deadlines
from onegrid_emergency.commands.incident_steps import Step, write_entry
from onegrid_emergency.incident import Incident, Report
from onegrid_emergency.incident_authority import Standing, require_in_district
from onegrid_emergency.situation import FIRST_WITHIN
from onegrid_emergency.store import incidents as store
from onegrid_emergency.store import places
from onegrid_kit import codes, ids, outbox
from onegrid_kit.callers import ANONYMOUS, Call
from onegrid_kit.clock import CLOCKS_DIFFER, day_in_china
from onegrid_kit.errors import FieldViolation, InvalidRequest
from onegrid_kit.locations import Location, point
from onegrid_kit.timestamps import timestamp

__all__ = ["ReportIncident", "announce", "create_incident", "new_incident_id", "report_incident"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportIncident:
    """What happens, and where."""

    district: str
    kind: IncidentKind
    text: str
    place: str = ""
    location: Location | None = None
    address: str = ""
    source: Source = Source.SOURCE_CALL
    occur_time: datetime | None = None
    source_name: str = ""
    """What it is made of at another service; see `commands.sources`."""
    level: IncidentLevel = IncidentLevel.INCIDENT_LEVEL_UNSPECIFIED
    """How grave it seems; it grades nothing."""


def report_incident(conn: Connection, command: ReportIncident, call: Call) -> Report:
    """Report what happens, and make an incident of it. Raises PermissionDenied or InvalidRequest."""
    require_in_district(call, command.district)
    return create_incident(conn, command, call)


def create_incident(conn: Connection, command: ReportIncident, call: Call) -> Report:
    """The same for what the platform itself learns, by an event or a sensor. Raises InvalidRequest."""
    if command.place and not codes.contains(command.district, command.place):
        raise InvalidRequest(FieldViolation("place", f"lies outside of {command.district}"))
    occur_time = command.occur_time or call.now
    if occur_time > call.now + CLOCKS_DIFFER:
        raise InvalidRequest(FieldViolation("occur_time", "lies ahead"))
    incident_id = new_incident_id(command.district, call.now)
    cell = places.cell_at(conn, command.district, command.location) if command.location else None
    place = cell or command.place or command.district
    incident = Incident(
        district=command.district,
        id=incident_id,
        kind=command.kind,
        place=place,
        location=command.location,
        occur_time=occur_time,
        create_time=call.now,
        update_time=call.now,
        situation_due_time=call.now + FIRST_WITHIN[IncidentLevel.INCIDENT_LEVEL_UNSPECIFIED],
    )
    report = Report(
        district=command.district,
        id=f"{command.district}-{ids.new_id()}",
        incident=incident_id,
        kind=command.kind,
        text=command.text,
        place=place,
        location=command.location,
        address=command.address,
        source=command.source,
        reporter=call.caller.user,
        occur_time=occur_time,
        create_time=call.now,
        source_name=command.source_name,
        level=command.level,
        home=incident_id,
    )
    store.insert_incident(conn, incident)
    store.insert_report(conn, report)
    write_entry(
        conn,
        replace(call, caller=ANONYMOUS),
        incident,
        Step(
            IncidentAction.INCIDENT_ACTION_REPORT,
            Standing(IncidentActor.INCIDENT_ACTOR_REPORTER, ""),
            reports=(report.name,),
        ),
    )
    deadlines.await_response(conn, incident, call.now)
    deadlines.await_situation_report(conn, incident)
    announce(conn, call, incident, report)
    return report


def announce(conn: Connection, call: Call, incident: Incident, first: Report) -> None:
    """Announce a new incident."""
    reported = events_pb2.IncidentReported(
        incident=incident.name,
        report=first.name,
        place=incident.place,
        location=point(incident.location),
        kind=incident.kind,
        source=first.source,
        time=timestamp(call.now),
        source_name=first.source_name,
    )
    outbox.append(conn, call, [(incident.name, reported)])


def new_incident_id(district: str, now: datetime) -> str:
    """The id of an incident that is reported now."""
    day = day_in_china(now).isoformat().replace("-", "")
    return f"{district}-{day}-{ids.readable(8)}"
