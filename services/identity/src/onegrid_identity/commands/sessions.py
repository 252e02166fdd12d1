"""Sessions: opened by a login, kept alive by refresh tokens that are good once, ended for good."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, func, select

from onegrid.identity.v1.events_pb2 import SessionRevoked
from onegrid_identity import store, tables
from onegrid_identity.accounts import SESSION, Account, caller_of
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
    session_id = ids.new_id()
    expires = call.now + access
    lasts = call.now + (refresh_lasts or access)
    conn.execute(
        tables.session.insert().values(
            id=session_id,
            account=account.id,
            refresh_expire_time=lasts,
            access_expire_time=expires,
            revoked=False,
        )
    )
    token = secrets.token_urlsafe(32) if refresh_lasts else ""
    if token:
        _insert_refresh_token(conn, token, session_id)
    audit.append(conn, [(call, account.name)])
    caller = caller_of(account, session_id, store.granted_roles(conn, account.id, call.now, expires))
    return Opened(caller, call.now, expires, token, lasts)


def refresh(conn: Connection, command: Refresh, call: Call, access: timedelta) -> Opened | None:
    """Exchange a refresh token for its successor. None if it is not good; if it was exchanged before, its session is
    revoked then, except within the grace period and while the successor is unused.

    Does not raise, so that the revocation is committed.
    """
    t, s = tables.refresh_token, tables.session
    digest = _digest(command.token)
    session_id = conn.execute(select(t.c.session).where(t.c.hash == digest)).scalar_one_or_none()
    if session_id is None:
        return None
    # Those who present the same token at the same moment wait for one another here.
    held = conn.execute(select(s).where(s.c.id == session_id).with_for_update()).one_or_none()
    if held is None or held.revoked or call.now >= held.refresh_expire_time:
        return None
    used = conn.execute(select(t.c.used, t.c.used_time).where(t.c.hash == digest)).one()
    account = store.find_account(conn, held.account)
    good = not used.used or _may_repeat(conn, used.used_time, command.successor, call.now)
    if not good or account is None or not account.active:
        revoke(conn, session_id, call)
        audit.append(conn, [(call, SESSION.name(session_id))])
        return None
    if not used.used:
        conn.execute(t.update().where(t.c.hash == digest).values(used=True, used_time=call.now))
        _insert_refresh_token(conn, command.successor, session_id)
    expires = call.now + access
    latest = func.greatest(s.c.access_expire_time, expires)
    conn.execute(s.update().where(s.c.id == session_id).values(access_expire_time=latest))
    audit.append(conn, [(call, SESSION.name(session_id))])
    caller = caller_of(account, session_id, store.granted_roles(conn, account.id, call.now, expires))
    return Opened(caller, call.now, expires, command.successor, held.refresh_expire_time)


def revoke(conn: Connection, session_id: str, call: Call) -> None:
    """End a session, and have every service refuse its access tokens. Ending an ended one changes nothing."""
    s = tables.session
    row = conn.execute(
        s.update()
        .where(s.c.id == session_id, s.c.revoked.is_(False))
        .values(revoked=True)
        .returning(s.c.access_expire_time)
    ).one_or_none()
    if row is None:
        return
    event = SessionRevoked(session=session_id, expire_time=timestamp(row.access_expire_time))
    outbox.append(conn, call, [(SESSION.name(session_id), event)])


def revoke_all(conn: Connection, account_id: str, call: Call, *, but: str = "") -> None:
    """End an account's sessions, but for one."""
    s = tables.session
    query = select(s.c.id).where(s.c.account == account_id, s.c.revoked.is_(False), s.c.id != but)
    for session_id in conn.execute(query.order_by(s.c.id)).scalars().all():
        revoke(conn, session_id, call)


def _may_repeat(conn: Connection, used_time: datetime | None, successor: str, now: datetime) -> bool:
    """Whether the answer to an exchange can be given again. The clocks of two replicas may differ."""
    if used_time is None or abs(now - used_time) > _GRACE:
        return False
    t = tables.refresh_token
    # There is none under this name if the keys that it is derived with were replaced meanwhile.
    return conn.execute(select(t.c.used).where(t.c.hash == _digest(successor))).scalar_one_or_none() is False


def _insert_refresh_token(conn: Connection, token: str, session_id: str) -> None:
    conn.execute(tables.refresh_token.insert().values(hash=_digest(token), session=session_id, used=False))


def _digest(token: str) -> bytes:
    # 256 random bits need no slow hash.
    return hashlib.sha256(token.encode()).digest()
