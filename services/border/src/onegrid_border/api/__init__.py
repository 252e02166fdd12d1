"""BorderService: a message in, a command out, a message back; no rule, no SQL. A file for each noun."""

from __future__ import annotations

from collections.abc import Sequence

from onegrid_border.api.alarms import Alarms
from onegrid_border.api.assets import Assets
from onegrid_border.api.codes import Codes
from onegrid_border.api.defects import Defects
from onegrid_border.api.observations import Observations
from onegrid_border.api.patrols import Patrols
from onegrid_border.api.routes import Routes
from onegrid_border.api.statistics import StatisticsOfPatrols
from onegrid_border.api.units import Units
from onegrid_border.settings import BorderSettings
from onegrid_kit.runtime import Runtime

__all__ = ["build"]


def build(runtime: Runtime[BorderSettings]) -> Sequence[object]:
    """The servicers."""
    return [
        Units(runtime),
        Routes(runtime),
        Codes(runtime),
        Patrols(runtime),
        StatisticsOfPatrols(runtime),
        Alarms(runtime),
        Observations(runtime),
        Assets(runtime),
        Defects(runtime),
    ]
