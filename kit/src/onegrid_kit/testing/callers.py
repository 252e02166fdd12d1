"""Callers of every built-in role, with the permissions that the contracts give it."""

from __future__ import annotations

from functools import cache
from typing import Final

from onegrid.common.v1.common_pb2 import AccountKind, OaLevel
from onegrid.contracts import CONTRACTS
from onegrid.options.v1.options_pb2 import BuiltInRole
from onegrid_kit import codes
from onegrid_kit.callers import Caller, Grant
from onegrid_kit.contracts import rules_of

__all__ = ["administrator", "everything", "public", "staff"]

_LEVELS: Final = (
    (codes.is_district, OaLevel.OA_LEVEL_DISTRICT),
    (codes.is_department, OaLevel.OA_LEVEL_DEPARTMENT),
    (codes.is_street, OaLevel.OA_LEVEL_STREET),
    (codes.is_community, OaLevel.OA_LEVEL_COMMUNITY),
    (codes.is_cell, OaLevel.OA_LEVEL_GRID),
)


@cache
def _permissions_of(role: BuiltInRole) -> frozenset[str]:
    """What the contracts give the role."""
    rules = (rule for contract in CONTRACTS.values() for rule in rules_of(contract))
    return frozenset(rule.permission for rule in rules if role in rule.default_roles)


@cache
def everything() -> frozenset[str]:
    """Every permission of the platform."""
    rules = (rule for contract in CONTRACTS.values() for rule in rules_of(contract))
    return frozenset(rule.permission for rule in rules if rule.permission)


def staff(name: str, role: BuiltInRole, scope: str) -> Caller:
    """A member of staff who holds the role over the place or department."""
    return _caller(name, AccountKind.ACCOUNT_KIND_STAFF, scope[:6], Grant(scope, _level(scope), _permissions_of(role)))


def administrator(name: str, district: str) -> Caller:
    """Who holds every permission over the district."""
    grant = Grant(district, OaLevel.OA_LEVEL_DISTRICT, everything())
    return _caller(name, AccountKind.ACCOUNT_KIND_STAFF, district, grant)


def public(
    name: str,
    district: str,
    kind: AccountKind = AccountKind.ACCOUNT_KIND_CITIZEN,
    organization: str = "",
) -> Caller:
    """A resident of the district; an enterprise with its name as the organization."""
    files = _permissions_of(BuiltInRole.BUILT_IN_ROLE_PETITIONER)
    return _caller(name, kind, district, Grant(district, OaLevel.OA_LEVEL_UNSPECIFIED, files), organization)


def _caller(name: str, kind: AccountKind, district: str, grant: Grant, organization: str = "") -> Caller:
    own = Grant(codes.SELF, OaLevel.OA_LEVEL_UNSPECIFIED, _permissions_of(BuiltInRole.BUILT_IN_ROLE_SELF))
    return Caller(
        user=f"users/{name:0>8}",
        session=f"session-{name}",
        kind=kind,
        organization=organization,
        district=district,
        grants=(grant, own),
    )


def _level(scope: str) -> OaLevel:
    return next(level for has_form, level in _LEVELS if has_form(scope))
