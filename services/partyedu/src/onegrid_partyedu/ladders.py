"""What partyedu does at deadlines."""

from __future__ import annotations

from onegrid_kit.ladder import Ladder
from onegrid_partyedu.commands import study_reminders
from onegrid_partyedu.commands.concluding import conclude
from onegrid_partyedu.store.attempt_statements import CLIMB

__all__ = ["LADDERS"]

LADDERS = (*study_reminders.LADDERS, Ladder(CLIMB, conclude))
