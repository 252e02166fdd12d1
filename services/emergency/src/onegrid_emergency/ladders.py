"""emergency's deadlines."""

from __future__ import annotations

from onegrid_emergency.commands.incident_deadlines import LADDERS

__all__ = ["LADDERS"]
