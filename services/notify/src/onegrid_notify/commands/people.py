"""People as identity announces them: where they belong follows from all that is known."""

from __future__ import annotations

from sqlalchemy import Connection

from onegrid_notify import memberships
from onegrid_notify.memberships import Grant, Version
from onegrid_notify.store import people

__all__ = ["keep_grant", "keep_version"]


def keep_version(conn: Connection, user: str, new: Version) -> None:
    """Keep a version of an account."""
    people.lock_person(conn, user)
    if people.keep_version(conn, user, new):
        _derive(conn, user)


def keep_grant(conn: Connection, user: str, new: Grant) -> None:
    """Keep what an event says of a grant."""
    people.lock_person(conn, user)
    if people.keep_grant(conn, user, new):
        _derive(conn, user)


def _derive(conn: Connection, user: str) -> None:
    stored = people.memberships_of(conn, user)
    derived = memberships.memberships(people.versions_of(conn, user), people.grants_of(conn, user))
    people.replace_memberships(conn, user, gone=stored - derived, new=derived - stored)
