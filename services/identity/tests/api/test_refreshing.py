"""Refresh tokens: exchanged once, with a grace period for those who did not get the answer."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import grpc
import jwt
import pytest
from sqlalchemy import Engine, text

from onegrid.identity.v1.events_pb2 import SessionRevoked
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.events import announced_as

from .acting import bearer, login, with_code


async def refresh(identity: Serving, token: str) -> Any:
    return (await identity.call(None, "RefreshSession", refresh_token=token)).session


async def is_rejected(identity: Serving, token: str) -> bool:
    with pytest.raises(Refused) as refused:
        await refresh(identity, token)
    return (refused.value.code, refused.value.reason) == (grpc.StatusCode.UNAUTHENTICATED, "REFRESH_REJECTED")


def revocations(engine: Engine) -> int:
    return len(announced_as(engine, SessionRevoked))


async def test_of_eight_who_refresh_at_once_each_gets_a_session_that_goes_on(
    identity: Serving, engine: Engine, clock: SettableClock
) -> None:
    session = await with_code(identity)
    answers = await asyncio.gather(*(refresh(identity, session.refresh_token) for _ in range(8)))
    assert len({answer.refresh_token for answer in answers}) == 1
    sids = {jwt.decode(each.access_token, options={"verify_signature": False})["sid"] for each in answers}
    assert len(sids) == 1
    for answer in answers:
        me = await identity.call_with(bearer(answer.access_token), "GetCaller")
        assert me.user.name == session.user
    clock.set(clock.now() + timedelta(minutes=10))
    assert (await refresh(identity, answers[0].refresh_token)).access_token
    assert revocations(engine) == 0


async def test_a_lost_answer_is_asked_for_again_within_ten_seconds(
    identity: Serving, engine: Engine, clock: SettableClock
) -> None:
    session = await with_code(identity)
    lost = await refresh(identity, session.refresh_token)
    clock.set(clock.now() + timedelta(seconds=8))
    again = await refresh(identity, session.refresh_token)
    assert again.refresh_token == lost.refresh_token
    assert again.refresh_expire_time == lost.refresh_expire_time
    # The grace is counted from the first exchange: repeating does not prolong it.
    clock.set(clock.now() + timedelta(seconds=8))
    assert await is_rejected(identity, session.refresh_token)
    assert await is_rejected(identity, again.refresh_token), "its session has ended"
    assert revocations(engine) == 1


async def test_a_token_whose_successor_was_used_ends_the_session_at_once(identity: Serving, engine: Engine) -> None:
    first = await with_code(identity)
    second = await refresh(identity, first.refresh_token)
    third = await refresh(identity, second.refresh_token)
    assert len({first.refresh_token, second.refresh_token, third.refresh_token}) == 3
    assert await is_rejected(identity, first.refresh_token)
    assert await is_rejected(identity, third.refresh_token)
    assert revocations(engine) == 1


async def test_a_token_that_the_release_before_exchanged_has_no_grace(identity: Serving, engine: Engine) -> None:
    session = await with_code(identity)
    with engine.begin() as conn:
        conn.execute(text("UPDATE refresh_token SET used = true"))
    assert await is_rejected(identity, session.refresh_token)
    assert revocations(engine) == 1


async def test_who_was_disabled_does_not_get_the_answer_again(identity: Serving) -> None:
    admin = await login(identity)
    session = await with_code(identity)
    await refresh(identity, session.refresh_token)
    await identity.call_with(admin, "DisableUser", name=session.user)
    assert await is_rejected(identity, session.refresh_token)
