"""Who reads and acts in these tests."""

from __future__ import annotations

from onegrid.common.v1.common_pb2 import AccountKind, OaLevel
from onegrid.options.v1.options_pb2 import BuiltInRole
from onegrid_kit.testing.callers import public, staff

DISTRICT, STREET, COMMUNITY, CELL = "210602", "210602003", "210602003007", "210602003007005"
OTHER_STREET, OTHER_COMMUNITY = "210602004", "210602004001"
LEAD = "210602D07"

CITIZEN = public("citizen", DISTRICT)
NEIGHBOUR = public("neighbor", DISTRICT)
STRANGER = public("stranger", "210603")
ENTERPRISE = public("firm", DISTRICT, AccountKind.ACCOUNT_KIND_ENTERPRISE, "元宝区儿童中心")
COMMANDER = staff("commander", BuiltInRole.BUILT_IN_ROLE_COMMANDER, DISTRICT)
LEAD_CLERK = staff("lead", BuiltInRole.BUILT_IN_ROLE_DEPARTMENT_CLERK, LEAD)
STREET_DESK = staff("street", BuiltInRole.BUILT_IN_ROLE_STREET_COORDINATOR, STREET)
OTHER_STREET_DESK = staff("otherstreet", BuiltInRole.BUILT_IN_ROLE_STREET_COORDINATOR, OTHER_STREET)
WORKER = staff("worker", BuiltInRole.BUILT_IN_ROLE_GRID_WORKER, CELL)

STREET_LEVEL = OaLevel.OA_LEVEL_STREET
