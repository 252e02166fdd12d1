"""Organizations that are dissolved, with what they were still to do."""

from __future__ import annotations

from sqlalchemy import Connection

from onegrid_kit.callers import Call
from onegrid_partyedu.commands.meetings import cancel_ahead
from onegrid_partyedu.commands.organizations import end_organization
from onegrid_partyedu.organization import Organization
from onegrid_partyedu.store import guidance

__all__ = ["dissolve_organization"]


def dissolve_organization(conn: Connection, id_: str, etag: str, call: Call) -> Organization:
    """Dissolve an organization, cancel its meetings that are ahead, and end what it has to do of guidance tasks. Raises
    NotFound, StaleEtag or OrganizationInUse.
    """
    dissolved = end_organization(conn, id_, etag, call)
    cancel_ahead(conn, id_, call)
    guidance.withdraw_of(conn, id_)
    return dissolved
