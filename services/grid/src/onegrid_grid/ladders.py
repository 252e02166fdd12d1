"""grid's deadlines: rounds are looked at as soon as there is something new."""

from __future__ import annotations

from typing import Final

from onegrid_grid.commands import looking
from onegrid_kit.ladder import Ladder

__all__ = ["LADDERS"]

LADDERS: Final = (Ladder(looking.LOOK, looking.look_at_rounds),)
