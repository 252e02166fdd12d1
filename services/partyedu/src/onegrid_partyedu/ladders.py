"""What partyedu does at deadlines."""

from __future__ import annotations

from onegrid_kit.ladder import Ladder, each
from onegrid_partyedu.commands import looking, study_reminders, studying
from onegrid_partyedu.commands.concluding import conclude
from onegrid_partyedu.commands.guidance import announce_deadlines
from onegrid_partyedu.guidance import DEADLINE
from onegrid_partyedu.store.attempt_statements import CLIMB

__all__ = ["LADDERS"]

LADDERS = (
    *study_reminders.LADDERS,
    Ladder(CLIMB, conclude, together=100),
    Ladder(DEADLINE, each(announce_deadlines)),
    Ladder(looking.LOOK_AT_STUDY, studying.look_at_studies),
    Ladder(looking.LOOK_AT_SITTING, studying.look_at_sittings),
)
