"""A request for legal aid, from the resident who makes it to the answer in the same resident's inbox."""

from __future__ import annotations

import uuid

from onegrid.notify.v1 import notify_service_pb2 as notify_pb
from onegrid.notify.v1.resources_pb2 import AidKind, AidRequest, AidState
from onegrid.petition.v1 import petition_service_pb2 as pb
from onegrid_demo import district
from onegrid_demo.client import inbox_of
from onegrid_demo.loading import CELL, CENTRE, until
from onegrid_kit.testing.waiting import HANG_S

from .fleet import Fleet, FleetClient


async def test_a_request_for_legal_aid_is_answered_as_a_petition(fleet: Fleet, client: FleetClient) -> None:
    citizen = await client.public(fleet.accounts["citizen"]["phone"], district.CODE)
    fleet.parts["petition", "worker"].kill()
    new = notify_pb.RequestAidRequest(
        kind=AidKind.AID_KIND_LEGAL_AID,
        text="工地拖欠工资，需要法律援助。",
        place=CELL,
        request_id=str(uuid.uuid4()),
    )
    asked = (await client.notify.RequestAid(new, metadata=citizen, timeout=HANG_S)).aid_request
    assert asked.state == AidState.AID_STATE_REQUESTED

    async def current() -> AidRequest:
        request = notify_pb.GetAidRequestRequest(name=asked.name)
        return (await client.notify.GetAidRequest(request, metadata=citizen, timeout=HANG_S)).aid_request

    # Who asks need not wait until petition's worker runs again.
    fleet.parts["petition", "worker"].start()
    filed = await until(current, lambda request: request.state == AidState.AID_STATE_FILED)
    name = filed.petition

    commander = await client.staff("commander", fleet.accounts["commander"]["password"])
    centre = await client.staff("centre", fleet.accounts["centre"]["password"])
    petitions = client.petition
    await petitions.AcceptPetition(pb.AcceptPetitionRequest(name=name), metadata=commander, timeout=HANG_S)
    dispatch = pb.DispatchPetitionRequest(name=name, work_item=f"workItems/{CENTRE}-001")
    given = (await petitions.DispatchPetition(dispatch, metadata=commander, timeout=HANG_S)).petition
    assert given.origin == asked.name
    task = f"{name}/tasks/1"
    await petitions.TakeTask(pb.TakeTaskRequest(name=task), metadata=centre, timeout=HANG_S)
    conclude = pb.ConcludeTaskRequest(name=task, public_note="已联系法律援助中心，律师明日与您联系。")
    await petitions.ConcludeTask(conclude, metadata=centre, timeout=HANG_S)
    items = await until(
        lambda: inbox_of(client, citizen, name), lambda found: any("律师明日与您联系" in each.summary for each in found)
    )
    assert len({item.name for item in items}) == len(items)

    close = pb.ClosePetitionRequest(name=name, public_note="已由法律援助中心受理。")
    await petitions.ClosePetition(close, metadata=commander, timeout=HANG_S)
    closed = await until(current, lambda request: request.state == AidState.AID_STATE_CLOSED)
    assert closed.petition == name
