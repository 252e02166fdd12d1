"""Who walks the grid and looks after it in these tests."""

from __future__ import annotations

from dataclasses import replace

from onegrid.common.v1.common_pb2 import OaLevel
from onegrid.options.v1.options_pb2 import BuiltInRole
from onegrid_kit.callers import Grant
from onegrid_kit.testing.callers import administrator, everything, public, staff

DISTRICT, STREET, COMMUNITY, CELL = "210602", "210602003", "210602003007", "210602003007005"
NEXT_CELL, OTHER_STREET = "210602003007006", "210602004"

KEEPER = replace(administrator("keeper", DISTRICT), grants=(Grant(DISTRICT, OaLevel.OA_LEVEL_DISTRICT, everything()),))
CITIZEN = public("citizen", DISTRICT)
COMMANDER = staff("commander", BuiltInRole.BUILT_IN_ROLE_COMMANDER, DISTRICT)
STREET_DESK = staff("street", BuiltInRole.BUILT_IN_ROLE_STREET_COORDINATOR, STREET)
OTHER_STREET_DESK = staff("otherstreet", BuiltInRole.BUILT_IN_ROLE_STREET_COORDINATOR, OTHER_STREET)
WORKER = staff("worker", BuiltInRole.BUILT_IN_ROLE_GRID_WORKER, CELL)
