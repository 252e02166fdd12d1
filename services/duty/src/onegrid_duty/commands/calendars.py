"""Secret links of calendars: made, replaced and revoked by those whose they are."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection

from onegrid_duty.calendars import USER, Link
from onegrid_duty.store import calendars as store
from onegrid_duty.timetable import require_roster
from onegrid_kit.callers import Call
from onegrid_kit.errors import PermissionDenied

__all__ = ["create_own", "create_roster", "digest_of", "revoke"]

_ROSTER_LINKS_LAST: Final = timedelta(days=180)
_SECRET_BYTES: Final = 32


def create_own(conn: Connection, reminder_minutes: int, call: Call) -> tuple[Link, str]:
    """A new link of the caller's own calendar, and its secret."""
    return _save(conn, Link(user=call.caller.user, roster="", reminder_minutes=reminder_minutes))


def create_roster(conn: Connection, roster_id: str, call: Call) -> tuple[Link, str]:
    """A new link of the caller's to a roster's calendar, and its secret. Raises NotFound."""
    roster = require_roster(conn, roster_id)
    return _save(conn, Link(user=call.caller.user, roster=roster.id, expire_time=call.now + _ROSTER_LINKS_LAST))


def revoke(conn: Connection, link_id: str, call: Call) -> None:
    """End a link of the caller's, if there is one. Raises PermissionDenied."""
    user, _, roster_id = link_id.partition("-")
    if USER.name(user) != call.caller.user:
        raise PermissionDenied(call.permission)
    store.delete_link(conn, call.caller.user, roster_id)


def digest_of(secret: str) -> bytes:
    """What is stored of a secret. It is random and long, so that no slow digest is needed."""
    return hashlib.sha256(secret.encode()).digest()


def _save(conn: Connection, link: Link) -> tuple[Link, str]:
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    store.save_link(conn, link, digest_of(secret))
    return link, secret
