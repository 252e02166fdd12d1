"""Who can be appointed to a cell, and until when."""

from __future__ import annotations

from datetime import timedelta

import grpc
import pytest
from sqlalchemy import Engine

from onegrid.common.v1.common_pb2 import AccountKind, Point, Polygon
from onegrid.grid.v1.events_pb2 import CellDefined
from onegrid.grid.v1.grid_service_pb2 import NewCell
from onegrid.grid.v1.resources_pb2 import Post
from onegrid.identity.v1.events_pb2 import UserDefined, UserDisabled
from onegrid.identity.v1.resources_pb2 import UserState
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.callers import administrator
from onegrid_kit.testing.events import Events, announced_as

DISTRICT, COMMUNITY, CELL = "210602", "210602003007", "210602003007001"
NEW = "users/00newcomer"
TABLE = f"code,name,level\n{DISTRICT},元宝区,district\n{DISTRICT}003,广济街道,street\n{COMMUNITY},朝凤社区,community\n"
KEEPER = administrator("keeper", DISTRICT)


def announced_user(version: int, *, active: bool = True, district: str = DISTRICT) -> UserDefined:
    return UserDefined(
        user=NEW,
        kind=AccountKind.ACCOUNT_KIND_STAFF,
        district=district,
        state=UserState.USER_STATE_ACTIVE if active else UserState.USER_STATE_DISABLED,
        version=version,
    )


async def with_a_cell(grid: Serving) -> None:
    await grid.call(KEEPER, "ImportDivisions", district=DISTRICT, csv=TABLE.encode())
    corners = [Point(longitude=124 + x, latitude=40 + y) for x, y in ((0, 0), (0.01, 0), (0.01, 0.01), (0, 0.01))]
    cell = NewCell(code=CELL, display_name="第一网格", boundary=Polygon(corners=corners))
    await grid.call(KEEPER, "BatchCreateCells", parent=COMMUNITY, cells=[cell])


async def appoint(grid: Serving) -> None:
    await grid.call(KEEPER, "AppointWorker", cell=f"cells/{CELL}", user=NEW, post=Post.POST_WORKER)


async def refusal(grid: Serving) -> Refused:
    with pytest.raises(Refused) as refused:
        await appoint(grid)
    return refused.value


async def appointed(grid: Serving) -> list[str]:
    cell = (await grid.call(KEEPER, "GetCell", name=f"cells/{CELL}")).cell
    return [each.user for each in cell.appointments]


async def test_a_user_of_whom_nothing_was_announced_is_not_appointed_yet(grid: Serving, events: Events) -> None:
    await with_a_cell(grid)
    error = await refusal(grid)
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "USER_UNKNOWN")
    assert error.metadata == {"user": NEW}
    assert "RetryInfo" in error.details
    events.deliver(announced_user(1))
    await appoint(grid)
    assert await appointed(grid) == [NEW]


async def test_a_user_of_another_district_is_not_appointed(grid: Serving, events: Events) -> None:
    await with_a_cell(grid)
    events.deliver(announced_user(1, district="210603"))
    assert (await refusal(grid)).reason == "USER_UNKNOWN"


async def test_a_disabled_user_is_not_appointed_until_admitted_again(grid: Serving, events: Events) -> None:
    await with_a_cell(grid)
    events.deliver(announced_user(2, active=False), announced_user(1))
    error = await refusal(grid)
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "USER_NOT_ACTIVE")
    assert error.metadata == {"user": NEW}
    events.deliver(announced_user(3))
    await appoint(grid)


async def test_an_appointment_ends_when_its_user_is_disabled(grid: Serving, events: Events, engine: Engine) -> None:
    await with_a_cell(grid)
    events.deliver(announced_user(1))
    await appoint(grid)
    before = announced_as(engine, CellDefined)[-1]
    assert [each.user for each in before.appointments] == [NEW]
    events.deliver(announced_user(2, active=False))
    assert await appointed(grid) == []
    after = announced_as(engine, CellDefined)[-1]
    assert after.version == before.version + 1
    assert not after.appointments


async def test_an_appointment_that_grid_made_before_it_heard_of_the_disabling_ends_too(
    grid: Serving, events: Events, clock: SettableClock
) -> None:
    await with_a_cell(grid)
    events.deliver(announced_user(1))
    disabled_at = clock.now()
    clock.set(disabled_at + timedelta(seconds=30))
    await appoint(grid)
    events.deliver(announced_user(2, active=False), UserDisabled(user=NEW), time=disabled_at)
    assert await appointed(grid) == []


async def test_a_disabling_that_comes_late_leaves_what_was_given_since(
    grid: Serving, events: Events, clock: SettableClock
) -> None:
    """It failed at first; the user was admitted and appointed again meanwhile."""
    await with_a_cell(grid)
    disabled_at = clock.now()
    clock.set(disabled_at + timedelta(hours=1))
    events.deliver(announced_user(3))
    await appoint(grid)
    events.deliver(announced_user(2, active=False), time=disabled_at)
    assert await appointed(grid) == [NEW]
