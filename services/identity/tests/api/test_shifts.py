"""Roles that shifts grant: identity follows what duty announces, bounded by whoever defined the roster."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from onegrid.duty.v1.events_pb2 import ShiftAuthority, ShiftCancelled, ShiftChanged, ShiftScheduled
from onegrid.duty.v1.resources_pb2 import Shift
from onegrid.identity.v1.events_pb2 import RoleGranted, RoleRevoked, ShiftRoleGranted, ShiftRoleRefused
from onegrid.identity.v1.resources_pb2 import UserState
from onegrid_identity.jobs import JOBS
from onegrid_kit.clock import SettableClock
from onegrid_kit.jobs import run_job
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.events import Events, announced_as, forget_announced

from .acting import DISTRICT, Metadata, a_clerk, login

START = datetime(2020, 11, 11, 6, 36, tzinfo=UTC)
BEGIN = START + timedelta(hours=2)
END = BEGIN + timedelta(hours=8)
SHIFT = f"shifts/{DISTRICT}-centre-01hf0000000000000000"


class District:
    """An administrator, two clerks, and shifts that grant the administrator's role over the district."""

    def __init__(self, api: Serving, events: Events, admin: Metadata, users: dict[str, str]) -> None:
        self.api, self.events, self.admin, self.users = api, events, admin, users

    def shift(self, user: str = "wang", revision: int = 1, begin: datetime = BEGIN, end: datetime = END) -> Shift:
        return Shift(name=SHIFT, user=self.users[user], begin_time=begin, end_time=end, revision=revision)

    def authority(self, guarantor: str = "admin", role: str = "administrator", scope: str = DISTRICT) -> ShiftAuthority:
        return ShiftAuthority(role=f"roles/{role}", scope=scope, definer=self.users[guarantor])

    def scheduled(self, *, authority: ShiftAuthority | None = None, **shift: object) -> None:
        event = ShiftScheduled(shift=self.shift(**shift), authority=authority or self.authority())  # type: ignore[arg-type]
        self.events.deliver(event, subject=SHIFT)

    def changed(self, revision: int, *, authority: ShiftAuthority | None = None, **shift: object) -> None:
        changed = self.shift(revision=revision, **shift)  # type: ignore[arg-type]
        self.events.deliver(ShiftChanged(shift=changed, authority=authority or self.authority()), subject=SHIFT)

    async def grants(self, user: str = "wang") -> list[tuple[str, datetime, datetime]]:
        """Of shifts: role and times."""
        admin = await login(self.api)
        listed = (await self.api.call_with(admin, "ListGrants", user=self.users[user])).grants
        return [
            (each.role, each.begin_time.ToDatetime(UTC), each.expire_time.ToDatetime(UTC))
            for each in listed
            if each.shift == SHIFT
        ]


GRANTED = [("roles/administrator", BEGIN, END)]


@pytest.fixture
async def district(identity: Serving, events: Events, engine: Engine) -> District:
    admin = await login(identity)
    users = {"admin": (await identity.call_with(admin, "GetCaller")).user.name}
    for name in ("wang", "lina"):
        users[name] = (await a_clerk(identity, admin, name)).name
    forget_announced(engine)
    return District(identity, events, admin, users)


def decide(engine: Engine, clock: SettableClock) -> None:
    (job,) = (job for job in JOBS if job.name == "grant shifts their roles")
    assert run_job("identity", engine, job, clock.now())


def refusals(engine: Engine) -> list[str]:
    return [each.reason for each in announced_as(engine, ShiftRoleRefused)]


async def may_list_users(api: Serving, who: Metadata) -> bool:
    try:
        await api.call_with(who, "ListUsers", district=DISTRICT)
    except Refused:
        return False
    return True


async def test_who_is_on_duty_holds_the_role_for_as_long_as_the_shift_lasts(
    district: District, engine: Engine, clock: SettableClock
) -> None:
    district.scheduled()
    assert await district.grants() == GRANTED
    assert announced_as(engine, ShiftRoleGranted) == [ShiftRoleGranted(shift=SHIFT, revision=1)]
    assert announced_as(engine, RoleGranted)[0].grant.shift == SHIFT
    for moment, may in (
        (BEGIN - timedelta(minutes=1), False),
        (BEGIN, True),
        (END - timedelta(minutes=1), True),
        (END, False),
    ):
        clock.set(moment)
        assert await may_list_users(district.api, await login(district.api, "wang")) is may, moment


async def test_a_shift_is_decided_on_the_day_before_it(
    district: District, engine: Engine, clock: SettableClock
) -> None:
    later = timedelta(days=3)
    district.scheduled(begin=BEGIN + later, end=END + later)
    clock.set(START + timedelta(days=2))
    decide(engine, clock)
    assert await district.grants() == []
    clock.set(START + timedelta(days=2, hours=3))
    decide(engine, clock)
    assert await district.grants() == [("roles/administrator", BEGIN + later, END + later)]
    decide(engine, clock)
    assert len(announced_as(engine, ShiftRoleGranted)) == 1


async def test_when_somebody_else_takes_the_shift_the_role_is_theirs(district: District, engine: Engine) -> None:
    district.scheduled()
    district.changed(2, user="lina")
    assert (await district.grants("wang"), await district.grants("lina")) == ([], GRANTED)
    assert [each.user for each in announced_as(engine, RoleRevoked)] == [district.users["wang"]]


async def test_the_role_ends_with_a_shift_that_ends_earlier_or_does_not_take_place(
    district: District, engine: Engine
) -> None:
    district.scheduled()
    sooner = END - timedelta(hours=4)
    district.changed(2, end=sooner)
    assert await district.grants() == [("roles/administrator", BEGIN, sooner)]
    district.events.deliver(ShiftCancelled(shift=district.shift(revision=3)), subject=SHIFT)
    assert await district.grants() == []
    # An older event that comes late brings nothing back.
    district.changed(2, end=sooner)
    district.scheduled()
    assert await district.grants() == []


async def test_a_change_of_something_else_revokes_nothing(district: District, engine: Engine) -> None:
    district.scheduled()
    district.changed(2)
    assert await district.grants() == GRANTED
    assert not announced_as(engine, RoleRevoked)


async def test_a_roster_without_a_role_grants_nothing(district: District, engine: Engine) -> None:
    district.scheduled()
    district.events.deliver(ShiftChanged(shift=district.shift(revision=2)), subject=SHIFT)
    assert await district.grants() == []


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        # Who may grant nothing guarantees for nothing, whatever duty says.
        ({"guarantor": "lina"}, "PERMISSION_DENIED"),
        ({"role": "nothing"}, "NOT_FOUND"),
        ({"role": "street-coordinator"}, "SCOPE_UNFIT"),
        ({"scope": "210603"}, "PERMISSION_DENIED"),
    ],
)
async def test_a_shift_grants_nothing_that_its_guarantor_could_not_grant(
    district: District, engine: Engine, given: dict[str, str], reason: str
) -> None:
    district.scheduled(authority=district.authority(**given))
    assert await district.grants() == []
    assert refusals(engine) == [reason]
    assert not announced_as(engine, RoleGranted)


async def test_what_the_guarantor_holds_on_the_day_before_counts_not_what_they_held_when_the_roster_was_defined(
    district: District, engine: Engine, clock: SettableClock
) -> None:
    over = {"role": "roles/administrator", "scope": DISTRICT}
    grant = (await district.api.call_with(district.admin, "GrantRole", user=district.users["lina"], **over)).grant
    later = timedelta(days=3)
    district.scheduled(authority=district.authority("lina"), begin=BEGIN + later, end=END + later)
    await district.api.call_with(district.admin, "RevokeRole", name=grant.name)
    clock.set(START + later)
    decide(engine, clock)
    assert refusals(engine) == ["PERMISSION_DENIED"]
    assert await district.grants() == []


async def test_who_holds_the_role_for_less_long_does_not_guarantee_for_the_shift(
    district: District, engine: Engine
) -> None:
    over = {"role": "roles/administrator", "scope": DISTRICT, "expire_time": END - timedelta(minutes=1)}
    await district.api.call_with(district.admin, "GrantRole", user=district.users["lina"], **over)
    district.scheduled(authority=district.authority("lina"))
    assert refusals(engine) == ["GRANT_EXCEEDS_OWN"]


async def test_a_shift_can_not_guarantee_for_its_own_extension(
    district: District, engine: Engine, clock: SettableClock
) -> None:
    """Wang has the role by the shift alone, so that what they put into a roster ends with it at the latest."""
    district.scheduled()
    clock.set(BEGIN + timedelta(hours=1))
    district.changed(2, end=END + timedelta(hours=4), authority=district.authority("wang"))
    assert refusals(engine) == ["PERMISSION_DENIED"]
    assert await district.grants() == []


async def test_a_disabled_account_gets_no_role_by_a_shift(district: District, engine: Engine) -> None:
    user = await district.api.call_with(district.admin, "DisableUser", name=district.users["wang"])
    assert user.user.state == UserState.USER_STATE_DISABLED
    district.scheduled()
    assert refusals(engine) == ["NOT_FOUND"]


async def test_a_grant_that_was_revoked_by_hand_does_not_come_back(
    district: District, engine: Engine, clock: SettableClock
) -> None:
    district.scheduled()
    (grant,) = (
        each
        for each in (await district.api.call_with(district.admin, "ListGrants", user=district.users["wang"])).grants
        if each.shift
    )
    await district.api.call_with(district.admin, "RevokeRole", name=grant.name)
    decide(engine, clock)
    assert await district.grants() == []
    district.changed(2, user="lina")
    assert await district.grants("lina") == GRANTED
