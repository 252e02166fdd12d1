"""duty's deadlines."""

from __future__ import annotations

from onegrid_duty.commands import handovers, pages
from onegrid_kit.ladder import Ladder, each

__all__ = ["LADDERS"]

LADDERS = (
    Ladder(pages.LADDER, each(pages.climb)),
    Ladder(handovers.LADDER, each(handovers.climb)),
)
