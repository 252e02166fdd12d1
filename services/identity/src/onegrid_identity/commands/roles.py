"""Roles: created, granted, revoked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from onegrid.identity.v1.events_pb2 import RoleRevoked
from onegrid_identity import granting, messages, store
from onegrid_identity.accounts import GRANT, ROLE, USER, Account, Grant, Role, TemporaryRole, caller_of
from onegrid_identity.commands import places, users
from onegrid_identity.errors import GrantLimitReached, RoleBuiltIn
from onegrid_kit import codes, ids, outbox, tokens
from onegrid_kit.callers import ALWAYS, Call, Period
from onegrid_kit.errors import AlreadyExists, FieldViolation, InvalidRequest, NotFound, PermissionDenied

__all__ = ["GrantRole", "create", "grant_role", "grant_temporarily", "revoke_role", "revoke_temporary"]

_GRANTING: Final = "identity.grants.create"
"""The permission that GrantRole needs."""

_BUILT_IN_IDS = frozenset(role.id for role in granting.BUILT_IN)


_MAX_GRANTS = 100
"""How many unexpired grants a user may hold: GetCaller answers with all of them."""
_END = datetime.max.replace(tzinfo=UTC)
_SKEW = timedelta(minutes=1)
"""How far the clock of a caller may be behind."""


@dataclass(frozen=True, slots=True)
class GrantRole:
    """Whom to grant which role over what, and for how long."""

    user: str
    role: str
    scope: str
    period: Period = ALWAYS


def create(conn: Connection, district: str, new: Role, call: Call) -> Role:
    """Make a role of permissions that its maker holds over the district.

    Raises RoleBuiltIn, PermissionUnknown, GrantExceedsOwn or AlreadyExists.
    """
    if new.id in _BUILT_IN_IDS:
        raise RoleBuiltIn(new.name)
    granting.require_known(new.permissions)
    granting.require_own(call.caller, new.permissions, district)
    if not store.insert_role(conn, new):
        raise AlreadyExists(new.name)
    return new


def grant_role(conn: Connection, command: GrantRole, call: Call) -> Grant:
    """Grant a role.

    Raises InvalidRequest for a period of the past, NotFound, ScopeUnfit, ScopeUnknown, GrantExceedsOwn,
    GrantLimitReached or PermissionDenied.
    """
    _require_future(command.period, call.now)
    account = users.require_visible(conn, command.user, call, lock=True)
    # What a user does with their own things is granted by those who answer for the user's district.
    over = account.district if command.scope == codes.SELF else command.scope
    call.caller.require(call.permission, over)
    role = store.roles_by_id(conn, [command.role]).get(command.role)
    if role is None:
        raise NotFound(ROLE.name(command.role))
    granting.require_fit(role, command.scope)
    places.require_known(conn, over)
    granting.require_own(call.caller, role.permissions, over, command.period)
    grant = users.grant_role(conn, account, role, command.scope, call, command.period)
    _require_few(conn, account, call.now)
    return grant


def revoke_role(conn: Connection, user: str, grant_id: str, call: Call) -> None:
    """Revoke a grant. Raises NotFound or PermissionDenied."""
    account = users.require_visible(conn, user, call, lock=True)
    name = GRANT.name(user, grant_id)
    grant = store.find_grant(conn, user, grant_id)
    if grant is None:
        raise NotFound(name)
    call.caller.require(call.permission, account.district if grant.scope == codes.SELF else grant.scope)
    _revoke(conn, account, grant, call)


def grant_temporarily(conn: Connection, known: TemporaryRole, call: Call) -> str:
    """Grant the role of a shift or plan by the authority of whoever guarantees for it, as they have it now; its id, or
    an empty one if another grant is the same already.

    Raises what `grant_role` raises, by the same rules: PermissionDenied unless the guarantor may grant roles there.
    """
    account, guarantor = store.find_account(conn, known.user, lock=True), store.find_account(conn, known.guarantor)
    if account is None or not account.active:
        raise NotFound(USER.name(known.user))
    if guarantor is None or not guarantor.active:
        raise PermissionDenied(_GRANTING)
    by = caller_of(guarantor, "", store.granted_roles(conn, guarantor.id, call.now, _END)).at(call.now)
    by.require(_GRANTING, known.scope)
    role = store.roles_by_id(conn, [known.role]).get(known.role)
    if role is None:
        raise NotFound(ROLE.name(known.role))
    granting.require_fit(role, known.scope)
    places.require_known(conn, known.scope)
    granting.require_own(by, role.permissions, known.scope, known.period)
    kept = users.grant_role(conn, account, role, known.scope, call, known.period, source=known.source)
    _require_few(conn, account, call.now)
    return kept.id if kept.source == known.source else ""


def revoke_temporary(conn: Connection, known: TemporaryRole, call: Call) -> None:
    """Revoke the grant that was made for a shift or plan, unless somebody has already."""
    account = store.find_account(conn, known.user, lock=True)
    grant = store.find_grant(conn, known.user, known.grant_id)
    if account is not None and grant is not None:
        _revoke(conn, account, grant, call)


def _revoke(conn: Connection, account: Account, grant: Grant, call: Call) -> None:
    revision = store.delete_grant(conn, grant)
    if revision is None:
        raise NotFound(grant.name)
    event = RoleRevoked(
        user=account.name,
        role=ROLE.name(grant.role),
        scope=grant.scope,
        grant=messages.grant(grant),
        grant_revision=revision,
    )
    outbox.append(conn, call, [(account.name, event)])


def _require_few(conn: Connection, account: Account, now: datetime) -> None:
    """Raise GrantLimitReached if the grants are too many, or too large for an access token."""
    granted = store.granted_roles(conn, account.id, now, _END)
    if len(granted) > _MAX_GRANTS:
        raise GrantLimitReached("grants", _MAX_GRANTS)
    if tokens.size(caller_of(account, ids.new_id(), granted)) > tokens.MAX_BYTES:
        raise GrantLimitReached("token_bytes", tokens.MAX_BYTES)


def _require_future(period: Period, now: datetime) -> None:
    for field, moment, earliest in (("begin_time", period.begin, now - _SKEW), ("expire_time", period.expire, now)):
        if moment is not None and moment <= earliest:
            raise InvalidRequest(FieldViolation(field, "lies in the past"))
