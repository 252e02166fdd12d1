"""People as identity announces them: where they belong follows from all that is known."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from onegrid_notify import memberships
from onegrid_notify.item import KEPT
from onegrid_notify.memberships import Grant, Version
from onegrid_notify.store import addresses, audiences, party, people

__all__ = ["forget_disabled", "forget_past", "keep_grant", "keep_version"]

_FORGOTTEN_AT_ONCE: Final = 500
_DISABLED_AT_ONCE: Final = 100
_DISABLED_KEPT: Final = timedelta(days=90)
"""For how long everything is kept of an account that is disabled, as it may be enabled again."""


def keep_version(conn: Connection, user: str, new: Version) -> None:
    """Keep a version of an account; delete the addresses of one that is disabled, so that nothing is sent there."""
    people.lock_person(conn, user)
    if people.keep_version(conn, user, new):
        _derive(conn, user)
    if not new.active:
        addresses.delete_addresses(conn, user, new.time)


def keep_grant(conn: Connection, user: str, new: Grant) -> None:
    """Keep what an event says of a grant."""
    people.lock_person(conn, user)
    if people.keep_grant(conn, user, new):
        _derive(conn, user)


def forget_past(conn: Connection, now: datetime) -> None:
    """Forget where people belonged before anything that an inbox still holds, which is the time that identity's events
    set for personal data; a few people at once.
    """
    before = now - KEPT
    for user in people.users_with_past(conn, before, _FORGOTTEN_AT_ONCE):
        people.lock_person(conn, user)
        people.forget_past(conn, user, before)
        _derive(conn, user)
    audiences.forget_past(conn, before)
    party.forget_past(conn, before)


def forget_disabled(conn: Connection, now: datetime) -> None:
    """Delete what is kept of those who have been disabled for long, a few at once, and as much later what came since
    then: its purpose is achieved (Personal Information Protection Law, art. 47).
    """
    for user in people.disabled_users(conn, now - _DISABLED_KEPT, _DISABLED_AT_ONCE):
        people.lock_person(conn, user)
        # They may have been enabled meanwhile.
        if people.is_disabled(conn, user):
            people.forget_disabled(conn, user, now)


def _derive(conn: Connection, user: str) -> None:
    stored = people.memberships_of(conn, user)
    derived = memberships.memberships(people.versions_of(conn, user), people.grants_of(conn, user))
    people.replace_memberships(conn, user, gone=stored - derived, new=derived - stored)
