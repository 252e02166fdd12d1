"""Accounts, sessions, departments, roles and grants over gRPC."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import jwt
from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy import Engine, text

from onegrid.common.v1.common_pb2 import AccountKind, OaLevel
from onegrid.identity.v1.resources_pb2 import User, UserState
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused
from onegrid_kit.testing.waiting import eventually_async

from .acting import DISTRICT, PASSWORD, PHONE, Identity, Metadata, a_clerk, bearer, login, refused, with_code

STREET, DEPARTMENT = "210602003", "210602D07"


async def test_a_login_opens_a_session_whose_token_holds_the_grants(identity: Identity) -> None:
    admin = await login(identity)
    claims = jwt.decode(admin[0][1][7:], options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 15 * 60
    assert {grant["s"] for grant in claims["grants"]} == {"self", DISTRICT}
    me = await identity.call_with(admin, "GetCaller")
    assert me.user.login == "admin"
    assert {grant.role for grant in me.grants} == {"roles/self", "roles/administrator"}


async def test_wrong_unknown_and_disabled_get_the_same_answer(identity: Identity) -> None:
    admin = await login(identity)
    clerk = await a_clerk(identity, admin)
    await identity.call_with(admin, "DisableUser", name=clerk.name)
    errors = set()
    for name, password in (("admin", "wrong"), ("nobody", PASSWORD), ("clerk", PASSWORD)):
        error = await refused(identity.call(None, "LoginWithPassword", login=name, password=password))
        errors.add((error.code, error.reason, str(error)))
    assert len(errors) == 1
    assert errors.pop()[:2] == (grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_REJECTED")


async def test_after_five_failures_even_the_right_password_waits(identity: Identity, clock: SettableClock) -> None:
    for _ in range(5):
        await refused(identity.call(None, "LoginWithPassword", login="admin", password="wrong"))
    error = await refused(login(identity))
    assert (error.code, error.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED")
    assert "RetryInfo" in error.details
    clock.set(datetime(2020, 11, 11, 6, 52, tzinfo=UTC))
    await login(identity)


async def test_the_first_login_with_a_code_makes_a_resident(identity: Identity) -> None:
    session = await with_code(identity)
    me = await identity.call_with(bearer(session.access_token), "GetCaller")
    assert (me.user.kind, me.user.phone) == (AccountKind.ACCOUNT_KIND_CITIZEN, PHONE)
    again = await with_code(identity)
    assert again.user == session.user


async def test_a_code_works_once(identity: Identity) -> None:
    await with_code(identity)
    error = await refused(with_code(identity, code=identity.codes.last_code(PHONE)))
    assert error.reason == "CREDENTIALS_REJECTED"


async def test_five_wrong_tries_end_a_code(identity: Identity) -> None:
    await identity.call(None, "RequestOneTimeCode", phone=PHONE)
    right = identity.codes.last_code(PHONE)
    for _ in range(5):
        await refused(with_code(identity, code="000000" if right != "000000" else "000001"))
    await refused(with_code(identity, code=right))


async def test_a_code_ends_after_five_minutes(identity: Identity, clock: SettableClock) -> None:
    await identity.call(None, "RequestOneTimeCode", phone=PHONE)
    clock.set(datetime(2020, 11, 11, 6, 41, 1, tzinfo=UTC))
    await refused(with_code(identity, code=identity.codes.last_code(PHONE)))


async def test_the_next_code_for_a_number_waits_a_minute(identity: Identity, clock: SettableClock) -> None:
    await identity.call(None, "RequestOneTimeCode", phone=PHONE)
    error = await refused(identity.call(None, "RequestOneTimeCode", phone=PHONE))
    assert error.reason == "RATE_LIMITED"
    clock.set(datetime(2020, 11, 11, 6, 37, 5, tzinfo=UTC))
    await identity.call(None, "RequestOneTimeCode", phone=PHONE)


async def test_staff_do_not_get_in_with_a_code(identity: Identity) -> None:
    admin = await login(identity)
    clerk = await a_clerk(identity, admin)
    changed = User(name=clerk.name, phone=PHONE)
    await identity.call_with(admin, "UpdateUser", user=changed, update_mask=FieldMask(paths=["phone"]))
    assert (await refused(with_code(identity))).reason == "CREDENTIALS_REJECTED"


async def test_a_refresh_token_ends_after_thirty_days(identity: Identity, clock: SettableClock) -> None:
    session = await with_code(identity)
    clock.set(datetime(2020, 12, 11, 6, 37, tzinfo=UTC))
    await refused(identity.call(None, "RefreshSession", refresh_token=session.refresh_token))


async def test_an_access_token_ends_by_the_domains_clock(identity: Identity, clock: SettableClock) -> None:
    admin = await login(identity)
    clock.set(datetime(2020, 11, 11, 6, 51, 5, tzinfo=UTC))
    error = await refused(identity.call_with(admin, "GetCaller"))
    assert (error.code, error.reason) == (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")


async def test_a_logout_ends_the_session_for_every_service(identity: Identity) -> None:
    session = await with_code(identity)
    me = bearer(session.access_token)
    await identity.call_with(me, "Logout")
    await refused(identity.call(None, "RefreshSession", refresh_token=session.refresh_token))
    await identity.end_session(jwt.decode(session.access_token, options={"verify_signature": False})["sid"])
    await eventually_async(lambda: is_refused(identity, me))


async def is_refused(identity: Identity, metadata: Metadata) -> bool:
    try:
        await identity.call_with(metadata, "GetCaller")
    except Refused as error:
        return error.reason == "UNAUTHENTICATED"
    return False


async def test_a_service_account_logs_in_with_its_secret_and_has_no_refresh(identity: Identity) -> None:
    admin = await login(identity)
    made = await identity.call_with(admin, "CreateServiceAccount", district=DISTRICT, display_name="12345 热线")
    session = (await identity.call(None, "LoginServiceAccount", name=made.user.name, secret=made.secret)).session
    assert session.access_token
    assert not session.refresh_token
    error = await refused(identity.call(None, "LoginServiceAccount", name=made.user.name, secret="wrong"))
    assert error.reason == "CREDENTIALS_REJECTED"
    clerk = await a_clerk(identity, admin)
    await refused(identity.call(None, "LoginServiceAccount", name=clerk.name, secret=PASSWORD))


async def test_ones_own_password_needs_the_old_one_and_ends_the_other_sessions(identity: Identity) -> None:
    admin = await login(identity)
    clerk = await a_clerk(identity, admin)
    here = await login(identity, "clerk")
    there = (await identity.call(None, "LoginWithPassword", login="clerk", password=PASSWORD)).session
    new = "a new long password"
    wrong = identity.call_with(here, "SetPassword", name=clerk.name, old_password="no", new_password=new)
    assert (await refused(wrong)).reason == "CREDENTIALS_REJECTED"
    await identity.call_with(here, "SetPassword", name=clerk.name, old_password=PASSWORD, new_password=new)
    await refused(identity.call(None, "RefreshSession", refresh_token=there.refresh_token))
    await refused(login(identity, "clerk"))
    await login(identity, "clerk", new)
    await identity.call_with(admin, "SetPassword", name=clerk.name, new_password=PASSWORD)
    await login(identity, "clerk")


async def test_an_account_is_visible_to_its_owner_and_its_districts_administrator_alone(identity: Identity) -> None:
    admin = await login(identity)
    clerk = await a_clerk(identity, admin)
    await a_clerk(identity, admin, "other")
    mine, others = await login(identity, "clerk"), await login(identity, "other")
    for reader in (admin, mine):
        assert (await identity.call_with(reader, "GetUser", name=clerk.name)).user.display_name == "王小明"
    existing = await refused(identity.call_with(others, "GetUser", name=clerk.name))
    unknown = await refused(identity.call_with(others, "GetUser", name="users/00000000"))
    assert (existing.code, existing.reason, str(existing)) == (unknown.code, unknown.reason, str(unknown))
    assert existing.code is grpc.StatusCode.PERMISSION_DENIED
    assert (await refused(identity.call_with(admin, "GetUser", name="users/00000000"))).reason == "NOT_FOUND"


async def test_only_the_masked_fields_of_an_account_change(identity: Identity) -> None:
    admin = await login(identity)
    clerk = await a_clerk(identity, admin)
    given = User(name=clerk.name, display_name="李四", organization="x", etag=clerk.etag)
    mask = FieldMask(paths=["display_name"])
    after = (await identity.call_with(admin, "UpdateUser", user=given, update_mask=mask)).user
    assert (after.display_name, after.organization) == ("李四", "")
    stale = await refused(identity.call_with(admin, "UpdateUser", user=given, update_mask=mask))
    assert (stale.code, stale.reason) == (grpc.StatusCode.ABORTED, "STALE_ETAG")


async def test_a_login_and_a_number_belong_to_one_account(identity: Identity) -> None:
    admin = await login(identity)
    await a_clerk(identity, admin)
    assert (await refused(a_clerk(identity, admin))).metadata == {"field": "login"}
    fields = {"district": DISTRICT, "kind": AccountKind.ACCOUNT_KIND_CITIZEN, "display_name": "甲", "phone": PHONE}
    await identity.call_with(admin, "CreateUser", **fields)
    error = await refused(identity.call_with(admin, "CreateUser", **fields))
    assert (error.code, error.metadata) == (grpc.StatusCode.ALREADY_EXISTS, {"field": "phone"})


async def test_a_disabled_account_is_out_at_once_and_can_come_back(identity: Identity) -> None:
    admin = await login(identity)
    clerk = await a_clerk(identity, admin)
    session = (await identity.call(None, "LoginWithPassword", login="clerk", password=PASSWORD)).session
    for _ in range(2):
        gone = (await identity.call_with(admin, "DisableUser", name=clerk.name)).user
        assert gone.state == UserState.USER_STATE_DISABLED
    await refused(identity.call(None, "RefreshSession", refresh_token=session.refresh_token))
    await identity.call_with(admin, "EnableUser", name=clerk.name)
    await login(identity, "clerk")


async def test_personal_data_lies_encrypted(identity: Identity, engine: Engine) -> None:
    admin = await login(identity)
    await identity.call_with(
        admin,
        "CreateUser",
        district=DISTRICT,
        kind=AccountKind.ACCOUNT_KIND_CITIZEN,
        display_name="欧阳不凡",
        phone=PHONE,
        request_id="0191d3a8-0000-4000-8000-000000000001",
    )
    with engine.connect() as conn:
        tables = conn.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
        for table in tables:
            rows = conn.execute(text(f'SELECT convert_to("{table}"::text, \'UTF8\') FROM "{table}"')).scalars()
            for row in rows:
                for secret in (PHONE[1:], "欧阳不凡", PASSWORD):
                    assert secret.encode() not in bytes(row), table
                    assert secret.encode().hex().encode() not in bytes(row), table


async def test_departments_are_entered_renamed_and_listed(identity: Identity) -> None:
    admin = await login(identity)
    made = (await identity.call_with(admin, "CreateDepartment", code=DEPARTMENT, display_name="人社局")).department
    again = await refused(identity.call_with(admin, "CreateDepartment", code=DEPARTMENT, display_name="x"))
    assert again.reason == "RESOURCE_EXISTS"
    renamed = await identity.call_with(
        admin, "UpdateDepartment", name=made.name, display_name="人社中心", etag=made.etag
    )
    assert renamed.department.display_name == "人社中心"
    stale = await refused(
        identity.call_with(admin, "UpdateDepartment", name=made.name, display_name="x", etag=made.etag)
    )
    assert stale.reason == "STALE_ETAG"
    await identity.call_with(admin, "CreateDepartment", code="210602D08", display_name="教育局")
    page = await identity.call_with(admin, "ListDepartments", district=DISTRICT, page_size=1)
    rest = await identity.call_with(
        admin, "ListDepartments", district=DISTRICT, page_size=1, page_token=page.next_page_token
    )
    assert [each.code for each in (*page.departments, *rest.departments)] == [DEPARTMENT, "210602D08"]
    assert (await identity.call_with(admin, "GetDepartment", name=made.name)).department == renamed.department


async def test_a_role_is_given_where_it_fits_to_whom_it_suits_by_who_holds_it(identity: Identity) -> None:
    admin = await login(identity)
    clerk = await a_clerk(identity, admin)

    async def give(by: Metadata, role: str, scope: str) -> Any:
        return await identity.call_with(by, "GrantRole", user=clerk.name, role=f"roles/{role}", scope=scope)

    assert (await refused(give(admin, "department-clerk", STREET))).reason == "SCOPE_UNFIT"
    assert (await refused(give(admin, "department-clerk", "210602D99"))).reason == "SCOPE_UNKNOWN"
    assert (await refused(give(admin, "street-coordinator", "210602999"))).reason == "SCOPE_UNKNOWN"
    assert (await refused(give(admin, "no-such-role", STREET))).reason == "NOT_FOUND"
    assert (await refused(give(admin, "street-coordinator", "210603001"))).code is grpc.StatusCode.PERMISSION_DENIED
    first = (await give(admin, "street-coordinator", STREET)).grant
    assert (await give(admin, "street-coordinator", STREET)).grant == first
    mine = await login(identity, "clerk")
    assert (await refused(give(mine, "street-coordinator", STREET))).code is grpc.StatusCode.PERMISSION_DENIED
    grants = (await identity.call_with(mine, "ListGrants", user=clerk.name)).grants
    assert {grant.role for grant in grants} == {"roles/self", "roles/street-coordinator"}
    await identity.call_with(admin, "RevokeRole", name=first.name)
    assert (await refused(identity.call_with(admin, "RevokeRole", name=first.name))).reason == "NOT_FOUND"
    assert len((await identity.call_with(admin, "ListGrants", user=clerk.name)).grants) == 1


async def test_who_may_give_roles_gives_no_more_than_they_hold(identity: Identity) -> None:
    admin = await login(identity)
    clerk = await a_clerk(identity, admin)
    small = {
        "district": DISTRICT,
        "role_id": "registrar",
        "display_name": "登记员",
        "oa_level": OaLevel.OA_LEVEL_DISTRICT,
        "permissions": ["identity.grants.create", "identity.roles.create"],
    }
    made = (await identity.call_with(admin, "CreateRole", **small)).role
    assert not made.built_in
    assert (await refused(identity.call_with(admin, "CreateRole", **small))).reason == "RESOURCE_EXISTS"
    await identity.call_with(admin, "GrantRole", user=clerk.name, role=made.name, scope=DISTRICT)
    mine = await login(identity, "clerk")
    exceeding = identity.call_with(mine, "GrantRole", user=clerk.name, role="roles/administrator", scope=DISTRICT)
    assert (await refused(exceeding)).reason == "GRANT_EXCEEDS_OWN"
    larger = {**small, "role_id": "larger", "permissions": ["identity.users.create"]}
    assert (await refused(identity.call_with(mine, "CreateRole", **larger))).reason == "GRANT_EXCEEDS_OWN"
    unknown = {**small, "role_id": "unknown", "permissions": ["identity.users.fly"]}
    assert (await refused(identity.call_with(admin, "CreateRole", **unknown))).reason == "PERMISSION_UNKNOWN"
    built_in = {**small, "role_id": "commander"}
    assert (await refused(identity.call_with(admin, "CreateRole", **built_in))).reason == "ROLE_BUILT_IN"
    names = [role.name for role in (await identity.call_with(admin, "ListRoles")).roles]
    assert names == sorted(names)
    assert made.name in names


async def test_users_are_listed_by_kind_in_pages(identity: Identity) -> None:
    admin = await login(identity)
    for number in range(3):
        await a_clerk(identity, admin, f"clerk{number}")
    await with_code(identity)
    listed: list[str] = []
    token = ""
    while True:
        page = await identity.call_with(
            admin, "ListUsers", district=DISTRICT, kind=AccountKind.ACCOUNT_KIND_STAFF, page_size=2, page_token=token
        )
        listed += [user.login for user in page.users]
        token = page.next_page_token
        if not token:
            break
    assert listed == ["admin", "clerk0", "clerk1", "clerk2"]


async def test_a_repeated_request_makes_one_account(identity: Identity) -> None:
    admin = await login(identity)
    fields = {
        "district": DISTRICT,
        "kind": AccountKind.ACCOUNT_KIND_CITIZEN,
        "display_name": "甲",
        "phone": PHONE,
        "request_id": "0191d3a8-0000-4000-8000-000000000001",
    }
    answers = await asyncio.gather(*(identity.call_with(admin, "CreateUser", **fields) for _ in range(5)))
    assert len({answer.user.name for answer in answers}) == 1
    error = await refused(identity.call_with(admin, "CreateUser", **{**fields, "display_name": "乙"}))
    assert error.reason == "REQUEST_ID_REUSED"


async def test_a_repeated_request_gets_the_secret_of_the_service_account_that_it_made(
    identity: Identity, engine: Engine
) -> None:
    admin = await login(identity)
    request = {"district": DISTRICT, "display_name": "12345", "request_id": str(uuid.uuid4())}
    first = await identity.call_with(admin, "CreateServiceAccount", **request)
    assert await identity.call_with(admin, "CreateServiceAccount", **request) == first
    session = await identity.call(None, "LoginServiceAccount", name=first.user.name, secret=first.secret)
    assert session.session.user == first.user.name
    with engine.connect() as conn:
        kept = conn.execute(
            text("SELECT answer FROM idempotency WHERE method LIKE '%CreateServiceAccount'")
        ).scalar_one()
    assert first.secret.encode() not in kept


async def test_commands_are_audited_for_what_they_made_or_changed(identity: Identity, engine: Engine) -> None:
    admin = await login(identity)
    clerk = await a_clerk(identity, admin)
    service = await identity.call_with(admin, "CreateServiceAccount", district=DISTRICT, display_name="12345")
    session = (await identity.call_with(await login(identity), "Logout")).session
    with engine.connect() as conn:
        rows = conn.execute(text("SELECT split_part(method, '.', 5) AS method, resource FROM audit_entry")).all()
    audited = {row.method: row.resource for row in rows}
    assert audited["CreateUser"] == clerk.name
    assert audited["CreateServiceAccount"] == service.user.name
    assert session.startswith("sessions/")
    assert audited["Logout"] == session


async def test_keys_are_renewed_and_tokens_of_the_last_one_still_verify(identity: Identity, engine: Engine) -> None:
    admin = await login(identity)
    before = (await identity.call(None, "ListSigningKeys")).keys
    with engine.begin() as conn:
        conn.execute(text("UPDATE signing_key SET created_at = created_at - interval '30 days 1 minute'"))
    await identity.runtime.tokens.keys._refresh()  # type: ignore[attr-defined]
    after = (await identity.call(None, "ListSigningKeys")).keys
    assert {key.kid for key in before} < {key.kid for key in after}
    await identity.call_with(admin, "GetCaller")
    await login(identity)
    with engine.begin() as conn:
        conn.execute(text("UPDATE signing_key SET created_at = created_at - interval '1 day'"))
    await identity.runtime.tokens.keys._refresh()  # type: ignore[attr-defined]
    assert {key.kid for key in (await identity.call(None, "ListSigningKeys")).keys} == {key.kid for key in after} - {
        key.kid for key in before
    }


async def test_a_session_lasts_until_its_refresh_token_expires(identity: Identity, clock: SettableClock) -> None:
    session = await with_code(identity)
    ends = session.refresh_expire_time.ToDatetime(tzinfo=UTC)
    assert timedelta(days=29, hours=23) < ends - clock.now() <= timedelta(days=30)
    refreshed = (await identity.call(None, "RefreshSession", refresh_token=session.refresh_token)).session
    assert refreshed.refresh_expire_time == session.refresh_expire_time
