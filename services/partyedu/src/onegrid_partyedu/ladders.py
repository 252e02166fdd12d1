"""What partyedu does at deadlines."""

from __future__ import annotations

from onegrid_partyedu.commands import study_reminders

__all__ = ["LADDERS"]

LADDERS = study_reminders.LADDERS
