"""The statements over identity's tables, each named after what it answers or does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, Insert, Update, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from onegrid.common.v1.common_pb2 import AccountKind
from onegrid.identity.v1.resources_pb2 import UserState
from onegrid_identity.accounts import Account, Department, Grant, Role
from onegrid_identity.errors import LoginTaken
from onegrid_identity.store.devices import forget_expired_enrolments
from onegrid_identity.store.keys import (
    SealedKey,
    forget_signing_keys,
    insert_signing_key,
    lock_signing_keys,
    signing_keys,
)
from onegrid_identity.store.logins import (
    STRANGERS,
    count_code_request,
    count_code_try,
    delete_code,
    forget_expired_attempts,
    forgive_login_failures,
    lock_code,
    lock_login_failures,
    lock_number,
    login_failures,
    save_code,
    save_login_failures,
    set_code_sent_time,
    uncount_code_request,
)
from onegrid_identity.store.sessions import (
    extend_access,
    find_refresh_token,
    forget_expired_sessions,
    insert_refresh_token,
    insert_session,
    lock_session,
    revoke_session,
    unrevoked_sessions,
    use_refresh_token,
)
from onegrid_identity.tables import account, department, place, role, role_grant
from onegrid_kit import codes
from onegrid_kit.callers import Period
from onegrid_kit.paging import Position, behind

__all__ = [
    "STRANGERS",
    "SealedKey",
    "accounts_page",
    "accounts_to_normalize",
    "all_accounts",
    "all_departments",
    "all_grants",
    "count_code_request",
    "count_code_try",
    "delete_code",
    "delete_grant",
    "departments_page",
    "extend_access",
    "find_account",
    "find_account_by_login",
    "find_account_by_phone",
    "find_department",
    "find_grant",
    "find_refresh_token",
    "forget_expired",
    "forget_signing_keys",
    "forgive_login_failures",
    "granted_roles",
    "grants_page",
    "insert_account",
    "insert_department",
    "insert_grant",
    "insert_refresh_token",
    "insert_role",
    "insert_session",
    "insert_signing_key",
    "keep_place",
    "knows_place",
    "lock_code",
    "lock_login_failures",
    "lock_number",
    "lock_session",
    "lock_signing_keys",
    "login_failures",
    "mark_announced",
    "revoke_session",
    "roles_by_id",
    "roles_page",
    "save_account",
    "save_code",
    "save_department",
    "save_login_failures",
    "set_code_sent_time",
    "signing_keys",
    "unannounced_accounts",
    "uncount_code_request",
    "unexpired_grants",
    "unrevoked_sessions",
    "upsert_roles",
    "use_refresh_token",
]

_GRANTED = select(role_grant, *(column.label(f"role_{column.name}") for column in role.c)).join_from(
    role_grant, role, role_grant.c.role == role.c.id
)


def find_account(conn: Connection, account_id: str, *, lock: bool = False) -> Account | None:
    """The account of that id."""
    return _one_account(conn, account.c.id == account_id, lock)


def find_account_by_login(conn: Connection, login: str) -> Account | None:
    """The account that logs in by that name."""
    return _one_account(conn, account.c.login == login, False)


def find_account_by_phone(conn: Connection, phone_index: bytes, *, lock: bool = False) -> Account | None:
    """The account of the number that this is the blind index of."""
    return _one_account(conn, account.c.phone_index == phone_index, lock)


def insert_account(conn: Connection, new: Account) -> None:
    """Enter an account. Raises LoginTaken if its login or number is another's."""
    _write_account(conn, account.insert().values(**_account_values(new)))


def save_account(conn: Connection, changed: Account) -> None:
    """Store an account as it is now. Raises LoginTaken if its login or number is another's."""
    _write_account(conn, account.update().where(account.c.id == changed.id).values(**_account_values(changed)))


def accounts_page(conn: Connection, district: str, kind: AccountKind, after: Position, limit: int) -> list[Account]:
    """The accounts of a district by id, which is the order they were made in; of one kind, or of all."""
    query = select(account).where(account.c.district == district, behind(after, account.c.id))
    if kind:
        query = query.where(account.c.kind == int(kind))
    return [_account(row) for row in conn.execute(query.order_by(account.c.id).limit(limit))]


def accounts_to_normalize(conn: Connection, size: int) -> list[Account]:
    """Accounts whose telephone number may not be in its one form, locked; without those that others have locked."""
    pending = account.c.phone_index.is_not(None) & account.c.phone_normalized.is_(False)
    query = select(account).where(pending).order_by(account.c.id).limit(size)
    return [_account(row) for row in conn.execute(query.with_for_update(skip_locked=True))]


def all_accounts(conn: Connection, after: Position, limit: int) -> list[Account]:
    """The accounts of every district, by id."""
    query = select(account).where(behind(after, account.c.id)).order_by(account.c.id).limit(limit)
    return [_account(row) for row in conn.execute(query)]


def unannounced_accounts(conn: Connection, limit: int) -> list[Account]:
    """Accounts whose newest version was not announced, staff first, locked."""
    query = select(account).where(account.c.announced_version < account.c.version)
    ordered = query.order_by(account.c.kind, account.c.id).limit(limit)
    return [_account(row) for row in conn.execute(ordered.with_for_update(skip_locked=True))]


def mark_announced(conn: Connection, announced: Sequence[Account]) -> None:
    """The newest version of these, which are locked, was announced."""
    these = account.c.id.in_([each.id for each in announced])
    conn.execute(account.update().where(these).values(announced_version=account.c.version))


def departments_page(conn: Connection, district: str, after: Position, limit: int) -> list[Department]:
    """The departments of a district, by code."""
    query = select(department).where(department.c.district == district, behind(after, department.c.code))
    return [_department(row) for row in conn.execute(query.order_by(department.c.code).limit(limit))]


def all_departments(conn: Connection, after: Position, limit: int) -> list[Department]:
    """The departments of every district, by district and code."""
    d = department.c
    query = select(department).where(behind(after, d.district, d.code)).order_by(d.district, d.code).limit(limit)
    return [_department(row) for row in conn.execute(query)]


def find_department(conn: Connection, code: str, *, lock: bool = False) -> Department | None:
    """The department of that code."""
    query = select(department).where(department.c.district == codes.district_of(code), department.c.code == code)
    row = conn.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _department(row)


def roles_by_id(conn: Connection, ids: Sequence[str]) -> dict[str, Role]:
    """Those of the roles that there are."""
    return {row.id: _role(row) for row in conn.execute(select(role).where(role.c.id.in_(ids)))}


def roles_page(conn: Connection, after: Position, limit: int) -> list[Role]:
    """The roles, by id."""
    query = select(role).where(behind(after, role.c.id)).order_by(role.c.id).limit(limit)
    return [_role(row) for row in conn.execute(query)]


def upsert_roles(conn: Connection, roles: Sequence[Role]) -> None:
    """Enter roles, or bring them to what they are now; those that are so already keep their version."""
    statement = insert(role)
    now = {name: statement.excluded[name] for name in ("display_name", "oa_level", "permissions", "built_in")}
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=[role.c.id],
            set_={**now, "version": role.c.version + 1},
            where=or_(*(role.c[name].is_distinct_from(value) for name, value in now.items())),
        ),
        [_role_values(each) for each in roles],
    )


def insert_role(conn: Connection, new: Role) -> bool:
    """Enter a role; whether its id was free."""
    done = conn.execute(insert(role).values(**_role_values(new)).on_conflict_do_nothing().returning(role.c.id))
    return done.one_or_none() is not None


def granted_roles(conn: Connection, account_id: str, since: datetime, until: datetime) -> list[tuple[Role, Grant]]:
    """The roles that are granted to an account for any of the time between these moments, each with its grant."""
    g = role_grant.c
    overlapping = or_(g.begin_time.is_(None), g.begin_time < until), or_(g.expire_time.is_(None), g.expire_time > since)
    rows = conn.execute(_GRANTED.where(g.account == account_id, *overlapping).order_by(g.id))
    return [(_role(row, "role_"), _grant(row)) for row in rows]


def all_grants(conn: Connection, now: datetime, after: Position, limit: int) -> list[tuple[Role, Grant]]:
    """The grants of every account that are in effect or will be, by account and id, each with its role."""
    g = role_grant.c
    unexpired = or_(g.expire_time.is_(None), g.expire_time > now)
    query = _GRANTED.where(unexpired, behind(after, g.account, g.id)).order_by(g.account, g.id).limit(limit)
    return [(_role(row, "role_"), _grant(row)) for row in conn.execute(query)]


def insert_grant(conn: Connection, new: Grant) -> Grant:
    """Grant a role; if it is granted already for the same period, the grant that is there."""
    g = role_grant.c
    statement = insert(role_grant).values(
        account=new.user,
        id=new.id,
        role=new.role,
        scope=new.scope,
        begin_time=new.period.begin,
        expire_time=new.period.expire,
        create_time=new.create_time,
        shift=new.source,
    )
    # An update that changes nothing: it returns the row that is there, even if it was committed a moment ago.
    kept = statement.on_conflict_do_update(
        index_elements=[g.account, g.role, g.scope, g.begin_time, g.expire_time], set_={"role": statement.excluded.role}
    )
    return _grant(conn.execute(kept.returning(role_grant)).one())


def find_grant(conn: Connection, account_id: str, grant_id: str) -> Grant | None:
    """The grant of that id."""
    row = conn.execute(
        select(role_grant).where(role_grant.c.account == account_id, role_grant.c.id == grant_id)
    ).one_or_none()
    return None if row is None else _grant(row)


def delete_grant(conn: Connection, ended: Grant) -> int | None:
    """Remove a grant; the revision of its account's grants since then, or None if it was not there any more.

    The account must be locked.
    """
    g = role_grant.c
    if conn.execute(role_grant.delete().where(g.account == ended.user, g.id == ended.id)).rowcount != 1:
        return None
    counted = account.update().where(account.c.id == ended.user).values(grant_revision=account.c.grant_revision + 1)
    return int(conn.execute(counted.returning(account.c.grant_revision)).scalar_one())


def grants_page(conn: Connection, account_id: str, after: Position, limit: int) -> list[Grant]:
    """The grants of an account, in the order they were given."""
    query = select(role_grant).where(role_grant.c.account == account_id, behind(after, role_grant.c.id))
    return [_grant(row) for row in conn.execute(query.order_by(role_grant.c.id).limit(limit))]


def unexpired_grants(conn: Connection, account_id: str, now: datetime) -> list[Grant]:
    """The grants of an account that are in effect or will be."""
    g = role_grant.c
    query = select(role_grant).where(g.account == account_id, or_(g.expire_time.is_(None), g.expire_time > now))
    return [_grant(row) for row in conn.execute(query.order_by(g.id))]


def knows_place(conn: Connection, code: str) -> bool:
    """Whether grid announced a place of that code."""
    query = select(place.c.code).where(place.c.district == codes.district_of(code), place.c.code == code)
    return conn.execute(query).one_or_none() is not None


def _account(row: Any) -> Account:
    """The account of a row."""
    return Account(
        id=row.id,
        district=row.district,
        kind=cast(AccountKind, row.kind),
        sealed_name=bytes(row.sealed_name),
        sealed_phone=row.sealed_phone,
        phone_index=row.phone_index,
        phone_normalized=row.phone_normalized,
        login=row.login or "",
        organization=row.organization,
        home=row.home,
        state=cast(UserState, row.state),
        password_hash=row.password_hash,
        version=row.version,
        announced_version=row.announced_version,
        grant_revision=row.grant_revision,
        create_time=row.create_time,
        update_time=row.update_time,
    )


def _role(row: Any, prefix: str = "") -> Role:
    """The role of a row, whose columns may have a prefix."""
    values = {name.removeprefix(prefix): value for name, value in row._mapping.items() if name.startswith(prefix)}
    return Role(
        id=values["id"],
        display_name=values["display_name"],
        oa_level=values["oa_level"],
        permissions=frozenset(values["permissions"]),
        built_in=values["built_in"],
        version=values["version"],
    )


def insert_department(conn: Connection, new: Department) -> bool:
    """Enter a department; whether its code was free."""
    statement = insert(department).values(
        district=codes.district_of(new.code),
        code=new.code,
        display_name=new.display_name,
        version=new.version,
        create_time=new.create_time,
        update_time=new.update_time,
    )
    return conn.execute(statement.on_conflict_do_nothing()).rowcount == 1


def save_department(conn: Connection, changed: Department) -> None:
    """Store a department as it is now."""
    d = department.c
    conn.execute(
        department.update()
        .where(d.district == codes.district_of(changed.code), d.code == changed.code)
        .values(display_name=changed.display_name, version=changed.version, update_time=changed.update_time)
    )


def keep_place(conn: Connection, code: str) -> None:
    """A place of that code was announced."""
    conn.execute(insert(place).values(district=codes.district_of(code), code=code).on_conflict_do_nothing())


def forget_expired(conn: Connection, now: datetime) -> None:
    """Delete expired sessions, refresh tokens, codes, failures and enrolments."""
    forget_expired_sessions(conn, now)
    forget_expired_attempts(conn, now)
    forget_expired_enrolments(conn, now)


def _write_account(conn: Connection, statement: Insert | Update) -> None:
    try:
        with conn.begin_nested():
            conn.execute(statement)
    except IntegrityError as error:
        raise LoginTaken("login" if "account_login" in str(error.orig) else "phone") from None


def _one_account(conn: Connection, where: ColumnElement[bool], lock: bool) -> Account | None:
    query = select(account).where(where)
    row = conn.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _account(row)


def _department(row: Any) -> Department:
    return Department(
        code=row.code,
        display_name=row.display_name,
        version=row.version,
        create_time=row.create_time,
        update_time=row.update_time,
    )


def _grant(row: Any) -> Grant:
    return Grant(
        id=row.id,
        user=row.account,
        role=row.role,
        scope=row.scope,
        period=Period(row.begin_time, row.expire_time),
        create_time=row.create_time,
        source=row.shift,
    )


def _account_values(of: Account) -> dict[str, Any]:
    return {
        "id": of.id,
        "district": of.district,
        "kind": int(of.kind),
        "sealed_name": of.sealed_name,
        "sealed_phone": of.sealed_phone,
        "phone_index": of.phone_index,
        "phone_normalized": of.phone_normalized,
        "login": of.login or None,
        "organization": of.organization,
        "home": of.home,
        "state": int(of.state),
        "password_hash": of.password_hash,
        "version": of.version,
        "announced_version": of.announced_version,
        "create_time": of.create_time,
        "update_time": of.update_time,
    }


def _role_values(of: Role) -> dict[str, Any]:
    return {
        "id": of.id,
        "display_name": of.display_name,
        "oa_level": int(of.oa_level),
        "permissions": sorted(of.permissions),
        "built_in": of.built_in,
        "version": of.version,
    }
