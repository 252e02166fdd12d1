"""The statements over the keys that access tokens are signed with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select, text

from onegrid_identity.tables import signing_key

__all__ = ["SealedKey", "forget_signing_keys", "insert_signing_key", "lock_signing_keys", "signing_keys"]

_LOCK = 0x0E61D1D


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedKey:
    """A signing key; its private half is encrypted."""

    kid: str
    public: bytes
    sealed_private: bytes
    created_at: datetime


def lock_signing_keys(conn: Connection) -> datetime:
    """Keep others from renewing the keys until this transaction ends; the time by the database's clock."""
    conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    now: datetime = conn.execute(select(func.now())).scalar_one()
    return now


def signing_keys(conn: Connection) -> list[SealedKey]:
    """All keys, newest first."""
    k = signing_key.c
    return [
        SealedKey(
            kid=row.kid,
            public=bytes(row.public_key),
            sealed_private=bytes(row.sealed_private_key),
            created_at=row.created_at,
        )
        for row in conn.execute(select(signing_key).order_by(k.created_at.desc(), k.kid))
    ]


def insert_signing_key(conn: Connection, new: SealedKey) -> None:
    """Enter a key."""
    conn.execute(
        signing_key.insert().values(
            kid=new.kid, public_key=new.public, sealed_private_key=new.sealed_private, created_at=new.created_at
        )
    )


def forget_signing_keys(conn: Connection, before: datetime) -> None:
    """Delete the keys that were made before that time."""
    conn.execute(signing_key.delete().where(signing_key.c.created_at < before))
