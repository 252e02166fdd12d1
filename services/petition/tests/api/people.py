"""Who acts in these tests, and what each may."""

from __future__ import annotations

from onegrid.common.v1.common_pb2 import AccountKind
from onegrid.options.v1.options_pb2 import BuiltInRole
from onegrid_kit.testing.callers import administrator, public, staff

DISTRICT, STREET, COMMUNITY, CELL = "210602", "210602003", "210602003007", "210602003007005"
LEAD, HELPER = "210602D07", "210602D11"


CITIZEN = public("citizen", DISTRICT)
NEIGHBOUR = public("neighbor", DISTRICT)
ENTERPRISE = public("firm", DISTRICT, AccountKind.ACCOUNT_KIND_ENTERPRISE, "元宝区儿童中心")
ADMINISTRATOR = administrator("administrator", DISTRICT)
COMMANDER = staff("commander", BuiltInRole.BUILT_IN_ROLE_COMMANDER, DISTRICT)
SUPERVISOR = staff("supervisor", BuiltInRole.BUILT_IN_ROLE_SUPERVISOR, DISTRICT)
LEAD_CLERK = staff("lead", BuiltInRole.BUILT_IN_ROLE_DEPARTMENT_CLERK, LEAD)
HELPER_CLERK = staff("helper", BuiltInRole.BUILT_IN_ROLE_DEPARTMENT_CLERK, HELPER)
STREET_DESK = staff("street", BuiltInRole.BUILT_IN_ROLE_STREET_COORDINATOR, STREET)
OTHER_STREET = staff("otherstreet", BuiltInRole.BUILT_IN_ROLE_STREET_COORDINATOR, "210602004")
COMMUNITY_DESK = staff("community", BuiltInRole.BUILT_IN_ROLE_COMMUNITY_COORDINATOR, COMMUNITY)
WORKER = staff("worker", BuiltInRole.BUILT_IN_ROLE_GRID_WORKER, CELL)
