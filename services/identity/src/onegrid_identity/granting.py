"""Which roles there are, over what they can be held, and who may give them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final

from onegrid.common.v1.common_pb2 import OaLevel
from onegrid.contracts import CONTRACTS
from onegrid.options.v1.options_pb2 import Access, BuiltInRole, VisibleTo
from onegrid_identity.accounts import Role
from onegrid_identity.errors import GrantExceedsOwn, PermissionUnknown, ScopeUnfit
from onegrid_kit import codes
from onegrid_kit.callers import ALWAYS, Caller, Period
from onegrid_kit.contracts import rules_of

__all__ = [
    "ADMINISTRATOR",
    "BUILT_IN",
    "EVERYONE",
    "PETITIONER",
    "all_permissions",
    "require_fit",
    "require_known",
    "require_own",
]

_FORMS: Final = {
    OaLevel.OA_LEVEL_DISTRICT: codes.is_district,
    OaLevel.OA_LEVEL_DEPARTMENT: codes.is_department,
    OaLevel.OA_LEVEL_STREET: codes.is_street,
    OaLevel.OA_LEVEL_COMMUNITY: codes.is_community,
    OaLevel.OA_LEVEL_GRID: codes.is_cell,
}


@cache
def all_permissions() -> frozenset[str]:
    """Every permission that a method of the platform needs, or a field of its answers."""
    return frozenset(rule.permission for rule in _rules() if rule.permission)


def _rules() -> Iterator[Access | VisibleTo]:
    return (rule for contract in CONTRACTS.values() for rule in rules_of(contract))


def _built_in(role: BuiltInRole, display_name: str, level: OaLevel) -> Role:
    """One of the platform's own, with the permissions that the contracts give it."""
    return Role(
        id=BuiltInRole.Name(role).removeprefix("BUILT_IN_ROLE_").lower().replace("_", "-"),
        display_name=display_name,
        oa_level=level,
        permissions=frozenset(rule.permission for rule in _rules() if role in rule.default_roles),
        built_in=True,
    )


ADMINISTRATOR: Final = Role(
    id="administrator",
    display_name="系统管理员",
    oa_level=OaLevel.OA_LEVEL_DISTRICT,
    permissions=all_permissions(),
    built_in=True,
)
"""Holds every permission."""
PETITIONER: Final = _built_in(BuiltInRole.BUILT_IN_ROLE_PETITIONER, "诉求人", OaLevel.OA_LEVEL_UNSPECIFIED)
"""Residents, enterprises and other systems hold it over their district."""
EVERYONE: Final = _built_in(BuiltInRole.BUILT_IN_ROLE_SELF, "本人", OaLevel.OA_LEVEL_UNSPECIFIED)
"""Every account holds it over what is its own."""

BUILT_IN: Final = (
    PETITIONER,
    EVERYONE,
    ADMINISTRATOR,
    _built_in(BuiltInRole.BUILT_IN_ROLE_COMMANDER, "指挥中心值班员", OaLevel.OA_LEVEL_DISTRICT),
    _built_in(BuiltInRole.BUILT_IN_ROLE_SUPERVISOR, "督查督办", OaLevel.OA_LEVEL_DISTRICT),
    _built_in(BuiltInRole.BUILT_IN_ROLE_DEPARTMENT_CLERK, "部门经办人", OaLevel.OA_LEVEL_DEPARTMENT),
    _built_in(BuiltInRole.BUILT_IN_ROLE_STREET_COORDINATOR, "街镇平台", OaLevel.OA_LEVEL_STREET),
    _built_in(BuiltInRole.BUILT_IN_ROLE_COMMUNITY_COORDINATOR, "社区平台", OaLevel.OA_LEVEL_COMMUNITY),
    _built_in(BuiltInRole.BUILT_IN_ROLE_GRID_WORKER, "网格员", OaLevel.OA_LEVEL_GRID),
)
"""The platform's own roles."""


def require_fit(role: Role, scope: str) -> None:
    """Raise ScopeUnfit unless the role's OA level goes with the scope's form."""
    has_form = _FORMS.get(role.oa_level)
    if has_form is not None and not has_form(scope):
        raise ScopeUnfit(scope, role.oa_level)


def require_known(permissions: Iterable[str]) -> None:
    """Raise PermissionUnknown for the first that no method or field needs."""
    for permission in sorted(permissions):
        if permission not in all_permissions():
            raise PermissionUnknown(permission)


def require_own(caller: Caller, permissions: Iterable[str], scope: str, period: Period = ALWAYS) -> None:
    """Raise GrantExceedsOwn for the first permission that the caller does not hold over the scope for as long."""
    for permission in sorted(permissions):
        if not any(own.period.outlasts(period) for own in caller.grants_over(permission, scope)):
            raise GrantExceedsOwn(permission)
