"""Petitions that are filed for the repair of what stands on the border."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, text

from onegrid.border.v1.events_pb2 import RepairRequested
from onegrid.border.v1.resources_pb2 import Inspection
from onegrid.common.v1.common_pb2 import AccountKind, Point
from onegrid.grid.v1.events_pb2 import DivisionDefined
from onegrid.petition.v1.events_pb2 import PetitionFiled
from onegrid.petition.v1.resources_pb2 import Kind, Petition, State
from onegrid_kit.clock import CHINA
from onegrid_kit.events import Delivery, Envelope
from onegrid_kit.inbox import Inbox
from onegrid_kit.testing.api import TEST_CIPHER
from onegrid_kit.testing.events import announced_as
from onegrid_petition.main import SERVICE

from .desk import Desk
from .people import CELL, COMMANDER, COMMUNITY, COMMUNITY_DESK, DISTRICT, WORKER

INSPECTION = f"assets/{CELL}-marker-1107/inspections/3"
FOUND = datetime(2020, 11, 11, 9, 30, tzinfo=CHINA)
HERE = Point(longitude=124.4, latitude=40.12)


def requested(inspection: str = INSPECTION, **fields: Any) -> RepairRequested:
    given = {
        "text": "1107号界桩（界碑、界桩）：缺失",
        "place": CELL,
        "location": HERE,
        "requester": WORKER.user,
        "requester_kind": AccountKind.ACCOUNT_KIND_STAFF,
        **fields,
    }
    return RepairRequested(inspection=Inspection(name=inspection), **given)


def deliver(engine: Engine, event: RepairRequested | DivisionDefined) -> Inbox:
    inbox = Inbox("petition", engine, SERVICE.load_handlers(), TEST_CIPHER)
    id_ = str(uuid.uuid4())
    delivery = Delivery(id=id_, type=event.DESCRIPTOR.full_name, subject=INSPECTION, time=FOUND)
    inbox.deliver([Envelope(delivery, event.SerializeToString())])
    return inbox


async def filed(desk: Desk) -> list[Petition]:
    return list((await desk.call(COMMANDER, "ListPetitions", district=DISTRICT)).petitions)


async def test_a_defect_becomes_a_petition_that_goes_the_way_of_every_petition(desk: Desk, engine: Engine) -> None:
    assert not deliver(engine, requested()).parked()
    (petition,) = await filed(desk)
    assert (petition.origin, petition.kind) == (INSPECTION, Kind.KIND_REPORT)
    assert petition.text == "【边防设施维修】1107号界桩（界碑、界桩）：缺失"
    assert (petition.place, petition.location, petition.petitioner) == (CELL, HERE, WORKER.user)
    assert (petition.state, petition.responsible, petition.work_item) == (State.STATE_FILED, COMMUNITY, "")
    assert petition.create_time.ToDatetime(tzinfo=UTC) == FOUND
    accepted = (await desk.call(COMMUNITY_DESK, "AcceptPetition", name=petition.name)).petition
    assert (accepted.origin, accepted.state) == (INSPECTION, State.STATE_ACCEPTED)
    # border follows it by that.
    assert [event.step.origin for event in desk.announced(petition.name)] == [INSPECTION] * 2
    withdrawn = (await desk.call(WORKER, "WithdrawPetition", name=petition.name)).petition
    assert withdrawn.state == State.STATE_WITHDRAWN


async def test_a_defect_is_filed_once_whatever_is_repeated(desk: Desk, engine: Engine) -> None:
    for _ in range(2):
        deliver(engine, requested())
    with engine.begin() as conn:
        conn.execute(text("TRUNCATE inbox"))
    deliver(engine, requested())
    assert len(await filed(desk)) == len(announced_as(engine, PetitionFiled)) == 1
    deliver(engine, requested(f"assets/{CELL}-marker-1107/inspections/4"))
    assert len(await filed(desk)) == 2


async def test_a_place_that_petition_hears_of_later_delays_the_petition_and_loses_nothing(
    desk: Desk, engine: Engine
) -> None:
    place = COMMUNITY[:9] + "008"
    inbox = deliver(engine, requested(place=place))
    (waiting,) = inbox.parked()
    assert (waiting.handler, waiting.given_up) == ("file_for_repair", False)
    deliver(engine, DivisionDefined(code=place, display_name="新社区", version=1))
    inbox.replay()
    assert inbox.retry_due() == 1
    (petition,) = await filed(desk)
    assert petition.place == place
