"""Which roles there are, over what they can be held, and who may give them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Final

from google.protobuf.descriptor import ServiceDescriptor

from onegrid.common.v1.common_pb2 import OaLevel
from onegrid.grid.v1 import grid_service_pb2
from onegrid.identity.v1 import identity_service_pb2
from onegrid.petition.v1 import petition_service_pb2
from onegrid_identity.accounts import Role
from onegrid_identity.errors import GrantExceedsOwn, PermissionUnknown, ScopeUnfit
from onegrid_kit import codes
from onegrid_kit.callers import ALWAYS, Caller, Period
from onegrid_kit.contracts import access_of

__all__ = [
    "BUILT_IN",
    "EVERYONE",
    "PETITIONER",
    "all_permissions",
    "require_fit",
    "require_known",
    "require_own",
]

_CONTRACTS: Final[tuple[ServiceDescriptor, ...]] = (
    identity_service_pb2.DESCRIPTOR.services_by_name["IdentityService"],
    grid_service_pb2.DESCRIPTOR.services_by_name["GridService"],
    petition_service_pb2.DESCRIPTOR.services_by_name["PetitionService"],
)
_FORMS: Final = {
    OaLevel.OA_LEVEL_DISTRICT: 6,
    OaLevel.OA_LEVEL_STREET: 9,
    OaLevel.OA_LEVEL_COMMUNITY: 12,
    OaLevel.OA_LEVEL_GRID: 15,
}


@cache
def all_permissions() -> frozenset[str]:
    """Every permission that a method of the platform needs."""
    return frozenset(access_of(method).permission for contract in _CONTRACTS for method in contract.methods) - {""}


def _petitions(*verbs: str) -> set[str]:
    return {f"petition.petitions.{verb}" for verb in verbs}


_SEE: Final = _petitions("get", "list", "watch")
_READ: Final = _SEE | {"petition.timeline.list"}
_TASKS: Final = {f"petition.tasks.{verb}" for verb in ("take", "return", "report", "conclude")}
_BOARD: Final = {"petition.summaries.get"}


def _built_in(id_: str, display_name: str, level: OaLevel, permissions: Iterable[str]) -> Role:
    return Role(id=id_, display_name=display_name, oa_level=level, permissions=frozenset(permissions), built_in=True)


PETITIONER: Final = _built_in("petitioner", "诉求人", OaLevel.OA_LEVEL_UNSPECIFIED, _petitions("file"))
"""Residents, enterprises and other systems hold it over their district."""
EVERYONE: Final = _built_in(
    "self",
    "本人",
    OaLevel.OA_LEVEL_UNSPECIFIED,
    _SEE
    | _petitions("rate", "withdraw")
    | {"identity.users.get", "identity.users.update", "identity.passwords.set", "identity.grants.list"},
)
"""Every account holds it over what is its own."""

BUILT_IN: Final = (
    PETITIONER,
    EVERYONE,
    _built_in("administrator", "系统管理员", OaLevel.OA_LEVEL_DISTRICT, all_permissions()),
    _built_in(
        "commander",
        "指挥中心值班员",
        OaLevel.OA_LEVEL_DISTRICT,
        _READ | _BOARD | _petitions("accept", "decline", "dispatch", "close") | {"grid.appointments.list"},
    ),
    _built_in("supervisor", "督查督办", OaLevel.OA_LEVEL_DISTRICT, _READ | _BOARD | _petitions("close")),
    _built_in("department-clerk", "部门经办人", OaLevel.OA_LEVEL_DEPARTMENT, _READ | _TASKS),
    _built_in(
        "street-coordinator",
        "街镇平台",
        OaLevel.OA_LEVEL_STREET,
        _READ | _TASKS | _BOARD | _petitions("accept", "decline", "dispatch") | {"grid.appointments.list"},
    ),
    _built_in(
        "community-coordinator",
        "社区平台",
        OaLevel.OA_LEVEL_COMMUNITY,
        _READ | _TASKS | _BOARD | _petitions("accept", "dispatch", "verify") | {"grid.appointments.list"},
    ),
    _built_in("grid-worker", "网格员", OaLevel.OA_LEVEL_GRID, _SEE | _petitions("file", "verify")),
)
"""The platform's own roles."""


def require_fit(role: Role, scope: str) -> None:
    """Raise ScopeUnfit unless the role's OA level goes with the scope's form."""
    level = role.oa_level
    if level == OaLevel.OA_LEVEL_DEPARTMENT:
        fits = codes.is_department(scope)
    elif level in _FORMS:
        fits = codes.is_place(scope) and len(scope) == _FORMS[level]
    else:
        fits = True
    if not fits:
        raise ScopeUnfit(scope, level)


def require_known(permissions: Iterable[str]) -> None:
    """Raise PermissionUnknown for the first that no method needs."""
    for permission in sorted(permissions):
        if permission not in all_permissions():
            raise PermissionUnknown(permission)


def require_own(caller: Caller, permissions: Iterable[str], scope: str, period: Period = ALWAYS) -> None:
    """Raise GrantExceedsOwn for the first permission that the caller does not hold over the scope for as long."""
    for permission in sorted(permissions):
        if not any(own.period.outlasts(period) for own in caller.grants_over(permission, scope)):
            raise GrantExceedsOwn(permission)
