"""What notify does at deadlines."""

from __future__ import annotations

from onegrid_kit.ladder import Ladder, each
from onegrid_notify.commands.escalation import begin_rung
from onegrid_notify.escalation import BEGIN_RUNG

__all__ = ["LADDERS"]

LADDERS = (Ladder(BEGIN_RUNG, each(begin_rung)),)
