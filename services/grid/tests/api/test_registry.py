"""Divisions, cells and appointments over gRPC."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy import Engine

from onegrid.common.v1.common_pb2 import OaLevel, Point, Polygon
from onegrid.grid.v1.events_pb2 import AppointmentEnded
from onegrid.grid.v1.grid_service_pb2 import NewCell
from onegrid.grid.v1.resources_pb2 import Cell, DivisionLevel, Post
from onegrid.identity.v1.events_pb2 import UserDisabled
from onegrid_grid import handlers
from onegrid_kit.callers import Caller, Grant
from onegrid_kit.events import Delivery
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.callers import administrator, everything
from onegrid_kit.testing.events import announced, announced_as

DISTRICT, STREET, COMMUNITY = "210602", "210602003", "210602003007"
TABLE = (
    f"code,name,level\n{DISTRICT},元宝区,district\n{STREET},广济街道,street\n{COMMUNITY},朝凤社区,community\n".encode()
)


def keeper(scope: str = DISTRICT) -> Caller:
    return replace(administrator("keeper", DISTRICT), grants=(Grant(scope, OaLevel.OA_LEVEL_DISTRICT, everything()),))


KEEPER = keeper()


def square(column: float, row: float, size: float = 0.01) -> Polygon:
    west, south = 124.0 + column * 0.01, 40.0 + row * 0.01
    corners = ((0, 0), (size, 0), (size, size), (0, size))
    return Polygon(corners=[Point(longitude=west + x, latitude=south + y) for x, y in corners])


def a_cell(number: int, boundary: Polygon | None = None) -> NewCell:
    code = f"{COMMUNITY}{number:03}"
    return NewCell(code=code, display_name=f"第{number}网格", boundary=boundary or square(number, 0))


async def with_cells(grid: Serving, *numbers: int) -> None:
    await grid.call(KEEPER, "ImportDivisions", district=DISTRICT, csv=TABLE)
    if numbers:
        await grid.call(KEEPER, "BatchCreateCells", parent=COMMUNITY, cells=[a_cell(number) for number in numbers])


async def test_a_table_is_imported_once_and_only_changes_are_announced(grid: Serving, engine: Engine) -> None:
    first = await grid.call(KEEPER, "ImportDivisions", district=DISTRICT, csv=TABLE)
    assert (first.created, first.updated, first.unchanged) == (3, 0, 0)
    renamed = TABLE.replace("朝凤".encode(), "朝阳".encode())
    second = await grid.call(KEEPER, "ImportDivisions", district=DISTRICT, csv=renamed)
    assert (second.created, second.updated, second.unchanged) == (0, 1, 2)
    told = announced(engine)
    assert [event.code for event in told] == [DISTRICT, STREET, COMMUNITY, COMMUNITY]
    assert told[-1].version == 2
    division = (await grid.call(KEEPER, "GetDivision", name=f"divisions/{COMMUNITY}")).division
    assert (division.display_name, division.parent, division.etag) == ("朝阳社区", STREET, "2")


async def test_a_division_without_its_parent_is_refused_and_nothing_is_imported(grid: Serving, engine: Engine) -> None:
    with pytest.raises(Refused) as refused:
        await grid.call(KEEPER, "ImportDivisions", district=DISTRICT, csv=b"code,name,level\n210602003,x,street\n")
    assert (refused.value.reason, refused.value.metadata) == ("PARENT_UNKNOWN", {"parent": DISTRICT})
    assert announced(engine) == []


async def test_divisions_are_listed_by_parent_and_level_in_pages(grid: Serving) -> None:
    await with_cells(grid)
    page = await grid.call(KEEPER, "ListDivisions", parent=DISTRICT, page_size=2)
    assert [division.code for division in page.divisions] == [DISTRICT, STREET]
    rest = await grid.call(KEEPER, "ListDivisions", parent=DISTRICT, page_size=2, page_token=page.next_page_token)
    assert [division.code for division in rest.divisions] == [COMMUNITY]
    assert not rest.next_page_token
    streets = await grid.call(KEEPER, "ListDivisions", parent=DISTRICT, level=DivisionLevel.DIVISION_LEVEL_STREET)
    assert [division.code for division in streets.divisions] == [STREET]
    with pytest.raises(Refused) as refused:
        await grid.call(KEEPER, "ListDivisions", parent=STREET, page_token=page.next_page_token)
    assert refused.value.reason == "INVALID_TOKEN"


async def test_cells_are_entered_all_or_none(grid: Serving, engine: Engine) -> None:
    await with_cells(grid, 1, 2)
    for cells, reason in (
        ([a_cell(3), a_cell(4, square(1.5, 0))], "BOUNDARY_OVERLAPS"),
        ([a_cell(3), a_cell(4, square(3.5, 0))], "BOUNDARY_OVERLAPS"),
        ([a_cell(5), a_cell(1, square(8, 8))], "RESOURCE_EXISTS"),
        ([a_cell(5), a_cell(5, square(9, 9))], "INVALID_REQUEST"),
        ([NewCell(code="210602003008001", display_name="x", boundary=square(7, 7))], "INVALID_REQUEST"),
        (
            [a_cell(6, Polygon(corners=[Point(longitude=x, latitude=y) for x, y in ((0, 0), (1, 1), (0, 1), (1, 0))]))],
            "BOUNDARY_INVALID",
        ),
        ([a_cell(6, Polygon(corners=[Point(longitude=x, latitude=0) for x in (0, 1, 2)]))], "BOUNDARY_INVALID"),
    ):
        with pytest.raises(Refused) as refused:
            await grid.call(KEEPER, "BatchCreateCells", parent=COMMUNITY, cells=cells)
        assert refused.value.reason == reason
    assert len((await grid.call(KEEPER, "ListCells", parent=DISTRICT)).cells) == 2
    assert len(announced(engine)) == 5
    unknown = NewCell(code="210602004001001", display_name="x", boundary=square(7, 7))
    with pytest.raises(Refused) as refused:
        await grid.call(KEEPER, "BatchCreateCells", parent=DISTRICT, cells=[unknown])
    assert refused.value.reason == "PARENT_UNKNOWN"


async def test_of_two_batches_that_overlap_one_wins(grid: Serving) -> None:
    await with_cells(grid)
    outcomes = await asyncio.gather(
        grid.call(KEEPER, "BatchCreateCells", parent=COMMUNITY, cells=[a_cell(1, square(0, 0))]),
        grid.call(KEEPER, "BatchCreateCells", parent=COMMUNITY, cells=[a_cell(2, square(0.5, 0))]),
        return_exceptions=True,
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    assert [each.reason for each in refused] == ["BOUNDARY_OVERLAPS"]
    assert set(refused[0].metadata.values()) == {f"{COMMUNITY}001", f"{COMMUNITY}002"}


async def test_a_point_belongs_to_one_cell_and_a_border_to_the_lowest_code(grid: Serving) -> None:
    await with_cells(grid, 2, 3)

    async def cell_at(longitude: float, latitude: float) -> str:
        answer = await grid.call(
            KEEPER, "LocateCell", district=DISTRICT, point=Point(longitude=longitude, latitude=latitude)
        )
        return answer.cell.code[-3:]

    assert await cell_at(124.025, 40.005) == "002"
    assert await cell_at(124.035, 40.005) == "003"
    border = square(3, 0).corners[0].longitude
    assert await cell_at(border, 40.005) == "002"
    with pytest.raises(Refused) as refused:
        await cell_at(10, 10)
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.NOT_FOUND, "POINT_OUTSIDE")


async def test_an_unknown_district_has_no_cell(grid: Serving) -> None:
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            await grid.call(KEEPER, "LocateCell", district="999999", point=Point(longitude=124, latitude=40))
        assert refused.value.reason == "POINT_OUTSIDE"


async def test_a_cell_as_large_as_the_world_is_entered_and_found_as_any_other(grid: Serving) -> None:
    await with_cells(grid)
    # An edge is 180 degrees wide at most: a wider one could be meant the other way around.
    corners = ((-180, -90), (0, -90), (180, -90), (180, 90), (0, 90), (-180, 90))
    world = Polygon(corners=[Point(longitude=x, latitude=y) for x, y in corners])
    await grid.call(KEEPER, "BatchCreateCells", parent=COMMUNITY, cells=[a_cell(1, world)])
    found = await grid.call(KEEPER, "LocateCell", district=DISTRICT, point=Point(longitude=-77, latitude=12))
    assert found.cell.code == f"{COMMUNITY}001"


async def test_ground_that_one_process_changed_is_found_by_another_at_once(
    grid: Serving, other_process: Serving
) -> None:
    await with_cells(grid, 1)
    point = Point(longitude=124.055, latitude=40.005)
    with pytest.raises(Refused):
        await other_process.call(KEEPER, "LocateCell", district=DISTRICT, point=point)
    await grid.call(KEEPER, "BatchCreateCells", parent=COMMUNITY, cells=[a_cell(5)])
    assert (await other_process.call(KEEPER, "LocateCell", district=DISTRICT, point=point)).cell.code.endswith("005")
    moved = Cell(name=f"cells/{COMMUNITY}005", boundary=square(7, 0))
    await grid.call(KEEPER, "UpdateCell", cell=moved, update_mask=FieldMask(paths=["boundary"]))
    with pytest.raises(Refused):
        await other_process.call(KEEPER, "LocateCell", district=DISTRICT, point=point)


async def test_only_the_masked_fields_of_a_cell_change(grid: Serving) -> None:
    await with_cells(grid, 1)
    name = f"cells/{COMMUNITY}001"
    before = (await grid.call(KEEPER, "GetCell", name=name)).cell
    given = Cell(name=name, display_name="新名", boundary=square(5, 5), etag=before.etag)
    after = (await grid.call(KEEPER, "UpdateCell", cell=given, update_mask=FieldMask(paths=["display_name"]))).cell
    assert (after.display_name, after.boundary) == ("新名", before.boundary)
    with pytest.raises(Refused) as refused:
        await grid.call(KEEPER, "UpdateCell", cell=given, update_mask=FieldMask(paths=["display_name"]))
    assert (refused.value.code, refused.value.metadata["etag"]) == (grpc.StatusCode.ABORTED, after.etag)
    for paths in ([], ["area_m2"]):
        with pytest.raises(Refused) as refused:
            await grid.call(KEEPER, "UpdateCell", cell=given, update_mask=FieldMask(paths=paths))
        assert refused.value.reason == "INVALID_REQUEST"
    missing = Cell(name="cells/210602003007999", display_name="x")
    with pytest.raises(Refused) as refused:
        await grid.call(KEEPER, "UpdateCell", cell=missing, update_mask=FieldMask(paths=["display_name"]))
    assert refused.value.reason == "NOT_FOUND"


async def test_a_cell_is_answered_with_its_appointments(grid: Serving, engine: Engine) -> None:
    await with_cells(grid, 1)
    cell = f"cells/{COMMUNITY}001"
    worker = await grid.call(KEEPER, "AppointWorker", cell=cell, user="users/00worker", post=Post.POST_WORKER)
    await grid.call(KEEPER, "AppointWorker", cell=cell, user="users/00leader", post=Post.POST_LEADER)
    found = (await grid.call(KEEPER, "GetCell", name=cell)).cell
    assert [each.user for each in found.appointments] == ["users/00leader", "users/00worker"]
    defined = announced(engine)[-1]
    assert [each.user for each in defined.appointments] == ["users/00leader", "users/00worker"]
    for user, post in (("users/00worker", Post.POST_WORKER), ("users/00second", Post.POST_LEADER)):
        with pytest.raises(Refused) as refused:
            await grid.call(KEEPER, "AppointWorker", cell=cell, user=user, post=post)
        assert refused.value.reason == "POST_TAKEN"
    ended = await grid.call(KEEPER, "EndAppointment", name=worker.appointment.name)
    assert ended.appointment.HasField("end_time")
    assert (await grid.call(KEEPER, "EndAppointment", name=worker.appointment.name)) == ended
    lasting = await grid.call(KEEPER, "ListAppointments", parent=DISTRICT)
    every = await grid.call(KEEPER, "ListAppointments", parent=DISTRICT, show_ended=True, page_size=1)
    rest = await grid.call(
        KEEPER, "ListAppointments", parent=DISTRICT, show_ended=True, page_size=1, page_token=every.next_page_token
    )
    assert [each.user for each in lasting.appointments] == ["users/00leader"]
    assert [each.user for each in (*every.appointments, *rest.appointments)] == ["users/00worker", "users/00leader"]


async def test_the_end_of_an_appointment_is_announced_once(grid: Serving, engine: Engine) -> None:
    await with_cells(grid, 1)
    cell = f"cells/{COMMUNITY}001"
    given = await grid.call(KEEPER, "AppointWorker", cell=cell, user="users/00worker", post=Post.POST_WORKER)
    for _ in range(2):
        ended = await grid.call(KEEPER, "EndAppointment", name=given.appointment.name)
    (announcement,) = announced_as(engine, AppointmentEnded)
    name = (await grid.call(KEEPER, "GetCell", name=cell)).cell.display_name
    assert announcement == AppointmentEnded(cell_display_name=name, appointment=ended.appointment)


async def test_of_two_leaders_at_once_one_is_appointed(grid: Serving) -> None:
    await with_cells(grid, 1)
    outcomes = await asyncio.gather(
        *(
            grid.call(
                KEEPER,
                "AppointWorker",
                cell=f"cells/{COMMUNITY}001",
                user=f"users/0000000{n}",
                post=Post.POST_LEADER,
            )
            for n in range(4)
        ),
        return_exceptions=True,
    )
    assert sum(not isinstance(outcome, Refused) for outcome in outcomes) == 1


async def test_a_disabled_user_has_no_appointment(grid: Serving, engine: Engine) -> None:
    await with_cells(grid, 1, 2)
    for number in (1, 2):
        await grid.call(
            KEEPER,
            "AppointWorker",
            cell=f"cells/{COMMUNITY}{number:03}",
            user="users/00worker",
            post=Post.POST_WORKER,
        )
    delivery = Delivery(id="00000000-0000-7000-8000-000000000000", type="t", subject="s", time=datetime.now(UTC))
    with engine.begin() as conn:
        handlers.end_posts_of_disabled(conn, UserDisabled(user="users/00worker"), delivery)
    assert not (await grid.call(KEEPER, "ListAppointments", parent=DISTRICT)).appointments
    assert not announced(engine)[-1].appointments


async def test_a_request_id_makes_a_call_safe_to_repeat(grid: Serving, engine: Engine) -> None:
    await with_cells(grid)
    request_id = "0191d3a8-0000-4000-8000-000000000001"
    for _ in range(2):
        done = await grid.call(KEEPER, "BatchCreateCells", parent=COMMUNITY, cells=[a_cell(1)], request_id=request_id)
        assert done.created == 1
    assert len(announced(engine)) == 4


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("ImportDivisions", {"district": DISTRICT, "csv": TABLE}),
        ("BatchCreateCells", {"parent": COMMUNITY, "cells": [a_cell(1)]}),
        ("UpdateCell", {"cell": Cell(name=f"cells/{COMMUNITY}001")}),
        ("AppointWorker", {"cell": f"cells/{COMMUNITY}001"}),
        ("EndAppointment", {"name": f"cells/{COMMUNITY}001/appointments/00000000"}),
        ("ListAppointments", {"parent": COMMUNITY}),
    ],
)
async def test_the_scope_is_judged_before_the_request(grid: Serving, method: str, fields: dict[str, object]) -> None:
    with pytest.raises(Refused) as refused:
        await grid.call(keeper("210602004"), method, **fields)
    assert refused.value.code is grpc.StatusCode.PERMISSION_DENIED


async def test_a_cell_has_no_more_people_than_an_answer_has_room_for(grid: Serving) -> None:
    await with_cells(grid, 1)
    cell = f"cells/{COMMUNITY}001"
    for number in range(100):
        await grid.call(KEEPER, "AppointWorker", cell=cell, user=f"users/worker{number:03}", post=Post.POST_WORKER)
    with pytest.raises(Refused) as refused:
        await grid.call(KEEPER, "AppointWorker", cell=cell, user="users/onetoomany", post=Post.POST_WORKER)
    assert (refused.value.code, refused.value.reason) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "APPOINTMENT_LIMIT_REACHED",
    )
    assert refused.value.metadata == {"cell": cell, "limit": "100"}


OTHER_DISTRICT, OTHER_COMMUNITY = "210603", "210603001001"
OTHER_TABLE = (
    f"code,name,level\n{OTHER_DISTRICT},振兴区,district\n210603001,头道桥街道,street\n{OTHER_COMMUNITY},某社区,community\n"
).encode()


async def with_neighbour(grid: Serving) -> Caller:
    """A district beside the other; who keeps its ground."""
    neighbour = keeper(OTHER_DISTRICT)
    await grid.call(neighbour, "ImportDivisions", district=OTHER_DISTRICT, csv=OTHER_TABLE)
    return neighbour


def neighbour_cell(boundary: Polygon) -> NewCell:
    return NewCell(code=f"{OTHER_COMMUNITY}001", display_name="邻区网格", boundary=boundary)


async def test_on_the_edge_of_two_districts_each_finds_its_own_cell(grid: Serving) -> None:
    await with_cells(grid, 1)
    neighbour = await with_neighbour(grid)
    cells = [neighbour_cell(square(2, 0))]
    await grid.call(neighbour, "BatchCreateCells", parent=OTHER_COMMUNITY, cells=cells)
    edge = Point(longitude=square(2, 0).corners[0].longitude, latitude=40.005)
    for district, cell in ((DISTRICT, f"{COMMUNITY}001"), (OTHER_DISTRICT, f"{OTHER_COMMUNITY}001")):
        assert (await grid.call(KEEPER, "LocateCell", district=district, point=edge)).cell.code == cell


async def test_a_cell_over_another_districts_ground_is_refused(grid: Serving) -> None:
    await with_cells(grid, 1)
    neighbour = await with_neighbour(grid)
    over = {"parent": OTHER_COMMUNITY, "cells": [neighbour_cell(square(1.5, 0))]}
    with pytest.raises(Refused) as created:
        await grid.call(neighbour, "BatchCreateCells", **over)
    assert (created.value.code, created.value.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "BOUNDARY_OVERLAPS")
    assert created.value.metadata == {"cell": f"{OTHER_COMMUNITY}001", "other": f"{COMMUNITY}001"}
    await grid.call(neighbour, "BatchCreateCells", parent=OTHER_COMMUNITY, cells=[neighbour_cell(square(3, 0))])
    moved = Cell(name=f"cells/{OTHER_COMMUNITY}001", boundary=square(1.5, 0))
    with pytest.raises(Refused) as updated:
        await grid.call(neighbour, "UpdateCell", cell=moved, update_mask=FieldMask(paths=["boundary"]))
    assert updated.value.reason == "BOUNDARY_OVERLAPS"


async def test_of_two_districts_that_claim_the_same_ground_at_once_one_gets_it(grid: Serving) -> None:
    await with_cells(grid)
    neighbour = await with_neighbour(grid)
    outcomes = await asyncio.gather(
        grid.call(KEEPER, "BatchCreateCells", parent=COMMUNITY, cells=[a_cell(1, square(5, 5))]),
        grid.call(neighbour, "BatchCreateCells", parent=OTHER_COMMUNITY, cells=[neighbour_cell(square(5, 5))]),
        return_exceptions=True,
    )
    (refused,) = (outcome for outcome in outcomes if isinstance(outcome, Refused))
    assert refused.reason == "BOUNDARY_OVERLAPS"


@pytest.mark.parametrize(
    "corners",
    [
        [(124.0, 40.0), (124.01, 40.0), (124.01, 40.01), (124.0, 40.0)],
        [(179.99, 40.0), (-179.99, 40.0), (-179.99, 40.01), (179.99, 40.01)],
    ],
    ids=["closed", "over the antimeridian"],
)
async def test_a_ring_that_would_be_stored_as_another_is_refused(
    corners: list[tuple[float, float]], grid: Serving
) -> None:
    await with_cells(grid)
    boundary = Polygon(corners=[Point(longitude=longitude, latitude=latitude) for longitude, latitude in corners])
    with pytest.raises(Refused) as refused:
        await grid.call(KEEPER, "BatchCreateCells", parent=COMMUNITY, cells=[a_cell(1, boundary)])
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "BOUNDARY_INVALID")
    assert refused.value.fields == ["cells[0].boundary"]
