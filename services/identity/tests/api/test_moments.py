"""What happens to accounts and sessions when several things happen at the same moment."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy import Engine, text

from onegrid.identity.v1.events_pb2 import DepartmentDefined, RoleGranted, RoleRevoked
from onegrid.identity.v1.resources_pb2 import User
from onegrid_identity import granting, jobs, store
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused
from onegrid_kit.testing.events import announced_as

from .acting import DISTRICT, PASSWORD, PHONE, Identity, Metadata, a_clerk, at_once, bearer, login, with_code

DEPARTMENT = "210602D07"
OTHERS_PHONE = "+8613912345679"


def rows(engine: Engine, query: str) -> list[Any]:
    with engine.connect() as conn:
        return list(conn.execute(text(query)).scalars())


# Guessing


async def test_guesses_of_one_moment_are_no_more_than_those_in_a_row(identity: Identity) -> None:
    guesses = (identity.call(None, "LoginWithPassword", login="admin", password=f"guess {n}") for n in range(12))
    outcomes = await at_once(*guesses)
    assert outcomes.count("CREDENTIALS_REJECTED") == 5
    assert outcomes.count("RATE_LIMITED") == 7


async def test_many_right_logins_of_one_moment_all_succeed(identity: Identity) -> None:
    outcomes = await at_once(
        *(identity.call(None, "LoginWithPassword", login="admin", password=PASSWORD) for _ in range(10))
    )
    assert not [each for each in outcomes if isinstance(each, str)]


async def test_failures_long_ago_are_forgiven(identity: Identity, clock: SettableClock, engine: Engine) -> None:
    for _ in range(4):
        assert await at_once(identity.call(None, "LoginWithPassword", login="admin", password="wrong")) == [
            "CREDENTIALS_REJECTED"
        ]
    clock.set(datetime(2020, 11, 11, 9, 0, tzinfo=UTC))
    for _ in range(4):
        await at_once(identity.call(None, "LoginWithPassword", login="admin", password="wrong"))
    await login(identity)
    assert set(rows(engine, "SELECT failures FROM login_attempts WHERE success_time IS NOT NULL")) == {0}


async def test_wrong_secrets_never_lock_a_service_account(identity: Identity) -> None:
    admin = await login(identity)
    made = await identity.call_with(admin, "CreateServiceAccount", district=DISTRICT, display_name="12345 热线")
    wrong = (identity.call(None, "LoginServiceAccount", name=made.user.name, secret="wrong") for _ in range(20))
    assert set(await at_once(*wrong)) == {"CREDENTIALS_REJECTED"}
    assert (await identity.call(None, "LoginServiceAccount", name=made.user.name, secret=made.secret)).session.user


async def test_an_old_password_is_guessed_no_more_often_than_a_logins(identity: Identity) -> None:
    admin = await login(identity)
    clerk = await a_clerk(identity, admin)
    answer = await identity.call(None, "LoginWithPassword", login="clerk", password=PASSWORD)
    mine = bearer(answer.session.access_token)

    async def change(old: str) -> Any:
        fields = {"name": clerk.name, "old_password": old, "new_password": "a new long password"}
        return (await at_once(identity.call_with(mine, "SetPassword", **fields)))[0]

    assert [await change("wrong") for _ in range(5)] == ["CREDENTIALS_REJECTED"] * 5
    assert await change(PASSWORD) == "RATE_LIMITED"


async def test_one_code_is_sent_to_those_who_ask_at_once(identity: Identity) -> None:
    outcomes = await at_once(*(identity.call(None, "RequestOneTimeCode", phone=PHONE) for _ in range(8)))
    assert outcomes.count("RATE_LIMITED") == 7


async def test_one_code_opens_one_session(identity: Identity, engine: Engine) -> None:
    await identity.call(None, "RequestOneTimeCode", phone=PHONE)
    fields = {"phone": PHONE, "code": identity.codes.last_code(PHONE), "district": DISTRICT}
    outcomes = await at_once(*(identity.call(None, "LoginWithOneTimeCode", **fields) for _ in range(8)))
    assert outcomes.count("CREDENTIALS_REJECTED") == 7
    assert len(rows(engine, "SELECT id FROM session")) == 1


async def test_a_code_is_still_good_after_its_holder_named_a_district_that_there_is_not(identity: Identity) -> None:
    with pytest.raises(Refused) as refused:
        await with_code(identity, district="999999")
    assert refused.value.reason == "SCOPE_UNKNOWN"
    fields = {"phone": PHONE, "code": identity.codes.last_code(PHONE), "district": DISTRICT}
    assert (await identity.call(None, "LoginWithOneTimeCode", **fields)).session.access_token


# Being disabled


async def test_who_is_disabled_while_logging_in_keeps_no_session(identity: Identity, engine: Engine) -> None:
    admin = await login(identity)
    clerk = await a_clerk(identity, admin)
    logins = (identity.call(None, "LoginWithPassword", login="clerk", password=PASSWORD) for _ in range(12))

    async def disable() -> Any:
        await asyncio.sleep(0.1)
        return await identity.call_with(admin, "DisableUser", name=clerk.name)

    await at_once(*logins, disable())
    user = clerk.name.removeprefix("users/")
    assert not rows(engine, f"SELECT id FROM session WHERE account = '{user}' AND NOT revoked")


async def test_a_refresh_while_the_account_is_disabled_leaves_no_session(identity: Identity, engine: Engine) -> None:
    admin = await login(identity)
    for number in range(5):
        clock_free = f"+861391000000{number}"
        session = await with_code(identity, clock_free)
        await at_once(
            identity.call(None, "RefreshSession", refresh_token=session.refresh_token),
            identity.call_with(admin, "DisableUser", name=session.user),
        )
        user = session.user.removeprefix("users/")
        assert not rows(engine, f"SELECT id FROM session WHERE account = '{user}' AND NOT revoked")


# Grants and departments


async def test_a_role_given_by_several_at_once_is_one_grant(identity: Identity, engine: Engine) -> None:
    admin = await login(identity)
    clerk = await a_clerk(identity, admin)
    fields = {"user": clerk.name, "role": "roles/commander", "scope": DISTRICT}
    outcomes = await at_once(*(identity.call_with(admin, "GrantRole", **fields) for _ in range(8)))
    assert len({each.grant.name for each in outcomes}) == 1
    assert len(announced_as(engine, RoleGranted, clerk.name)) == 2, "one of them is the default role"


async def test_a_role_taken_by_several_at_once_is_taken_once(identity: Identity, engine: Engine) -> None:
    admin = await login(identity)
    clerk = await a_clerk(identity, admin)
    fields = {"user": clerk.name, "role": "roles/commander", "scope": DISTRICT}
    grant = (await identity.call_with(admin, "GrantRole", **fields)).grant
    outcomes = await at_once(*(identity.call_with(admin, "RevokeRole", name=grant.name) for _ in range(8)))
    assert outcomes.count("NOT_FOUND") == 7
    assert len(announced_as(engine, RoleRevoked, clerk.name)) == 1


async def test_giving_and_taking_a_role_at_once_never_fails(identity: Identity) -> None:
    admin = await login(identity)
    clerk = await a_clerk(identity, admin)
    fields = {"user": clerk.name, "role": "roles/commander", "scope": DISTRICT}
    for _ in range(10):
        grant = (await identity.call_with(admin, "GrantRole", **fields)).grant
        gives = (identity.call_with(admin, "GrantRole", **fields) for _ in range(4))
        outcomes = await at_once(*gives, identity.call_with(admin, "RevokeRole", name=grant.name))
        assert not [each for each in outcomes if isinstance(each, str)]


async def test_a_department_is_entered_once(identity: Identity, engine: Engine) -> None:
    admin = await login(identity)
    names = [f"第{number}局" for number in range(8)]
    outcomes = await at_once(
        *(identity.call_with(admin, "CreateDepartment", code=DEPARTMENT, display_name=name) for name in names)
    )
    assert outcomes.count("RESOURCE_EXISTS") == 7
    assert len(announced_as(engine, DepartmentDefined, f"departments/{DEPARTMENT}")) == 1


# One's own account


async def test_taking_anothers_number_or_organization_is_refused(identity: Identity) -> None:
    """The number's owner would log in to an account that another user made and still reads."""
    me = await with_code(identity)
    mine = bearer(me.access_token)

    async def update(by: Metadata, *paths: str) -> Any:
        user = User(name=me.user, display_name="张三", phone=OTHERS_PHONE, organization="元宝区儿童中心")
        mask = FieldMask(paths=paths)
        return (await at_once(identity.call_with(by, "UpdateUser", user=user, update_mask=mask)))[0]

    assert (await update(mine, "display_name")).user.display_name == "张三"
    for paths in (("phone",), ("organization",), ("display_name", "phone")):
        assert await update(mine, *paths) == "PERMISSION_DENIED"
    after = (await update(await login(identity), "phone", "organization")).user
    assert (after.phone, after.organization) == (OTHERS_PHONE, "元宝区儿童中心")


# Housekeeping


async def test_expired_sessions_codes_and_failures_are_deleted(
    identity: Identity, clock: SettableClock, engine: Engine
) -> None:
    await with_code(identity)
    await identity.call(None, "RequestOneTimeCode", phone=PHONE)
    await at_once(identity.call(None, "LoginWithPassword", login="nobody", password="wrong"))
    # What is known of an address is kept longer than what failed.
    await login(identity)
    tables = ("session", "refresh_token", "one_time_code", "code_requests", "login_attempts")

    def forget(now: datetime) -> list[int]:
        with engine.begin() as conn:
            for job in jobs.JOBS:
                job.run(conn, now)
        return [len(rows(engine, f"SELECT 1 FROM {table}")) for table in tables]

    assert forget(clock.now()) == [2, 2, 1, 1, 4]
    assert forget(clock.now() + timedelta(minutes=20)) == [2, 2, 0, 1, 1]
    assert forget(clock.now() + timedelta(minutes=70)) == [2, 2, 0, 0, 1]
    assert forget(clock.now() + timedelta(days=31)) == [0, 0, 0, 0, 1]
    assert forget(clock.now() + timedelta(days=91)) == [0, 0, 0, 0, 0]


def test_a_built_in_role_that_changed_has_another_etag(engine: Engine) -> None:
    with engine.begin() as conn:
        before = store.roles_by_id(conn, ["commander"])["commander"]
        store.upsert_roles(conn, granting.BUILT_IN)
        assert store.roles_by_id(conn, ["commander"])["commander"] == before
        conn.execute(text("UPDATE role SET permissions = '{}' WHERE id = 'commander'"))
        store.upsert_roles(conn, granting.BUILT_IN)
        after = store.roles_by_id(conn, ["commander"])["commander"]
    assert after.permissions == before.permissions
    assert after.version == before.version + 1
