"""Callers who try too often wait, and lock no one else out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import Engine, text

from onegrid_identity.main import SERVICE
from onegrid_kit.clock import SettableClock
from onegrid_kit.embedded.code_gateway import CodeGateway
from onegrid_kit.testing.api import Refused, Serving, serving

from .acting import PASSWORD, posting_to

OFFICE, HOME, ATTACKER = "198.51.100.1", "198.51.100.2", "203.0.113.66"
START = datetime(2020, 11, 11, 6, 36, tzinfo=UTC)


@pytest_asyncio.fixture
async def behind_a_proxy(database_url: str, clock: SettableClock, codes: CodeGateway) -> AsyncIterator[Serving]:
    """identity behind a proxy that forwards the callers' addresses."""
    settings = {**posting_to(codes), "forwarding_proxies": 1, "code_requests_per_hour": 5}
    async with serving(SERVICE, database_url, clock=clock, **settings) as served:
        yield served


async def outcome(identity: Serving, address: str, method: str, **fields: Any) -> str:
    """OK, or the reason of the refusal."""
    try:
        await identity.call_with((("x-forwarded-for", address),), method, **fields)
    except Refused as error:
        return error.reason
    return "OK"


async def log_in(identity: Serving, address: str, password: str = PASSWORD) -> str:
    return await outcome(identity, address, "LoginWithPassword", login="admin", password=password)


async def ask(identity: Serving, address: str, number: int) -> str:
    return await outcome(identity, address, "RequestOneTimeCode", phone=f"+8613900000{number:03}")


async def test_failures_at_one_address_do_not_lock_another(behind_a_proxy: Serving) -> None:
    assert [await log_in(behind_a_proxy, ATTACKER, "wrong") for _ in range(5)] == ["CREDENTIALS_REJECTED"] * 5
    assert await log_in(behind_a_proxy, ATTACKER) == "RATE_LIMITED"
    assert await log_in(behind_a_proxy, OFFICE) == "OK"


async def test_an_address_that_logged_in_before_is_not_locked_by_many_others(
    behind_a_proxy: Serving, clock: SettableClock
) -> None:
    assert await log_in(behind_a_proxy, OFFICE) == "OK"
    clock.set(START + timedelta(days=30))
    for host in range(10):
        for _ in range(5):
            assert await log_in(behind_a_proxy, f"203.0.113.{host}", "wrong") == "CREDENTIALS_REJECTED"
    assert await log_in(behind_a_proxy, "203.0.113.99", "wrong") == "RATE_LIMITED"
    assert await log_in(behind_a_proxy, HOME) == "RATE_LIMITED", "a new address waits with all strangers"
    assert await log_in(behind_a_proxy, OFFICE, "mistyped") == "CREDENTIALS_REJECTED"
    assert await log_in(behind_a_proxy, OFFICE) == "OK"
    clock.set(START + timedelta(days=30, minutes=16))
    assert await log_in(behind_a_proxy, HOME) == "OK"


async def test_who_mistypes_at_a_known_address_waits_too(behind_a_proxy: Serving) -> None:
    assert await log_in(behind_a_proxy, OFFICE) == "OK"
    assert [await log_in(behind_a_proxy, OFFICE, "wrong") for _ in range(6)] == [
        *["CREDENTIALS_REJECTED"] * 5,
        "RATE_LIMITED",
    ]


async def test_a_caller_writes_no_addresses_before_those_of_the_proxy(behind_a_proxy: Serving) -> None:
    for number in range(5):
        await log_in(behind_a_proxy, f"10.0.0.{number}, {ATTACKER}", "wrong")
    assert await log_in(behind_a_proxy, f"{OFFICE}, {ATTACKER}") == "RATE_LIMITED"


async def test_one_address_gets_so_many_codes_in_an_hour(behind_a_proxy: Serving, clock: SettableClock) -> None:
    outcomes = [await ask(behind_a_proxy, ATTACKER, number) for number in range(8)]
    assert outcomes == [*["OK"] * 5, *["RATE_LIMITED"] * 3]
    assert await ask(behind_a_proxy, HOME, 7) == "OK", "the refused ones left no trace at the number"
    clock.set(START + timedelta(minutes=61))
    assert await ask(behind_a_proxy, ATTACKER, 0) == "OK"


async def test_one_caller_gets_so_many_codes_in_an_hour_from_wherever(behind_a_proxy: Serving) -> None:
    answer = await behind_a_proxy.call(None, "LoginWithPassword", login="admin", password=PASSWORD)
    token = ("authorization", f"Bearer {answer.session.access_token}")
    outcomes = []
    for number in range(7):
        metadata = (token, ("x-forwarded-for", f"198.51.100.{number}"))
        try:
            await behind_a_proxy.call_with(metadata, "RequestOneTimeCode", phone=f"+8613900000{number:03}")
            outcomes.append("OK")
        except Refused as error:
            outcomes.append(error.reason)
    assert outcomes == [*["OK"] * 5, *["RATE_LIMITED"] * 2]


async def test_no_address_is_kept(behind_a_proxy: Serving, engine: Engine) -> None:
    await log_in(behind_a_proxy, OFFICE)
    await log_in(behind_a_proxy, ATTACKER, "wrong")
    await ask(behind_a_proxy, HOME, 1)
    with engine.connect() as conn:
        kept = conn.execute(text("SELECT address FROM login_attempts UNION SELECT asker FROM code_requests")).scalars()
        digests = [bytes(digest) for digest in kept]
        everything = str(conn.execute(text("SELECT * FROM login_attempts")).all())
    assert {len(digest) for digest in digests} <= {0, 32}
    assert not any(address in everything for address in (OFFICE, ATTACKER, HOME))


@pytest.mark.parametrize("phone", ["+999123456789", "+1234567", "+86139"])
async def test_an_impossible_number_gets_no_code(identity: Serving, phone: str) -> None:
    with pytest.raises(Refused) as refused:
        await identity.call(None, "RequestOneTimeCode", phone=phone)
    assert (refused.value.reason, refused.value.fields) == ("INVALID_REQUEST", ["phone"])
