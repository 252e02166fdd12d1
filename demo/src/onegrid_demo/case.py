"""The reference case of 2020-11-11: a children's centre can't find staff; an hour and a half later it is solved.

At 14:36 it is reported, almost at once given to the talent and social-security centre, within half an hour
a member of staff is at the door, and at 15:58 it is concluded. Everything is done over gRPC, as the real participants.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime

from onegrid.notify.v1.resources_pb2 import InboxItem
from onegrid.petition.v1 import petition_service_pb2 as pb
from onegrid.petition.v1.resources_pb2 import Kind, Petition, State
from onegrid_demo import district
from onegrid_demo.client import Client, inbox_of
from onegrid_demo.loading import CELL, CENTRE, until, until_known
from onegrid_kit.clock import CHINA, SettableClock

__all__ = ["messages", "replay", "succeeded"]


async def replay(client: Client, clock: SettableClock | None, accounts: Mapping[str, Mapping[str, str]]) -> Petition:
    """Live through the case, at its own times if the services go by this clock; the petition as it is at the end."""
    petitions = client.petition

    def at(hour: int, minute: int, second: int = 0) -> None:
        if clock is not None:
            clock.set(datetime(2020, 11, 11, hour, minute, second, tzinfo=CHINA))

    at(14, 36)
    enterprise = await client.public(accounts["enterprise"]["phone"], district.CODE)
    report = pb.FilePetitionRequest(
        district=district.CODE,
        kind=Kind.KIND_HELP,
        text="儿童中心近期招不到保育员和教师，影响开班，请帮忙协调用工。",
        location=district.cell(CELL).middle,
        address="朝凤社区儿童中心",
        contact_phone=accounts["enterprise"]["phone"],
        request_id=_new_id(),
    )
    # Of a district that was just loaded, petition may not have heard yet.
    filed = await until_known(lambda: petitions.FilePetition(report, metadata=enterprise))
    name = filed.petition.name

    at(14, 36, 30)
    commander = await client.staff("commander", accounts["commander"]["password"])
    await petitions.AcceptPetition(
        pb.AcceptPetitionRequest(name=name, public_note="已受理，马上为您协调。", request_id=_new_id()),
        metadata=commander,
    )
    at(14, 37)
    await petitions.DispatchPetition(
        pb.DispatchPetitionRequest(
            name=name,
            work_item=f"workItems/{CENTRE}-001",
            instruction="请立即联系儿童中心，落实用工需求。",
            public_note="已交人才和社会保障服务中心办理。",
            request_id=_new_id(),
        ),
        metadata=commander,
    )

    at(14, 41)
    centre = await client.staff("centre", accounts["centre"]["password"])
    task = f"{name}/tasks/1"
    await petitions.TakeTask(
        pb.TakeTaskRequest(name=task, public_note="已签收，工作人员正在路上。", request_id=_new_id()),
        metadata=centre,
    )
    at(15, 5)
    centre = await client.staff("centre", accounts["centre"]["password"])
    await petitions.ReportTask(
        pb.ReportTaskRequest(name=task, public_note="已上门，正在了解岗位需求。", request_id=_new_id()),
        metadata=centre,
    )
    at(15, 58)
    centre = await client.staff("centre", accounts["centre"]["password"])
    await petitions.ConcludeTask(
        pb.ConcludeTaskRequest(
            name=task, public_note="已为儿童中心推荐合适人选，并发布招聘信息。", request_id=_new_id()
        ),
        metadata=centre,
    )

    at(16, 5)
    enterprise = await client.public(accounts["enterprise"]["phone"], district.CODE)
    await petitions.RatePetition(
        pb.RatePetitionRequest(name=name, satisfied=True, stars=5, comment="非常及时，谢谢！", request_id=_new_id()),
        metadata=enterprise,
    )
    at(16, 20)
    worker = await client.staff("grid", accounts["grid"]["password"])
    verified = await petitions.VerifyPetition(
        pb.VerifyPetitionRequest(name=name, solved=True, stars=5, request_id=_new_id()), metadata=worker
    )
    if clock is not None:
        clock.reset()
    return verified.petition


async def messages(
    client: Client,
    clock: SettableClock | None,
    accounts: Mapping[str, Mapping[str, str]],
    timeline: pb.GetPublicTimelineResponse,
) -> list[InboxItem]:
    """What the petitioner's inbox has of the petition in the end: a message for each step of its timeline."""
    if clock is not None:
        clock.set(datetime(2020, 11, 11, 16, 30, tzinfo=CHINA))
    enterprise = await client.public(accounts["enterprise"]["phone"], district.CODE)
    # notify hears of steps by events.
    items = await until(
        lambda: inbox_of(client, enterprise, timeline.petition), lambda items: len(items) >= len(timeline.entries)
    )
    if clock is not None:
        clock.reset()
    return items


def succeeded(petition: Petition) -> bool:
    """Whether the petition was concluded, and rated by both."""
    return (
        petition.state == State.STATE_CLOSED
        and petition.HasField("conclude_time")
        and petition.rating.satisfied
        and petition.verification.satisfied
    )


def _new_id() -> str:
    return str(uuid.uuid4())
