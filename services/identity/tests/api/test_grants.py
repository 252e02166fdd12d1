"""Grants for a period: they begin and expire by themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import Connection, Engine, text

from onegrid.identity.v1 import resources_pb2
from onegrid.identity.v1.events_pb2 import RoleGranted, RoleRevoked
from onegrid_identity import granting, store
from onegrid_identity.accounts import Grant
from onegrid_identity.main import SERVICE
from onegrid_kit import tokens
from onegrid_kit.callers import Period
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.events import Events, announced_as
from onegrid_kit.testing.waiting import eventually_async

from .acting import DISTRICT, PASSWORD, Metadata, a_clerk, bearer, login, refused

START = datetime(2020, 11, 11, 6, 36, tzinfo=UTC)


async def grant(
    identity: Serving, by: Metadata, user: str, role: str, scope: str, **times: datetime | str
) -> resources_pb2.Grant:
    answer = await identity.call_with(by, "GrantRole", user=user, role=f"roles/{role}", scope=scope, **times)
    granted: resources_pb2.Grant = answer.grant
    return granted


async def may_list_users(identity: Serving, who: Metadata) -> bool:
    try:
        await identity.call_with(who, "ListUsers", district=DISTRICT)
    except Refused as error:
        if error.code is not grpc.StatusCode.PERMISSION_DENIED:
            raise
        return False
    return True


async def test_a_grant_begins_and_expires_without_a_new_login(identity: Serving, clock: SettableClock) -> None:
    admin = await login(identity, "admin")
    user = (await a_clerk(identity, admin, "deputy")).name
    times = {"begin_time": START + timedelta(minutes=5), "expire_time": START + timedelta(minutes=10)}
    await grant(identity, admin, user, "administrator", DISTRICT, **times)
    deputy = await login(identity, "deputy")
    for passed, may in ((0, False), (4, False), (6, True), (9, True), (11, False)):
        clock.set(START + timedelta(minutes=passed))
        assert await may_list_users(identity, deputy) is may, f"after {passed} minutes"


async def test_a_session_that_goes_on_gets_a_grant_when_it_begins(identity: Serving, clock: SettableClock) -> None:
    admin = await login(identity, "admin")
    user = (await a_clerk(identity, admin, "deputy")).name
    tomorrow = START + timedelta(days=1)
    times = {"begin_time": tomorrow, "expire_time": tomorrow + timedelta(hours=8)}
    await grant(identity, admin, user, "administrator", DISTRICT, **times)
    answer = await identity.call(None, "LoginWithPassword", login="deputy", password=PASSWORD)
    refresh_token = answer.session.refresh_token
    for moment, may in (
        (tomorrow - timedelta(minutes=20), False),
        (tomorrow + timedelta(minutes=1), True),
        (tomorrow + timedelta(hours=9), False),
    ):
        clock.set(moment)
        session = (await identity.call(None, "RefreshSession", refresh_token=refresh_token)).session
        refresh_token = session.refresh_token
        who = bearer(session.access_token)
        assert await may_list_users(identity, who) is may, moment


@pytest.mark.parametrize("time", [Timestamp(seconds=253_402_300_800), Timestamp(seconds=-(2**63)), Timestamp(nanos=-1)])
@pytest.mark.parametrize("field", ["begin_time", "expire_time"])
async def test_a_time_that_does_not_exist_is_refused(identity: Serving, field: str, time: Timestamp) -> None:
    admin = await login(identity, "admin")
    user = (await a_clerk(identity, admin, "deputy")).name
    error = await refused(
        identity.call_with(admin, "GrantRole", user=user, role="roles/commander", scope=DISTRICT, **{field: time})
    )
    assert (error.code, error.fields) == (grpc.StatusCode.INVALID_ARGUMENT, [field])


async def test_a_token_of_the_very_moment_of_a_revocation_holds_the_grant_no_more(
    identity: Serving, engine: Engine, clock: SettableClock
) -> None:
    admin = await login(identity, "admin")
    user = (await a_clerk(identity, admin, "deputy")).name
    name = (await grant(identity, admin, user, "administrator", DISTRICT)).name
    sessions = [
        (await identity.call(None, "LoginWithPassword", login="deputy", password=PASSWORD)).session for _ in range(2)
    ]
    # All at one moment of the clock, on both sides of the revocation.
    before = (await identity.call(None, "RefreshSession", refresh_token=sessions[0].refresh_token)).session
    assert await may_list_users(identity, bearer(before.access_token))
    await identity.call_with(admin, "RevokeRole", name=name)
    after = (await identity.call(None, "RefreshSession", refresh_token=sessions[1].refresh_token)).session
    Events(SERVICE, engine, clock).deliver_announced()

    async def refused_before() -> bool:
        try:
            await identity.call_with(bearer(before.access_token), "ListUsers", district=DISTRICT)
        except Refused as error:
            return error.code is grpc.StatusCode.UNAUTHENTICATED
        return False

    await eventually_async(refused_before)
    assert not await may_list_users(identity, bearer(after.access_token))
    again = (await identity.call(None, "RefreshSession", refresh_token=before.refresh_token)).session
    assert not await may_list_users(identity, bearer(again.access_token))


async def test_a_grant_names_its_times_in_answers_lists_and_events(
    identity: Serving, engine: Engine, clock: SettableClock
) -> None:
    admin = await login(identity, "admin")
    user = (await a_clerk(identity, admin, "deputy")).name
    times = {"begin_time": START + timedelta(hours=1), "expire_time": START + timedelta(hours=9)}
    night = await grant(identity, admin, user, "commander", DISTRICT, **times)
    assert (night.begin_time.ToDatetime(UTC), night.expire_time.ToDatetime(UTC)) == tuple(times.values())
    assert await grant(identity, admin, user, "commander", DISTRICT, **times) == night
    other_night = await grant(
        identity, admin, user, "commander", DISTRICT, **{k: t + timedelta(days=1) for k, t in times.items()}
    )
    lasting = await grant(identity, admin, user, "commander", DISTRICT)
    assert len({night.name, other_night.name, lasting.name}) == 3
    listed = (await identity.call_with(admin, "ListGrants", user=user)).grants
    assert [each.name for each in listed][1:] == [night.name, other_night.name, lasting.name]
    assert [event.grant for event in announced_as(engine, RoleGranted, user)][1:] == [night, other_night, lasting]
    await identity.call_with(admin, "RevokeRole", name=other_night.name)
    assert [event.grant for event in announced_as(engine, RoleRevoked, user)] == [other_night]
    clock.set(START + timedelta(hours=10))
    me = await identity.call_with(await login(identity, "deputy"), "GetCaller")
    assert [each.name for each in me.grants][1:] == [lasting.name]


@pytest.mark.parametrize(
    ("times", "field"),
    [
        ({"expire_time": START - timedelta(seconds=1)}, "expire_time"),
        ({"begin_time": START - timedelta(hours=1)}, "begin_time"),
        ({"begin_time": START + timedelta(hours=2), "expire_time": START + timedelta(hours=1)}, ""),
        ({"begin_time": START + timedelta(hours=2), "expire_time": START + timedelta(hours=2)}, ""),
    ],
)
async def test_a_period_that_is_over_or_none_is_refused(
    identity: Serving, times: dict[str, datetime], field: str
) -> None:
    admin = await login(identity, "admin")
    user = (await a_clerk(identity, admin, "deputy")).name
    error = await refused(grant(identity, admin, user, "commander", DISTRICT, **times))
    assert (error.code, error.reason, error.fields) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", [field])


async def test_who_holds_a_role_for_a_while_can_not_grant_it_for_longer(identity: Serving) -> None:
    admin = await login(identity, "admin")
    deputy_name, friend = [(await a_clerk(identity, admin, name)).name for name in ("deputy", "friend")]
    ends = START + timedelta(hours=8)
    await grant(identity, admin, deputy_name, "administrator", DISTRICT, expire_time=ends)
    deputy = await login(identity, "deputy")
    for times in ({}, {"expire_time": ends + timedelta(seconds=1)}):
        error = await refused(grant(identity, deputy, friend, "administrator", DISTRICT, **times))
        assert (error.code, error.reason) == (grpc.StatusCode.PERMISSION_DENIED, "GRANT_EXCEEDS_OWN")
    await grant(identity, deputy, friend, "administrator", DISTRICT, expire_time=ends)


async def test_the_release_before_reads_and_writes_lasting_grants_alone(identity: Serving, engine: Engine) -> None:
    """While this release is rolled out, replicas of both serve: what one grants or revokes, the other honours, and a
    replica that knows no periods must not take a grant for a lasting one.
    """
    admin = await login(identity, "admin")
    user = (await a_clerk(identity, admin, "deputy")).name
    await grant(identity, admin, user, "commander", DISTRICT, expire_time=START + timedelta(hours=1))
    lasting = await grant(identity, admin, user, "supervisor", DISTRICT)
    of_user = {"user": user.removeprefix("users/")}
    read = text("SELECT role FROM held_role WHERE account = :user ORDER BY role")
    # As the release before does.
    give = text("INSERT INTO held_role (account, id, role, scope, create_time) VALUES (:user, 'old', 'r', 's', now())")
    with engine.begin() as conn:
        assert list(conn.execute(read, of_user).scalars()) == ["self", "supervisor"]
        conn.execute(give, of_user)
        assert "old" in {each.id for each in _grants(conn, of_user["user"])}
        conn.execute(text("DELETE FROM held_role WHERE account = :user AND id = 'old'"), of_user)
        assert "old" not in {each.id for each in _grants(conn, of_user["user"])}
    await identity.call_with(admin, "RevokeRole", name=lasting.name)
    with engine.begin() as conn:
        assert list(conn.execute(read, of_user).scalars()) == ["self"]


def _grants(conn: Connection, user: str) -> list[Grant]:
    return store.grants_page(conn, user, (), 100)


def test_grants_of_the_same_role_differ_by_their_periods_alone(engine: Engine) -> None:
    def a_grant(id_: str, period: Period) -> Grant:
        return Grant(id=id_, user="u", role="r", scope=DISTRICT, period=period, create_time=START)

    later = START + timedelta(hours=1)
    periods = [Period(), Period(begin=START), Period(expire=later), Period(START, later)]
    with engine.begin() as conn:
        for number, period in enumerate(periods):
            store.insert_grant(conn, a_grant(f"first{number}", period))
        again = [store.insert_grant(conn, a_grant(f"second{n}", period)) for n, period in enumerate(periods)]
        assert [(each.id, each.period) for each in again] == [(f"first{n}", p) for n, p in enumerate(periods)]


async def test_nobody_is_granted_more_than_a_token_has_room_for(identity: Serving, engine: Engine) -> None:
    admin = await login(identity, "admin")
    user = (await a_clerk(identity, admin, "keeper")).name
    everything = sorted(granting.all_permissions())
    await identity.call_with(
        admin, "CreateRole", district=DISTRICT, role_id="everything", display_name="一切", permissions=everything
    )
    cells = [f"210602003007{number:03}" for number in range(1, 31)]
    with engine.begin() as conn:
        for cell in cells:
            store.keep_place(conn, cell)
    held = 0

    async def grant_all() -> None:
        nonlocal held
        for cell in cells:
            await grant(identity, admin, user, "everything", cell)
            held += 1

    limit = await refused(grant_all())
    assert (limit.code, limit.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "GRANT_LIMIT_REACHED")
    assert limit.metadata == {"kind": "token_bytes", "limit": str(tokens.MAX_BYTES)}
    keeper = await login(identity, "keeper")
    assert len(keeper[0][1]) < tokens.MAX_BYTES + 100
    # What was refused is not held.
    assert len((await identity.call_with(keeper, "GetCaller")).grants) == held + 1


async def test_nobody_holds_more_than_a_hundred_grants(identity: Serving) -> None:
    admin = await login(identity, "admin")
    user = (await a_clerk(identity, admin, "deputy")).name
    # Of one permission: with more, the limit of a token's bytes may be reached before.
    permissions = [min(granting.all_permissions(), key=len)]
    await identity.call_with(
        admin, "CreateRole", district=DISTRICT, role_id="reader", display_name="查阅", permissions=permissions
    )
    for day in range(1, 100):
        await grant(identity, admin, user, "reader", DISTRICT, expire_time=START + timedelta(days=day))
    error = await refused(grant(identity, admin, user, "reader", DISTRICT))
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "GRANT_LIMIT_REACHED")
    assert error.metadata == {"kind": "grants", "limit": "100"}
    assert len((await identity.call_with(await login(identity, "deputy"), "GetCaller")).grants) == 100
