"""Sessions: opened by a login, kept alive by refresh tokens that are good once, ended for good."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from onegrid.identity.v1.events_pb2 import SessionRevoked
from onegrid_identity import store
from onegrid_identity.accounts import SESSION, Account, Session, caller_of
from onegrid_kit import audit, ids, outbox
from onegrid_kit.callers import Call, Caller
from onegrid_kit.timestamps import timestamp

__all__ = ["Opened", "Refresh", "open_session", "refresh", "revoke", "revoke_all"]

_GRACE: Final = timedelta(seconds=10)
"""How long the exchange of a refresh token can be repeated: its answer may have been lost, or asked for by several
threads of one client."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A session as its holder gets it; the access token is still to be signed."""

    caller: Caller
    issue_time: datetime
    access_expire_time: datetime
    refresh_token: str
    refresh_expire_time: datetime


@dataclass(frozen=True, slots=True)
class Refresh:
    """A refresh token to exchange."""

    token: str
    successor: str
    """The token to exchange it for, always the same one, which only this service can derive."""


def open_session(
    conn: Connection, account: Account, call: Call, access: timedelta, refresh_lasts: timedelta | None
) -> Opened:
    """Open a session for an account that has proved itself; without a refresh token for service accounts (None)."""
    expires = call.now + access
    lasts = call.now + (refresh_lasts or access)
    opened = Session(id=ids.new_id(), account=account.id, refresh_expire_time=lasts, access_expire_time=expires)
    store.insert_session(conn, opened)
    token = secrets.token_urlsafe(32) if refresh_lasts else ""
    if token:
        store.insert_refresh_token(conn, _digest(token), opened.id)
    audit.append(conn, [(call, account.name)])
    caller = caller_of(account, opened.id, store.granted_roles(conn, account.id, call.now, expires))
    return Opened(caller, call.now, expires, token, lasts)


def refresh(conn: Connection, command: Refresh, call: Call, access: timedelta) -> Opened | None:
    """Exchange a refresh token for its successor. None if it is not good; if it was exchanged before, its session is
    revoked then, except within the grace period and while the successor is unused.

    Does not raise, so that the revocation is committed.
    """
    digest = _digest(command.token)
    found = store.find_refresh_token(conn, digest)
    if found is None:
        return None
    # Those who present the same token at the same moment wait for one another here.
    held = store.lock_session(conn, found.session)
    if held is None or held.revoked or call.now >= held.refresh_expire_time:
        return None
    presented = store.find_refresh_token(conn, digest)
    if presented is None:
        return None
    account = store.find_account(conn, held.account)
    good = not presented.used or _may_repeat(conn, presented.used_time, command.successor, call.now)
    if not good or account is None or not account.active:
        revoke(conn, held.id, call)
        audit.append(conn, [(call, held.name)])
        return None
    if not presented.used:
        store.use_refresh_token(conn, digest, call.now)
        store.insert_refresh_token(conn, _digest(command.successor), held.id)
    expires = call.now + access
    store.extend_access(conn, held.id, expires)
    audit.append(conn, [(call, held.name)])
    caller = caller_of(account, held.id, store.granted_roles(conn, account.id, call.now, expires))
    return Opened(caller, call.now, expires, command.successor, held.refresh_expire_time)


def revoke(conn: Connection, session_id: str, call: Call) -> None:
    """End a session, and have every service refuse its access tokens. Ending an ended one changes nothing."""
    expires = store.revoke_session(conn, session_id)
    if expires is None:
        return
    event = SessionRevoked(session=session_id, expire_time=timestamp(expires))
    outbox.append(conn, call, [(SESSION.name(session_id), event)])


def revoke_all(conn: Connection, account_id: str, call: Call, *, but: str = "") -> None:
    """End an account's sessions, but for one."""
    for session_id in store.unrevoked_sessions(conn, account_id):
        if session_id != but:
            revoke(conn, session_id, call)


def _may_repeat(conn: Connection, used_time: datetime | None, successor: str, now: datetime) -> bool:
    """Whether the answer to an exchange can be given again. The clocks of two replicas may differ."""
    if used_time is None or abs(now - used_time) > _GRACE:
        return False
    # There is none under this name if the keys that it is derived with were replaced meanwhile.
    found = store.find_refresh_token(conn, _digest(successor))
    return found is not None and not found.used


def _digest(token: str) -> bytes:
    # 256 random bits need no slow hash.
    return hashlib.sha256(token.encode()).digest()
