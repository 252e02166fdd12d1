"""What an audience may name, and who may name it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from sqlalchemy import Connection

from onegrid_kit import codes
from onegrid_kit.callers import Call
from onegrid_notify.audience import COLUMN, GROUP, Audience
from onegrid_notify.authority import ADDRESS_PARTY
from onegrid_notify.errors import ColumnUnusable, GroupUnknown, OrganizationUnknown, PlaceUnknown
from onegrid_notify.party import ORGANIZATION
from onegrid_notify.store import audiences, party, places
from onegrid_notify.store.columns import columns_of

__all__ = ["ADDRESS", "require_addressable", "require_party", "require_speaker"]

ADDRESS: Final = "notify.groups.address"
"""Who holds it over a district addresses and counts its protected groups."""


def require_addressable(
    conn: Connection, district: str, audience: Audience, call: Call, field: str = "audience"
) -> None:
    """Raise PlaceUnknown, GroupUnknown, OrganizationUnknown or ColumnUnusable, of that field of the request, for what
    the district does not have, or PermissionDenied for a protected group or members of the Party.
    """
    known = places.known_codes(conn, audience.places)
    for code in audience.places:
        if code not in known or codes.district_of(code) != district:
            raise PlaceUnknown(code, field)
    groups = audiences.groups_by_id(conn, district, [GROUP.id(name) for name in audience.groups])
    for name in audience.groups:
        if GROUP.id(name) not in groups:
            raise GroupUnknown(name, field)
    if any(group.protected for group in groups.values()):
        call.caller.require(ADDRESS, district)
    if audience.subscribed_columns:
        columns = columns_of(conn, district)
        for name in audience.subscribed_columns:
            if COLUMN.id(name) not in columns.by_id:
                raise ColumnUnusable(name, field)
    require_party(district, audience, call)
    _require_known(conn, district, audience.organizations, field)


def _require_known(conn: Connection, district: str, organizations: Collection[str], field: str) -> None:
    """Raise OrganizationUnknown, of that field of the request, for one that the district does not have."""
    known = party.known_organizations(conn, district, [ORGANIZATION.id(name) for name in organizations])
    for name in organizations:
        if ORGANIZATION.id(name) not in known:
            raise OrganizationUnknown(name, field)


def require_speaker(conn: Connection, name: str, call: Call, field: str) -> None:
    """Raise OrganizationUnknown, of that field of the request, for a Party organization that the district does not have
    or has no more, or PermissionDenied for one that the caller may not write for.
    """
    id_ = ORGANIZATION.id(name)
    call.caller.require(ADDRESS_PARTY, codes.office_of(id_))
    _require_known(conn, codes.district_of(id_), [name], field)
    if party.is_dissolved(conn, id_):
        raise OrganizationUnknown(name, field)


def require_party(district: str, audience: Audience | None, call: Call) -> None:
    """Raise PermissionDenied for an audience of members of the Party whom the caller may not address."""
    for office in () if audience is None else audience.party_offices(district):
        call.caller.require(ADDRESS_PARTY, office)
