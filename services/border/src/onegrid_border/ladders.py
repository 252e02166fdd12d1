"""border's deadlines."""

from __future__ import annotations

from typing import Final

from onegrid_border.commands import alarms, looking
from onegrid_kit.ladder import Ladder

__all__ = ["LADDERS"]

LADDERS: Final = (Ladder(looking.LOOK, looking.look_at_patrols), Ladder(alarms.CLIMB, alarms.escalate_alarms))
