"""Accounts, departments, roles, grants and sessions as the rules see them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from onegrid.common.v1.common_pb2 import AccountKind, OaLevel
from onegrid.identity.v1.resources_pb2 import UserState
from onegrid_kit.callers import ALWAYS, Caller, Period
from onegrid_kit.callers import Grant as TokenGrant
from onegrid_kit.names import ResourceName

__all__ = [
    "DEPARTMENT",
    "GRANT",
    "ROLE",
    "SESSION",
    "USER",
    "Account",
    "Department",
    "Grant",
    "RefreshToken",
    "Role",
    "Session",
    "TemporaryRole",
    "caller_of",
    "elevation_of",
]

USER: Final = ResourceName("users/{user}")
SESSION: Final = ResourceName("sessions/{session}")
DEPARTMENT: Final = ResourceName("departments/{department}")
ROLE: Final = ResourceName("roles/{role}")
GRANT: Final = ResourceName("users/{user}/grants/{grant}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A person's, an organization's or a system's account; personal fields are sealed."""

    id: str
    district: str
    kind: AccountKind
    sealed_name: bytes
    sealed_phone: bytes | None = None
    phone_index: bytes | None = None
    phone_normalized: bool = True
    """Whether the number is in the one form that equal numbers have; the first release did not see to it."""
    login: str = ""
    organization: str = ""
    home: str = ""
    """The code of the place where the user is at home."""
    state: UserState = UserState.USER_STATE_ACTIVE
    password_hash: str = ""
    """Argon2id, of the password or of a service account's secret."""
    version: int = 1
    announced_version: int = 0
    """The version that was announced last."""
    grant_revision: int = 0
    """How often grants of it were revoked."""
    create_time: datetime
    update_time: datetime

    @property
    def name(self) -> str:
        """``users/{user}``."""
        return USER.name(self.id)

    @property
    def active(self) -> bool:
        """Whether it may log in."""
        return self.state == UserState.USER_STATE_ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Department:
    """A functional department."""

    code: str
    display_name: str
    version: int = 1
    create_time: datetime
    update_time: datetime

    @property
    def name(self) -> str:
        """``departments/{department}``."""
        return DEPARTMENT.name(self.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A set of permissions."""

    id: str
    display_name: str
    oa_level: OaLevel
    permissions: frozenset[str]
    built_in: bool = False
    version: int = 1

    @property
    def name(self) -> str:
        """``roles/{role}``."""
        return ROLE.name(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A role that a user holds over a scope, for a period or until it is revoked."""

    id: str
    user: str
    """The user's id."""
    role: str
    """The role's id."""
    scope: str
    period: Period = ALWAYS
    create_time: datetime
    source: str = ""
    """What it was made for, and ends with: see TemporaryRole."""

    @property
    def name(self) -> str:
        """``users/{user}/grants/{grant}``."""
        return GRANT.name(self.user, self.id)


def elevation_of(source: str) -> str:
    """The elevation of a plan that a role's source is, or is part of; empty for a shift."""
    elevation, _, _ = source.partition("/shifts/")
    return "" if elevation.startswith("shifts/") else elevation


@dataclass(frozen=True, slots=True, kw_only=True)
class TemporaryRole:
    """The role that a shift of duty, or a plan of emergency, grants for as long as it lasts."""

    source: str
    """``shifts/{shift}``, ``planActivations/{activation}/elevations/{number}``, or that and the shift of whom it
    elevates.
    """
    revision: int
    user: str
    """The user's id; empty if the source has ended or grants nothing."""
    role: str
    """The role's id."""
    scope: str
    guarantor: str
    """The id of the user whose own authority bounds what is granted."""
    begin: datetime
    end: datetime
    grant_id: str = ""
    """The grant that was made for it."""
    pending: bool = True
    """Whether it is still to be decided."""

    @property
    def period(self) -> Period:
        """For how long the role is held."""
        return Period(self.begin, self.end)

    @property
    def elevation(self) -> str:
        """``planActivations/{activation}/elevations/{number}``; empty for a shift's own role."""
        return elevation_of(self.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session of an account, until it is revoked or its refresh tokens expire."""

    id: str
    account: str
    """The account's id."""
    refresh_expire_time: datetime
    access_expire_time: datetime
    """When its last access token expires."""
    revoked: bool = False

    @property
    def name(self) -> str:
        """``sessions/{session}``."""
        return SESSION.name(self.id)


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """What is known of a refresh token, which is good once."""

    session: str
    """The session's id."""
    used: bool
    used_time: datetime | None


def caller_of(account: Account, session: str, granted: Iterable[tuple[Role, Grant]]) -> Caller:
    """The caller that a token of this account makes, with the permissions of its roles by scope, level and period.

    The account must be read before what it is granted: if a grant is revoked in between, the token is refused.
    """
    merged: dict[tuple[str, OaLevel, Period], set[str]] = {}
    for role, grant in granted:
        merged.setdefault((grant.scope, role.oa_level, grant.period), set()).update(role.permissions)
    return Caller(
        user=account.name,
        session=session,
        kind=account.kind,
        organization=account.organization,
        district=account.district,
        grant_revision=account.grant_revision,
        grants=tuple(
            TokenGrant(scope, level, frozenset(permissions), period)
            for (scope, level, period), permissions in sorted(merged.items(), key=lambda item: item[0][:2])
        ),
    )
