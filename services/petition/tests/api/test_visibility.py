"""No caller gets a field that the contract shows to others only, by any method, in any state."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from onegrid.common.v1.common_pb2 import OaLevel
from onegrid.petition.v1.resources_pb2 import Petition
from onegrid_kit.callers import Caller, Grant
from onegrid_kit.contracts import fields_under, visibility_of
from onegrid_petition.main import SERVICE

from .desk import Desk, Refused, all_of
from .people import (
    CITIZEN,
    COMMANDER,
    COMMUNITY,
    COMMUNITY_DESK,
    DISTRICT,
    HELPER,
    HELPER_CLERK,
    LEAD,
    LEAD_CLERK,
    STREET_DESK,
    WORKER,
)

SECRET = "for-offices-alone"
PHONE = "+8613800000000"
METHODS = tuple(SERVICE.descriptor.methods)
OFFICE_FIELDS = {
    field.full_name
    for method in METHODS
    for field in fields_under(method.output_type)
    if (rule := visibility_of(field)) and rule.office and not rule.owner and field.type == field.TYPE_STRING
}
"""Those with text; the link to an incident has tests of its own."""


def secrets_of(method: str) -> dict[str, str]:
    """Every field of the method's request that is meant for offices alone, filled."""
    request = SERVICE.descriptor.methods_by_name[method].input_type
    return {field.name: SECRET for field in request.fields if visibility_of(field)}


async def act(desk: Desk, caller: Caller, method: str, name: str, **fields: Any) -> Petition:
    answer = await desk.call(caller, method, name=name, **secrets_of(method), **fields)
    return answer.petition


async def filed(desk: Desk) -> Petition:
    return await desk.file(anonymous=True, contact_phone=PHONE)


async def dispatched(desk: Desk) -> Petition:
    name = (await filed(desk)).name
    await act(desk, COMMANDER, "AcceptPetition", name)
    return await act(desk, COMMANDER, "DispatchPetition", name, lead=LEAD, assistants=[HELPER])


async def returned(desk: Desk) -> Petition:
    name = (await dispatched(desk)).name
    return await act(desk, LEAD_CLERK, "ReturnTask", f"{name}/tasks/1")


async def handling(desk: Desk) -> Petition:
    name = (await returned(desk)).name
    await act(desk, COMMANDER, "DispatchPetition", name, lead=LEAD)
    await act(desk, HELPER_CLERK, "TakeTask", f"{name}/tasks/2")
    await act(desk, HELPER_CLERK, "ConcludeTask", f"{name}/tasks/2", public_note="已配合")
    await act(desk, LEAD_CLERK, "TakeTask", f"{name}/tasks/3")
    return await act(desk, LEAD_CLERK, "ReportTask", f"{name}/tasks/3", public_note="在办")


async def concluded(desk: Desk) -> Petition:
    name = (await handling(desk)).name
    return await act(desk, LEAD_CLERK, "ConcludeTask", f"{name}/tasks/3", public_note="办好了")


async def closed(desk: Desk) -> Petition:
    name = (await concluded(desk)).name
    return await act(desk, COMMANDER, "ClosePetition", name, public_note="归档")


STAGES = (filed, dispatched, returned, handling, concluded, closed)
Stage = Callable[[Desk], Awaitable[Petition]]


async def everything(desk: Desk, caller: Caller, stage: Stage) -> list[tuple[str, str]]:
    """What the caller is answered by every method that there is, each on a petition of its own, twice."""
    answers = []
    for method in METHODS:
        petition = await stage(desk)
        request = request_for(method, petition)
        for _ in range(2):
            try:
                if method.server_streaming:
                    steps = int(petition.etag)
                    answers += [
                        (method.name, str(m))
                        for m in await all_of(desk._served.stream(caller, method.name, **request), steps)
                    ]
                else:
                    answers.append((method.name, str(await desk.call(caller, method.name, **request))))
            except Refused as refused:
                answers.append((method.name, f"{refused} {refused.details}"))
    return answers


def request_for(method: MethodDescriptor, petition: Petition) -> dict[str, Any]:
    """A request about this petition, whatever the method."""
    known: dict[str, Any] = {
        "name": petition.name,
        "petition": petition.name,
        "district": DISTRICT,
        "place": petition.place,
        "request_id": str(uuid.uuid4()),
        "public_note": "说明",
        "petitioner_self": True,
        "satisfied": False,
        "solved": False,
        "first_day": "2020-11-11",
        "last_day": "2020-11-11",
    }
    request = {field.name: known[field.name] for field in method.input_type.fields if field.name in known}
    if method.name.endswith("Task"):
        request["name"] += "/tasks/1"
    if method.name == "FilePetition":
        request |= {"kind": 1, "text": "另一件事"}
    return request


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.__name__)
async def test_a_petitioner_gets_nothing_that_is_for_the_offices_alone(desk: Desk, stage: Stage) -> None:
    for method, answer in await everything(desk, CITIZEN, stage):
        assert SECRET not in answer, method


async def test_offices_get_each_field_that_is_for_them(desk: Desk) -> None:
    name = (await closed(desk)).name
    petition = (await desk.call(COMMANDER, "GetPetition", name=name)).petition
    timeline = await desk.call(LEAD_CLERK, "ListTimeline", petition=name)
    watched = await all_of(desk.watch(HELPER_CLERK, name=name), int(petition.etag))
    assert {f for answer in (petition, timeline) for f in filled_with(SECRET, answer)} == OFFICE_FIELDS
    assert {f for answer in watched for f in filled_with(SECRET, answer)} < OFFICE_FIELDS
    assert [task.return_reason for task in petition.tasks] == [SECRET, "", ""]
    assert [task.answer for task in petition.tasks] == ["", "已配合", "办好了"]


async def test_a_petitioner_who_is_staff_of_the_lead_reads_it_as_a_petitioner(desk: Desk) -> None:
    petitioner = Caller(
        user=CITIZEN.user,
        session="both",
        kind=CITIZEN.kind,
        district=DISTRICT,
        grants=(*CITIZEN.grants, *LEAD_CLERK.grants),
    )
    name = (await closed(desk)).name
    for method, fields in (("GetPetition", {"name": name}), ("ListTimeline", {"petition": name})):
        assert SECRET not in str(await desk.call(petitioner, method, **fields))


def with_grant(caller: Caller, scope: str, level: OaLevel, *permissions: str) -> Caller:
    grants = (*caller.grants, Grant(scope, level, frozenset(permissions)))
    return Caller(user=caller.user, session=caller.session, kind=caller.kind, district=DISTRICT, grants=grants)


CELLS_CLERK = with_grant(LEAD_CLERK, DISTRICT, OaLevel.OA_LEVEL_DISTRICT, "grid.cells.update")
OTHER_PLACE = with_grant(LEAD_CLERK, "210602004", OaLevel.OA_LEVEL_STREET, "petition.petitioners.read")
TRUSTED = with_grant(LEAD_CLERK, COMMUNITY, OaLevel.OA_LEVEL_COMMUNITY, "petition.petitioners.read")


@pytest.mark.parametrize("stage", [returned, closed], ids=lambda stage: stage.__name__)
@pytest.mark.parametrize(
    "reader", [LEAD_CLERK, CELLS_CLERK, OTHER_PLACE, STREET_DESK, COMMUNITY_DESK, WORKER], ids=lambda c: c.user[-9:]
)
async def test_an_anonymous_petitioner_is_hidden_from_callers_without_the_permission(
    desk: Desk, reader: Caller, stage: Stage
) -> None:
    for method, answer in await everything(desk, reader, stage):
        assert CITIZEN.user not in answer, method
        assert PHONE not in answer, method


async def test_who_holds_the_permission_over_the_place_learns_who_the_petitioner_is(desk: Desk) -> None:
    name = (await returned(desk)).name
    for reader in (CITIZEN, COMMANDER, TRUSTED):
        seen = (await desk.call(reader, "GetPetition", name=name)).petition
        assert (seen.petitioner, seen.contact_phone) == (CITIZEN.user, PHONE), reader.user


def filled_with(text: str, message: Message) -> Iterator[str]:
    """The names of the fields, at any depth, that hold the text."""
    for field, value in message.ListFields():
        for each in value if field.is_repeated else (value,):
            if isinstance(each, Message):
                yield from filled_with(text, each)
            elif each == text:
                yield field.full_name
