"""Requests for counselling and legal aid, until their petition has ended."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import grpc
import pytest
from sqlalchemy import Engine, text

from onegrid.common.v1.common_pb2 import AccountKind
from onegrid.notify.v1.events_pb2 import AidRequested
from onegrid.notify.v1.resources_pb2 import AidKind, AidRequest, AidState
from onegrid.petition.v1 import events_pb2 as petition_events
from onegrid.petition.v1.resources_pb2 import State
from onegrid_kit.callers import Caller
from onegrid_kit.clock import SettableClock
from onegrid_kit.jobs import run_job
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.events import Events, announced_as
from onegrid_kit.testing.jobs import job_of
from onegrid_kit.timestamps import timestamp
from onegrid_notify.main import SERVICE

from .editors import Newsroom
from .people import CITIZEN, COMMANDER, COMMUNITY, DISTRICT, ENTERPRISE, NEIGHBOUR, STREET

PETITION = "petitions/210602-20201111-7KX3M9QF"


@pytest.fixture(autouse=True)
def places(newsroom: Newsroom) -> None:
    """Those of the newsroom."""


async def ask(api: Serving, by: Caller = CITIZEN, **fields: Any) -> AidRequest:
    given = {"kind": AidKind.AID_KIND_LEGAL_AID, "text": "拖欠工资，如何起诉？", "place": COMMUNITY}
    return (await api.call(by, "RequestAid", **{**given, "request_id": str(uuid.uuid4()), **fields})).aid_request


async def asked(api: Serving, name: str) -> AidRequest:
    return (await api.call(CITIZEN, "GetAidRequest", name=name)).aid_request


def step_of(request: AidRequest, clock: SettableClock, state: State) -> petition_events.Step:
    return petition_events.Step(
        petition=PETITION, origin=request.name, state=state, time=timestamp(clock.now()), petitioner=CITIZEN.user
    )


async def test_a_request_is_announced_once_to_become_a_petition(api: Serving, engine: Engine) -> None:
    id_ = str(uuid.uuid4())
    request = await ask(api, ENTERPRISE, anonymous=True, request_id=id_)
    assert await ask(api, ENTERPRISE, anonymous=True, request_id=id_) == request
    assert request.state == AidState.AID_STATE_REQUESTED
    assert not request.petition
    (event,) = announced_as(engine, AidRequested, request.name)
    assert event == AidRequested(
        aid_request=request.name,
        kind=AidKind.AID_KIND_LEGAL_AID,
        text="拖欠工资，如何起诉？",
        place=COMMUNITY,
        anonymous=True,
        requester=ENTERPRISE.user,
        requester_kind=AccountKind.ACCOUNT_KIND_ENTERPRISE,
        organization=ENTERPRISE.organization,
    )


async def test_what_it_is_about_is_encrypted_at_rest(api: Serving, engine: Engine) -> None:
    await ask(api)
    with engine.connect() as conn:
        row = conn.execute(text("SELECT aid_request::text AS stored, sealed_text FROM aid_request")).one()
    assert "工资" not in row.stored
    assert "工资".encode() not in bytes(row.sealed_text)


@pytest.mark.parametrize(
    ("place", "code", "reason"),
    [
        ("210602999", grpc.StatusCode.INVALID_ARGUMENT, "PLACE_UNKNOWN"),
        ("210603001", grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED"),
    ],
)
async def test_a_place_that_petition_would_refuse_is_refused_at_once(
    api: Serving, engine: Engine, place: str, code: grpc.StatusCode, reason: str
) -> None:
    with pytest.raises(Refused) as refused:
        await ask(api, place=place)
    assert (refused.value.code, refused.value.reason) == (code, reason)
    assert not announced_as(engine, AidRequested)


@pytest.mark.parametrize(
    ("last", "ended"),
    [
        (petition_events.PetitionDeclined, State.STATE_DECLINED),
        (petition_events.PetitionWithdrawn, State.STATE_WITHDRAWN),
        (petition_events.PetitionClosed, State.STATE_CLOSED),
        (petition_events.PetitionRated, State.STATE_CLOSED),
        (petition_events.PetitionVerified, State.STATE_CLOSED),
    ],
)
async def test_it_follows_its_petition_to_the_end_in_whatever_order_events_come(
    api: Serving, events: Events, clock: SettableClock, last: Any, ended: State
) -> None:
    for late in (False, True):
        request = await ask(api)
        filed = petition_events.PetitionFiled(step=step_of(request, clock, State.STATE_FILED))
        closed = last(step=step_of(request, clock, ended))
        for event, state in (
            ((closed, AidState.AID_STATE_CLOSED), (filed, AidState.AID_STATE_CLOSED))
            if late
            else ((filed, AidState.AID_STATE_FILED), (closed, AidState.AID_STATE_CLOSED))
        ):
            events.deliver(event, subject=PETITION)
            found = await asked(api, request.name)
            assert (found.state, found.petition, found.text) == (state, PETITION, request.text)


@pytest.mark.parametrize("origin", ["assets/210602003-wall/inspections/3", f"findings/{COMMUNITY}-{'a' * 32}"])
async def test_a_petition_that_another_service_asked_for_concerns_no_request(
    api: Serving, events: Events, origin: str
) -> None:
    request = await ask(api)
    step = petition_events.Step(petition=PETITION, origin=origin, sequence=1)
    # Whatever can't be handled is raised here.
    events.deliver(petition_events.PetitionFiled(step=step), subject=PETITION)
    assert await asked(api, request.name) == request


async def test_a_petition_that_is_handled_again_is_not_the_end(
    api: Serving, events: Events, clock: SettableClock
) -> None:
    request = await ask(api)
    again = petition_events.PetitionRated(step=step_of(request, clock, State.STATE_HANDLING))
    events.deliver(again, subject=PETITION)
    assert (await asked(api, request.name)).state == AidState.AID_STATE_FILED


async def test_nobody_has_more_than_five_that_are_open_however_many_are_made_at_once(
    api: Serving, events: Events, clock: SettableClock
) -> None:
    outcomes = await asyncio.gather(*(ask(api) for _ in range(8)), return_exceptions=True)
    made = [each for each in outcomes if isinstance(each, AidRequest)]
    refused = [each for each in outcomes if isinstance(each, Refused)]
    assert (len(made), len(refused)) == (5, 3)
    assert {(each.code, each.reason, each.metadata["limit"]) for each in refused} == {
        (grpc.StatusCode.FAILED_PRECONDITION, "AID_LIMIT_REACHED", "5")
    }
    await ask(api, NEIGHBOUR)
    events.deliver(petition_events.PetitionClosed(step=step_of(made[0], clock, State.STATE_CLOSED)), subject=PETITION)
    await ask(api)


async def test_requests_are_listed_to_who_made_them_the_newest_first(api: Serving, clock: SettableClock) -> None:
    names: list[str] = []
    for place in (DISTRICT, STREET, COMMUNITY):
        names.append((await ask(api, place=place)).name)
        clock.set(clock.now() + timedelta(minutes=1))
    await ask(api, NEIGHBOUR)
    listed: list[str] = []
    pages: Sequence[str] = [""]
    while pages:
        answer = await api.call(CITIZEN, "ListAidRequests", user=CITIZEN.user, page_size=2, page_token=pages[0])
        listed.extend(each.name for each in answer.aid_requests)
        pages = [answer.next_page_token] if answer.next_page_token else []
    assert listed == names[::-1]


async def test_to_others_a_request_is_as_one_that_does_not_exist(api: Serving) -> None:
    there = await ask(api)
    nowhere = f"aidRequests/{DISTRICT}-20201111-00000000"
    for who, name in itertools.product((NEIGHBOUR, COMMANDER), (there.name, nowhere)):
        with pytest.raises(Refused) as refused:
            await api.call(who, "GetAidRequest", name=name)
        assert refused.value.reason == "PERMISSION_DENIED"
    with pytest.raises(Refused) as refused:
        await api.call(NEIGHBOUR, "ListAidRequests", user=CITIZEN.user)
    assert refused.value.reason == "PERMISSION_DENIED"


async def test_a_request_is_deleted_a_year_after_it_was_closed(
    api: Serving, engine: Engine, events: Events, clock: SettableClock
) -> None:
    closed, open_ = await ask(api), await ask(api)
    events.deliver(petition_events.PetitionClosed(step=step_of(closed, clock, State.STATE_CLOSED)), subject=PETITION)
    job = job_of(SERVICE, "delete closed requests for aid")
    for days, left in ((365, {closed.name, open_.name}), (1, {open_.name})):
        clock.set(clock.now() + timedelta(days=days))
        assert run_job("notify", engine, job, clock.now())
        answer = await api.call(CITIZEN, "ListAidRequests", user=CITIZEN.user)
        assert {each.name for each in answer.aid_requests} == left
