"""What is decided of readings becomes alarms, reports, incidents and events, in one transaction with the states."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from onegrid.emergency.v1 import events_pb2, sensors_pb2
from onegrid.emergency.v1.incident_steps_pb2 import IncidentAction, IncidentActor
from onegrid.emergency.v1.resources_pb2 import Source
from onegrid_emergency.commands.incident_steps import Step, take
from onegrid_emergency.commands.incidents import ReportIncident, create_incident
from onegrid_emergency.incident import INCIDENT, MAX_REPORTS, OPEN_INCIDENTS, Incident, Report
from onegrid_emergency.incident_authority import Standing
from onegrid_emergency.sensing.device import ALARM, DEVICE, incident_kind
from onegrid_emergency.sensing.judging import Changed, Cleared, Decision, Raised, Reading
from onegrid_emergency.sensing.moments import moment_of
from onegrid_emergency.store import incidents
from onegrid_emergency.store import readings as store
from onegrid_emergency.store.devices import Known
from onegrid_kit import ids, outbox
from onegrid_kit.callers import Call
from onegrid_kit.timestamps import timestamp

__all__ = ["clear_others", "condition_changed", "take_decisions"]


@dataclass(frozen=True, slots=True)
class Done:
    """What became of decisions."""

    incident: str
    """The id of the incident of the device's last alarm."""
    raised: int
    """How many alarms were raised."""
    cleared: int
    """How many were cleared."""


def take_decisions(conn: Connection, known: Known, decisions: Collection[Decision], call: Call) -> Done:
    """Do what was decided of a device."""
    incident = known.incident
    raised = cleared = 0
    for decision in decisions:
        match decision:
            case Raised():
                incident = _raise(conn, known, incident, decision, call)
                raised += 1
            case Cleared(name, _, readings):
                cleared += _clear(conn, known, name, readings, call)
            case Changed(condition):
                outbox.append(conn, call, [condition_changed(known, condition, call)])
    return Done(incident, raised, cleared)


def condition_changed(
    known: Known, condition: sensors_pb2.DeviceCondition, call: Call
) -> tuple[str, events_pb2.DeviceConditionChanged]:
    """The event that a device's condition is another, and what it is about."""
    name = DEVICE.name(known.device.id)
    return name, events_pb2.DeviceConditionChanged(
        device=name,
        place=known.device.configuration.place,
        condition=condition,
        time=timestamp(call.now),
    )


def clear_others(conn: Connection, known: Known, kept: Collection[str], call: Call) -> int:
    """Clear the alarms whose thresholds are no more; how many there were."""
    readings = known.state.window.readings if known.state.window else ()
    others = [phase.name for phase in known.state.phases if phase.name not in kept]
    return sum(_clear(conn, known, name, readings, call) for name in others)


def _raise(conn: Connection, known: Known, last_incident: str, raised: Raised, call: Call) -> str:
    device, configuration = known.device, known.device.configuration
    reading, threshold = raised.reading, raised.threshold
    alarm_id = f"{threshold.name}-{reading.time}-{reading.sequence}"
    name = ALARM.name(device.id, alarm_id)
    command = ReportIncident(
        district=device.district,
        kind=incident_kind(configuration.kind, threshold),
        text=f"{configuration.display_name}:{threshold.name} {reading.value:g} {configuration.unit}"
        f"(报警值 {threshold.raise_level:g}),{name}",
        place=configuration.place,
        location=configuration.location,
        source=Source.SOURCE_SENSOR,
        # A device's clock may be ahead of ours.
        occur_time=min(moment_of(reading.time), call.now),
    )
    report = _join(conn, last_incident, command, call) or create_incident(conn, command, call)
    store.insert_alarm(
        conn,
        store.Alarm(
            district=device.district,
            device=device.id,
            id=alarm_id,
            threshold=threshold.name,
            reading=reading,
            raise_time=call.now,
            incident=report.incident,
            report=report.id,
            rules=configuration.effective_rules,
            window=raised.window,
        ),
    )
    event = events_pb2.AlarmRaised(
        alarm=name,
        device=DEVICE.name(device.id),
        place=configuration.place,
        threshold=threshold.name,
        reading=sensors_pb2.Reading(
            device=DEVICE.name(device.id), time_ms=reading.time, sequence=reading.sequence, value=reading.value
        ),
        incident=INCIDENT.name(report.incident),
        time=timestamp(call.now),
    )
    outbox.append(conn, call, [(name, event)])
    return report.incident


def _join(conn: Connection, incident_id: str, command: ReportIncident, call: Call) -> Report | None:
    """One more report of the incident, if it is open and has room."""
    incident = incidents.lock_incident(conn, incident_id) if incident_id else None
    if incident is not None and incident.merged_into:
        incident = incidents.lock_incident(conn, incident.merged_into)
    if incident is None or incident.state not in OPEN_INCIDENTS or len(incident.reports) >= MAX_REPORTS:
        return None
    report = Report(
        district=command.district,
        id=f"{command.district}-{ids.new_id()}",
        incident=incident.id,
        kind=command.kind,
        text=command.text,
        place=incident.place,
        location=command.location,
        address="",
        source=command.source,
        reporter="",
        occur_time=command.occur_time or call.now,
        create_time=call.now,
        home=incident.id,
    )
    incidents.insert_report(conn, report)
    _annotate(conn, incident, command.text, call)
    return report


def _annotate(conn: Connection, incident: Incident, note: str, call: Call) -> None:
    """Note in an incident's timeline what its sensor says."""
    who = Standing(IncidentActor.INCIDENT_ACTOR_REPORTER, "")
    step = Step(IncidentAction.INCIDENT_ACTION_ANNOTATE, who, note)
    take(conn, call, incident, step, lambda step: events_pb2.IncidentAnnotated(step=step))


def _clear(conn: Connection, known: Known, threshold: str, readings: Sequence[Reading], call: Call) -> bool:
    cleared = store.clear_alarm(conn, known.device.id, threshold, call.now, readings)
    if cleared is None:
        return False
    name = ALARM.name(known.device.id, cleared.id)
    event = events_pb2.AlarmCleared(
        alarm=name,
        device=DEVICE.name(known.device.id),
        place=known.device.configuration.place,
        incident=INCIDENT.name(cleared.incident),
        time=timestamp(call.now),
    )
    outbox.append(conn, call, [(name, event)])
    incident = incidents.lock_incident(conn, cleared.incident)
    if incident is not None and incident.state in OPEN_INCIDENTS:
        _annotate(conn, incident, f"{known.device.configuration.display_name}:{threshold} 报警解除,{name}", call)
    return True
