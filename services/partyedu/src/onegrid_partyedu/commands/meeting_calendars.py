"""Secret links of the calendars of members' meetings: made, replaced and revoked by the member."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

from sqlalchemy import Connection

from onegrid_kit.callers import Call
from onegrid_kit.errors import PermissionDenied
from onegrid_partyedu.meeting import CalendarLink
from onegrid_partyedu.meeting_authority import require_own
from onegrid_partyedu.member import ME
from onegrid_partyedu.store import meeting_calendars as store

__all__ = ["create_link", "digest_of", "revoke_link"]

_SECRET_BYTES: Final = 32


def create_link(conn: Connection, reminder_minutes: int, call: Call) -> tuple[CalendarLink, str]:
    """A new link of the caller's own calendar, and its secret. Raises NotFound."""
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    link = CalendarLink(member=require_own(conn, call).id, reminder_minutes=reminder_minutes)
    store.save_link(conn, link, digest_of(secret))
    return link, secret


def revoke_link(conn: Connection, member: str, call: Call) -> None:
    """End the caller's link, if there is one. Raises NotFound or PermissionDenied."""
    own = require_own(conn, call)
    if member not in (ME, own.id):
        raise PermissionDenied(call.permission)
    store.delete_link(conn, own.id)


def digest_of(secret: str) -> bytes:
    """What is stored of a secret. It is random and long, so that no slow digest is needed."""
    return hashlib.sha256(secret.encode()).digest()
