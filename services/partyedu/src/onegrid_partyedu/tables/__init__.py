"""partyedu's tables, a file for each part. The district's code comes first in every key."""

from __future__ import annotations

from onegrid_partyedu.tables.certificates import certificate, certificate_scheme
from onegrid_partyedu.tables.guidance import guidance_assignment, guidance_task
from onegrid_partyedu.tables.line import cell, known_user, member, membership, officer, organization, term, transfer
from onegrid_partyedu.tables.meetings import (
    attendance,
    check_in_guess,
    meeting,
    meeting_calendar_link,
    minutes_revision,
)
from onegrid_partyedu.tables.quizzes import (
    attempt_paper,
    attempt_save,
    attempt_turn,
    item,
    item_revision,
    pool,
    quiz,
    quiz_attempt,
    quiz_pool,
    quiz_revision,
    regrading,
    regrading_change,
)
from onegrid_partyedu.tables.study import (
    completion,
    course,
    hours_duty,
    import_row,
    imports,
    lesson,
    study_plan,
    study_requirement,
    training,
)

__all__ = [
    "attempt_paper",
    "attempt_save",
    "attempt_turn",
    "attendance",
    "cell",
    "certificate",
    "certificate_scheme",
    "check_in_guess",
    "completion",
    "course",
    "guidance_assignment",
    "guidance_task",
    "hours_duty",
    "import_row",
    "imports",
    "item",
    "item_revision",
    "known_user",
    "lesson",
    "meeting",
    "meeting_calendar_link",
    "member",
    "membership",
    "minutes_revision",
    "officer",
    "organization",
    "pool",
    "quiz",
    "quiz_attempt",
    "quiz_pool",
    "quiz_revision",
    "regrading",
    "regrading_change",
    "study_plan",
    "study_requirement",
    "term",
    "training",
    "transfer",
]
