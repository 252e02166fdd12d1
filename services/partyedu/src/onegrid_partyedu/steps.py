"""partyedu's work that is done in steps."""

from __future__ import annotations

from onegrid_kit.steps import Steps
from onegrid_partyedu import importing, regrading
from onegrid_partyedu.commands import meeting_reminders, study_reminders
from onegrid_partyedu.commands.imports import apply_rows, check_rows
from onegrid_partyedu.commands.looking import LOOK_AT_COURSE, look_at_course
from onegrid_partyedu.commands.regradings import apply_changes, calculate_changes

__all__ = ["STEPS"]

STEPS = (
    Steps(importing.CHECK, check_rows),
    Steps(importing.APPLY, apply_rows),
    Steps(regrading.CALCULATE, calculate_changes),
    Steps(regrading.APPLY, apply_changes),
    Steps(LOOK_AT_COURSE, look_at_course),
    *meeting_reminders.STEPS,
    *study_reminders.STEPS,
)
