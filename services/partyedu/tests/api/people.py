"""Who looks after organizations and members in these tests."""

from __future__ import annotations

from onegrid.options.v1.options_pb2 import BuiltInRole
from onegrid_kit.testing.callers import administrator, public, staff

DISTRICT, STREET, COMMUNITY, CELL = "210602", "210602003", "210602003007", "210602003007005"
OTHER_STREET, OTHER_COMMUNITY = "210602004", "210602004002"

KEEPER = administrator("keeper", DISTRICT)
CITIZEN = public("citizen", DISTRICT)
SUPERVISOR = staff("supervisor", BuiltInRole.BUILT_IN_ROLE_SUPERVISOR, DISTRICT)
STREET_DESK = staff("street", BuiltInRole.BUILT_IN_ROLE_STREET_COORDINATOR, STREET)
OTHER_STREET_DESK = staff("otherstreet", BuiltInRole.BUILT_IN_ROLE_STREET_COORDINATOR, OTHER_STREET)
COMMUNITY_DESK = staff("community", BuiltInRole.BUILT_IN_ROLE_COMMUNITY_COORDINATOR, COMMUNITY)
WORKER = staff("worker", BuiltInRole.BUILT_IN_ROLE_GRID_WORKER, CELL)
