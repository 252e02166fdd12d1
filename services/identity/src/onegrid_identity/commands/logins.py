"""Logins: how those who prove who they are get a session, and how often others may try."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from onegrid.common.v1.common_pb2 import AccountKind
from onegrid_identity import attempts, store
from onegrid_identity.accounts import Account
from onegrid_identity.attempts import Failures, OneTimeCode
from onegrid_identity.commands import sessions, users
from onegrid_identity.commands.sessions import Opened
from onegrid_identity.errors import LoginTaken, ScopeUnknown
from onegrid_kit.callers import Call
from onegrid_kit.errors import Conflict
from onegrid_kit.one_time_codes import CODE_PAUSE, require_code_pause

__all__ = [
    "LogIn",
    "LogInWithCode",
    "RequestCode",
    "count_failure",
    "forgive_code",
    "keep_code",
    "log_in",
    "log_in_service_account",
    "log_in_with_code",
    "require_few_failures",
]

_PUBLIC = (AccountKind.ACCOUNT_KIND_CITIZEN, AccountKind.ACCOUNT_KIND_ENTERPRISE)


@dataclass(frozen=True, slots=True)
class LogIn:
    """A login whose password or secret has been compared."""

    login: str
    """What failures are counted by; there may be no such account."""
    address: bytes
    """The digest of where it comes from, by which they are counted too."""
    account: Account | None
    """Whose password it was compared with."""
    right: bool


@dataclass(frozen=True, slots=True)
class RequestCode:
    """A code that is to be sent to a number."""

    phone_index: bytes
    code_index: bytes
    expires: datetime
    askers: frozenset[bytes]
    """The digests of the address and the caller that ask for it."""


@dataclass(frozen=True, slots=True)
class LogInWithCode:
    """A number and the code that the caller received there."""

    phone_index: bytes
    code_index: bytes
    newcomer: Account
    """The account to make if the number has none."""


def require_few_failures(conn: Connection, login: str, address: bytes, now: datetime) -> None:
    """Raise RateLimited after too many failures in a row."""
    attempts.require_few_failures(*store.login_failures(conn, login, address), now)


def count_failure(conn: Connection, login: str, address: bytes, now: datetime) -> None:
    """A wrong password was given. Raises RateLimited when there were too many before it."""
    _count(conn, login, address, *_lock_failures(conn, login, address, now), now)


def log_in(
    conn: Connection, command: LogIn, call: Call, access: timedelta, refresh_lasts: timedelta | None
) -> Opened | None:
    """Open a session, or count a failure and return None; does not raise for that, so that the count is committed.

    Raises RateLimited: guesses of the same moment are judged one by one, so that a right one is not distinguishable
    once there are too many wrong ones.
    """
    own, strangers = _lock_failures(conn, command.login, command.address, call.now)
    account = _still_proved(conn, command)
    if account is None:
        _count(conn, command.login, command.address, own, strangers, call.now)
        return None
    success = Failures(last=call.now, success=call.now)
    store.save_login_failures(conn, command.login, command.address, success)
    return sessions.open_session(conn, account, call, access, refresh_lasts)


def log_in_service_account(conn: Connection, command: LogIn, call: Call, access: timedelta) -> Opened | None:
    """Open a session, or return None. Failures are not counted: 256 random bits can't be guessed, and a count would let
    strangers lock an account of which they know the name.
    """
    account = _still_proved(conn, command)
    return None if account is None else sessions.open_session(conn, account, call, access, None)


def keep_code(conn: Connection, command: RequestCode, limit: int, now: datetime) -> None:
    """Keep a new code for the number, instead of the one before.

    Raises RateLimited within a minute of the last code for the number, or when one of the askers has asked for more
    than `limit` in an hour.
    """
    require_code_pause(store.lock_number(conn, command.phone_index), now)
    for asker in sorted(command.askers):
        attempts.require_few_codes(*store.count_code_request(conn, asker, now), limit, now)
    store.save_code(conn, command.phone_index, OneTimeCode(command.code_index, now, command.expires))


def forgive_code(conn: Connection, command: RequestCode, now: datetime) -> None:
    """This code did not leave: the number may ask for another at once. It stays good, in case that it did after all."""
    store.set_code_sent_time(conn, command.phone_index, command.code_index, now - CODE_PAUSE)
    for asker in sorted(command.askers):
        store.uncount_code_request(conn, asker)


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


def _lock_failures(conn: Connection, login: str, address: bytes, now: datetime) -> tuple[Failures, Failures]:
    """The failures from this address and from strangers', locked. Raises RateLimited if there are too many."""
    own = store.lock_login_failures(conn, login, address, now)
    strangers = Failures() if own.known(now) else store.lock_login_failures(conn, login, store.STRANGERS, now)
    attempts.require_few_failures(own, strangers, now)
    return own, strangers


def _count(conn: Connection, login: str, address: bytes, own: Failures, strangers: Failures, now: datetime) -> None:
    store.save_login_failures(conn, login, address, own.one_more(now))
    if not own.known(now):
        store.save_login_failures(conn, login, store.STRANGERS, strangers.one_more(now))


def _still_proved(conn: Connection, command: LogIn) -> Account | None:
    """The account, locked, unless it was disabled or got another password while this one was compared."""
    if command.account is None or not command.right:
        return None
    account = store.find_account(conn, command.account.id, lock=True)
    if account is None or not account.active or account.password_hash != command.account.password_hash:
        return None
    return account


def _use_code(conn: Connection, command: LogInWithCode, now: datetime) -> bool:
    code = store.lock_code(conn, command.phone_index)
    good = code is not None and code.matches(command.code_index, now)
    if good:
        store.delete_code(conn, command.phone_index)
    else:
        store.count_code_try(conn, command.phone_index)
    return good


def _welcome(conn: Connection, newcomer: Account, call: Call) -> Account:
    if not store.knows_place(conn, newcomer.district):
        raise ScopeUnknown(newcomer.district)
    try:
        return users.create(conn, newcomer, call)
    except LoginTaken:
        # An administrator gave the number an account at the same moment.
        raise Conflict from None
