"""What people hear of petitions: one message each, of what is for them."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from sqlalchemy import Engine, text

from onegrid.petition.v1 import events_pb2 as pb
from onegrid.petition.v1.resources_pb2 import Actor, Kind, Part, State, Task, TaskState
from onegrid_kit.clock import CHINA, SettableClock
from onegrid_kit.contracts import visibility_of
from onegrid_kit.events import Delivery, Envelope
from onegrid_kit.inbox import Inbox
from onegrid_kit.jobs import run_job
from onegrid_kit.testing.events import Events
from onegrid_kit.timestamps import timestamp
from onegrid_notify.main import SERVICE
from onegrid_notify.notifications import EVENTS, PetitionEvent

DISTRICT, COMMUNITY = "210602", "210602003007"
LEAD, HELPER = "210602D07", "210602D11"
PETITION = "petitions/210602-20201111-7KX3M9QF"
CITIZEN, WORKER = "users/00citizen", "users/000worker"
CLERK, COLLEAGUE, ASSISTANT, NEIGHBOUR = "users/000clerk0", "users/00colleague", "users/0assistant", "users/0neighbour"
NOON = datetime(2020, 11, 11, 12, 0, tzinfo=CHINA)
DUE = datetime(2020, 11, 13, 17, 30, tzinfo=CHINA)
SECRET = "for-offices-alone"


@pytest.fixture(autouse=True)
def district(engine: Engine) -> None:
    """A lead with two clerks, one of whom is there no more; an assistant; a community with somebody at home in it."""
    long_ago, always = NOON - timedelta(days=100), NOON + timedelta(days=10_000)
    with engine.begin() as conn:
        for table, code, name in (
            ("place", DISTRICT, "元宝区"),
            ("place", COMMUNITY, "朝凤社区"),
            ("department", LEAD, "人社中心"),
            ("department", HELPER, "公安分局"),
        ):
            conn.execute(text(f"INSERT INTO {table} VALUES ('210602', :code, :name, 1)"), {"code": code, "name": name})
        for user, code, role, begin, end in (
            (CLERK, LEAD, "roles/department-clerk", long_ago, always),
            (CLERK, LEAD, "roles/supervisor", long_ago, always),
            (COLLEAGUE, LEAD, "roles/department-clerk", long_ago, NOON),
            (ASSISTANT, HELPER, "roles/department-clerk", long_ago, always),
            (NEIGHBOUR, COMMUNITY, "", long_ago, always),
        ):
            conn.execute(
                text("INSERT INTO membership VALUES ('210602', :user, :code, 1, 0, :role, :begin, :end)"),
                {"user": user, "code": code, "role": role, "begin": begin, "end": end},
            )


class Inboxes:
    """What people find in their inboxes after events."""

    def __init__(self, engine: Engine, events: Events) -> None:
        self._engine = engine
        self._events = events

    def deliver(self, event: PetitionEvent, time: datetime = NOON) -> None:
        """Deliver the event, twice."""
        self._events.deliver(event, subject=event.step.petition, time=time)

    def of(self, user: str) -> list[Any]:
        """The user's messages."""
        return self._rows("SELECT * FROM message WHERE user_name = :user ORDER BY create_time, id", user=user)

    def readers(self) -> list[str]:
        """Who has a message, each as often as there are messages."""
        return [row.user_name for row in self._rows("SELECT user_name FROM message ORDER BY 1")]

    def signals(self) -> list[tuple[str, str]]:
        """What connected apps are sent: to whom, which item."""
        return [(row.user_name, row.item) for row in self._rows("SELECT * FROM signal ORDER BY user_name")]

    def _rows(self, query: str, **parameters: object) -> list[Any]:
        with self._engine.connect() as conn:
            return list(conn.execute(text(query), parameters))


@pytest.fixture
def inboxes(engine: Engine, events: Events) -> Inboxes:
    return Inboxes(engine, events)


def step(state: State, *assignees: str, office: str = "", actor: Actor = Actor.ACTOR_COMMAND_CENTRE) -> pb.Step:
    return pb.Step(
        petition=PETITION,
        sequence=2,
        time=timestamp(NOON),
        place=f"{COMMUNITY}005",
        kind=Kind.KIND_HELP,
        actor=actor,
        state=state,
        petitioner=CITIZEN,
        grid_worker=WORKER,
        assignees=assignees,
        office=office,
    )


def task(assignee: str, part: Part, **fields: Any) -> Task:
    return Task(assignee=assignee, part=part, state=TaskState.TASK_STATE_ASSIGNED, due_time=timestamp(DUE), **fields)


def dispatched() -> pb.PetitionDispatched:
    tasks = [
        task(LEAD, Part.PART_LEAD, instruction="请上门了解"),
        task(HELPER, Part.PART_ASSISTING, instruction="请到场维持秩序"),
    ]
    given = step(State.STATE_DISPATCHED, LEAD, HELPER, office=DISTRICT)
    return pb.PetitionDispatched(step=given, tasks=tasks, conclude_due_time=timestamp(DUE))


def test_the_petitioner_hears_who_answers_and_until_when(inboxes: Inboxes) -> None:
    inboxes.deliver(pb.PetitionFiled(step=step(State.STATE_FILED), accept_due_time=timestamp(DUE)))
    (message,) = inboxes.of(CITIZEN)
    assert message.title == "您的诉求已收到"
    assert message.text == (
        "您于2020年11月11日 12:00提交的求助（编号210602-20201111-7KX3M9QF）已收到，由朝凤社区首先负责。\n"
        "将于2020年11月13日 17:30前答复是否受理。"
    )
    assert (message.subject, message.create_time) == (PETITION, NOON)


def test_an_office_that_gets_a_task_hears_what_to_do_and_until_when(inboxes: Inboxes) -> None:
    inboxes.deliver(dispatched())
    (message,) = inboxes.of(CLERK)
    assert message.title == "新任务：主办"
    assert message.text.splitlines() == [
        "元宝区于2020年11月11日 12:00将一件求助（编号210602-20201111-7KX3M9QF）交由人社中心主办，请尽快签收。",
        "请于2020年11月13日 17:30前办结。",
        "办理要求：请上门了解",
    ]
    (message,) = inboxes.of(ASSISTANT)
    assert message.title == "新任务：协办"
    assert "请到场维持秩序" in message.text


def test_only_who_holds_a_role_over_the_office_at_that_time_hears_of_its_task(inboxes: Inboxes) -> None:
    event = dispatched()
    event.tasks.append(task(COMMUNITY, Part.PART_ASSISTING))
    inboxes.deliver(event)
    assert inboxes.readers() == sorted([ASSISTANT, CLERK, CITIZEN])
    inboxes.deliver(event, NOON - timedelta(seconds=1))
    assert len(inboxes.of(COLLEAGUE)) == 1
    assert inboxes.of(NEIGHBOUR) == []


def test_a_person_has_one_message_of_an_event_however_often_it_is_delivered(inboxes: Inboxes, engine: Engine) -> None:
    inboxes.deliver(dispatched())
    with engine.begin() as conn:
        conn.execute(text("TRUNCATE inbox"))
        id_ = conn.execute(text("SELECT id FROM message LIMIT 1")).scalar_one()
    before = inboxes.readers(), inboxes.signals()
    again = dispatched()
    again.tasks[0].instruction = "另一种要求"
    redeliver(engine, again, id_)
    assert (inboxes.readers(), inboxes.signals()) == before


def redeliver(engine: Engine, event: PetitionEvent, item: str) -> None:
    """Deliver an event that the worker has forgotten; carriers keep what they could not confirm."""
    delivery = Delivery(
        id=str(uuid.UUID(item.removeprefix("m-"))), type=event.DESCRIPTOR.full_name, subject=PETITION, time=NOON
    )
    inbox = Inbox("notify", engine, SERVICE.load_handlers())
    inbox.deliver([Envelope(delivery, event.SerializeToString())])
    assert not inbox.parked()


def test_connected_apps_are_sent_each_message(inboxes: Inboxes) -> None:
    inboxes.deliver(dispatched())
    items = {row.user_name: row.id for user in (ASSISTANT, CLERK, CITIZEN) for row in inboxes.of(user)}
    assert inboxes.signals() == sorted(items.items())
    assert len(set(items.values())) == 1


def test_a_petitioner_of_the_office_that_handles_it_hears_what_petitioners_hear(inboxes: Inboxes) -> None:
    event = dispatched()
    event.step.petitioner = CLERK
    inboxes.deliver(event)
    (message,) = inboxes.of(CLERK)
    assert message.title == "您的诉求已交办"
    assert "请上门了解" not in message.text


def test_the_grid_worker_hears_when_the_petition_waits_to_be_verified(inboxes: Inboxes) -> None:
    assisted = pb.TaskConcluded(step=step(State.STATE_HANDLING, LEAD, HELPER), task=task(HELPER, Part.PART_ASSISTING))
    inboxes.deliver(assisted)
    assert inboxes.of(WORKER) == []
    done = pb.TaskConcluded(
        step=step(State.STATE_CONCLUDED, LEAD, HELPER), task=task(LEAD, Part.PART_LEAD, answer="已办好")
    )
    inboxes.deliver(done)
    (message,) = inboxes.of(WORKER)
    assert message.title == "请核实一件已办结的诉求"
    assert "人社中心" in message.text
    assert sum("答复：已办好" in message.text for message in inboxes.of(CITIZEN)) == 1


@pytest.mark.parametrize("event_type", [pb.PetitionRated, pb.PetitionVerified])
def test_the_lead_hears_that_it_has_a_petition_again(inboxes: Inboxes, event_type: Any) -> None:
    inboxes.deliver(event_type(step=step(State.STATE_SATISFIED, LEAD, HELPER)))
    assert inboxes.readers() == [CITIZEN]
    again = event_type(step=step(State.STATE_HANDLING, LEAD, HELPER), conclude_due_time=timestamp(DUE))
    inboxes.deliver(again)
    (message,) = inboxes.of(CLERK)
    assert "请人社中心重新办理" in message.text
    assert "2020年11月13日 17:30" in message.text
    assert inboxes.of(ASSISTANT) == []


@pytest.mark.parametrize("event_type", [pb.PetitionRescheduled, pb.PetitionWithdrawn, pb.PetitionClosed])
def test_every_office_with_a_task_hears_when_deadlines_change_or_the_petition_ends(
    inboxes: Inboxes, event_type: Any
) -> None:
    inboxes.deliver(event_type(step=step(State.STATE_HANDLING, LEAD, HELPER)))
    assert inboxes.readers() == sorted([ASSISTANT, CLERK, CITIZEN])


def test_offices_whose_names_are_not_known_yet_are_no_obstacle(inboxes: Inboxes) -> None:
    inboxes.deliver(pb.TaskTaken(step=step(State.STATE_HANDLING), task=task("210602D33", Part.PART_LEAD)))
    assert inboxes.of(CITIZEN)[0].text.startswith("承办单位已于")


@pytest.mark.parametrize("event_type", EVENTS, ids=lambda event: event.DESCRIPTOR.name)
@pytest.mark.parametrize("state", [State.STATE_HANDLING, State.STATE_CONCLUDED], ids=State.Name)
def test_a_petitioner_hears_nothing_that_is_for_the_offices_alone(
    inboxes: Inboxes, event_type: type[PetitionEvent], state: State
) -> None:
    event = event_type()
    fill(event)
    event.step.CopyFrom(step(state, LEAD, HELPER, office=DISTRICT))
    inboxes.deliver(event)
    (message,) = inboxes.of(CITIZEN)
    assert SECRET not in message.title + message.text


def test_an_office_hears_what_is_for_offices_alone(inboxes: Inboxes) -> None:
    event = pb.PetitionDispatched()
    fill(event)
    event.step.CopyFrom(step(State.STATE_DISPATCHED, LEAD))
    event.tasks[0].assignee = LEAD
    inboxes.deliver(event)
    assert SECRET in inboxes.of(CLERK)[0].text


def fill(message: Message, *, hidden: bool = False) -> None:
    """Fill every field at any depth; text with a secret where it is meant for offices alone."""
    for field in message.DESCRIPTOR.fields:
        rule = visibility_of(field)  # type: ignore[arg-type]
        office_only = hidden or (rule is not None and rule.office and not rule.owner)
        value = getattr(message, field.name)
        if field.message_type is not None:
            fill(value.add() if field.is_repeated else value, hidden=office_only)
        elif field.type == FieldDescriptor.TYPE_STRING:
            given = SECRET if office_only else field.full_name
            value.append(given) if field.is_repeated else setattr(message, field.name, given)
        elif not field.is_repeated:
            setattr(message, field.name, 1)


def test_messages_are_deleted_once_the_contract_lets_them_be_kept_no_longer(
    inboxes: Inboxes, engine: Engine, clock: SettableClock
) -> None:
    inboxes.deliver(dispatched(), NOON)
    inboxes.deliver(pb.PetitionWithdrawn(step=step(State.STATE_WITHDRAWN, LEAD)), NOON + timedelta(days=1))
    older, newer = (message.id for message in inboxes.of(CITIZEN))
    read = text("INSERT INTO item_state VALUES (:district, :user, :item, now(), NULL, 0, NULL, 0, 1)")
    with engine.begin() as conn:
        for item in (older, newer, "210602-20201111-7KX3M9QF"):
            conn.execute(read, {"district": DISTRICT, "user": CITIZEN, "item": item})
    (job,) = (job for job in SERVICE.load_jobs() if job.name == "delete expired messages")
    for days, left in ((364, 2), (365, 1)):
        clock.set(NOON + timedelta(days=days))
        assert run_job("notify", engine, job, clock.now())
        assert len(inboxes.of(CITIZEN)) == left
    with engine.connect() as conn:
        states = conn.execute(text("SELECT item FROM item_state")).scalars().all()
    assert sorted(states) == sorted([newer, "210602-20201111-7KX3M9QF"])
