"""Logins as commands: what is judged, and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, text

from onegrid.identity.v1.resources_pb2 import UserState
from onegrid_identity import store
from onegrid_identity.accounts import Account
from onegrid_identity.commands import logins
from onegrid_identity.commands.logins import LogIn
from onegrid_identity.commands.sessions import Opened
from onegrid_kit.callers import ANONYMOUS, Call
from onegrid_kit.errors import RateLimited

CALL = Call(caller=ANONYMOUS, now=datetime(2020, 11, 11, 6, 36, tzinfo=UTC), method="login")
LASTS = timedelta(minutes=15)


def the_admin(conn: Connection) -> Account:
    found = store.find_account_by_login(conn, "admin")
    assert found is not None
    return found


def attempt(engine: Engine, account: Account | None, *, right: bool, call: Call = CALL) -> Opened | None:
    with engine.begin() as conn:
        return logins.log_in(conn, LogIn("admin", b"address", account, right), call, LASTS, None)


def test_a_right_guess_after_five_wrong_ones_gets_the_answer_of_a_wrong_one(engine: Engine) -> None:
    """All of them were compared before the first was judged."""
    with engine.connect() as conn:
        admin = the_admin(conn)
    assert [attempt(engine, admin, right=False) for _ in range(5)] == [None] * 5
    for right in (True, False):
        with pytest.raises(RateLimited):
            attempt(engine, admin, right=right)
    later = replace(CALL, now=CALL.now + timedelta(minutes=15))
    assert attempt(engine, admin, right=True, call=later)


def test_unknown_logins_are_counted_alike(engine: Engine) -> None:
    assert [attempt(engine, None, right=False) for _ in range(5)] == [None] * 5
    with pytest.raises(RateLimited):
        attempt(engine, None, right=False)


@pytest.mark.parametrize(
    "change",
    [{"state": UserState.USER_STATE_DISABLED}, {"password_hash": "another"}],
    ids=lambda change: next(iter(change)),
)
def test_what_changed_while_a_password_was_compared_decides(engine: Engine, change: dict[str, object]) -> None:
    with engine.begin() as conn:
        admin = the_admin(conn)
        store.save_account(conn, replace(admin, **change))  # type: ignore[arg-type]
    assert attempt(engine, admin, right=True) is None
    with engine.connect() as conn:
        assert conn.execute(text("SELECT count(*) FROM session")).scalar_one() == 0
