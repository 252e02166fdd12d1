"""What others hear of accounts, and where users are at home."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy import Engine, text

from onegrid.common.v1.common_pb2 import AccountKind
from onegrid.identity.v1.events_pb2 import DepartmentDefined, RoleGranted, UserDefined
from onegrid.identity.v1.resources_pb2 import User, UserState
from onegrid_identity import jobs
from onegrid_kit.clock import SettableClock
from onegrid_kit.service import Service
from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.events import announce_current, announced, announced_as, forget_announced

from .acting import DISTRICT, Metadata, bearer, login, refused, with_code

CELL = "210602003007005"


async def resident(identity: Serving) -> tuple[str, Metadata]:
    session = await with_code(identity)
    return session.user, bearer(session.access_token)


async def move(identity: Serving, who: Metadata, name: str, home: str) -> User:
    changed = User(name=name, home=home)
    answer = await identity.call_with(who, "UpdateUser", user=changed, update_mask=FieldMask(paths=["home"]))
    user: User = answer.user
    return user


async def test_each_version_of_an_account_is_announced(identity: Serving, engine: Engine) -> None:
    admin = await login(identity)
    name, me = await resident(identity)
    await move(identity, me, name, CELL)
    await identity.call_with(admin, "DisableUser", name=name)
    await identity.call_with(admin, "EnableUser", name=name)
    told = announced_as(engine, UserDefined, name)
    active, disabled = UserState.USER_STATE_ACTIVE, UserState.USER_STATE_DISABLED
    assert [(each.version, each.state, each.home) for each in told] == [
        (1, active, ""),
        (2, active, CELL),
        (3, disabled, CELL),
        (4, active, CELL),
    ]
    assert {(each.user, each.kind, each.district) for each in told} == {
        (name, AccountKind.ACCOUNT_KIND_CITIZEN, DISTRICT)
    }


@pytest.mark.parametrize("home", [DISTRICT, CELL[:9], CELL[:12], CELL])
async def test_users_say_where_they_are_at_home_and_take_it_back(identity: Serving, home: str) -> None:
    name, me = await resident(identity)
    assert (await move(identity, me, name, home)).home == home
    assert (await identity.call_with(me, "GetCaller")).user.home == home
    assert (await move(identity, me, name, "")).home == ""


async def test_where_somebody_is_at_home_is_for_nobody_else_to_say(identity: Serving) -> None:
    name, _ = await resident(identity)
    error = await refused(move(identity, await login(identity), name, CELL))
    assert (error.code, error.reason) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")


async def test_a_home_is_a_known_place(identity: Serving) -> None:
    name, me = await resident(identity)
    error = await refused(move(identity, me, name, "210602999"))
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "SCOPE_UNKNOWN")
    for malformed in ("21060", "2106020", "210602D07", "self", "2106020030070051"):
        assert (await refused(move(identity, me, name, malformed))).reason == "INVALID_REQUEST"


def announce(engine: Engine, clock: SettableClock) -> None:
    (job,) = (job for job in jobs.JOBS if job.name == "announce accounts")
    with engine.begin() as conn:
        job.run(conn, clock.now())


async def test_accounts_that_the_release_before_made_or_changed_are_announced_once(
    identity: Serving, engine: Engine, clock: SettableClock
) -> None:
    admin = await login(identity)
    name, _ = await resident(identity)
    announce(engine, clock)
    forget_announced(engine)
    announce(engine, clock)
    assert not announced_as(engine, UserDefined), "all of them were announced"
    with engine.begin() as conn:
        # As the release before does, which knows nothing of the column.
        disabled = {"state": int(UserState.USER_STATE_DISABLED), "id": name.removeprefix("users/")}
        conn.execute(text("UPDATE account SET state = :state, version = version + 1 WHERE id = :id"), disabled)
    announce(engine, clock)
    announce(engine, clock)
    (told,) = announced_as(engine, UserDefined)
    assert (told.user, told.state, told.version) == (name, UserState.USER_STATE_DISABLED, 2)
    await identity.call_with(admin, "EnableUser", name=name)
    announce(engine, clock)
    assert [each.version for each in announced_as(engine, UserDefined)] == [2, 3]


async def test_who_subscribes_later_hears_once_of_all_accounts_departments_and_grants_that_are_in_effect(
    identity: Serving, engine: Engine, clock: SettableClock, service: Service
) -> None:
    admin = await login(identity)
    name, me = await resident(identity)
    await move(identity, me, name, CELL)
    code = f"{DISTRICT}D07"
    await identity.call_with(admin, "CreateDepartment", code=code, display_name="人社局")
    for role in ("roles/supervisor", "roles/commander"):
        await identity.call_with(admin, "GrantRole", user=name, role=role, scope=DISTRICT)
    kept, revoked = announced_as(engine, RoleGranted, name)[-2:]
    await identity.call_with(admin, "RevokeRole", name=revoked.grant.name)
    before = announced(engine)
    forget_announced(engine)
    announce_current(service, engine, clock)
    users = announced_as(engine, UserDefined)
    assert len({user.user for user in users}) == len(users) == 2
    assert announced_as(engine, UserDefined, name) == [
        each for each in before if isinstance(each, UserDefined) and (each.user, each.home) == (name, CELL)
    ]
    assert announced_as(engine, DepartmentDefined) == [each for each in before if isinstance(each, DepartmentDefined)]
    granted = announced_as(engine, RoleGranted)
    assert len({each.grant.name for each in granted}) == len(granted)
    assert [each for each in granted if each.user == name] == [
        each for each in before if isinstance(each, RoleGranted) and each.user == name and each != revoked
    ]
    assert kept in granted
    forget_announced(engine)
    announce_current(service, engine, clock)
    assert not announced(engine)
