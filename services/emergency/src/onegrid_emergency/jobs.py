"""emergency's timed work."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import product

from sqlalchemy import Connection

from onegrid.emergency.v1.incident_steps_pb2 import IncidentDeadline
from onegrid.emergency.v1.relief_pb2 import ReservationState
from onegrid.emergency.v1.resources_pb2 import IncidentKind, IncidentLevel
from onegrid.emergency.v1.sensors_pb2 import DeviceCondition
from onegrid.emergency.v1.warnings_pb2 import WarningColour
from onegrid_emergency import metrics
from onegrid_emergency.commands import incident_deadlines, warning_messages
from onegrid_emergency.commands import reservations as commands
from onegrid_emergency.patrol import FRESH
from onegrid_emergency.store import activations, patrols, readings, stocks, warnings
from onegrid_emergency.store import incident_deadlines as incidents
from onegrid_emergency.store import reservations as store
from onegrid_emergency.store import warning_messages as messages
from onegrid_kit.callers import ANONYMOUS, Call
from onegrid_kit.jobs import Job
from onegrid_kit.lifecycle import short_name

__all__ = [
    "JOBS",
    "expire_reservations",
    "forget_patrols",
    "measure_incidents",
    "measure_plans",
    "measure_resources",
    "measure_warnings",
]


def expire_reservations(conn: Connection, now: datetime) -> None:
    """Give back what reservations kept that have expired, and announce it; they are in nobody's way before."""
    commands.expire(conn, Call(caller=ANONYMOUS, now=now, method="expire reservations"))


def forget_patrols(conn: Connection, now: datetime) -> None:
    """Delete where units were."""
    patrols.forget_patrols(conn, now - FRESH)


def measure_incidents(conn: Connection, now: datetime) -> None:
    """Measure how many incidents are open, and which of their deadlines have passed."""
    counted = incidents.count_open(conn)
    for kind, level in product(IncidentKind.values(), IncidentLevel.values()):
        names = short_name(IncidentKind, kind), short_name(IncidentLevel, level)
        metrics.INCIDENTS_OPEN.labels("emergency", *names).set(counted.get((kind, level), 0))
    found = incident_deadlines.overdue(conn, now)
    for deadline in filter(None, IncidentDeadline.values()):
        count, oldest = found.get(deadline, (0, timedelta()))
        labels = "emergency", short_name(IncidentDeadline, deadline)
        metrics.DEADLINES_OVERDUE.labels(*labels).set(count)
        metrics.DEADLINE_OLDEST_OVERDUE.labels(*labels).set(oldest.total_seconds())


def measure_plans(conn: Connection, _: datetime) -> None:
    """Measure how many plans are in effect, and what they do not get."""
    found = activations.activations_in_effect(conn)
    metrics.PLANS_IN_EFFECT.labels("emergency").set(len(found))
    metrics.PLAN_PARTS_FAILED.labels("emergency", "ROLE").set(sum(each.roles_refused for each in found))
    metrics.PLAN_PARTS_FAILED.labels("emergency", "PAGE").set(sum(each.pages_failed for each in found))


def measure_warnings(conn: Connection, now: datetime) -> None:
    """Measure how many warnings are in force, and how many messages are held, since when."""
    counted = warnings.count_in_force(conn, now)
    for colour in WarningColour.values():
        metrics.WARNINGS_IN_FORCE.labels("emergency", short_name(WarningColour, colour)).set(counted.get(colour, 0))
    held, first = messages.held_messages(conn)
    metrics.WARNING_MESSAGES_HELD.labels("emergency").set(held)
    metrics.WARNING_OLDEST_HELD.labels("emergency").set((now - (first or now)).total_seconds())


def measure_resources(conn: Connection, now: datetime) -> None:
    """Measure how many reservations are in effect, and of how many supplies there is less than the minimum."""
    counted = store.count_open(conn, now)
    for state in (ReservationState.RESERVATION_STATE_HELD, ReservationState.RESERVATION_STATE_CONFIRMED):
        metrics.RESERVATIONS.labels("emergency", short_name(ReservationState, state)).set(counted.get(state, 0))
    metrics.SHORT_STOCKS.labels("emergency").set(stocks.count_short(conn))


def measure_sensors(conn: Connection, _: datetime) -> None:
    """Measure how many sensors are in which condition."""
    found = readings.count_by_condition(conn)
    for condition in DeviceCondition.values():
        name = short_name(DeviceCondition, condition)
        metrics.DEVICES.labels("emergency", name).set(found.get(condition, 0))


JOBS = (
    Job("expire warnings", timedelta(seconds=1), warning_messages.expire_due),
    Job("expire reservations", timedelta(seconds=2), expire_reservations),
    Job("forget patrols", timedelta(minutes=1), forget_patrols),
    Job("measure incidents", timedelta(seconds=15), measure_incidents, in_each_replica=True),
    Job("measure plans", timedelta(seconds=15), measure_plans, in_each_replica=True),
    Job("measure warnings", timedelta(seconds=15), measure_warnings, in_each_replica=True),
    Job("measure resources", timedelta(seconds=15), measure_resources, in_each_replica=True),
    Job("measure sensors", timedelta(seconds=15), measure_sensors, in_each_replica=True),
)
