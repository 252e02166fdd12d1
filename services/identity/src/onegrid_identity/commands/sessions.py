"""Sessions: opened by a login, kept alive by refresh tokens that are good once, ended for good."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from onegrid.identity.v1.events_pb2 import SessionRevoked
from onegrid_identity import store, tables
from onegrid_identity.accounts import Account, caller_of
from onegrid_kit import audit, ids, outbox
from onegrid_kit.callers import Call, Caller
from onegrid_kit.timestamps import timestamp

__all__ = ["Opened", "open_session", "refresh", "revoke", "revoke_all"]


@dataclass(frozen=True, slots=True)
class Opened:
    """A session as its holder gets it; the access token is still to be signed."""

    caller: Caller
    issue_time: datetime
    access_expire_time: datetime
    refresh_token: str
    refresh_expire_time: datetime


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
    token = _new_refresh_token(conn, session_id) if refresh_lasts else ""
    audit.append(conn, [(call, account.name)])
    caller = caller_of(account, session_id, store.granted_roles(conn, account.id, call.now, expires))
    return Opened(caller, call.now, expires, token, lasts)


def refresh(conn: Connection, token: str, call: Call, access: timedelta) -> Opened | None:
    """Exchange a refresh token for a new one. None if it is not good; if it was used before, its session is
    revoked then.

    Does not raise, so that the revocation is committed.
    """
    t, s = tables.refresh_token, tables.session
    digest = _digest(token)
    session_id = conn.execute(select(t.c.session).where(t.c.hash == digest)).scalar_one_or_none()
    if session_id is None:
        return None
    # Of those who hold the same token at the same moment, the lock lets one be first; the others come too late.
    held = conn.execute(select(s).where(s.c.id == session_id).with_for_update()).one_or_none()
    if held is None or held.revoked or call.now >= held.refresh_expire_time:
        return None
    used = conn.execute(select(t.c.used).where(t.c.hash == digest)).scalar_one()
    account = store.find_account(conn, held.account)
    if used or account is None or not account.active:
        revoke(conn, session_id, call)
        audit.append(conn, [(call, f"sessions/{session_id}")])
        return None
    conn.execute(t.update().where(t.c.hash == digest).values(used=True))
    expires = call.now + access
    conn.execute(s.update().where(s.c.id == session_id).values(access_expire_time=expires))
    new = _new_refresh_token(conn, session_id)
    audit.append(conn, [(call, f"sessions/{session_id}")])
    caller = caller_of(account, session_id, store.granted_roles(conn, account.id, call.now, expires))
    return Opened(caller, call.now, expires, new, held.refresh_expire_time)


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
    outbox.append(conn, call, [(f"sessions/{session_id}", event)])


def revoke_all(conn: Connection, account_id: str, call: Call, *, but: str = "") -> None:
    """End an account's sessions, but for one."""
    s = tables.session
    query = select(s.c.id).where(s.c.account == account_id, s.c.revoked.is_(False), s.c.id != but)
    for session_id in conn.execute(query.order_by(s.c.id)).scalars().all():
        revoke(conn, session_id, call)


def _new_refresh_token(conn: Connection, session_id: str) -> str:
    token = secrets.token_urlsafe(32)
    conn.execute(tables.refresh_token.insert().values(hash=_digest(token), session=session_id, used=False))
    return token


def _digest(token: str) -> bytes:
    # 256 random bits need no slow hash.
    return hashlib.sha256(token.encode()).digest()
