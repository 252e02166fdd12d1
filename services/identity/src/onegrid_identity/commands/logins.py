"""Logins: how those who prove who they are get a session, and how often others may try."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from onegrid.common.v1.common_pb2 import AccountKind
from onegrid_identity import attempts, store, tables
from onegrid_identity.accounts import Account
from onegrid_identity.commands import sessions, users
from onegrid_identity.commands.sessions import Opened
from onegrid_identity.errors import LoginTaken, ScopeUnknown
from onegrid_kit.callers import Call
from onegrid_kit.errors import Conflict

__all__ = [
    "LogIn",
    "LogInWithCode",
    "count_failure",
    "forgive_code_pause",
    "keep_code",
    "log_in",
    "log_in_with_code",
    "require_few_failures",
]

_CODES = tables.one_time_code
_PUBLIC = (AccountKind.ACCOUNT_KIND_CITIZEN, AccountKind.ACCOUNT_KIND_ENTERPRISE)


@dataclass(frozen=True, slots=True)
class LogIn:
    """A login whose password or secret has been compared."""

    login: str
    """What failures are counted by; there may be no such account."""
    account: Account | None
    """Whose password it was compared with."""
    right: bool


@dataclass(frozen=True, slots=True)
class LogInWithCode:
    """A number and the code that is said to have been sent to it."""

    phone_index: bytes
    code_index: bytes
    newcomer: Account
    """The account to make if the number has none."""


def require_few_failures(conn: Connection, login: str, now: datetime) -> None:
    """Raise RateLimited after too many failures in a row."""
    attempts.require_few_failures(*store.failures(conn, login), now)


def count_failure(conn: Connection, login: str, now: datetime) -> None:
    """A wrong password was given. Raises RateLimited when there were too many before it."""
    count, last = store.lock_failures(conn, login, now)
    attempts.require_few_failures(count, last, now)
    store.keep_failures(conn, login, attempts.one_more(count, last, now), now)


def log_in(
    conn: Connection, command: LogIn, call: Call, access: timedelta, refresh_lasts: timedelta | None
) -> Opened | None:
    """Open a session, or count a failure and return None; does not raise for that, so that the count is committed.

    Raises RateLimited: guesses of the same moment are judged one by one, so that not even a right one is told apart
    once there are too many wrong ones.
    """
    count, last = store.lock_failures(conn, command.login, call.now)
    attempts.require_few_failures(count, last, call.now)
    account = _still_proved(conn, command)
    if account is None:
        store.keep_failures(conn, command.login, attempts.one_more(count, last, call.now), call.now)
        return None
    store.forgive_failures(conn, command.login)
    return sessions.open_session(conn, account, call, access, refresh_lasts)


def keep_code(conn: Connection, phone_index: bytes, code_index: bytes, now: datetime) -> datetime:
    """Keep a new code for the number, instead of the one before; when it ends. Raises RateLimited."""
    attempts.require_code_pause(store.lock_code(conn, phone_index), now)
    expires = now + attempts.CODE_LASTS
    values = {"code_index": code_index, "sent_time": now, "expire_time": expires, "tries": 0}
    conn.execute(_CODES.update().where(_CODES.c.phone_index == phone_index).values(**values))
    return expires


def forgive_code_pause(conn: Connection, phone_index: bytes, code_index: bytes, now: datetime) -> None:
    """This code did not leave: the number may ask for another at once. It stays good, in case that it did after all."""
    this = (_CODES.c.phone_index == phone_index) & (_CODES.c.code_index == code_index)
    conn.execute(_CODES.update().where(this).values(sent_time=now - attempts.CODE_PAUSE))


def log_in_with_code(
    conn: Connection, command: LogInWithCode, call: Call, access: timedelta, refresh_lasts: timedelta
) -> Opened | None:
    """Use the code up and open a session for the number's account, which is made if there is none.

    None if the code is wrong, or the account is not one to log in to so; does not raise for that, so that the try is
    counted. Raises ScopeUnknown for a newcomer to a district that is not known.
    """
    if not _use_code(conn, command, call.now):
        return None
    account = store.find_account_by_phone(conn, command.phone_index, lock=True)
    if account is None:
        account = _welcome(conn, command.newcomer, call)
    if not account.active or account.kind not in _PUBLIC:
        return None
    return sessions.open_session(conn, account, call, access, refresh_lasts)


def _still_proved(conn: Connection, command: LogIn) -> Account | None:
    """The account, locked, unless it was disabled or got another password while this one was compared."""
    if command.account is None or not command.right:
        return None
    account = store.find_account(conn, command.account.id, lock=True)
    if account is None or not account.active or account.password_hash != command.account.password_hash:
        return None
    return account


def _use_code(conn: Connection, command: LogInWithCode, now: datetime) -> bool:
    of_number = _CODES.c.phone_index == command.phone_index
    row = conn.execute(select(_CODES).where(of_number).with_for_update()).one_or_none()
    good = (
        row is not None
        and row.tries < attempts.CODE_TRIES
        and now < row.expire_time
        and secrets.compare_digest(bytes(row.code_index), command.code_index)
    )
    if good:
        conn.execute(_CODES.delete().where(of_number))
    else:
        conn.execute(_CODES.update().where(of_number).values(tries=_CODES.c.tries + 1))
    return good


def _welcome(conn: Connection, newcomer: Account, call: Call) -> Account:
    if not store.knows_place(conn, newcomer.district):
        raise ScopeUnknown(newcomer.district)
    try:
        return users.create(conn, newcomer, call)
    except LoginTaken:
        # An administrator gave the number an account at the same moment.
        raise Conflict from None
