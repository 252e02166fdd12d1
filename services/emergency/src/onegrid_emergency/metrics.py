"""Metrics of emergencies themselves. Every worker exports the same gauges for all of the district: take
the highest."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

__all__ = [
    "DEADLINES_OVERDUE",
    "DEADLINE_OLDEST_OVERDUE",
    "DEVICES",
    "INCIDENTS_OPEN",
    "PLANS_IN_EFFECT",
    "PLAN_PARTS_FAILED",
    "READINGS",
    "RESERVATIONS",
    "SENSOR_MESSAGES",
    "SHORT_STOCKS",
    "SILENCES",
    "SILENCE_LATE",
    "WARNINGS_IN_FORCE",
    "WARNING_MESSAGES",
    "WARNING_MESSAGES_HELD",
    "WARNING_OLDEST_HELD",
    "begin",
    "count_alarms",
]

INCIDENTS_OPEN = Gauge(
    "onegrid_incidents_open",
    "Incidents that are reported or responded to, by kind and level; UNSPECIFIED: not known, not graded.",
    ("service", "kind", "level"),
)
DEADLINES_OVERDUE = Gauge(
    "onegrid_incident_deadlines_overdue",
    "Deadlines of incidents and their tasks that have passed without what they are for: RESPONSE, ACKNOWLEDGEMENT, "
    "COMPLETION, SITUATION_REPORT.",
    ("service", "deadline"),
)
DEADLINE_OLDEST_OVERDUE = Gauge(
    "onegrid_incident_deadline_oldest_overdue_seconds",
    "Time since the first of these deadlines has passed; 0 without any.",
    ("service", "deadline"),
)
PLANS_IN_EFFECT = Gauge("onegrid_plans_in_effect", "Plans that are in effect for an incident.", ("service",))
PLAN_PARTS_FAILED = Gauge(
    "onegrid_plan_parts_failed",
    "What plans in effect do not get: ROLE (identity refused it), PAGE (nobody of the roster can be paged).",
    ("service", "part"),
)
WARNINGS_IN_FORCE = Gauge(
    "onegrid_warnings_in_force",
    "Actual warnings in force, whoever issued them, by colour: UNSPECIFIED, BLUE, YELLOW, ORANGE, RED.",
    ("service", "colour"),
)
WARNING_MESSAGES = Counter(
    "onegrid_warning_messages_total",
    "Messages of CAP that came, by what became of them: taken, refused. One that comes twice counts twice.",
    ("service", "outcome"),
)
WARNING_MESSAGES_HELD = Gauge(
    "onegrid_warning_messages_held",
    "Messages of CAP that are held, because what they refer to has not come.",
    ("service",),
)
WARNING_OLDEST_HELD = Gauge(
    "onegrid_warning_oldest_held_seconds",
    "Time since the first of them came; 0 without any.",
    ("service",),
)
RESERVATIONS = Gauge(
    "onegrid_emergency_reservations",
    "Reservations in effect, by state: HELD until they expire, or CONFIRMED.",
    ("service", "state"),
)
SHORT_STOCKS = Gauge(
    "onegrid_emergency_short_stocks", "Supplies of which a depot has less than the minimum.", ("service",)
)
READINGS = Counter(
    "onegrid_sensor_readings_total",
    "Readings of sensors, by what became of them: taken, stale (sent before, or too late), refused.",
    ("service", "outcome"),
)
SENSOR_MESSAGES = Counter(
    "onegrid_sensor_messages_total",
    "Messages of sensors that came by MQTT, by what became of them: taken, refused (no readings at all).",
    ("service", "outcome"),
)
ALARMS = Counter("onegrid_sensor_alarms_total", "Alarms of sensors, by step: raised, cleared.", ("service", "step"))
SILENCES = Counter("onegrid_sensor_silences_total", "Times that a sensor was found silent.", ("service",))
SILENCE_LATE = Histogram(
    "onegrid_sensor_silence_late_seconds",
    "How long after its time the silence of a sensor was found.",
    ("service",),
    buckets=(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0),
)
DEVICES = Gauge(
    "onegrid_sensors",
    "Sensors in use, by condition: UNSPECIFIED (not heard of yet), SOUND, SILENT, FLAT, IMPOSSIBLE.",
    ("service", "condition"),
)


def begin() -> None:
    """Export at zero what an api counts: a rate over what is not there yet misses the first of it."""
    for outcome in ("taken", "stale", "refused"):
        READINGS.labels("emergency", outcome)
    for step in ("raised", "cleared"):
        ALARMS.labels("emergency", step)
    SILENCES.labels("emergency")
    SILENCE_LATE.labels("emergency")
    for outcome in ("taken", "refused"):
        WARNING_MESSAGES.labels("emergency", outcome)
        SENSOR_MESSAGES.labels("emergency", outcome)


def count_alarms(raised: int, cleared: int) -> None:
    """Count what a transaction has done, once it is committed: one that is undone may be tried again."""
    ALARMS.labels("emergency", "raised").inc(raised)
    ALARMS.labels("emergency", "cleared").inc(cleared)
