"""Audiences as commands on articles meet them."""

from __future__ import annotations

from sqlalchemy import Connection

from onegrid_kit import codes
from onegrid_notify.audience import Audience
from onegrid_notify.errors import PlaceUnknown
from onegrid_notify.store import places

__all__ = ["require_known"]


def require_known(conn: Connection, district: str, audience: Audience) -> None:
    """Raise PlaceUnknown or GroupUnknown for what the district does not have."""
    known = places.known_codes(conn, audience.places)
    for code in audience.places:
        if code not in known or codes.district_of(code) != district:
            raise PlaceUnknown(code)
