"""What petition does at deadlines."""

from __future__ import annotations

from onegrid_kit.ladder import Ladder
from onegrid_petition.commands.deadlines import announce_deadlines
from onegrid_petition.deadlines import DEADLINE

__all__ = ["LADDERS"]

LADDERS = (Ladder(DEADLINE, announce_deadlines),)
