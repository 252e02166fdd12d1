"""Who patrols and looks after the border in these tests."""

from __future__ import annotations

from onegrid.options.v1.options_pb2 import BuiltInRole
from onegrid_kit.testing.callers import public, staff

DISTRICT, STREET, COMMUNITY, CELL = "210602", "210602003", "210602003007", "210602003007005"
OTHER_STREET = "210602004"

CITIZEN = public("citizen", DISTRICT)
COMMANDER = staff("commander", BuiltInRole.BUILT_IN_ROLE_COMMANDER, DISTRICT)
STREET_DESK = staff("street", BuiltInRole.BUILT_IN_ROLE_STREET_COORDINATOR, STREET)
OTHER_STREET_DESK = staff("otherstreet", BuiltInRole.BUILT_IN_ROLE_STREET_COORDINATOR, OTHER_STREET)
WORKER = staff("worker", BuiltInRole.BUILT_IN_ROLE_GRID_WORKER, CELL)
