"""What is measured of emergencies: what is open, what is late, and what came of warnings."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import Engine, TextClause, text

from onegrid.duty.v1.events_pb2 import PlanRosterPaged
from onegrid.emergency.v1.resources_pb2 import IncidentKind, IncidentLevel
from onegrid.identity.v1.events_pb2 import PlanRoleGranted, PlanRoleRefused
from onegrid_emergency import jobs
from onegrid_emergency.commands import warnings
from onegrid_emergency.commands.warnings import Profile
from onegrid_emergency.store import incident_deadlines
from onegrid_emergency.store.places import keep_department
from onegrid_kit.callers import Call
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.events import Events

from ..cap.documents import SENT, document, later, reference
from .incidents import Incidents
from .people import COMMANDER, DEPARTMENT, DISTRICT, RESCUE_CLERK
from .plans import ROSTER, Plans
from .warning_senders import WEATHER, define_source, lay_ground, receive

MINUTE = timedelta(minutes=1)


def value_of(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, {"service": "emergency", **labels})


@pytest.fixture
def incidents(api: Serving, engine: Engine) -> Incidents:
    lay_ground(engine)
    with engine.begin() as conn:
        keep_department(conn, DEPARTMENT, 1, "应急管理局")
    return Incidents(api)


def overdue(engine: Engine, clock: SettableClock, after: timedelta) -> dict[str, tuple[float, timedelta]]:
    """How many deadlines have passed when so much time has, and for how long the first of them."""
    clock.set(clock.now() + after)
    with engine.begin() as conn:
        jobs.measure_incidents(conn, clock.now())
    found = {
        sample.labels["deadline"]: sample.value
        for metric in REGISTRY.collect()
        if metric.name == "onegrid_incident_deadlines_overdue"
        for sample in metric.samples
    }
    assert found.keys() == {"RESPONSE", "ACKNOWLEDGEMENT", "COMPLETION", "SITUATION_REPORT"}
    oldest = "onegrid_incident_deadline_oldest_overdue_seconds"
    late = {each: timedelta(seconds=value_of(oldest, deadline=each) or 0) for each in found}
    assert not any(late[each] for each, count in found.items() if not count)
    return {each: (count, late[each]) for each, count in found.items() if count}


async def test_open_incidents_are_measured_by_kind_and_level(
    incidents: Incidents, engine: Engine, clock: SettableClock
) -> None:
    def found() -> dict[tuple[str, str], float]:
        overdue(engine, clock, timedelta())
        return {
            (sample.labels["kind"], sample.labels["level"]): sample.value
            for metric in REGISTRY.collect()
            if metric.name == "onegrid_incidents_open"
            for sample in metric.samples
            if sample.value
        }

    assert found() == {}
    accident = await incidents.responding(kind=IncidentKind.INCIDENT_KIND_ACCIDENT)
    await incidents.reported()
    assert found() == {("ACCIDENT", "UNSPECIFIED"): 1, ("UNSPECIFIED", "UNSPECIFIED"): 1}
    grave = {"level": IncidentLevel.INCIDENT_LEVEL_II, "reason": "多人被困"}
    accident = await incidents.act(COMMANDER, "GradeIncident", accident, **grave)
    assert found() == {("ACCIDENT", "II"): 1, ("UNSPECIFIED", "UNSPECIFIED"): 1}
    await incidents.act(COMMANDER, "DeclareAllClear", accident)
    assert found() == {("UNSPECIFIED", "UNSPECIFIED"): 1}


async def test_an_incident_is_late_until_somebody_takes_charge(
    incidents: Incidents, engine: Engine, clock: SettableClock
) -> None:
    first = await incidents.reported()
    assert overdue(engine, clock, 4 * MINUTE) == {}
    await incidents.reported()
    assert overdue(engine, clock, 3 * MINUTE) == {"RESPONSE": (1, 2 * MINUTE)}
    assert overdue(engine, clock, 10 * MINUTE) == {"RESPONSE": (2, 12 * MINUTE)}
    await incidents.act(COMMANDER, "RespondToIncident", first)
    assert overdue(engine, clock, MINUTE) == {"RESPONSE": (1, 9 * MINUTE)}


async def test_an_incident_that_is_split_off_again_is_late_from_then_on(
    incidents: Incidents, engine: Engine, clock: SettableClock
) -> None:
    into = await incidents.responding()
    merged = await incidents.reported()
    await incidents.merge(into, merged)
    assert overdue(engine, clock, timedelta(hours=1)) == {}
    await incidents.split(into, merged.reports[0].name)
    assert overdue(engine, clock, 6 * MINUTE) == {"RESPONSE": (1, MINUTE)}


async def test_tasks_are_late_until_they_are_acknowledged_and_done(
    incidents: Incidents, engine: Engine, clock: SettableClock
) -> None:
    incident = await incidents.responding()
    task = await incidents.assign(incident, due_time=clock.now() + 30 * MINUTE)
    assert overdue(engine, clock, 9 * MINUTE) == {}
    assert overdue(engine, clock, 3 * MINUTE) == {"ACKNOWLEDGEMENT": (1, 2 * MINUTE)}
    await incidents.on_task(RESCUE_CLERK, "AcknowledgeTask", task)
    assert overdue(engine, clock, 20 * MINUTE) == {"COMPLETION": (1, 2 * MINUTE)}
    await incidents.on_task(RESCUE_CLERK, "CompleteTask", task, report="已加固")
    assert overdue(engine, clock, MINUTE) == {}


async def test_a_situation_that_was_not_reported_in_time_is_late(
    incidents: Incidents, engine: Engine, clock: SettableClock
) -> None:
    incident = await incidents.responding()
    due = incident.situation_due_time.ToDatetime(tzinfo=clock.now().tzinfo)
    assert overdue(engine, clock, due + MINUTE - clock.now()) == {"SITUATION_REPORT": (1, MINUTE)}
    await incidents.act(COMMANDER, "DismissIncident", incident, reason="误报")
    assert overdue(engine, clock, MINUTE) == {}


async def test_plans_in_effect_are_measured_and_what_they_do_not_get(
    incidents: Incidents, api: Serving, events: Events, engine: Engine, clock: SettableClock
) -> None:
    plans = Plans(api)
    await plans.define()

    def measured() -> tuple[float | None, ...]:
        with engine.begin() as conn:
            jobs.measure_plans(conn, clock.now())
        failed = "onegrid_plan_parts_failed"
        return value_of("onegrid_plans_in_effect"), value_of(failed, part="ROLE"), value_of(failed, part="PAGE")

    assert measured() == (0, 0, 0)
    incident = await incidents.responding()
    activation = await plans.activate(incident)
    assert measured() == (1, 0, 0)
    person, roster = activation.elevations
    events.deliver(PlanRoleGranted(elevation=person.name), subject=person.name)
    events.deliver(PlanRoleRefused(elevation=roster.name, reason="GRANT_EXCEEDS_OWN"), subject=roster.name)
    unpaged = PlanRosterPaged(activation=activation.name, roster=ROSTER, reason="ESCALATION_MISSING")
    events.deliver(unpaged, subject=activation.name)
    assert measured() == (1, 1, 1)
    await incidents.act(COMMANDER, "DismissIncident", incident, reason="误报")
    assert measured() == (0, 0, 0)


async def test_warnings_are_measured_and_so_is_what_is_held(api: Serving, engine: Engine, clock: SettableClock) -> None:
    lay_ground(engine)
    clock.set(datetime.fromisoformat(SENT) + 30 * MINUTE)
    await define_source(api)

    def measured() -> tuple[float | None, ...]:
        with engine.begin() as conn:
            jobs.measure_warnings(conn, clock.now())
        held = "onegrid_warning_messages_held", "onegrid_warning_oldest_held_seconds"
        return value_of("onegrid_warnings_in_force", colour="ORANGE"), *(value_of(each) for each in held)

    assert measured() == (0, 0, 0)
    cancel = document("Cancel", "c", sent=later(5), references=reference("a"), inside="<note>雨已停</note>")
    await receive(api, cancel)
    clock.set(clock.now() + MINUTE)
    assert measured() == (0, 1, 60)
    await receive(api, document("Alert", "b"))
    assert measured() == (1, 1, 60)
    await receive(api, document("Alert", "a"))
    assert measured() == (1, 0, 0)


async def test_messages_of_cap_are_counted_by_whether_they_were_taken(
    api: Serving, engine: Engine, clock: SettableClock
) -> None:
    lay_ground(engine)
    clock.set(datetime.fromisoformat(SENT) + 30 * MINUTE)
    await define_source(api)

    def counted() -> tuple[float, ...]:
        total = "onegrid_warning_messages_total"
        return tuple(value_of(total, outcome=each) or 0 for each in ("taken", "refused"))

    taken, refused = counted()
    with engine.connect() as conn:
        profile = Profile(district=DISTRICT, sender="210602@onegrid", lasts=timedelta(hours=24))
        warnings.receive(
            conn, document("Alert", "a"), profile, Call(caller=WEATHER, now=clock.now(), method="ReceiveWarning")
        )
        conn.rollback()
    assert counted() == (taken, refused)
    await receive(api, document("Alert", "a"))
    assert counted() == (taken + 1, refused)
    for number, (data, by) in enumerate(((b"<alert/>", WEATHER), (document("Alert", "b"), COMMANDER)), 1):
        with pytest.raises(Refused):
            await receive(api, data, by)
        assert counted() == (taken + 1, refused + number)


@pytest.mark.parametrize(
    ("statement", "indexes"),
    [
        (incident_deadlines.OPEN, {"incident_open"}),
        (incident_deadlines.OVERDUE, {"incident_open", "incident_task_open", "incident_situation_due"}),
    ],
    ids=["open", "overdue"],
)
def test_what_is_open_is_found_by_its_indexes(engine: Engine, statement: TextClause, indexes: set[str]) -> None:
    """However many have ended, what is asked every few seconds reads none of them."""
    with engine.connect() as conn:
        conn.execute(text("SET enable_seqscan = off"))
        values = {"now": datetime.fromisoformat(SENT), "respond_within": MINUTE}
        given = {name: value for name, value in values.items() if f":{name}" in statement.text}
        plan = "\n".join(conn.execute(text(f"EXPLAIN {statement.text}"), given).scalars())
    assert {each for each in indexes if each in plan} == indexes
