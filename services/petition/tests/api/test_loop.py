"""The loop of a petition over gRPC, from filing to closing, as each participant sees it."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import chinese_calendar
import grpc
import pytest
from sqlalchemy import Engine
from sqlalchemy import text as sql

from onegrid.common.v1.common_pb2 import Point, Polygon
from onegrid.grid.v1.events_pb2 import CellDefined, DivisionDefined
from onegrid.identity.v1.events_pb2 import SessionRevoked
from onegrid.petition.v1.events_pb2 import PetitionExtended, PetitionRescheduled
from onegrid.petition.v1.resources_pb2 import Action, Actor, Attachment, Petition, State, TaskState, WorkItem
from onegrid_kit.clock import SettableClock
from onegrid_kit.timestamps import timestamp

from .desk import Desk, Refused, all_of
from .people import (
    ADMINISTRATOR,
    CELL,
    CITIZEN,
    COMMANDER,
    COMMUNITY,
    COMMUNITY_DESK,
    DISTRICT,
    ENTERPRISE,
    HELPER,
    HELPER_CLERK,
    LEAD,
    LEAD_CLERK,
    NEIGHBOUR,
    OTHER_STREET,
    STREET,
    STREET_DESK,
    SUPERVISOR,
    WORKER,
)


async def test_a_filing_is_routed_to_cell_community_and_grid_worker(desk: Desk) -> None:
    petition = await desk.file(contact_phone="+8613800000000", address="东街1号")
    assert petition.state == State.STATE_FILED
    assert (petition.place, petition.grid_worker, petition.responsible) == (CELL, "users/00worker", COMMUNITY)
    assert petition.petitioner == CITIZEN.user
    assert petition.name.startswith("petitions/210602-20201111-")
    assert petition.accept_due_time.ToDatetime(tzinfo=UTC) == datetime(2020, 11, 26, 16, tzinfo=UTC)
    answer = (await desk.call(CITIZEN, "GetPetition", name=petition.name)).petition
    assert answer == petition


async def test_what_is_known_of_attachments_is_kept(desk: Desk) -> None:
    photo = Attachment(filename="门口.jpg", media_type="image/jpeg", size_bytes=1234, sha256=bytes(range(32)))
    petition = await desk.file(attachments=[photo])
    answer = (await desk.call(COMMANDER, "GetPetition", name=petition.name)).petition
    assert list(answer.attachments) == [photo]


async def test_the_reference_case_ends_satisfied_and_verified(desk: Desk, clock: SettableClock) -> None:
    petition = await desk.file(ENTERPRISE)
    name, task = petition.name, f"{petition.name}/tasks/1"
    accepted = (await desk.call(COMMANDER, "AcceptPetition", name=name)).petition
    assert accepted.responsible == DISTRICT
    given = (await desk.call(COMMANDER, "DispatchPetition", name=name, lead=LEAD)).petition
    assert [t.state for t in given.tasks] == [TaskState.TASK_STATE_ASSIGNED]
    taken = (await desk.call(LEAD_CLERK, "TakeTask", name=task)).petition
    assert (taken.state, taken.responsible) == (State.STATE_HANDLING, LEAD)
    await desk.call(LEAD_CLERK, "ReportTask", name=task, public_note="已上门", internal_note="缺三人")
    clock.set(datetime(2020, 11, 11, 7, 58, tzinfo=UTC))
    done = (await desk.call(LEAD_CLERK, "ConcludeTask", name=task, public_note="已推荐人选")).petition
    assert done.conclude_time.ToDatetime(tzinfo=UTC) == datetime(2020, 11, 11, 7, 58, tzinfo=UTC)
    rated = (await desk.call(ENTERPRISE, "RatePetition", name=name, satisfied=True, stars=5)).petition
    assert rated.state == State.STATE_SATISFIED
    closed = (await desk.call(WORKER, "VerifyPetition", name=name, solved=True)).petition
    assert closed.state == State.STATE_CLOSED

    public = await desk.call(None, "GetPublicTimeline", name=name)
    assert public.organization == "元宝区儿童中心"
    assert public.place == COMMUNITY
    assert [entry.action for entry in public.entries] == [
        Action.ACTION_FILE,
        Action.ACTION_ACCEPT,
        Action.ACTION_DISPATCH,
        Action.ACTION_TAKE,
        Action.ACTION_REPORT,
        Action.ACTION_CONCLUDE,
        Action.ACTION_RATE_SATISFIED,
        Action.ACTION_VERIFY_SOLVED,
    ]
    text = str(public)
    assert "缺三人" not in text
    assert CELL not in text
    assert "users/" not in text
    internal = await desk.call(LEAD_CLERK, "ListTimeline", petition=name, page_size=3)
    assert len(internal.entries) == 3
    rest = await desk.call(LEAD_CLERK, "ListTimeline", petition=name, page_size=3, page_token=internal.next_page_token)
    assert [entry.sequence for entry in rest.entries] == [4, 5, 6]
    assert rest.entries[1].internal_note == "缺三人"


@pytest.mark.parametrize("by_worker", [False, True])
async def test_who_is_not_satisfied_gets_it_handled_again_by_the_same_lead(desk: Desk, by_worker: bool) -> None:
    petition = await desk.concluded(LEAD_CLERK)
    if by_worker:
        answer = await desk.call(WORKER, "VerifyPetition", name=petition.name, solved=False, comment="没有解决")
    else:
        answer = await desk.call(CITIZEN, "RatePetition", name=petition.name, satisfied=False, stars=1)
    again = answer.petition
    assert (again.state, again.reopen_count) == (State.STATE_HANDLING, 1)
    assert again.tasks[0].state == TaskState.TASK_STATE_TAKEN
    task = f"{petition.name}/tasks/1"
    await desk.call(LEAD_CLERK, "ConcludeTask", name=task, public_note="重新办好了")
    await desk.call(CITIZEN, "RatePetition", name=petition.name, satisfied=True)
    closed = (await desk.call(COMMUNITY_DESK, "VerifyPetition", name=petition.name, solved=True)).petition
    assert closed.state == State.STATE_CLOSED


async def test_reopening_keeps_the_latest_rating_and_verification_and_when_the_task_last_ended(desk: Desk) -> None:
    petition = await desk.concluded(LEAD_CLERK)
    ended = petition.tasks[0].end_time
    await desk.call(CITIZEN, "RatePetition", name=petition.name, satisfied=True, stars=4, comment="还行")
    again = (await desk.call(WORKER, "VerifyPetition", name=petition.name, solved=False, comment="没修好")).petition
    assert again.state == State.STATE_HANDLING
    assert (again.rating.satisfied, again.rating.comment) == (True, "还行")
    assert (again.verification.satisfied, again.verification.comment) == (False, "没修好")
    assert (again.tasks[0].state, again.tasks[0].end_time) == (TaskState.TASK_STATE_TAKEN, ended)


@pytest.mark.parametrize(
    ("caller", "method", "field"), [(CITIZEN, "RatePetition", "satisfied"), (WORKER, "VerifyPetition", "solved")]
)
async def test_a_verdict_that_is_left_out_reopens_nothing(desk: Desk, caller, method: str, field: str) -> None:  # type: ignore[no-untyped-def]
    petition = await desk.concluded(LEAD_CLERK)
    with pytest.raises(Refused) as refused:
        await desk.call(caller, method, name=petition.name, comment="…")
    assert (refused.value.reason, refused.value.fields) == ("INVALID_REQUEST", [field])
    answer = (await desk.call(CITIZEN, "GetPetition", name=petition.name)).petition
    assert answer.state == State.STATE_CONCLUDED


async def test_the_lead_waits_for_its_assistants(desk: Desk) -> None:
    petition = await desk.dispatched(HELPER)
    lead, helper = f"{petition.name}/tasks/1", f"{petition.name}/tasks/2"
    await desk.call(LEAD_CLERK, "TakeTask", name=lead)
    with pytest.raises(Refused) as refused:
        await desk.call(LEAD_CLERK, "ConcludeTask", name=lead, public_note="好了")
    assert (refused.value.reason, refused.value.metadata) == ("TASKS_OPEN", {"tasks": helper})
    await desk.call(HELPER_CLERK, "TakeTask", name=helper)
    await desk.call(HELPER_CLERK, "ConcludeTask", name=helper, public_note="已配合")
    done = (await desk.call(LEAD_CLERK, "ConcludeTask", name=lead, public_note="好了")).petition
    assert done.state == State.STATE_CONCLUDED


async def test_a_returned_lead_answers_for_it_until_another_has_taken_it(desk: Desk) -> None:
    petition = await desk.dispatched()
    await desk.call(LEAD_CLERK, "TakeTask", name=f"{petition.name}/tasks/1")
    returned = await desk.call(LEAD_CLERK, "ReturnTask", name=f"{petition.name}/tasks/1", internal_note="不属我们")
    assert (returned.petition.state, returned.petition.responsible) == (State.STATE_ACCEPTED, LEAD)
    again = await desk.call(COMMANDER, "DispatchPetition", name=petition.name, lead=HELPER)
    assert again.petition.responsible == LEAD
    taken = await desk.call(HELPER_CLERK, "TakeTask", name=f"{petition.name}/tasks/2")
    assert (taken.petition.state, taken.petition.responsible) == (State.STATE_HANDLING, HELPER)


async def test_a_community_can_solve_it_itself(desk: Desk) -> None:
    petition = await desk.file()
    await desk.call(COMMUNITY_DESK, "AcceptPetition", name=petition.name)
    await desk.call(COMMUNITY_DESK, "DispatchPetition", name=petition.name, lead=COMMUNITY)
    task = f"{petition.name}/tasks/1"
    await desk.call(COMMUNITY_DESK, "TakeTask", name=task)
    done = await desk.call(COMMUNITY_DESK, "ConcludeTask", name=task, public_note="已调解")
    assert done.petition.state == State.STATE_CONCLUDED


async def test_a_work_item_names_the_lead_and_its_promise(desk: Desk) -> None:
    item = WorkItem(name=f"workItems/{LEAD}-001", display_name="用工", department=LEAD, promised_working_days=1)
    made = await desk.call(ADMINISTRATOR, "BatchCreateWorkItems", district=DISTRICT, work_items=[item])
    assert (made.created, made.updated) == (1, 0)
    petition = await desk.file()
    await desk.call(COMMANDER, "AcceptPetition", name=petition.name)
    given = (await desk.call(COMMANDER, "DispatchPetition", name=petition.name, work_item=item.name)).petition
    assert given.tasks[0].assignee == LEAD
    # Wednesday's promise of one working day is due when Thursday ends in China.
    assert given.tasks[0].due_time.ToDatetime(tzinfo=UTC) == datetime(2020, 11, 12, 16, tzinfo=UTC)
    assert given.conclude_due_time == given.tasks[0].due_time


async def enter(desk: Desk, number: int, days: int) -> str:
    """A work item of the lead's that promises so many working days."""
    name = f"workItems/{LEAD}-{number:03}"
    item = WorkItem(name=name, display_name="用工", department=LEAD, promised_working_days=days)
    await desk.call(ADMINISTRATOR, "BatchCreateWorkItems", district=DISTRICT, work_items=[item])
    return name


async def test_a_new_promise_replaces_one_that_was_abandoned_within_the_law(desk: Desk, clock: SettableClock) -> None:
    short, long, longest = [await enter(desk, n, days) for n, days in ((1, 1), (2, 30), (3, 60))]
    name = (await desk.file()).name
    accepted = (await desk.call(COMMANDER, "AcceptPetition", name=name)).petition
    assert accepted.accept_time == accepted.update_time
    limit = accepted.conclude_due_time

    async def dispatch(item: str, **fields: object) -> Petition:
        dispatched = await desk.call(COMMANDER, "DispatchPetition", name=name, work_item=item, **fields)
        return dispatched.petition  # type: ignore[no-any-return]

    async def give_back(number: int) -> None:
        await desk.call(LEAD_CLERK, "ReturnTask", name=f"{name}/tasks/{number}", internal_note="搞错了事项")

    first = await dispatch(short, assistants=[HELPER])
    assert first.conclude_due_time.ToDatetime(tzinfo=UTC) == datetime(2020, 11, 12, 16, tzinfo=UTC)
    await give_back(1)
    clock.set(datetime(2020, 11, 12, 6, 36, tzinfo=UTC))
    again = await dispatch(short)
    assert again.conclude_due_time == first.conclude_due_time, "the same promise does not start anew"
    await give_back(3)
    second = await dispatch(long)
    # 30 working days from Thursday the 12th.
    assert second.conclude_due_time.ToDatetime(tzinfo=UTC) == datetime(2020, 12, 24, 16, tzinfo=UTC)
    assert [task.due_time for task in second.tasks if task.state == TaskState.TASK_STATE_ASSIGNED] == (
        [second.conclude_due_time] * 2
    )
    await give_back(4)
    third = await dispatch(longest)
    assert third.conclude_due_time == limit
    assert not third.conclude_due_estimated


async def test_a_supervisor_extends_a_petition_by_thirty_days_once_and_the_reason_is_public(
    desk: Desk, clock: SettableClock
) -> None:
    name = (await desk.file()).name
    fields = {"name": name, "public_note": "案情复杂，需现场勘查"}
    with pytest.raises(Refused) as refused:
        await desk.call(SUPERVISOR, "ExtendPetition", **fields)
    assert refused.value.reason == "WRONG_STATE"
    item = await enter(desk, 1, 5)
    await desk.call(COMMANDER, "AcceptPetition", name=name)
    before = (await desk.call(COMMANDER, "DispatchPetition", name=name, work_item=item, assistants=[HELPER])).petition
    assert not before.HasField("extend_time")
    for caller in (COMMANDER, LEAD_CLERK, STREET_DESK, CITIZEN):
        with pytest.raises(Refused) as refused:
            await desk.call(caller, "ExtendPetition", **fields)
        assert refused.value.code == grpc.StatusCode.PERMISSION_DENIED
    clock.set(clock.now() + timedelta(days=1))
    extended = (await desk.call(SUPERVISOR, "ExtendPetition", **fields, etag=before.etag)).petition
    due = before.conclude_due_time.ToDatetime(UTC) + timedelta(days=30)
    assert extended.state == before.state
    assert extended.extend_time.ToDatetime(UTC) == clock.now()
    assert {each.ToDatetime(UTC) for each in (extended.conclude_due_time, *(t.due_time for t in extended.tasks))} == {
        due
    }
    assert desk.announced(name)[-1] == PetitionExtended(
        step=desk.announced(name)[-1].step, reason=fields["public_note"], conclude_due_time=extended.conclude_due_time
    )
    last = (await desk.call(None, "GetPublicTimeline", name=name)).entries[-1]
    assert (last.action, last.office, last.public_note) == (Action.ACTION_EXTEND, DISTRICT, fields["public_note"])
    with pytest.raises(Refused) as refused:
        await desk.call(SUPERVISOR, "ExtendPetition", **fields)
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "EXTENDED_ALREADY")
    assert refused.value.metadata == {"extend_time": extended.extend_time.ToJsonString()}
    # It lasts when the petition is dispatched again.
    await desk.call(LEAD_CLERK, "ReturnTask", name=f"{name}/tasks/1", internal_note="搞错了事项")
    again = (await desk.call(COMMANDER, "DispatchPetition", name=name, work_item=item)).petition
    assert (again.conclude_due_time, again.extend_time) == (extended.conclude_due_time, extended.extend_time)


async def test_a_petition_that_is_overdue_is_not_extended(desk: Desk, clock: SettableClock) -> None:
    petition = await desk.dispatched()
    due = petition.conclude_due_time
    clock.set(due.ToDatetime(UTC) - timedelta(seconds=1))
    other = await desk.dispatched()
    await desk.call(SUPERVISOR, "ExtendPetition", name=other.name, public_note="案情复杂")
    clock.set(due.ToDatetime(UTC))
    with pytest.raises(Refused) as refused:
        await desk.call(SUPERVISOR, "ExtendPetition", name=petition.name, public_note="案情复杂")
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "DEADLINE_PASSED")
    assert refused.value.metadata == {"conclude_due_time": due.ToJsonString()}


async def test_an_estimated_deadline_is_marked_and_corrected_when_the_calendar_is_published(
    desk: Desk, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    changing, right, short = [await enter(desk, n, days) for n, days in ((1, 30), (2, 25), (3, 1))]
    clock.set(datetime(2020, 12, 30, 2, tzinfo=UTC))
    published = chinese_calendar.is_workday

    def known_to_2020(day: date) -> bool:
        if day.year > 2020:
            raise NotImplementedError
        return bool(published(day))

    monkeypatch.setattr(chinese_calendar, "is_workday", known_to_2020)
    names = []
    for work_item in (changing, changing, right, short):
        names.append((await desk.file()).name)
        await desk.call(COMMANDER, "AcceptPetition", name=names[-1])
        await desk.call(COMMANDER, "DispatchPetition", name=names[-1], work_item=work_item)
    await desk.call(CITIZEN, "WithdrawPetition", name=names[1])
    desk.handle_events()
    desk.run_job("recompute deadlines")
    assert desk.announced() == []
    estimated, withdrawn, lucky, firm = [
        (await desk.call(COMMANDER, "GetPetition", name=name)).petition for name in names
    ]
    assert estimated.conclude_due_estimated
    assert estimated.tasks[0].due_estimated
    assert not firm.conclude_due_estimated

    monkeypatch.undo()
    desk.run_job("recompute deadlines")
    exact = (await desk.call(COMMANDER, "GetPetition", name=names[0])).petition
    assert not exact.conclude_due_estimated
    # Sunday, 7 February was worked in exchange for a day of Spring Festival.
    assert estimated.conclude_due_time.ToDatetime(tzinfo=UTC) == datetime(2021, 2, 17, 16, tzinfo=UTC)
    assert exact.conclude_due_time.ToDatetime(tzinfo=UTC) == datetime(2021, 2, 10, 16, tzinfo=UTC)
    assert exact.tasks[0].due_time == exact.conclude_due_time
    assert (await desk.call(COMMANDER, "GetPetition", name=names[1])).petition == withdrawn
    confirmed = (await desk.call(COMMANDER, "GetPetition", name=names[2])).petition
    assert (lucky.conclude_due_estimated, confirmed.conclude_due_estimated) == (True, False)
    assert (confirmed.conclude_due_time, confirmed.etag) == (lucky.conclude_due_time, lucky.etag)
    entries = (await desk.call(None, "GetPublicTimeline", name=names[0])).entries
    assert (entries[-1].action, entries[-1].actor) == (Action.ACTION_RESCHEDULE, Actor.ACTOR_SYSTEM)
    (event,) = desk.announced()
    assert isinstance(event, PetitionRescheduled)
    assert event.conclude_due_time == exact.conclude_due_time
    desk.run_job("recompute deadlines")
    assert len(desk.announced()) == 1


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"lead": "210602D99"}, "ASSIGNEE_UNKNOWN"),
        ({"lead": "210602999"}, "ASSIGNEE_UNKNOWN"),
        ({"lead": LEAD, "assistants": ["210602D98"]}, "ASSIGNEE_UNKNOWN"),
        ({"work_item": f"workItems/{LEAD}-999"}, "WORK_ITEM_UNKNOWN"),
        ({}, "INVALID_REQUEST"),
        ({"lead": LEAD, "assistants": [LEAD]}, "INVALID_REQUEST"),
    ],
)
async def test_dispatching_to_an_unknown_office_is_refused(desk: Desk, fields: dict[str, object], reason: str) -> None:
    petition = await desk.file()
    await desk.call(COMMANDER, "AcceptPetition", name=petition.name)
    with pytest.raises(Refused) as refused:
        await desk.call(COMMANDER, "DispatchPetition", name=petition.name, **fields)
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason)
    assert "BadRequest" in refused.value.details
    assert (await desk.call(COMMANDER, "GetPetition", name=petition.name)).petition.state == State.STATE_ACCEPTED


async def test_an_office_that_the_work_item_makes_the_lead_does_not_assist_itself(desk: Desk) -> None:
    item = WorkItem(name=f"workItems/{LEAD}-001", display_name="用工", department=LEAD, promised_working_days=1)
    await desk.call(ADMINISTRATOR, "BatchCreateWorkItems", district=DISTRICT, work_items=[item])
    petition = await desk.file()
    await desk.call(COMMANDER, "AcceptPetition", name=petition.name)
    with pytest.raises(Refused) as refused:
        await desk.call(
            COMMANDER, "DispatchPetition", name=petition.name, work_item=item.name, assistants=[HELPER, LEAD]
        )
    assert (refused.value.reason, refused.value.fields) == ("INVALID_REQUEST", ["assistants[1]"])


@pytest.mark.parametrize("again", [{"lead": HELPER}, {"lead": LEAD, "assistants": [HELPER]}])
async def test_an_office_has_one_open_task_of_a_petition_at_most(desk: Desk, again: dict[str, object]) -> None:
    petition = await desk.dispatched(HELPER)
    await desk.call(LEAD_CLERK, "ReturnTask", name=f"{petition.name}/tasks/1", internal_note="不属我们")
    with pytest.raises(Refused) as refused:
        await desk.call(COMMANDER, "DispatchPetition", name=petition.name, **again)
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ASSIGNEE_BUSY")
    assert refused.value.metadata == {"assignee": HELPER, "task": f"{petition.name}/tasks/2"}
    await desk.call(HELPER_CLERK, "ReturnTask", name=f"{petition.name}/tasks/2", internal_note="由我们主办")
    given = (await desk.call(COMMANDER, "DispatchPetition", name=petition.name, **again)).petition
    assert sum(task.assignee == HELPER and task.state == TaskState.TASK_STATE_ASSIGNED for task in given.tasks) == 1


@pytest.mark.parametrize(
    ("place", "verifier"), [(DISTRICT, COMMANDER), (STREET, STREET_DESK), (STREET, COMMANDER), (COMMUNITY, STREET_DESK)]
)
async def test_a_platform_that_covers_the_place_verifies(desk: Desk, place: str, verifier) -> None:  # type: ignore[no-untyped-def]
    petition = await desk.concluded(LEAD_CLERK, place=place)
    await desk.call(CITIZEN, "RatePetition", name=petition.name, satisfied=True)
    with pytest.raises(Refused):
        await desk.call(OTHER_STREET, "VerifyPetition", name=petition.name, solved=True)
    closed = (await desk.call(verifier, "VerifyPetition", name=petition.name, solved=True)).petition
    assert closed.state == State.STATE_CLOSED


async def test_a_wrong_state_names_the_allowed_actions(desk: Desk) -> None:
    petition = await desk.file()
    with pytest.raises(Refused) as refused:
        await desk.call(CITIZEN, "RatePetition", name=petition.name, satisfied=True)
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "WRONG_STATE")
    assert refused.value.metadata == {
        "state": "FILED",
        "allowed_actions": "ACCEPT,DECLINE,WITHDRAW,CLOSE,REPORT_EMERGENCY",
    }
    assert "WrongState" in refused.value.details


@pytest.mark.parametrize(
    ("caller", "method", "state"),
    [
        (COMMANDER, "DeclinePetition", State.STATE_DECLINED),
        (CITIZEN, "WithdrawPetition", State.STATE_WITHDRAWN),
        (COMMANDER, "ClosePetition", State.STATE_CLOSED),
    ],
)
async def test_an_end_has_its_reason_and_nothing_follows(desk: Desk, caller, method: str, state: State) -> None:  # type: ignore[no-untyped-def]
    petition = await desk.file()
    ended = (await desk.call(caller, method, name=petition.name, public_note="原因")).petition
    assert (ended.state, ended.end_reason) == (state, "原因")
    with pytest.raises(Refused) as refused:
        await desk.call(COMMANDER, "AcceptPetition", name=petition.name)
    assert refused.value.metadata["allowed_actions"] == ""


async def test_withdrawing_cancels_open_tasks(desk: Desk) -> None:
    petition = await desk.dispatched(HELPER)
    ended = (await desk.call(CITIZEN, "WithdrawPetition", name=petition.name)).petition
    assert {task.state for task in ended.tasks} == {TaskState.TASK_STATE_CANCELLED}


async def test_an_anonymous_petitioner_is_named_to_the_command_centre_alone(desk: Desk) -> None:
    petition = await desk.dispatched(anonymous=True, contact_phone="+8613800000000")
    for reader, named in (
        (COMMANDER, True),
        (CITIZEN, True),
        (LEAD_CLERK, False),
        (STREET_DESK, False),
        (WORKER, False),
    ):
        answer = (await desk.call(reader, "GetPetition", name=petition.name)).petition
        assert bool(answer.petitioner) == bool(answer.contact_phone) == named, reader.user
        page = await desk.call(
            reader,
            "ListPetitions",
            district=DISTRICT,
            **(
                {"petitioner_self": True}
                if reader is CITIZEN
                else {"assignee": LEAD}
                if reader is LEAD_CLERK
                else {"place": reader.grants[0].scope}
            ),
        )
        assert bool(page.petitions[0].petitioner) == named, reader.user
    assert not (await desk.call(None, "GetPublicTimeline", name=petition.name)).organization


async def test_outsiders_learn_nothing_whether_it_exists_or_not(desk: Desk) -> None:
    petition = await desk.file()
    errors = set()
    for caller in (NEIGHBOUR, OTHER_STREET, LEAD_CLERK):
        for name in (petition.name, "petitions/210602-20201111-00000000"):
            for method in ("GetPetition", "WithdrawPetition" if caller is NEIGHBOUR else "GetPetition"):
                with pytest.raises(Refused) as refused:
                    await desk.call(caller, method, name=name)
                errors.add((refused.value.code, refused.value.reason))
    assert errors == {(grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")}
    with pytest.raises(Refused) as refused:
        await desk.call(COMMANDER, "GetPetition", name="petitions/210602-20201111-00000000")
    assert refused.value.reason == "NOT_FOUND"


async def test_a_department_acts_on_its_own_task_alone(desk: Desk) -> None:
    petition = await desk.dispatched(HELPER)
    with pytest.raises(Refused) as refused:
        await desk.call(HELPER_CLERK, "TakeTask", name=f"{petition.name}/tasks/1")
    assert refused.value.code is grpc.StatusCode.PERMISSION_DENIED


async def test_of_twenty_equal_filings_at_once_one_is_stored(desk: Desk) -> None:
    request_id = "0191d3a8-0000-4000-8000-000000000001"
    answers = await asyncio.gather(*(desk.file(request_id=request_id) for _ in range(20)))
    assert len({answer.name for answer in answers}) == 1
    assert desk.rows("petition") == desk.rows("timeline") == desk.rows("outbox") == 1
    with pytest.raises(Refused) as refused:
        await desk.file(request_id=request_id, text="别的事")
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")
    other = await desk.file(NEIGHBOUR, request_id=request_id)
    assert other.name != answers[0].name


async def test_a_hundred_filings_at_once_share_transactions_and_are_all_there(desk: Desk) -> None:
    answers = await asyncio.gather(*(desk.file(text=f"第{n}件") for n in range(100)))
    assert len({answer.name for answer in answers}) == 100 == desk.rows("petition")
    assert desk.rows("audit_block") < 100


async def test_of_two_who_take_the_same_step_one_is_too_late(desk: Desk) -> None:
    petition = await desk.file()
    outcomes = await asyncio.gather(
        *(desk.call(COMMANDER, "AcceptPetition", name=petition.name) for _ in range(5)), return_exceptions=True
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    assert len(refused) == 4
    assert {each.reason for each in refused} == {"WRONG_STATE"}


async def test_a_stale_etag_is_refused(desk: Desk) -> None:
    petition = await desk.file()
    await desk.call(COMMANDER, "AcceptPetition", name=petition.name, etag=petition.etag)
    with pytest.raises(Refused) as refused:
        await desk.call(COMMANDER, "DispatchPetition", name=petition.name, lead=LEAD, etag=petition.etag)
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.ABORTED, "STALE_ETAG")


async def test_watchers_receive_steps_live_and_resume_without_gap_or_double(desk: Desk) -> None:
    petition = await desk.file()
    watch = desk.watch(CITIZEN, name=petition.name)
    received = [await anext(watch)]
    await desk.call(COMMANDER, "AcceptPetition", name=petition.name)
    await desk.call(COMMANDER, "DispatchPetition", name=petition.name, lead=LEAD)
    received += await all_of(watch, 2)
    assert [each.entry.sequence for each in received] == [1, 2, 3]
    await desk.call(LEAD_CLERK, "ReturnTask", name=f"{petition.name}/tasks/1", internal_note="内部的话")
    (resumed,) = await all_of(desk.watch(CITIZEN, name=petition.name, resume_token=received[-1].resume_token), 1)
    assert (resumed.entry.sequence, resumed.entry.internal_note) == (4, "")
    (office,) = await all_of(desk.watch(COMMANDER, name=petition.name, resume_token=received[-1].resume_token[:0]), 1)
    assert office.entry.sequence == 1


async def test_a_watch_ends_with_the_petition(desk: Desk) -> None:
    petition = await desk.file()
    watch = desk.watch(CITIZEN, name=petition.name)
    received = [await anext(watch)]
    await desk.call(CITIZEN, "WithdrawPetition", name=petition.name)
    received += await all_of(watch, 99)
    assert [each.entry.state for each in received] == [State.STATE_FILED, State.STATE_WITHDRAWN]
    assert await all_of(desk.watch(CITIZEN, name=petition.name, resume_token=received[-1].resume_token), 1) == []


async def test_a_watch_ends_with_the_session_and_a_new_one_resumes_it(desk: Desk) -> None:
    petition = await desk.dispatched()
    watch = desk.watch(LEAD_CLERK, name=petition.name)
    first = await anext(watch)
    expires = timestamp(datetime.now(UTC) + timedelta(days=9999))
    desk.deliver("sessions/x", SessionRevoked(session=LEAD_CLERK.session, expire_time=expires))
    with pytest.raises(Refused) as ended:
        await all_of(watch, 99)
    assert (ended.value.code, ended.value.reason) == (grpc.StatusCode.UNAUTHENTICATED, "SESSION_ENDED")
    with pytest.raises(Refused) as refused:
        await all_of(desk.watch(LEAD_CLERK, name=petition.name, resume_token=first.resume_token), 1)
    assert refused.value.code is grpc.StatusCode.UNAUTHENTICATED
    again = replace(LEAD_CLERK, session="session-new")
    resumed = await all_of(desk.watch(again, name=petition.name, resume_token=first.resume_token), 2)
    assert [each.entry.sequence for each in resumed] == [2, 3]


async def test_a_token_of_another_watch_is_refused(desk: Desk) -> None:
    one, other = await desk.file(), await desk.file()
    (received,) = await all_of(desk.watch(CITIZEN, name=one.name), 1)
    with pytest.raises(Refused) as refused:
        await all_of(desk.watch(CITIZEN, name=other.name, resume_token=received.resume_token), 1)
    assert refused.value.reason == "INVALID_TOKEN"


async def test_figures_follow_events_and_count_each_once(desk: Desk) -> None:
    petition = await desk.concluded(LEAD_CLERK)
    await desk.call(CITIZEN, "RatePetition", name=petition.name, satisfied=False)
    await desk.call(LEAD_CLERK, "ConcludeTask", name=f"{petition.name}/tasks/1", public_note="好了")
    await desk.call(CITIZEN, "RatePetition", name=petition.name, satisfied=True)
    await desk.file()
    desk.handle_events()
    for place in (DISTRICT, STREET, COMMUNITY, CELL):
        board = await desk.call(
            COMMANDER, "SummarizePetitions", place=place, first_day="2020-11-01", last_day="2020-11-30"
        )
        assert (board.filed, board.accepted, board.concluded, board.rated, board.satisfied, board.reopened) == (
            2, 1, 2, 2, 1, 1,
        )  # fmt: skip
    assert (
        await desk.call(COMMANDER, "SummarizePetitions", place=DISTRICT, first_day="2020-12-01", last_day="2020-12-31")
    ).filed == 0


@pytest.mark.parametrize(
    ("first_day", "last_day", "field"),
    [
        ("2020-02-30", "2020-12-31", "first_day"),
        ("2020-11-02", "2020-11-01", "last_day"),
        ("", "2020-11-01", "first_day"),
    ],
)
async def test_figures_of_days_that_make_no_range_are_refused(
    desk: Desk, first_day: str, last_day: str, field: str
) -> None:
    with pytest.raises(Refused) as refused:
        await desk.call(COMMANDER, "SummarizePetitions", place=DISTRICT, first_day=first_day, last_day=last_day)
    assert (refused.value.reason, refused.value.fields) == ("INVALID_REQUEST", [field])


async def test_lists_are_found_by_place_state_assignee_kind_and_words(desk: Desk, clock: SettableClock) -> None:
    here = await desk.dispatched(text="路灯坏了，晚上很黑")
    clock.set(clock.now() + timedelta(seconds=1))
    there = await desk.file(place="210602004", text="井盖丢失 Manhole")
    desk.handle_events()

    async def names(caller, **fields: object) -> list[str]:  # type: ignore[no-untyped-def]
        page = await desk.call(caller, "ListPetitions", district=DISTRICT, **fields)
        return [petition.name for petition in page.petitions]

    assert await names(COMMANDER) == [there.name, here.name]
    assert await names(COMMANDER, place=STREET) == [here.name]
    assert await names(COMMANDER, states=[State.STATE_DISPATCHED]) == [here.name]
    assert await names(LEAD_CLERK, assignee=LEAD) == [here.name]
    assert await names(COMMANDER, kinds=[2]) == []
    assert await names(COMMANDER, text="路灯") == [here.name]
    assert await names(COMMANDER, text="manhole") == [there.name]
    assert await names(COMMANDER, text="黑") == [here.name]
    assert await names(COMMANDER, text="100%") == []
    assert await names(CITIZEN, petitioner_self=True) == [there.name, here.name]
    assert await names(NEIGHBOUR, petitioner_self=True) == []
    for caller, fields in (
        (CITIZEN, {}),
        (STREET_DESK, {}),
        (LEAD_CLERK, {"assignee": HELPER}),
        (OTHER_STREET, {"place": STREET}),
    ):
        with pytest.raises(Refused) as refused:
            await names(caller, **fields)
        assert refused.value.code is grpc.StatusCode.PERMISSION_DENIED


async def names_with(desk: Desk, text: str) -> set[str]:
    page = await desk.call(COMMANDER, "ListPetitions", district=DISTRICT, text=text)
    return {petition.name for petition in page.petitions}


async def test_words_are_found_in_any_case_and_width_of_letters(desk: Desk) -> None:
    wide = await desk.file(text="东街１２３号，ＡＢＣ大厦", address="③单元")
    narrow = await desk.file(text="东街123号，abc大厦", address="3单元")
    other = await desk.file(text="Straße 5%")
    desk.handle_events()
    for text in ("123", "１２３", "abc", "ＡＢＣ", "Abc大厦", "3", "③单元", " 123 "):
        assert await names_with(desk, text) == {wide.name, narrow.name}, text
    for text in ("STRASSE", "５％"):
        assert await names_with(desk, text) == {other.name}, text
    assert await names_with(desk, "1%") == set()


@pytest.mark.parametrize("text", [" ", "\u3000", "\u200b"])
async def test_a_blank_search_is_refused(desk: Desk, text: str) -> None:
    with pytest.raises(Refused) as refused:
        await desk.call(COMMANDER, "ListPetitions", district=DISTRICT, text=text)
    assert (refused.value.reason, refused.value.fields) == ("INVALID_REQUEST", ["text"])


async def test_what_an_older_release_indexed_is_found_before_and_after_it_is_indexed_again(
    desk: Desk, engine: Engine
) -> None:
    plain, wide = await desk.file(text="路灯坏了"), await desk.file(text="１２３")
    desk.handle_events()
    with engine.begin() as conn:
        for petition, grams in ((plain, ["路灯", "灯坏", "坏了"]), (wide, ["１２", "２３"])):
            conn.execute(
                sql("UPDATE search SET letters = NULL, grams = :grams WHERE 'petitions/' || petition = :name"),
                {"grams": grams, "name": petition.name},
            )
    assert await names_with(desk, "路灯") == {plain.name}
    desk.run_job("index words")
    assert await names_with(desk, "路灯") == {plain.name}
    assert await names_with(desk, "123") == {wide.name}


async def test_pages_hold_each_petition_once_while_new_ones_come(desk: Desk, clock: SettableClock) -> None:
    filed = []
    for number in range(7):
        clock.set(clock.now() + timedelta(seconds=1))
        filed.append((await desk.file(text=f"第{number}件")).name)
    clock.set(clock.now() + timedelta(seconds=1))
    listed: list[str] = []
    token = ""
    while True:
        page = await desk.call(COMMANDER, "ListPetitions", district=DISTRICT, page_size=3, page_token=token)
        listed += [petition.name for petition in page.petitions]
        token = page.next_page_token
        if not token:
            break
        await desk.file(text="新来的")
    assert listed == filed[::-1]


async def test_personal_data_lies_encrypted_and_reads_of_it_are_audited(desk: Desk) -> None:
    petition = await desk.file(contact_phone="+8613912345678")
    await desk.call(COMMANDER, "GetPetition", name=petition.name)
    with desk._engine.connect() as conn:
        from sqlalchemy import text

        stored = conn.execute(text("SELECT contact_phone FROM petition")).scalar_one()
        assert b"13912345678" not in bytes(stored)
        outboxed = conn.execute(text("SELECT body FROM outbox")).scalar_one()
        assert b"13912345678" not in bytes(outboxed)
        audited = conn.execute(
            text("SELECT caller, method FROM audit_entry WHERE resource = :name"), {"name": petition.name}
        )
        assert {tuple(row) for row in audited} == {
            (CITIZEN.user, "onegrid.petition.v1.PetitionService.FilePetition"),
            (COMMANDER.user, "onegrid.petition.v1.PetitionService.GetPetition"),
        }


async def test_the_step_of_an_actor_names_the_capacity_and_the_office(desk: Desk) -> None:
    petition = await desk.concluded(LEAD_CLERK)
    await desk.call(WORKER, "VerifyPetition", name=petition.name, solved=True)
    entries = (await desk.call(None, "GetPublicTimeline", name=petition.name)).entries
    assert [(entry.actor, entry.office, entry.office_display_name) for entry in entries] == [
        (Actor.ACTOR_PETITIONER, "", ""),
        (Actor.ACTOR_COMMAND_CENTRE, DISTRICT, "元宝区"),
        (Actor.ACTOR_COMMAND_CENTRE, DISTRICT, "元宝区"),
        (Actor.ACTOR_LEAD, LEAD, "人社中心"),
        (Actor.ACTOR_LEAD, LEAD, "人社中心"),
        (Actor.ACTOR_GRID_WORKER, COMMUNITY, "朝凤社区"),
    ]


async def test_a_request_id_is_the_same_in_capital_letters(desk: Desk) -> None:
    request_id = str(uuid.uuid4())
    first, again = [await desk.file(request_id=each) for each in (request_id, request_id.upper())]
    assert first == again
    accepted = [
        await desk.call(COMMANDER, "AcceptPetition", name=first.name, request_id=each)
        for each in (str(uuid.UUID(int=0xABCDEF)).upper(), str(uuid.UUID(int=0xABCDEF)))
    ]
    assert accepted[0] == accepted[1]


async def test_ground_on_the_edge_of_two_districts_is_that_of_the_one_that_is_asked(desk: Desk) -> None:
    other = "210601001001001"
    east = [(124.41, 40.10), (124.42, 40.10), (124.42, 40.11), (124.41, 40.11)]
    boundary = Polygon(corners=[Point(longitude=longitude, latitude=latitude) for longitude, latitude in east])
    desk.deliver(f"cells/{other}", CellDefined(code=other, display_name="邻区网格", boundary=boundary, version=1))
    with pytest.raises(Refused) as refused:
        await desk.file(location=Point(longitude=124.415, latitude=40.105))
    assert refused.value.reason == "PLACE_UNKNOWN"
    petition = await desk.file(location=Point(longitude=124.41, latitude=40.105))
    assert petition.place == CELL


async def test_events_say_which_office_took_the_step_and_until_when_the_next_is_due(desk: Desk) -> None:
    petition = await desk.concluded(LEAD_CLERK)
    await desk.call(CITIZEN, "RatePetition", name=petition.name, satisfied=True)
    petition = (await desk.call(WORKER, "VerifyPetition", name=petition.name, solved=True)).petition
    events = {type(event).__name__: event for event in desk.announced()}
    assert {name: event.step.office for name, event in events.items()} == {
        "PetitionFiled": "",
        "PetitionAccepted": DISTRICT,
        "PetitionDispatched": DISTRICT,
        "TaskTaken": LEAD,
        "TaskConcluded": LEAD,
        "PetitionRated": "",
        "PetitionVerified": COMMUNITY,
    }
    assert events["PetitionFiled"].accept_due_time == petition.accept_due_time
    for name in ("PetitionAccepted", "PetitionDispatched", "PetitionRated", "PetitionVerified"):
        assert events[name].conclude_due_time == petition.conclude_due_time, name


async def test_ground_that_is_announced_again_as_it_was_is_not_loaded_again(desk: Desk, engine: Engine) -> None:
    def version() -> int:
        with engine.connect() as conn:
            return int(conn.execute(sql("SELECT version FROM ground_version")).scalar_one())

    before = version()
    desk.deliver(f"divisions/{COMMUNITY}", DivisionDefined(code=COMMUNITY, display_name="朝凤社区", version=1))
    desk.deliver(f"cells/{CELL}", CellDefined(code=CELL, display_name="第5网格", version=1))
    assert version() == before
    assert (await desk.file()).place == CELL
    desk.deliver(f"divisions/{COMMUNITY}", DivisionDefined(code=COMMUNITY, display_name="朝凤社区", version=2))
    assert version() == before + 1
