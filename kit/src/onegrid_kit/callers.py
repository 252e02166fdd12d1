"""Who calls, and what the call may do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from google.protobuf.message import Message

from onegrid.common.v1 import common_pb2
from onegrid_kit import codes
from onegrid_kit.errors import NotFound, PermissionDenied
from onegrid_kit.names import ResourceName

__all__ = ["ALWAYS", "ANONYMOUS", "Call", "Caller", "Grant", "Period"]

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Period:
    """From when until when something is in effect; None: without that end."""

    begin: datetime | None = None
    """The first moment."""
    expire: datetime | None = None
    """The first moment after it."""

    def contains(self, moment: datetime) -> bool:
        """Whether the moment lies in the period."""
        return (self.begin is None or self.begin <= moment) and (self.expire is None or moment < self.expire)

    def outlasts(self, other: Period) -> bool:
        """Whether this period goes on for as long as the other, or longer."""
        return self.expire is None or (other.expire is not None and other.expire <= self.expire)


ALWAYS: Final = Period()
"""Without beginning and end."""

_FIRST_MOMENT: Final = datetime.min.replace(tzinfo=UTC)
_LAST_MOMENT: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Grant:
    """Permissions that a token grants over one scope."""

    scope: str
    """The code of a place or department, or ``self``."""
    level: common_pb2.OaLevel
    """The OA level of the role; unspecified for the public and for service accounts."""
    permissions: frozenset[str]
    """For example ``petition.tasks.take``."""
    period: Period = ALWAYS
    """When it is in effect."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The holder of a verified token."""

    user: str
    """``users/{user}``; empty for a caller without a token."""
    session: str = ""
    """The token's ``sid``."""
    kind: common_pb2.AccountKind = common_pb2.ACCOUNT_KIND_UNSPECIFIED
    """Staff, citizen, enterprise or service."""
    organization: str = ""
    """The firm or institution that the account speaks for."""
    district: str = ""
    """The code of the district that keeps the account."""
    grants: tuple[Grant, ...] = ()
    """What the token grants. The caller of a call has those that are in effect at the time of the call."""
    expire_time: datetime | None = field(default=None, compare=False)
    """When the token ends; None for a caller without one."""
    issue_time: datetime | None = field(default=None, compare=False)
    """When the token was issued; None for a caller without one."""
    grant_revision: int | None = field(default=None, compare=False)
    """How often grants of the account were revoked when those of the token were read; None if nobody counted."""
    _scopes: Mapping[str, tuple[str, ...]] = field(init=False, repr=False, compare=False)
    """The codes over which each permission is held; none for one that is held over ``self`` alone."""

    def __post_init__(self) -> None:
        scopes: dict[str, tuple[str, ...]] = {}
        for grant in self.grants:
            codes_of = (grant.scope,) if grant.scope and grant.scope != codes.SELF else ()
            for permission in grant.permissions:
                scopes[permission] = scopes.get(permission, ()) + codes_of
        object.__setattr__(self, "_scopes", scopes)

    def at(self, moment: datetime) -> Caller:
        """The same caller with only the grants that are in effect at that moment."""
        effective = tuple(grant for grant in self.grants if grant.period.contains(moment))
        return self if len(effective) == len(self.grants) else replace(self, grants=effective)

    def unchanged_around(self, moment: datetime) -> tuple[datetime, datetime]:
        """From when (inclusive) until when (exclusive) `at` answers what it answers for that moment."""
        changes = [
            change
            for grant in self.grants
            for change in (grant.period.begin, grant.period.expire)
            if change is not None
        ]
        return (
            max((change for change in changes if change <= moment), default=_FIRST_MOMENT),
            min((change for change in changes if change > moment), default=_LAST_MOMENT),
        )

    def holds(self, permission: str) -> bool:
        """Whether the permission is held over any scope at all, ``self`` included."""
        return permission in self._scopes

    def may(self, permission: str, code: str) -> bool:
        """Whether the permission is held over a scope that contains the code."""
        # The same as `codes.contains`, for all scopes at once.
        return code.startswith(self._scopes.get(permission, ()))

    def may_own(self, permission: str, owner: str) -> bool:
        """Whether the permission is held over ``self`` and the caller is the owner."""
        return (
            bool(self.user)
            and self.user == owner
            and any(permission in g.permissions and g.scope == codes.SELF for g in self.grants)
        )

    def require(self, permission: str, *scopes: str, owner: str = "") -> None:
        """Raise PermissionDenied unless the permission is held over one of the codes, or over what the caller owns."""
        for code in scopes:
            if self.may(permission, code):
                return
        if not self.may_own(permission, owner):
            raise PermissionDenied(permission)

    def grants_over(self, permission: str, code: str) -> tuple[Grant, ...]:
        """The grants that give the permission over the code; their scopes say for which office the caller acts."""
        return tuple(g for g in self.grants if permission in g.permissions and codes.contains(g.scope, code))

    def scopes(self, permission: str) -> tuple[str, ...]:
        """The codes over which the permission is held, without ``self``."""
        return self._scopes.get(permission, ())


ANONYMOUS = Caller(user="")
"""A caller without a token; only methods with audience PUBLIC see one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a command needs to know of the call that it serves."""

    caller: Caller
    """Who calls."""
    now: datetime
    """When the call came, by the injected clock; aware, UTC."""
    method: str
    """The method's full name, ``onegrid.petition.v1.PetitionService.TakeTask``."""
    permission: str = ""
    """The permission that the method names."""
    request_id: str = ""
    """The request's ``request_id``; empty if it has none."""
    fingerprint: bytes = b""
    """A digest of the request, which distinguishes a repeated request from another one with the same id."""
    traceparent: str = ""
    """The W3C trace context of the call; empty if it is not traced."""
    purpose: str = ""
    """Why personal data is read, as the caller states in ``x-purpose-bin`` or ``x-purpose``."""
    address: str = ""
    """The network address that the call comes from; empty if it has none. Personal data: keep no more than a digest."""
    resource: str = ""
    """The resource that the audit trail records; empty where the response names it."""
    response_resource: Callable[[Any], str] | None = None
    """Reads it from the response."""

    def existing(self, found: R | None, names: ResourceName, id_: str, *further: str | int, permission: str = "") -> R:
        """What was found by these ids, the first of which begins with a district's code.

        Raises NotFound; PermissionDenied for callers who may not see all of that kind in the district, by the call's
        permission or that one: they do not learn that there is none.
        """
        if found is None:
            self.caller.require(permission or self.permission, codes.district_of(id_))
            raise NotFound(names.name(id_, *further))
        return found

    def audited_resource(self, response: Message) -> str:
        """The resource that the audit trail records. Raises ValueError if nothing names it."""
        resource = self.resource or (self.response_resource(response) if self.response_resource else "")
        if not resource:
            raise ValueError(f"{self.method} names no resource that it could be audited for")
        return resource
