"""What partyedu does at deadlines."""

from __future__ import annotations

from onegrid_kit.ladder import Ladder, each
from onegrid_partyedu.commands import study_reminders
from onegrid_partyedu.commands.concluding import conclude
from onegrid_partyedu.commands.guidance import announce_deadlines
from onegrid_partyedu.guidance import DEADLINE
from onegrid_partyedu.store.attempt_statements import CLIMB

__all__ = ["LADDERS"]

LADDERS = (*study_reminders.LADDERS, Ladder(CLIMB, conclude), Ladder(DEADLINE, each(announce_deadlines)))
