"""Passwords, in whichever form a keyboard sends them."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from onegrid_identity import passwords
from onegrid_kit.errors import InvalidRequest
from onegrid_kit.testing.api import Refused, Serving

from .acting import a_clerk, bearer, login

TYPED = "caf\u00e9 \u5bc6\u7801 2020"


async def log_in(identity: Serving, password: str) -> Any:
    return (await identity.call(None, "LoginWithPassword", login="clerk", password=password)).session


@pytest.mark.parametrize(
    "again",
    [TYPED, unicodedata.normalize("NFD", TYPED), TYPED.replace(" ", "\u3000"), TYPED.replace(" ", "\u00a0")],
    ids=["the same", "decomposed", "ideographic spaces", "no-break spaces"],
)
async def test_a_password_typed_in_another_form_is_the_same(identity: Serving, again: str) -> None:
    clerk = await a_clerk(identity, await login(identity), password=TYPED)
    session = await log_in(identity, again)
    mine = bearer(session.access_token)
    fields = {"name": clerk.name, "old_password": again, "new_password": unicodedata.normalize("NFD", TYPED) + "!"}
    await identity.call_with(mine, "SetPassword", **fields)
    assert (await log_in(identity, TYPED + "!")).user == clerk.name


async def test_another_case_or_width_is_another_password(identity: Serving) -> None:
    await a_clerk(identity, await login(identity), password=TYPED)
    for other in (TYPED.upper(), TYPED.replace("2", "\uff12")):
        with pytest.raises(Refused) as refused:
            await log_in(identity, other)
        assert refused.value.reason == "CREDENTIALS_REJECTED"


@pytest.mark.parametrize("character", ["\u200d", "\u115f", "\ufdd0"])
async def test_a_character_that_can_not_be_typed_reliably_is_refused(identity: Serving, character: str) -> None:
    with pytest.raises(Refused) as refused:
        await a_clerk(identity, await login(identity), password=f"pass{character}word 2020")
    assert (refused.value.reason, refused.value.fields) == ("INVALID_REQUEST", ["password"])
    assert f"U+{ord(character):04X}" in str(refused.value)


async def test_a_password_that_the_release_before_hashed_as_it_was_typed_is_still_good(
    identity: Serving, engine: Engine
) -> None:
    await a_clerk(identity, await login(identity), password=TYPED)
    decomposed = unicodedata.normalize("NFD", TYPED)
    with engine.begin() as conn:
        conn.execute(
            text("UPDATE account SET password_hash = :hash WHERE login = 'clerk'"),
            {"hash": passwords._HASHER.hash(decomposed)},
        )
    assert (await log_in(identity, decomposed)).user


@given(st.text(min_size=1, max_size=20))
def test_a_password_is_its_own_form(password: str) -> None:
    """What was prepared stays as it is, so that a form that is stored is always reached again."""
    try:
        prepared = passwords.prepare(password, "password")
    except InvalidRequest:
        return
    assert passwords.prepare(prepared, "password") == prepared
    assert passwords.prepare(unicodedata.normalize("NFD", password), "password") == prepared
