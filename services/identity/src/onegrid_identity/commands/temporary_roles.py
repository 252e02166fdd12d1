"""The roles that shifts of duty and plans of emergency grant: decided the day before, and anew when the source changes.

Neither has authority of its own. What it grants, the guarantor whom it names must hold at that moment, and be allowed
to grant, for as long as it lasts: the same rules as those of GrantRole.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from google.protobuf.message import Message
from sqlalchemy import Connection

from onegrid.identity.v1.events_pb2 import PlanRoleGranted, PlanRoleRefused, ShiftRoleGranted, ShiftRoleRefused
from onegrid_identity.accounts import TemporaryRole
from onegrid_identity.commands import roles
from onegrid_identity.store import temporary_roles as store
from onegrid_kit import outbox
from onegrid_kit.callers import ANONYMOUS, Call
from onegrid_kit.errors import DomainError

__all__ = ["follow", "grant_due"]

_AHEAD: Final = timedelta(days=1)
_AT_ONCE: Final = 200


def follow(conn: Connection, new: TemporaryRole, call: Call) -> None:
    """Keep a source as it is now: the grant for what it was ends, and another is made if it begins soon."""
    # A tombstone stays for one that has ended, so that an earlier revision that comes later is known to be one.
    before = store.lock_temporary_role(conn, new.source)
    if before is not None and before.revision >= new.revision:
        return
    if before is not None and replace(before, revision=new.revision, grant_id="", pending=True) == new:
        store.save_temporary_role(conn, replace(before, revision=new.revision))
        return
    if before is not None and before.grant_id:
        roles.revoke_temporary(conn, before, call)
        store.reopen_temporary_roles(conn, before)
    store.save_temporary_role(conn, new)
    if new.pending and new.begin <= call.now + _AHEAD:
        _decide(conn, new, call)


def grant_due(conn: Connection, now: datetime) -> None:
    """Decide on the sources that begin within a day."""
    call = Call(caller=ANONYMOUS, now=now, method="grant shifts their roles")
    for known in store.due_temporary_roles(conn, now + _AHEAD, _AT_ONCE):
        _decide(conn, known, call)


def _decide(conn: Connection, known: TemporaryRole, call: Call) -> None:
    if known.end <= call.now:
        store.save_temporary_role(conn, replace(known, pending=False))
        return
    try:
        # What was written before it was refused is undone.
        with conn.begin_nested():
            granted = roles.grant_temporarily(conn, known, call)
    except DomainError as error:
        store.save_temporary_role(conn, replace(known, pending=False))
        outbox.append(conn, call, [(known.source, _refused(known, error.reason.name))])
    else:
        store.save_temporary_role(conn, replace(known, pending=False, grant_id=granted))
        outbox.append(conn, call, [(known.source, _granted(known))])


def _granted(known: TemporaryRole) -> Message:
    if known.elevation:
        return PlanRoleGranted(elevation=known.elevation)
    return ShiftRoleGranted(shift=known.source, revision=known.revision)


def _refused(known: TemporaryRole, reason: str) -> Message:
    if known.elevation:
        return PlanRoleRefused(elevation=known.elevation, reason=reason)
    return ShiftRoleRefused(shift=known.source, revision=known.revision, reason=reason)
