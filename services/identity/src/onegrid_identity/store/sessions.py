"""The statements over sessions and refresh tokens."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, select

from onegrid_identity.accounts import RefreshToken, Session
from onegrid_identity.tables import refresh_token, session

__all__ = [
    "extend_access",
    "find_refresh_token",
    "forget_expired_sessions",
    "insert_refresh_token",
    "insert_session",
    "lock_session",
    "revoke_session",
    "unrevoked_sessions",
    "use_refresh_token",
]


def insert_session(conn: Connection, new: Session) -> None:
    """Enter a session."""
    conn.execute(
        session.insert().values(
            id=new.id,
            account=new.account,
            refresh_expire_time=new.refresh_expire_time,
            access_expire_time=new.access_expire_time,
            revoked=new.revoked,
        )
    )


def lock_session(conn: Connection, session_id: str) -> Session | None:
    """The session of that id, locked until this transaction ends."""
    row = conn.execute(select(session).where(session.c.id == session_id).with_for_update()).one_or_none()
    if row is None:
        return None
    return Session(
        id=row.id,
        account=row.account,
        refresh_expire_time=row.refresh_expire_time,
        access_expire_time=row.access_expire_time,
        revoked=row.revoked,
    )


def extend_access(conn: Connection, session_id: str, expires: datetime) -> None:
    """A session got an access token that expires then, perhaps sooner than one before it."""
    latest = func.greatest(session.c.access_expire_time, expires)
    conn.execute(session.update().where(session.c.id == session_id).values(access_expire_time=latest))


def revoke_session(conn: Connection, session_id: str) -> datetime | None:
    """End a session; when its last access token expires. None if there is none of that id that was not ended before."""
    statement = session.update().where(session.c.id == session_id, session.c.revoked.is_(False)).values(revoked=True)
    return conn.execute(statement.returning(session.c.access_expire_time)).scalar_one_or_none()


def unrevoked_sessions(conn: Connection, account_id: str) -> list[str]:
    """The ids of an account's sessions that were not ended."""
    query = select(session.c.id).where(session.c.account == account_id, session.c.revoked.is_(False))
    return list(conn.execute(query.order_by(session.c.id)).scalars())


def insert_refresh_token(conn: Connection, digest: bytes, session_id: str) -> None:
    """Enter a refresh token of a session, by its digest."""
    conn.execute(refresh_token.insert().values(hash=digest, session=session_id, used=False))


def find_refresh_token(conn: Connection, digest: bytes) -> RefreshToken | None:
    """The refresh token of that digest."""
    row = conn.execute(select(refresh_token).where(refresh_token.c.hash == digest)).one_or_none()
    return None if row is None else RefreshToken(row.session, row.used, row.used_time)


def use_refresh_token(conn: Connection, digest: bytes, now: datetime) -> None:
    """Note that a refresh token was exchanged."""
    conn.execute(refresh_token.update().where(refresh_token.c.hash == digest).values(used=True, used_time=now))


def forget_expired_sessions(conn: Connection, now: datetime) -> None:
    """Delete sessions that can't be refreshed any more, with their refresh tokens."""
    gone = select(session.c.id).where(session.c.refresh_expire_time < now)
    conn.execute(refresh_token.delete().where(refresh_token.c.session.in_(gone)))
    conn.execute(session.delete().where(session.c.refresh_expire_time < now))
