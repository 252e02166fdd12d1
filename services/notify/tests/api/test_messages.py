"""What people hear of petitions: one message each, of what is for them."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from sqlalchemy import Engine, text
from sqlalchemy.event import listen

from onegrid.common.v1.common_pb2 import OaLevel
from onegrid.grid.v1.events_pb2 import DivisionDefined
from onegrid.identity.v1.events_pb2 import DepartmentDefined, RoleGranted, RoleRevoked, UserDefined
from onegrid.identity.v1.resources_pb2 import Grant, UserState
from onegrid.notify.v1.resources_pb2 import Acknowledgement, InboxItem, InboxItemKind
from onegrid.options.v1.options_pb2 import BuiltInRole
from onegrid.petition.v1 import events_pb2 as pb
from onegrid.petition.v1.resources_pb2 import Actor, Kind, Part, State, Task, TaskState
from onegrid_kit.callers import Caller
from onegrid_kit.clock import CHINA, SettableClock
from onegrid_kit.contracts import visibility_of
from onegrid_kit.events import Delivery, Envelope
from onegrid_kit.inbox import Inbox
from onegrid_kit.jobs import run_job
from onegrid_kit.testing.api import TEST_CIPHER, Serving
from onegrid_kit.testing.callers import staff
from onegrid_kit.testing.events import Events
from onegrid_kit.testing.jobs import job_of
from onegrid_kit.timestamps import timestamp
from onegrid_notify.main import SERVICE
from onegrid_notify.notifications import PetitionEvent

from .people import CITIZEN, COMMUNITY, DISTRICT, LEAD, LEAD_CLERK, NEIGHBOUR, WORKER

HELPER = "210602D11"
COLLEAGUE = staff("colleague", BuiltInRole.BUILT_IN_ROLE_DEPARTMENT_CLERK, LEAD)
ASSISTANT = staff("helper", BuiltInRole.BUILT_IN_ROLE_DEPARTMENT_CLERK, HELPER)
EVERYBODY = (CITIZEN, NEIGHBOUR, LEAD_CLERK, COLLEAGUE, ASSISTANT, WORKER)
PETITION = "petitions/210602-20201111-7KX3M9QF"
NOON = datetime(2020, 11, 11, 12, 0, tzinfo=CHINA)
LONG_AGO = datetime(2020, 1, 1, tzinfo=CHINA)
DUE = datetime(2020, 11, 13, 17, 30, tzinfo=CHINA)
SECRET = "for-offices-alone"


@pytest.fixture(autouse=True)
def district(events: Events) -> None:
    """The lead with two clerks, one of whom leaves at noon; an assistant; a community and somebody at home in it."""
    events.deliver(
        DivisionDefined(code=DISTRICT, display_name="元宝区", version=1),
        DivisionDefined(code=COMMUNITY, display_name="朝凤社区", version=1),
        DepartmentDefined(code=LEAD, display_name="人社中心", version=1),
        DepartmentDefined(code=HELPER, display_name="公安分局", version=1),
    )
    for who in EVERYBODY:
        known = UserDefined(user=who.user, kind=who.kind, district=DISTRICT, version=1, home=COMMUNITY)
        known.state = UserState.USER_STATE_ACTIVE
        known.update_time.CopyFrom(timestamp(LONG_AGO))
        events.deliver(known, time=LONG_AGO)
    for who, office in ((LEAD_CLERK, LEAD), (COLLEAGUE, LEAD), (ASSISTANT, HELPER)):
        for number, role in enumerate(("department-clerk", "supervisor")):
            grant = Grant(name=f"{who.user}/grants/{number}", role=f"roles/{role}", scope=office)
            grant.create_time.CopyFrom(timestamp(LONG_AGO))
            granted = {"user": who.user, "role": grant.role, "scope": office, "grant": grant}
            events.deliver(RoleGranted(**granted, oa_level=OaLevel.OA_LEVEL_DEPARTMENT), time=LONG_AGO)
            if who is COLLEAGUE:
                events.deliver(RoleRevoked(**granted), time=NOON)


class Inboxes:
    """What people find in their inboxes after events."""

    def __init__(self, api: Serving, engine: Engine, events: Events) -> None:
        self._api = api
        self._engine = engine
        self._events = events

    def deliver(self, *together: PetitionEvent, time: datetime = NOON) -> None:
        """Deliver these events of the petition together, twice."""
        self._events.deliver(*together, subject=PETITION, time=time)

    def deliver_again(self, event: PetitionEvent, of: InboxItem) -> None:
        """Deliver an event that the worker has forgotten since it wrote this message."""
        with self._engine.begin() as conn:
            conn.execute(text("TRUNCATE inbox"))
        id_ = str(uuid.UUID(of.name.removeprefix("inboxItems/m-")))
        delivery = Delivery(id=id_, type=event.DESCRIPTOR.full_name, subject=PETITION, time=NOON)
        inbox = Inbox("notify", self._engine, SERVICE.load_handlers(), TEST_CIPHER)
        inbox.deliver([Envelope(delivery, event.SerializeToString())])
        assert not inbox.parked()

    async def of(self, reader: Caller) -> Sequence[InboxItem]:
        """What is in it about the petition, the oldest first."""
        items: Sequence[InboxItem] = (await self._api.call(reader, "ListInboxItems")).items
        return [item for item in items[::-1] if item.subject == PETITION]

    async def readers(self) -> Counter[str]:
        """How many messages each has who has one."""
        return Counter({who.user: count for who in EVERYBODY if (count := len(await self.of(who)))})

    def signals(self) -> list[tuple[str, str]]:
        """What connected apps are sent: to whom, which item."""
        with self._engine.connect() as conn:
            rows = conn.execute(
                text(
                    """
                    SELECT user_name, item FROM signal JOIN message USING (district, user_name)
                    WHERE message.id = item AND subject = :petition ORDER BY user_name
                    """
                ),
                {"petition": PETITION},
            )
            return [(row.user_name, f"inboxItems/{row.item}") for row in rows]


@pytest.fixture
def inboxes(api: Serving, engine: Engine, events: Events) -> Inboxes:
    return Inboxes(api, engine, events)


def step(state: State, *assignees: str, office: str = "", actor: Actor = Actor.ACTOR_COMMAND_CENTRE) -> pb.Step:
    return pb.Step(
        petition=PETITION,
        sequence=2,
        time=timestamp(NOON),
        place=f"{COMMUNITY}005",
        kind=Kind.KIND_HELP,
        actor=actor,
        state=state,
        petitioner=CITIZEN.user,
        grid_worker=WORKER.user,
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


def hold_role(events: Events, who: Caller, office: str) -> None:
    """Give somebody a role over this office."""
    grant = Grant(name=f"{who.user}/grants/{office}", role="roles/supervisor", scope=office)
    grant.create_time.CopyFrom(timestamp(LONG_AGO))
    granted = RoleGranted(
        user=who.user, role=grant.role, scope=office, grant=grant, oa_level=OaLevel.OA_LEVEL_DEPARTMENT
    )
    events.deliver(granted, time=LONG_AGO)


def only(*people: Caller) -> Counter[str]:
    """One message each."""
    return Counter(who.user for who in people)


async def test_the_petitioner_hears_who_answers_and_until_when(inboxes: Inboxes) -> None:
    inboxes.deliver(pb.PetitionFiled(step=step(State.STATE_FILED), accept_due_time=timestamp(DUE)))
    (message,) = await inboxes.of(CITIZEN)
    assert message.title == "您的诉求已收到"
    assert message.summary == (
        "您于2020年11月11日 12:00提交的求助（编号210602-20201111-7KX3M9QF）已收到，由朝凤社区首先负责。\n"
        "将于2020年11月13日 17:30前答复是否受理。"
    )
    assert message.kind == InboxItemKind.INBOX_ITEM_KIND_MESSAGE
    assert (message.subject, message.create_time) == (PETITION, timestamp(NOON))


async def test_an_office_that_gets_a_task_hears_what_to_do_and_until_when(inboxes: Inboxes) -> None:
    inboxes.deliver(dispatched())
    (message,) = await inboxes.of(LEAD_CLERK)
    assert message.title == "新任务：主办"
    assert message.summary.splitlines() == [
        "元宝区于2020年11月11日 12:00将一件求助（编号210602-20201111-7KX3M9QF）交由人社中心主办，请尽快签收。",
        "请于2020年11月13日 17:30前办结。",
        "办理要求：请上门了解",
    ]
    (message,) = await inboxes.of(ASSISTANT)
    assert message.title == "新任务：协办"
    assert "请到场维持秩序" in message.summary


async def test_only_who_holds_a_role_over_the_office_at_that_time_hears_of_its_task(inboxes: Inboxes) -> None:
    event = dispatched()
    event.tasks.append(task(COMMUNITY, Part.PART_ASSISTING))
    inboxes.deliver(event)
    assert await inboxes.readers() == only(CITIZEN, LEAD_CLERK, ASSISTANT)
    inboxes.deliver(event, time=NOON - timedelta(seconds=1))
    assert (await inboxes.readers())[COLLEAGUE.user] == 1


async def test_events_that_come_together_are_written_by_as_many_statements_as_one(
    inboxes: Inboxes, engine: Engine
) -> None:
    filed = pb.PetitionFiled(step=step(State.STATE_FILED), accept_due_time=timestamp(DUE))
    # Templates that were published are asked for every few seconds.
    inboxes.deliver(filed)
    statements: list[str] = []
    listen(engine, "before_cursor_execute", lambda _, __, statement, *___: statements.append(statement))
    inboxes.deliver(dispatched())
    of_one = len(statements)
    statements.clear()
    taken = pb.TaskTaken(step=step(State.STATE_HANDLING, LEAD, HELPER, office=LEAD), task=task(LEAD, Part.PART_LEAD))
    inboxes.deliver(*[dispatched() for _ in range(8)], taken, filed, taken)
    assert len(statements) <= of_one + 2
    assert await inboxes.readers() == Counter({CITIZEN.user: 13, LEAD_CLERK.user: 9, ASSISTANT.user: 9})
    titles = [message.title for message in await inboxes.of(CITIZEN)]
    assert Counter(titles) == {"您的诉求已收到": 2, "您的诉求已交办": 9, "您的诉求已签收": 2}


async def test_each_of_ten_thousand_people_of_an_office_has_one_message(inboxes: Inboxes, engine: Engine) -> None:
    join = text(
        """
        INSERT INTO membership (district, user_name, code, kind, oa_level, role, begin_time, end_time)
        SELECT :district, 'users/' || number, :office, 2, 2, role, :begin, 'infinity'
        FROM generate_series(1, 10000) AS number, unnest(ARRAY['roles/department-clerk', 'roles/supervisor']) AS role
        """
    )
    with engine.begin() as conn:
        conn.execute(join, {"district": DISTRICT, "office": LEAD, "begin": LONG_AGO})
    inboxes.deliver(dispatched())
    with engine.connect() as conn:
        counted = conn.execute(
            text("SELECT count(*), count(DISTINCT user_name) FROM message WHERE subject = :petition"),
            {"petition": PETITION},
        ).one()
    assert tuple(counted) == (10_003, 10_003)


async def test_a_person_has_one_message_of_an_event_however_often_it_is_delivered(inboxes: Inboxes) -> None:
    inboxes.deliver(dispatched())
    before = [*[await inboxes.of(who) for who in EVERYBODY], inboxes.signals()]
    again = dispatched()
    again.tasks[0].instruction = "另一种要求"
    inboxes.deliver_again(again, of=(await inboxes.of(CITIZEN))[0])
    assert [*[await inboxes.of(who) for who in EVERYBODY], inboxes.signals()] == before


async def test_connected_apps_are_sent_each_message(inboxes: Inboxes) -> None:
    inboxes.deliver(dispatched())
    items = {who.user: item.name for who in EVERYBODY for item in await inboxes.of(who)}
    assert inboxes.signals() == sorted(items.items())


async def test_a_petitioner_of_the_office_that_handles_it_hears_what_petitioners_hear(inboxes: Inboxes) -> None:
    event = dispatched()
    event.step.petitioner = LEAD_CLERK.user
    inboxes.deliver(event)
    (message,) = await inboxes.of(LEAD_CLERK)
    assert message.title == "您的诉求已交办"
    assert "请上门了解" not in message.summary


async def test_the_grid_worker_hears_when_the_petition_waits_to_be_verified(inboxes: Inboxes) -> None:
    assisted = pb.TaskConcluded(step=step(State.STATE_HANDLING, LEAD, HELPER), task=task(HELPER, Part.PART_ASSISTING))
    inboxes.deliver(assisted)
    assert await inboxes.of(WORKER) == []
    answered = task(LEAD, Part.PART_LEAD, answer="已办好")
    inboxes.deliver(pb.TaskConcluded(step=step(State.STATE_CONCLUDED, LEAD, HELPER), task=answered))
    (message,) = await inboxes.of(WORKER)
    assert message.title == "请核实一件已办结的诉求"
    assert "人社中心" in message.summary
    assert sum("答复：已办好" in message.summary for message in await inboxes.of(CITIZEN)) == 1


@pytest.mark.parametrize("event_type", [pb.PetitionRated, pb.PetitionVerified])
async def test_the_lead_hears_that_it_has_a_petition_again(inboxes: Inboxes, event_type: Any) -> None:
    inboxes.deliver(event_type(step=step(State.STATE_SATISFIED, LEAD, HELPER)))
    assert await inboxes.readers() == only(CITIZEN)
    inboxes.deliver(event_type(step=step(State.STATE_HANDLING, LEAD, HELPER), conclude_due_time=timestamp(DUE)))
    (message,) = await inboxes.of(LEAD_CLERK)
    assert "请人社中心重新办理" in message.summary
    assert "2020年11月13日 17:30" in message.summary
    assert await inboxes.of(ASSISTANT) == []


@pytest.mark.parametrize(
    "event_type", [pb.PetitionRescheduled, pb.PetitionExtended, pb.PetitionWithdrawn, pb.PetitionClosed]
)
async def test_every_office_with_a_task_hears_when_deadlines_change_or_the_petition_ends(
    inboxes: Inboxes, event_type: Any
) -> None:
    inboxes.deliver(event_type(step=step(State.STATE_HANDLING, LEAD, HELPER)))
    assert await inboxes.readers() == only(CITIZEN, LEAD_CLERK, ASSISTANT)


async def test_petitioner_and_offices_hear_why_and_until_when_a_petition_was_extended(inboxes: Inboxes) -> None:
    extended = step(State.STATE_HANDLING, LEAD, office=DISTRICT)
    inboxes.deliver(pb.PetitionExtended(step=extended, reason="案情复杂", conclude_due_time=timestamp(DUE)))
    for reader, title in ((CITIZEN, "您的诉求办理期限已延长"), (LEAD_CLERK, "任务期限已延长")):
        (message,) = await inboxes.of(reader)
        assert message.title == title
        assert "2020年11月13日 17:30" in message.summary
        assert message.summary.endswith("原因：案情复杂")


@pytest.mark.parametrize(
    ("event_type", "title", "readers"),
    [
        (pb.PetitionDeadlineNeared, "诉求即将到期", [LEAD_CLERK, ASSISTANT]),
        (pb.PetitionDeadlineMissed, "诉求已超期", [LEAD_CLERK, ASSISTANT, COLLEAGUE]),
    ],
)
async def test_offices_are_reminded_of_what_must_be_concluded_and_the_petitioner_is_not(
    inboxes: Inboxes, events: Events, event_type: Any, title: str, readers: list[Caller]
) -> None:
    hold_role(events, COLLEAGUE, DISTRICT)
    reminder = event_type(step=step(State.STATE_HANDLING, LEAD, HELPER), due_time=timestamp(DUE), responsible=LEAD)
    inboxes.deliver(reminder)
    assert await inboxes.readers() == only(*readers)
    (message,) = await inboxes.of(LEAD_CLERK)
    assert message.title == title
    assert "2020年11月13日 17:30" in message.summary
    assert "办结" in message.summary


async def test_who_answers_for_a_petition_is_reminded_that_it_waits_to_be_accepted(
    inboxes: Inboxes, events: Events
) -> None:
    hold_role(events, WORKER, COMMUNITY)
    filed = step(State.STATE_FILED)
    inboxes.deliver(pb.PetitionDeadlineNeared(step=filed, due_time=timestamp(DUE), responsible=COMMUNITY))
    (message,) = await inboxes.of(WORKER)
    assert "请按时受理" in message.summary
    assert await inboxes.of(CITIZEN) == []


async def test_offices_whose_names_are_not_known_yet_are_no_obstacle(inboxes: Inboxes) -> None:
    inboxes.deliver(pb.TaskTaken(step=step(State.STATE_HANDLING), task=task("210602D33", Part.PART_LEAD)))
    assert (await inboxes.of(CITIZEN))[0].summary.startswith("承办单位已于")


@pytest.mark.parametrize("event_type", PetitionEvent.__args__, ids=lambda event: event.DESCRIPTOR.name)
async def test_a_petitioner_hears_nothing_that_is_for_the_offices_alone(
    inboxes: Inboxes, event_type: type[PetitionEvent]
) -> None:
    for state in State.values():
        event = event_type()
        fill(event)
        event.step.CopyFrom(step(state, LEAD, HELPER, office=DISTRICT))
        inboxes.deliver(event)
    messages = await inboxes.of(CITIZEN)
    reminds = event_type in (pb.PetitionDeadlineNeared, pb.PetitionDeadlineMissed)
    assert len(messages) == (0 if reminds else len(State.values()))
    assert all(SECRET not in str(message) for message in messages)


async def test_an_office_hears_what_is_for_offices_alone(inboxes: Inboxes) -> None:
    event = pb.PetitionDispatched()
    fill(event)
    event.step.CopyFrom(step(State.STATE_DISPATCHED, LEAD))
    event.tasks[0].assignee = LEAD
    inboxes.deliver(event)
    assert SECRET in (await inboxes.of(LEAD_CLERK))[0].summary


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


async def test_messages_are_deleted_once_the_contract_lets_them_be_kept_no_longer(
    inboxes: Inboxes, api: Serving, engine: Engine, clock: SettableClock
) -> None:
    inboxes.deliver(dispatched(), time=NOON)
    inboxes.deliver(pb.PetitionWithdrawn(step=step(State.STATE_WITHDRAWN, LEAD)), time=NOON + timedelta(hours=1))
    older, newer = await inboxes.of(CITIZEN)
    read = [{"name": item.name} for item in (older, newer)]
    await api.call(CITIZEN, "AcknowledgeInboxItems", items=read, acknowledgement=Acknowledgement.ACKNOWLEDGEMENT_READ)
    job = job_of(SERVICE, "delete expired messages")
    for time, left in (
        (timedelta(days=365, seconds=-1), {older.name, newer.name}),
        (timedelta(days=365), {newer.name}),
    ):
        clock.set(NOON + time)
        assert {item.name for item in await inboxes.of(CITIZEN)} == left
        assert run_job("notify", engine, job, clock.now())
        with engine.connect() as conn:
            for kept in ("SELECT item FROM item_state", "SELECT id FROM message WHERE user_name = :user"):
                ids = conn.execute(text(kept), {"user": CITIZEN.user} if ":user" in kept else {}).scalars()
                assert {f"inboxItems/{id_}" for id_ in ids} == left
