"""Who acts in these tests, and what each may."""

from __future__ import annotations

from onegrid.common.v1.common_pb2 import AccountKind, OaLevel
from onegrid_identity.granting import BUILT_IN, EVERYONE, PETITIONER
from onegrid_kit.callers import Caller, Grant

DISTRICT, STREET, COMMUNITY, CELL = "210602", "210602003", "210602003007", "210602003007005"
LEAD, HELPER = "210602D07", "210602D11"


def a_caller(name: str, kind: AccountKind, *grants: Grant, organization: str = "") -> Caller:
    own = Grant("self", OaLevel.OA_LEVEL_UNSPECIFIED, EVERYONE.permissions)
    return Caller(
        user=f"users/{name:0>8}",
        session=f"session-{name}",
        kind=kind,
        organization=organization,
        district=DISTRICT,
        grants=(*grants, own),
    )


def staff(name: str, role: str, scope: str) -> Caller:
    held = next(each for each in BUILT_IN if each.id == role)
    return a_caller(name, AccountKind.ACCOUNT_KIND_STAFF, Grant(scope, held.oa_level, held.permissions))


def public(name: str, kind: AccountKind = AccountKind.ACCOUNT_KIND_CITIZEN, organization: str = "") -> Caller:
    files = Grant(DISTRICT, OaLevel.OA_LEVEL_UNSPECIFIED, PETITIONER.permissions)
    return a_caller(name, kind, files, organization=organization)


CITIZEN = public("citizen")
NEIGHBOUR = public("neighbor")
ENTERPRISE = public("firm", AccountKind.ACCOUNT_KIND_ENTERPRISE, "元宝区儿童中心")
ADMINISTRATOR = staff("administrator", "administrator", DISTRICT)
COMMANDER = staff("commander", "commander", DISTRICT)
LEAD_CLERK = staff("lead", "department-clerk", LEAD)
HELPER_CLERK = staff("helper", "department-clerk", HELPER)
STREET_DESK = staff("street", "street-coordinator", STREET)
OTHER_STREET = staff("otherstreet", "street-coordinator", "210602004")
COMMUNITY_DESK = staff("community", "community-coordinator", COMMUNITY)
WORKER = staff("worker", "grid-worker", CELL)
