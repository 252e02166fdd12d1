"""partyedu's work that is done in steps."""

from __future__ import annotations

from onegrid_kit.steps import Steps
from onegrid_partyedu.commands import study_reminders
from onegrid_partyedu.commands.imports import apply_rows, check_rows
from onegrid_partyedu.importing import APPLY, CHECK

__all__ = ["STEPS"]

STEPS = (
    Steps(CHECK, check_rows),
    Steps(APPLY, apply_rows),
    *study_reminders.STEPS,
)
