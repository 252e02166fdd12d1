"""Petitions that are filed for what inspection rounds found."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from onegrid.common.v1.common_pb2 import Point
from onegrid.grid.v1.events_pb2 import FindingTransferred
from onegrid.grid.v1.findings_pb2 import Finding
from onegrid.grid.v1.records_pb2 import FindingKind, HazardLevel
from onegrid.petition.v1.events_pb2 import PetitionFiled
from onegrid.petition.v1.resources_pb2 import Kind, Petition
from onegrid_kit.testing.events import Events, announced_as

from .desk import Desk
from .people import CELL, COMMANDER, COMMUNITY_DESK, DISTRICT

FINDING = f"findings/{CELL}-{'a' * 32}"
HERE = Point(longitude=124.395, latitude=40.125)


def transferred(kind: FindingKind, note: str = "", **fields: object) -> FindingTransferred:
    return FindingTransferred(
        finding=Finding(name=FINDING, place=CELL, kind=kind, location=HERE, **fields),
        note=note,
        requester=COMMUNITY_DESK.user,
        requester_kind=COMMUNITY_DESK.kind,
    )


async def filed(desk: Desk) -> list[Petition]:
    return list((await desk.call(COMMANDER, "ListPetitions", district=DISTRICT)).petitions)


@pytest.mark.parametrize(
    ("event", "kind", "words"),
    [
        (
            transferred(
                FindingKind.FINDING_KIND_FIRE_HAZARD,
                "请物业清理。",
                hazard_level=HazardLevel.HAZARD_LEVEL_MAJOR,
                text="楼道堆放杂物。",
            ),
            Kind.KIND_REPORT,
            "【消防隐患（重大隐患）】请物业清理。\n\n楼道堆放杂物。",
        ),
        (transferred(FindingKind.FINDING_KIND_DISPUTE), Kind.KIND_HELP, "【矛盾纠纷】"),
        (transferred(FindingKind.FINDING_KIND_OTHER, text="树歪了。"), Kind.KIND_REPORT, "【巡查发现】树歪了。"),
    ],
)
async def test_a_finding_becomes_a_petition_where_it_was_found(
    desk: Desk, events: Events, event: FindingTransferred, kind: Kind, words: str
) -> None:
    events.deliver(event)
    (petition,) = await filed(desk)
    assert (petition.origin, petition.kind, petition.text) == (FINDING, kind, words)
    assert (petition.place, petition.location, petition.petitioner) == (CELL, HERE, COMMUNITY_DESK.user)
    own = await desk.file(place=CELL)
    assert (petition.grid_worker, petition.responsible) == (own.grid_worker, own.responsible)


async def test_it_is_filed_once_whatever_is_repeated(desk: Desk, events: Events, engine: Engine) -> None:
    event = transferred(FindingKind.FINDING_KIND_FIRE_HAZARD)
    events.deliver(event, event)
    with engine.begin() as conn:
        # What was handled is forgotten after a time.
        conn.execute(text("TRUNCATE inbox"))
    events.deliver(event)
    assert len(await filed(desk)) == 1
    assert [each.step.origin for each in announced_as(engine, PetitionFiled)] == [FINDING]
