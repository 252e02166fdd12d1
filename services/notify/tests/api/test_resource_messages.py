"""What offices hear of their teams that are called, and of supplies that run down."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from onegrid.common.v1.common_pb2 import OaLevel
from onegrid.emergency.v1.events_pb2 import ResourceReserved, StockRunDown
from onegrid.emergency.v1.relief_pb2 import Reservation, ReservationState
from onegrid.identity.v1.events_pb2 import RoleGranted, UserDefined
from onegrid.identity.v1.resources_pb2 import Grant, UserState
from onegrid.notify.v1.resources_pb2 import InboxItem
from onegrid_kit.callers import Caller
from onegrid_kit.clock import CHINA
from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.events import Events
from onegrid_kit.timestamps import timestamp

from .people import DISTRICT, OTHER_STREET, OTHER_STREET_DESK, STREET, STREET_DESK

NOON = datetime(2020, 11, 11, 12, 0, tzinfo=CHINA)


@pytest.fixture(autouse=True)
def desks(events: Events) -> None:
    """Who holds a role over which street."""
    before = NOON - timedelta(days=1)
    for who, office in ((STREET_DESK, STREET), (OTHER_STREET_DESK, OTHER_STREET)):
        known = UserDefined(user=who.user, kind=who.kind, district=DISTRICT, version=1)
        known.state = UserState.USER_STATE_ACTIVE
        known.update_time.CopyFrom(timestamp(before))
        grant = Grant(name=f"{who.user}/grants/1", role="roles/street-coordinator", scope=office)
        grant.create_time.CopyFrom(timestamp(before))
        granted = RoleGranted(user=who.user, role=grant.role, scope=office, grant=grant)
        granted.oa_level = OaLevel.OA_LEVEL_STREET
        events.deliver(known, granted, time=before)


async def messages(api: Serving, reader: Caller) -> list[InboxItem]:
    """What the reader heard of resources, the newest first."""
    items = (await api.call(reader, "ListInboxItems")).items
    return [each for each in items if each.subject.startswith(("reservations/", "depots/"))]


def reserved(resource: str, display_name: str) -> ResourceReserved:
    kept = Reservation(
        name=f"reservations/{STREET}-00000000000000000000",
        incident="incidents/210602-20201111-7KX3M9QF",
        resource=resource,
        quantity=1,
        state=ReservationState.RESERVATION_STATE_HELD,
        begin_time=timestamp(NOON),
        expire_time=timestamp(NOON + timedelta(minutes=30)),
    )
    return ResourceReserved(reservation=kept, office=STREET, display_name=display_name)


async def test_an_office_hears_that_its_team_is_called_and_nobody_else_does(api: Serving, events: Events) -> None:
    event = reserved(f"teams/{STREET}-first", "防汛一队")
    events.deliver(event, time=NOON)
    (item,) = await messages(api, STREET_DESK)
    assert (item.title, item.summary, item.subject) == (
        "防汛一队被调用",
        "防汛一队已于2020年11月11日 12:00被突发事件（编号210602-20201111-7KX3M9QF）预定，请立即联系并准备出动。\n"
        "预定保留至2020年11月11日 12:30，逾期未确认自动失效。",
        event.reservation.name,
    )
    assert await messages(api, OTHER_STREET_DESK) == []


async def test_no_office_hears_of_each_place_of_a_shelter_that_is_reserved(api: Serving, events: Events) -> None:
    events.deliver(reserved(f"shelters/{STREET}-school", ""), time=NOON)
    assert await messages(api, STREET_DESK) == []


async def test_an_office_hears_that_a_supply_runs_down(api: Serving, events: Events) -> None:
    stock = f"depots/{STREET}-main/stocks/sandbags"
    event = StockRunDown(
        stock=stock,
        office=STREET,
        display_name="沙袋",
        depot_display_name="防汛物资库",
        unit="袋",
        quantity=90,
        minimum=100,
        time=timestamp(NOON),
    )
    events.deliver(event, time=NOON)
    (item,) = await messages(api, STREET_DESK)
    assert (item.title, item.summary, item.subject) == (
        "物资不足：沙袋",
        "防汛物资库的沙袋截至2020年11月11日 12:00仅余90袋，低于最低储备100袋，请及时补充。",
        stock,
    )
