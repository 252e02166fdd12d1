"""What staff hear of the roles and posts that they are given."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from onegrid.common.v1.common_pb2 import OaLevel
from onegrid.grid.v1.events_pb2 import AppointmentEnded, CellDefined, DivisionDefined
from onegrid.grid.v1.resources_pb2 import Appointment, Post
from onegrid.identity.v1.events_pb2 import RoleGranted, RoleRevoked
from onegrid.identity.v1.resources_pb2 import Grant
from onegrid_kit.callers import Caller
from onegrid_kit.clock import CHINA
from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.events import Events
from onegrid_kit.timestamps import timestamp

from .people import CELL, CITIZEN, COMMUNITY, STREET_DESK, WORKER

NOON = datetime(2020, 11, 11, 12, 0, tzinfo=CHINA)


async def titles(api: Serving, reader: Caller) -> Sequence[str]:
    return [item.title for item in (await api.call(reader, "ListInboxItems")).items]


def granted(to: Caller, level: OaLevel = OaLevel.OA_LEVEL_COMMUNITY, role: str = "community-coordinator") -> Any:
    grant = Grant(name=f"{to.user}/grants/1", role=f"roles/{role}", scope=COMMUNITY, create_time=timestamp(NOON))
    return RoleGranted(user=to.user, role=grant.role, scope=COMMUNITY, oa_level=level, grant=grant)


def revoked(of: RoleGranted) -> RoleRevoked:
    return RoleRevoked(user=of.user, role=of.role, scope=of.scope, grant=of.grant)


async def test_staff_hear_of_a_role_once_and_of_its_end(api: Serving, events: Events) -> None:
    events.deliver(DivisionDefined(code=COMMUNITY, display_name="朝凤社区", version=1))
    grant = granted(STREET_DESK)
    grant.grant.expire_time.CopyFrom(timestamp(NOON + timedelta(days=365)))
    events.deliver(grant, time=NOON)
    events.deliver(revoked(grant), time=NOON + timedelta(hours=1))
    ended, given = (await api.call(STREET_DESK, "ListInboxItems")).items
    assert given.title == "您已获得新的角色"
    assert given.summary == "您已于2020年11月11日 12:00获得朝凤社区的社区平台角色。\n有效期至2021年11月11日 12:00。"
    assert given.subject == STREET_DESK.user
    assert ended.summary == "您在朝凤社区的社区平台角色已于2020年11月11日 13:00收回。"


async def test_nobody_hears_of_the_roles_that_every_account_has_or_that_systems_hold(
    api: Serving, events: Events
) -> None:
    grant = granted(CITIZEN, OaLevel.OA_LEVEL_UNSPECIFIED, "petitioner")
    events.deliver(grant, time=NOON)
    events.deliver(revoked(grant), time=NOON)
    own = granted(CITIZEN)
    own.scope = "self"
    events.deliver(own, revoked(own), time=NOON)
    assert await titles(api, CITIZEN) == []


async def test_a_grant_that_is_announced_again_later_is_no_news(api: Serving, events: Events) -> None:
    events.deliver(granted(STREET_DESK), time=NOON + timedelta(days=1))
    assert await titles(api, STREET_DESK) == []


async def test_whoever_is_appointed_to_a_cell_hears_of_it_and_nobody_else_does(api: Serving, events: Events) -> None:
    before = Appointment(user=STREET_DESK.user, post=Post.POST_LEADER, start_time=timestamp(NOON - timedelta(days=1)))
    new = Appointment(user=WORKER.user, post=Post.POST_WORKER, start_time=timestamp(NOON))
    cell = CellDefined(code=CELL, display_name="第五网格", appointments=[before, new], version=2)
    events.deliver(cell, time=NOON)
    cell.version = 3
    events.deliver(cell, time=NOON + timedelta(hours=1))
    (item,) = (await api.call(WORKER, "ListInboxItems")).items
    assert (item.title, item.summary) == (
        "您已被任命为网格员",
        "您已于2020年11月11日 12:00被任命为第五网格的网格员。",
    )
    assert await titles(api, STREET_DESK) == []


async def test_whoever_is_no_longer_appointed_to_a_cell_hears_of_it_once(api: Serving, events: Events) -> None:
    held = Appointment(
        name=f"cells/{CELL}/appointments/0000worker",
        user=WORKER.user,
        post=Post.POST_WORKER,
        start_time=timestamp(NOON - timedelta(days=1)),
        end_time=timestamp(NOON),
    )
    ended = AppointmentEnded(cell_display_name="第五网格", appointment=held)
    events.deliver(ended, time=NOON)
    (item,) = (await api.call(WORKER, "ListInboxItems")).items
    assert (item.title, item.summary, item.subject) == (
        "您的网格员任期已结束",
        "您在第五网格的网格员任期已于2020年11月11日 12:00结束。",
        f"cells/{CELL}",
    )
    assert await titles(api, STREET_DESK) == []
