"""Who hosts a meeting, who may read it, and what they see of attendance."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from onegrid_kit import codes
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound
from onegrid_kit.visibility import Viewer
from onegrid_partyedu.meeting import MEETING, Meeting
from onegrid_partyedu.member import ME, MEMBER, Member
from onegrid_partyedu.store import meetings, members

__all__ = [
    "HOST",
    "found_meeting",
    "require_hosted",
    "require_office",
    "require_own",
    "require_readable",
    "viewer_of_attendances",
]

HOST: Final = "partyedu.meetings.host"
"""The permission of who hosts meetings, and sees why somebody is excused."""


def require_own(conn: Connection, call: Call) -> Member:
    """The member who calls. Raises NotFound."""
    own = members.find_member_of(conn, call.caller.district, call.caller.user)
    if own is None:
        raise NotFound(MEMBER.name(ME))
    return own


def found_meeting(found: Meeting | None, id_: str, call: Call) -> Meeting:
    """The meeting of that id. Raises PermissionDenied or NotFound."""
    return call.existing(found, MEETING, id_)


def require_office(conn: Connection, organization: str, call: Call) -> None:
    """Raise PermissionDenied unless the caller has the call's permission over the organization's place or department,
    or over their own and a post in the organization (art. 14: its secretary convenes and presides).
    """
    _require(conn, organization, call, None)


def require_hosted(conn: Connection, id_: str, call: Call) -> Meeting:
    """A meeting about which the caller may know what its host does, as `require_office` says. Raises PermissionDenied
    or NotFound.
    """
    found = found_meeting(meetings.find_meeting(conn, id_), id_, call)
    _require(conn, found.organization, call, None)
    return found


def require_readable(conn: Connection, id_: str, call: Call) -> Meeting:
    """A meeting that the caller may read: as `require_office` says, or because they are expected. Raises
    PermissionDenied or NotFound.
    """
    found = found_meeting(meetings.find_meeting(conn, id_), id_, call)
    _require(conn, found.organization, call, found)
    return found


def viewer_of_attendances(conn: Connection, organization: str, call: Call) -> Viewer:
    """What the caller is to the attendance of others at a meeting of the organization."""
    hosts = call.caller.may(HOST, codes.office_of(organization)) or (
        call.caller.may_own(HOST, call.caller.user) and _holds_post(conn, organization, call)
    )
    return Viewer(permissions=frozenset({HOST} if hosts else ()))


def _require(conn: Connection, organization: str, call: Call, of: Meeting | None) -> None:
    caller = call.caller
    if caller.may(call.permission, codes.office_of(organization)):
        return
    own = members.find_member_of(conn, caller.district, caller.user)
    concerned = own is not None and (
        meetings.posts_in(conn, organization, own.id) or (of is not None and meetings.expects(conn, of, own.id))
    )
    caller.require(call.permission, owner=caller.user if concerned else "")


def _holds_post(conn: Connection, organization: str, call: Call) -> bool:
    own = members.find_member_of(conn, call.caller.district, call.caller.user)
    return own is not None and meetings.posts_in(conn, organization, own.id)
