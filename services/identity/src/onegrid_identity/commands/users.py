"""Accounts: made, changed, disabled, enabled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from onegrid.common.v1.common_pb2 import AccountKind
from onegrid.identity.v1.events_pb2 import UserDisabled
from onegrid.identity.v1.resources_pb2 import UserState
from onegrid_identity import attempts, messages, store
from onegrid_identity.accounts import USER, Account, Grant, Role
from onegrid_identity.commands import sessions
from onegrid_identity.errors import CredentialsRejected, ScopeUnknown
from onegrid_identity.granting import EVERYONE, PETITIONER
from onegrid_kit import codes, ids, outbox, telephone
from onegrid_kit.callers import ALWAYS, ANONYMOUS, Call, Period
from onegrid_kit.cipher import Cipher
from onegrid_kit.errors import InvalidRequest, NotFound, PermissionDenied
from onegrid_kit.etags import require_fresh
from onegrid_kit.logs import log

__all__ = [
    "UpdateUser",
    "announce_pending",
    "create",
    "disable",
    "enable",
    "grant_role",
    "normalize_phones",
    "require_visible",
    "set_password",
    "update",
]

_PUBLIC = (
    AccountKind.ACCOUNT_KIND_CITIZEN,
    AccountKind.ACCOUNT_KIND_ENTERPRISE,
    AccountKind.ACCOUNT_KIND_SERVICE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateUser:
    """What to change of an account; None leaves a field as it is."""

    user: str
    """The user's id."""
    etag: str
    sealed_name: bytes | None = None
    sealed_phone: bytes | None = None
    phone_index: bytes | None = None
    organization: str | None = None
    home: str | None = None


def create(conn: Connection, new: Account, call: Call) -> Account:
    """Make an account, with the default role of its kind. Raises LoginTaken."""
    new = _announce(conn, new, store.insert_account, call)
    grant_role(conn, new, EVERYONE, codes.SELF, call)
    if new.kind in _PUBLIC:
        grant_role(conn, new, PETITIONER, new.district, call)
    return new


def grant_role(
    conn: Connection,
    account: Account,
    role: Role,
    scope: str,
    call: Call,
    period: Period = ALWAYS,
    *,
    source: str = "",
) -> Grant:
    """Grant a role over a scope, without asking who may; a grant of the same that is there already is kept."""
    new = Grant(
        id=ids.new_id(),
        user=account.id,
        role=role.id,
        scope=scope,
        period=period,
        create_time=call.now,
        source=source,
    )
    kept = store.insert_grant(conn, new)
    if kept.id == new.id:
        outbox.append(conn, call, [(account.name, messages.role_granted(kept, role))])
    return kept


def require_visible(conn: Connection, user: str, call: Call, *, lock: bool = False) -> Account:
    """The account, if the caller holds the permission over its district or owns it. Raises NotFound or
    PermissionDenied.
    """
    account = store.find_account(conn, user, lock=lock)
    if account is None:
        # Who may see every account of their district learns that there is none of this name.
        if call.caller.may(call.permission, call.caller.district):
            raise NotFound(USER.name(user))
        raise PermissionDenied(call.permission)
    call.caller.require(call.permission, account.district, owner=account.name)
    return account


def update(conn: Connection, command: UpdateUser, call: Call) -> Account:
    """Change an account's fields. Raises PermissionDenied, StaleEtag, ScopeUnknown or LoginTaken."""
    before = _lock(conn, command.user, command.etag, call)
    if command.sealed_phone is not None or command.organization is not None:
        # The number is a login, and tokens speak for the organization: the owner's own permission is not
        # enough for either.
        call.caller.require(call.permission, before.district)
    after = before
    if command.sealed_name is not None:
        after = replace(after, sealed_name=command.sealed_name)
    if command.sealed_phone is not None:
        after = replace(
            after, sealed_phone=command.sealed_phone, phone_index=command.phone_index, phone_normalized=True
        )
    if command.organization is not None:
        after = replace(after, organization=command.organization)
    if command.home is not None:
        if call.caller.user != before.name:
            # Where somebody lives is for nobody else to say.
            raise PermissionDenied(call.permission)
        if command.home and not store.knows_place(conn, command.home):
            raise ScopeUnknown(command.home)
        after = replace(after, home=command.home)
    return _save(conn, after, call)


def disable(conn: Connection, user: str, etag: str, call: Call) -> Account:
    """Bar an account from logging in, and end its sessions."""
    before = _lock(conn, user, etag, call)
    if not before.active:
        return before
    after = _save(conn, replace(before, state=UserState.USER_STATE_DISABLED), call)
    sessions.revoke_all(conn, user, call)
    outbox.append(conn, call, [(after.name, UserDisabled(user=after.name))])
    return after


def enable(conn: Connection, user: str, etag: str, call: Call) -> Account:
    """Admit an account again."""
    before = _lock(conn, user, etag, call)
    return before if before.active else _save(conn, replace(before, state=UserState.USER_STATE_ACTIVE), call)


def announce_pending(conn: Connection, now: datetime, limit: int = 5000) -> int:
    """Announce accounts that the release before made or changed; how many. It announced neither, and other services
    refuse users of whom they have not heard.
    """
    pending = store.unannounced_accounts(conn, limit)
    call = Call(caller=ANONYMOUS, now=now, method="announce accounts")
    outbox.append(conn, call, [(each.name, messages.user_defined(each)) for each in pending])
    store.mark_announced(conn, pending)
    return len(pending)


def normalize_phones(conn: Connection, cipher: Cipher, size: int) -> int:
    """Bring the numbers of up to so many accounts to their one form; of how many it was done.

    Of two accounts that have the same number then, the one that had it in that form keeps it; the other one stays as it
    is, and is logged: an administrator decides which account goes on.
    """
    pending = store.accounts_to_normalize(conn, size)
    for before in pending:
        after = replace(before, phone_normalized=True)
        phone = messages.open_phone(before, cipher)
        try:
            normal = telephone.normalize(phone)
        except InvalidRequest:
            normal = phone
        if normal != phone:
            sealed, index = messages.seal_phone(normal, cipher)
            other = store.find_account_by_phone(conn, index) if index else None
            if other is None:
                after = replace(after, sealed_phone=sealed, phone_index=index)
            else:
                log.warning("two accounts have the same telephone number", user=before.name, other=other.name)
        store.save_account(conn, after)
    return len(pending)


def set_password(
    conn: Connection, user: str, proved_hash: str | None, new_hash: str, address: bytes, call: Call
) -> None:
    """Set a password and end the account's other sessions.

    `proved_hash` is the hash that the old password was found to match, empty if it did not, None if it was not asked
    for. Raises CredentialsRejected when it did not or the password has changed since, RateLimited after too many wrong
    ones, or PermissionDenied for accounts that have none.
    """
    account = require_visible(conn, user, call, lock=True)
    if not account.login:
        raise PermissionDenied(call.permission)
    if proved_hash is not None:
        attempts.require_few_failures(*store.login_failures(conn, account.login, address), call.now)
        if not proved_hash or proved_hash != account.password_hash:
            raise CredentialsRejected
    store.forgive_login_failures(conn, account.login)
    _save(conn, replace(account, password_hash=new_hash), call)
    sessions.revoke_all(conn, user, call, but=call.caller.session)


def _lock(conn: Connection, user: str, etag: str, call: Call) -> Account:
    account = require_visible(conn, user, call, lock=True)
    require_fresh(account.name, str(account.version), etag)
    return account


def _save(conn: Connection, after: Account, call: Call) -> Account:
    return _announce(conn, replace(after, version=after.version + 1, update_time=call.now), store.save_account, call)


def _announce(conn: Connection, account: Account, write: Callable[[Connection, Account], None], call: Call) -> Account:
    """Store a new version of an account, and have others hear of it."""
    account = replace(account, announced_version=account.version)
    write(conn, account)
    outbox.append(conn, call, [(account.name, messages.user_defined(account))])
    return account
