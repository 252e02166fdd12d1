"""Roles that plans of emergency give, bounded by who defined the plan: identity follows emergency and duty."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from onegrid.duty.v1.events_pb2 import ShiftAuthority, ShiftElevated
from onegrid.duty.v1.resources_pb2 import Shift
from onegrid.emergency.v1.events_pb2 import PlanActivated, PlanDeactivated
from onegrid.emergency.v1.plans_pb2 import ActiveElevation, PlanActivation, PlanElevation
from onegrid.identity.v1.events_pb2 import PlanRoleGranted, PlanRoleRefused, RoleRevoked
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.events import Events, announced_as, forget_announced

from .acting import DISTRICT, Metadata, a_clerk, login

BEGIN = datetime(2020, 11, 11, 6, 36, tzinfo=UTC)
"""When the tests' clock begins."""
END = BEGIN + timedelta(hours=72)
ACTIVATION = f"planActivations/{DISTRICT}-01hf0000000000000000"
ELEVATION = f"{ACTIVATION}/elevations/1"
SHIFT = f"shifts/{DISTRICT}-centre-01hf0000000000000000"


class District:
    """An administrator, a clerk, and a plan that gives the clerk the administrator's role over the district."""

    def __init__(self, api: Serving, events: Events, users: dict[str, str]) -> None:
        self.api, self.events, self.users = api, events, users

    def _activation(self, guarantor: str) -> PlanActivation:
        activation = PlanActivation(name=ACTIVATION, guarantor=self.users[guarantor])
        activation.activate_time.FromDatetime(BEGIN)
        activation.expire_time.FromDatetime(END)
        for number, holder in ((1, self.users["wang"]), (2, f"rosters/{DISTRICT}-centre")):
            given = PlanElevation(holder=holder, role="roles/administrator", scope=DISTRICT)
            activation.elevations.append(ActiveElevation(name=f"{ACTIVATION}/elevations/{number}", elevation=given))
        return activation

    def activated(self, guarantor: str = "admin") -> None:
        self.events.deliver(PlanActivated(activation=self._activation(guarantor)), subject=ACTIVATION)

    def deactivated(self) -> None:
        self.events.deliver(PlanDeactivated(activation=self._activation("admin")), subject=ACTIVATION)

    def elevated(self, revision: int, role: str = "roles/administrator") -> None:
        authority = ShiftAuthority(role=role, scope=DISTRICT, definer=self.users["admin"])
        shift = Shift(name=SHIFT, user=self.users["wang"])
        period = {"begin_time": BEGIN, "end_time": BEGIN + timedelta(hours=8)}
        event = ShiftElevated(elevation=ELEVATION, shift=shift, authority=authority, revision=revision, **period)
        self.events.deliver(event, subject=SHIFT)

    async def elevations(self) -> list[tuple[str, str]]:
        """What the clerk holds by plans: the elevation, and the shift's name, which it has nothing of."""
        admin = await login(self.api)
        listed = (await self.api.call_with(admin, "ListGrants", user=self.users["wang"])).grants
        return [(each.elevation, each.shift) for each in listed if each.role == "roles/administrator"]


@pytest.fixture
async def district(identity: Serving, events: Events, engine: Engine) -> District:
    admin = await login(identity)
    users = {"admin": (await identity.call_with(admin, "GetCaller")).user.name}
    for name in ("wang", "lina"):
        users[name] = (await a_clerk(identity, admin, name)).name
    forget_announced(engine)
    return District(identity, events, users)


async def may_list_users(api: Serving, who: Metadata) -> bool:
    try:
        await api.call_with(who, "ListUsers", district=DISTRICT)
    except Refused:
        return False
    return True


async def test_a_plan_gives_its_role_until_it_ends(district: District, engine: Engine) -> None:
    district.activated()
    assert await district.elevations() == [(ELEVATION, "")]
    assert announced_as(engine, PlanRoleGranted) == [PlanRoleGranted(elevation=ELEVATION)]
    assert await may_list_users(district.api, await login(district.api, "wang"))
    district.deactivated()
    assert await district.elevations() == []
    assert [each.grant.elevation for each in announced_as(engine, RoleRevoked)] == [ELEVATION]
    assert not await may_list_users(district.api, await login(district.api, "wang"))


async def test_the_role_ends_by_itself_if_nobody_ends_the_plan(district: District, clock: SettableClock) -> None:
    district.activated()
    for moment, may in ((END - timedelta(minutes=1), True), (END, False)):
        clock.set(moment)
        assert await may_list_users(district.api, await login(district.api, "wang")) is may, moment


async def test_a_plan_that_ended_before_its_beginning_was_heard_of_gives_nothing(
    district: District, engine: Engine
) -> None:
    district.deactivated()
    district.activated()
    assert await district.elevations() == []
    assert not announced_as(engine, PlanRoleGranted)


async def test_a_plan_gives_nothing_that_its_definer_does_not_hold(district: District, engine: Engine) -> None:
    district.activated(guarantor="lina")
    assert await district.elevations() == []
    assert announced_as(engine, PlanRoleRefused) == [PlanRoleRefused(elevation=ELEVATION, reason="PERMISSION_DENIED")]


async def test_whoever_is_on_duty_holds_it_until_duty_says_otherwise(district: District, engine: Engine) -> None:
    district.elevated(2)
    assert await district.elevations() == [(ELEVATION, "")]
    assert announced_as(engine, PlanRoleGranted) == [PlanRoleGranted(elevation=ELEVATION)]
    district.elevated(3, role="")
    assert await district.elevations() == []
    district.elevated(2)
    assert await district.elevations() == []
