"""Petitions that are filed for requests for counselling and legal aid."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text

from onegrid.common.v1.common_pb2 import AccountKind
from onegrid.grid.v1.events_pb2 import DivisionDefined
from onegrid.notify.v1.events_pb2 import AidRequested
from onegrid.notify.v1.resources_pb2 import AidKind
from onegrid.petition.v1.events_pb2 import PetitionFiled
from onegrid.petition.v1.resources_pb2 import Kind, Petition, State
from onegrid_kit.callers import Caller
from onegrid_kit.clock import CHINA
from onegrid_kit.events import Delivery, Envelope
from onegrid_kit.inbox import Inbox
from onegrid_kit.testing.api import TEST_CIPHER
from onegrid_kit.testing.events import announced_as
from onegrid_petition.main import SERVICE

from .desk import Desk
from .people import CELL, CITIZEN, COMMANDER, COMMUNITY, COMMUNITY_DESK, DISTRICT, ENTERPRISE

AID = "aidRequests/210602-20201111-7KX3M9QF"
ASKED = datetime(2020, 11, 11, 9, 30, tzinfo=CHINA)


def requested(by: Caller = CITIZEN, **fields: object) -> AidRequested:
    given = {"kind": AidKind.AID_KIND_COUNSELLING, "text": "孩子不愿上学，想找人谈谈。", "place": CELL}
    return AidRequested(
        aid_request=AID,
        requester=by.user,
        requester_kind=by.kind,
        organization=by.organization,
        **{**given, **fields},
    )


def deliver(engine: Engine, event: AidRequested | DivisionDefined, id_: str = "") -> Inbox:
    inbox = Inbox("petition", engine, SERVICE.load_handlers(), TEST_CIPHER)
    delivery = Delivery(id=id_ or str(uuid.uuid4()), type=event.DESCRIPTOR.full_name, subject=AID, time=ASKED)
    inbox.deliver([Envelope(delivery, event.SerializeToString())])
    return inbox


async def filed(desk: Desk, by: Caller = CITIZEN) -> list[Petition]:
    answer = await desk.call(by, "ListPetitions", district=DISTRICT, petitioner_self=True)
    return list(answer.petitions)


async def test_a_request_becomes_a_petition_like_one_that_the_requester_filed(desk: Desk, engine: Engine) -> None:
    assert not deliver(engine, requested()).parked()
    (petition,) = await filed(desk)
    own = await desk.file(place=CELL)
    assert (petition.origin, own.origin) == (AID, "")
    assert (petition.kind, petition.text) == (Kind.KIND_HELP, "【心理咨询】孩子不愿上学，想找人谈谈。")
    assert petition.petitioner == CITIZEN.user
    assert petition.create_time.ToDatetime(tzinfo=UTC) == ASKED
    same = ("state", "place", "grid_worker", "responsible", "accept_due_time", "petitioner_kind", "work_item", "etag")
    assert [getattr(petition, field) for field in same] == [getattr(own, field) for field in same]
    timeline = await desk.call(CITIZEN, "GetPublicTimeline", name=petition.name)
    assert [entry.sequence for entry in timeline.entries] == [1]


async def test_offices_see_for_which_request_it_was_filed_and_go_on_as_always(desk: Desk, engine: Engine) -> None:
    deliver(engine, requested())
    (petition,) = await filed(desk)
    accepted = await desk.call(COMMUNITY_DESK, "AcceptPetition", name=petition.name)
    assert (accepted.petition.origin, accepted.petition.state) == (AID, State.STATE_ACCEPTED)
    assert [event.step.origin for event in desk.announced(petition.name)] == [AID, AID]


async def test_a_request_is_filed_once_whatever_is_repeated(desk: Desk, engine: Engine) -> None:
    id_ = str(uuid.uuid4())
    for _ in range(2):
        deliver(engine, requested(), id_)
    with engine.begin() as conn:
        conn.execute(text("TRUNCATE inbox"))
    # What was handled is forgotten after a time, and a carrier may repeat what it carried long ago.
    for repeated in (id_, str(uuid.uuid4())):
        assert not deliver(engine, requested(), repeated).parked()
    assert len(await filed(desk)) == 1
    assert len(announced_as(engine, PetitionFiled)) == 1


async def test_it_is_audited_in_the_name_of_who_asked(desk: Desk, engine: Engine) -> None:
    deliver(engine, requested())
    (petition,) = await filed(desk)
    with engine.connect() as conn:
        found = text("SELECT caller, method FROM audit_entry WHERE resource = :name AND caller <> ''")
        entries = {tuple(row) for row in conn.execute(found, {"name": petition.name})}
    assert (CITIZEN.user, AidRequested.DESCRIPTOR.full_name) in entries


async def test_who_asks_anonymously_is_named_to_the_command_centre_alone(desk: Desk, engine: Engine) -> None:
    deliver(engine, requested(ENTERPRISE, anonymous=True))
    (petition,) = await filed(desk, ENTERPRISE)
    assert petition.petitioner_kind == AccountKind.ACCOUNT_KIND_ENTERPRISE
    shown = {
        who.user: (await desk.call(who, "GetPetition", name=petition.name)).petition.petitioner
        for who in (COMMUNITY_DESK, COMMANDER)
    }
    assert shown == {COMMUNITY_DESK.user: "", COMMANDER.user: ENTERPRISE.user}


async def test_a_place_that_petition_hears_of_later_delays_the_petition_and_loses_nothing(
    desk: Desk, engine: Engine
) -> None:
    new = COMMUNITY[:9] + "008"
    inbox = deliver(engine, requested(place=new))
    (waiting,) = inbox.parked()
    assert (waiting.handler, waiting.given_up) == ("file_for_aid", False)
    assert not await filed(desk)
    deliver(engine, DivisionDefined(code=new, display_name="新社区", version=1))
    inbox.replay()
    assert inbox.retry_due() == 1
    (petition,) = await filed(desk)
    assert (petition.place, petition.responsible) == (new, new)


@pytest.mark.parametrize("kind", list(AidKind.values())[1:])
async def test_every_kind_of_aid_has_a_heading(desk: Desk, engine: Engine, kind: AidKind) -> None:
    deliver(engine, requested(kind=kind))
    (petition,) = await filed(desk)
    assert petition.text.startswith("【")
