"""Offices are reminded of the due times that run, once of each, whatever happens meanwhile."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from onegrid.petition.v1.events_pb2 import PetitionDeadlineMissed, PetitionDeadlineNeared
from onegrid.petition.v1.resources_pb2 import Petition, State, WorkItem
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.events import announced, forget_announced
from onegrid_kit.testing.explaining import Explained
from onegrid_kit.testing.ladders import climb_due
from onegrid_petition import store
from onegrid_petition.main import SERVICE

from .desk import Desk
from .people import ADMINISTRATOR, CITIZEN, COMMANDER, COMMUNITY, DISTRICT, LEAD, LEAD_CLERK, SUPERVISOR

pytestmark = pytest.mark.asyncio

DAY = timedelta(days=1)
MOMENT = timedelta(microseconds=1)
Reminder = PetitionDeadlineNeared | PetitionDeadlineMissed


class Reminders:
    """What offices are reminded of as time passes."""

    def __init__(self, desk: Desk, engine: Engine, clock: SettableClock) -> None:
        self.desk = desk
        self.engine = engine
        self.clock = clock

    def at(self, moment: datetime) -> list[Reminder]:
        """What is announced at that moment and was not before."""
        self.clock.set(moment)
        climb_due(SERVICE, self.engine, self.clock)
        found = [event for event in announced(self.engine) if isinstance(event, Reminder)]
        forget_announced(self.engine)
        return found

    async def step(self, caller: Any, method: str, petition: Petition, **fields: Any) -> Petition:
        return (await self.desk.call(caller, method, name=petition.name, **fields)).petition  # type: ignore[no-any-return]


@pytest.fixture
def reminders(desk: Desk, engine: Engine, clock: SettableClock) -> Reminders:
    return Reminders(desk, engine, clock)


def due(petition: Petition) -> datetime:
    """When what comes next of it is due."""
    filed = petition.state == State.STATE_FILED
    return (petition.accept_due_time if filed else petition.conclude_due_time).ToDatetime(tzinfo=UTC)


def of(events: list[Reminder]) -> list[tuple[type, datetime, str, list[str]]]:
    return [
        (type(event), event.due_time.ToDatetime(tzinfo=UTC), event.responsible, list(event.step.assignees))
        for event in events
    ]


async def test_a_petition_that_nobody_accepts_is_due_soon_a_day_before_and_overdue_when_it_is_due(
    reminders: Reminders,
) -> None:
    petition = await reminders.desk.file()
    when = due(petition)
    assert reminders.at(when - DAY - MOMENT) == []
    (soon,) = reminders.at(when - DAY)
    assert of([soon]) == [(PetitionDeadlineNeared, when, COMMUNITY, [])]
    assert (soon.step.petition, soon.step.sequence, soon.step.state) == (petition.name, 1, State.STATE_FILED)
    assert soon.step.time.ToDatetime(tzinfo=UTC) == when - DAY
    assert reminders.at(when - MOMENT) == []
    assert of(reminders.at(when)) == [(PetitionDeadlineMissed, when, COMMUNITY, [])]
    assert reminders.at(when + 100 * DAY) == []
    after = (await reminders.desk.call(COMMANDER, "GetPetition", name=petition.name)).petition
    assert after == petition


async def test_what_is_accepted_in_time_is_due_when_it_must_be_concluded(reminders: Reminders) -> None:
    petition = await reminders.desk.file()
    accept_due = due(petition)
    await reminders.step(COMMANDER, "AcceptPetition", petition)
    given = await reminders.step(COMMANDER, "DispatchPetition", petition, lead=LEAD)
    assert reminders.at(accept_due + DAY) == []
    assert of(reminders.at(due(given) - DAY)) == [(PetitionDeadlineNeared, due(given), DISTRICT, [LEAD])]
    assert of(reminders.at(due(given))) == [(PetitionDeadlineMissed, due(given), DISTRICT, [LEAD])]


@pytest.mark.parametrize("end", ["ConcludeTask", "WithdrawPetition", "ClosePetition"])
async def test_nobody_is_reminded_of_what_has_ended_and_again_of_what_is_handed_back(
    reminders: Reminders, end: str
) -> None:
    petition = await reminders.desk.dispatched()
    task = f"{petition.name}/tasks/1"
    when = due(petition)
    if end == "ConcludeTask":
        await reminders.desk.call(LEAD_CLERK, "TakeTask", name=task)
        await reminders.desk.call(LEAD_CLERK, end, name=task, public_note="办好了")
    elif end == "WithdrawPetition":
        await reminders.step(CITIZEN, end, petition)
    else:
        await reminders.step(COMMANDER, end, petition, public_note="重复")
    assert reminders.at(when - DAY) == []
    if end == "ConcludeTask":
        await reminders.step(CITIZEN, "RatePetition", petition, satisfied=False, stars=1)
        assert of(reminders.at(when - DAY + MOMENT)) == [(PetitionDeadlineNeared, when, LEAD, [LEAD])]
        assert of(reminders.at(when)) == [(PetitionDeadlineMissed, when, LEAD, [LEAD])]
    assert reminders.at(when + DAY) == []


async def test_of_a_due_time_that_changes_offices_are_reminded_anew(reminders: Reminders) -> None:
    petition = await reminders.desk.dispatched()
    before = due(petition)
    assert len(reminders.at(before - DAY)) == 1
    extended = await reminders.step(SUPERVISOR, "ExtendPetition", petition, public_note="案情复杂")
    assert reminders.at(before) == []
    assert of(reminders.at(due(extended) - DAY)) == [(PetitionDeadlineNeared, due(extended), DISTRICT, [LEAD])]


async def test_a_promise_that_is_sooner_brings_the_reminder_forward(reminders: Reminders) -> None:
    name = f"workItems/{LEAD}-001"
    item = WorkItem(name=name, display_name="用工", department=LEAD, promised_working_days=2)
    await reminders.desk.call(ADMINISTRATOR, "BatchCreateWorkItems", district=DISTRICT, work_items=[item])
    petition = await reminders.desk.file()
    accepted = await reminders.step(COMMANDER, "AcceptPetition", petition)
    promised = await reminders.step(COMMANDER, "DispatchPetition", petition, work_item=name)
    assert due(promised) < due(accepted)
    assert of(reminders.at(due(promised) - DAY)) == [(PetitionDeadlineNeared, due(promised), DISTRICT, [LEAD])]


async def test_after_an_outage_what_is_overdue_is_not_called_due_soon(reminders: Reminders) -> None:
    petition = await reminders.desk.file()
    assert of(reminders.at(due(petition) + DAY)) == [(PetitionDeadlineMissed, due(petition), COMMUNITY, [])]


async def test_what_older_releases_left_and_still_do_is_reminded_of_once(reminders: Reminders, engine: Engine) -> None:
    filed, accepted, concluded, moved = [await reminders.desk.file() for _ in range(4)]
    for petition in (accepted, concluded):
        await reminders.step(COMMANDER, "AcceptPetition", petition)
    with engine.begin() as conn:
        # As before the upgrade: nothing climbs.
        conn.execute(text("DELETE FROM climb"))
        conn.execute(text("UPDATE petition SET clock_due_time = NULL"))
    for _ in range(2):
        reminders.desk.run_job("set clocks")
    due_at = due(filed)
    with engine.begin() as conn:
        # An older release knows nothing of clocks when it takes a step.
        conn.execute(text("UPDATE petition SET state = 5 WHERE id = :id"), {"id": concluded.name.split("/")[1]})
        values = {"id": moved.name.split("/")[1], "due": due_at - 5 * DAY}
        conn.execute(text("UPDATE petition SET accept_due_time = :due WHERE id = :id"), values)
    reminders.desk.run_job("set clocks")
    (soon,) = reminders.at(due_at - 6 * DAY)
    assert soon.step.petition == moved.name
    reminders.desk.run_job("set clocks")
    (overdue,) = reminders.at(due_at - 5 * DAY)
    assert (overdue.step.petition, type(overdue)) == (moved.name, PetitionDeadlineMissed)
    reminders.desk.run_job("set clocks")
    (soon,) = reminders.at(due_at - DAY)
    assert soon.step.petition == filed.name
    end = due((await reminders.desk.call(COMMANDER, "GetPetition", name=accepted.name)).petition)
    (overdue, *later) = reminders.at(end - DAY)
    assert {event.step.petition for event in (overdue, *later)} == {filed.name, accepted.name}


async def test_a_step_of_an_older_release_that_the_job_has_not_found_yet_is_found_by_the_reminder(
    reminders: Reminders, engine: Engine
) -> None:
    ended, later = [await reminders.desk.file() for _ in range(2)]
    when = due(ended)
    with engine.begin() as conn:
        conn.execute(text("UPDATE petition SET state = 10 WHERE id = :id"), {"id": ended.name.split("/")[1]})
        values = {"id": later.name.split("/")[1], "due": when + 5 * DAY}
        conn.execute(text("UPDATE petition SET accept_due_time = :due WHERE id = :id"), values)
    assert reminders.at(when) == []
    (soon,) = reminders.at(when + 4 * DAY)
    assert (soon.step.petition, type(soon)) == (later.name, PetitionDeadlineNeared)


async def test_what_has_its_clock_is_not_looked_at(reminders: Reminders, engine: Engine) -> None:
    for _ in range(20):
        await reminders.desk.file()
    with engine.begin() as conn:
        conn.execute(text("ANALYZE petition"))
    explained = Explained(engine)
    work = explained.work(lambda conn: store.set_clocks(conn, 100))
    assert (work.rows, work.read_whole) == (0, frozenset())
    explained.close()


@pytest.mark.parametrize("seed", range(3))
async def test_each_due_time_is_announced_once_in_whatever_order_steps_and_time_come(
    reminders: Reminders, seed: int
) -> None:
    """Against a model: of the due time that runs, each reminder once, from its moment on."""
    rng = random.Random(seed)
    petition = await reminders.desk.file()
    expected: list[tuple[type, datetime]] = []
    seen: list[tuple[type, datetime]] = []
    running: datetime | None = due(petition)
    reminded: set[type] = set()
    for _ in range(25):
        now = reminders.clock.now() + timedelta(hours=rng.choice((1, 6, 24, 24 * 14, 24 * 30)))
        if running is not None:
            if now >= running and PetitionDeadlineMissed not in reminded:
                reminded |= {PetitionDeadlineMissed, PetitionDeadlineNeared}
                expected.append((PetitionDeadlineMissed, running))
            elif now >= running - DAY and not reminded:
                reminded.add(PetitionDeadlineNeared)
                expected.append((PetitionDeadlineNeared, running))
        seen += [(kind, when) for kind, when, _, _ in of(reminders.at(now))]
        assert seen == expected
        before = running
        petition = await any_step(reminders, petition, rng)
        under_way = petition.state in (State.STATE_ACCEPTED, State.STATE_DISPATCHED, State.STATE_HANDLING)
        running = due(petition) if under_way or petition.state == State.STATE_FILED else None
        if running != before:
            reminded.clear()


async def any_step(reminders: Reminders, petition: Petition, rng: random.Random) -> Petition:
    """Take a step that is possible, or none."""
    task = f"{petition.name}/tasks/{len(petition.tasks)}"
    match petition.state:
        case State.STATE_FILED if rng.random() < 0.5:
            return await reminders.step(COMMANDER, "AcceptPetition", petition)
        case State.STATE_ACCEPTED if rng.random() < 0.5:
            return await reminders.step(COMMANDER, "DispatchPetition", petition, lead=LEAD)
        case State.STATE_DISPATCHED if rng.random() < 0.5:
            await reminders.desk.call(LEAD_CLERK, "TakeTask", name=task)
        case State.STATE_HANDLING if rng.random() < 0.4:
            await reminders.desk.call(LEAD_CLERK, "ConcludeTask", name=task, public_note="办好了")
        case State.STATE_CONCLUDED if rng.random() < 0.7:
            return await reminders.step(CITIZEN, "RatePetition", petition, satisfied=False, stars=1)
        case State.STATE_HANDLING if not petition.HasField("extend_time") and reminders.clock.now() < due(petition):
            return await reminders.step(SUPERVISOR, "ExtendPetition", petition, public_note="案情复杂")
    return (await reminders.desk.call(COMMANDER, "GetPetition", name=petition.name)).petition  # type: ignore[no-any-return]
