"""What templates can say of study plans."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from onegrid_notify.fact import Facts, Form, about

__all__ = ["StudyFacts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFacts(Facts):
    """What can be said of a study plan that somebody has not done."""

    plan: str = field(default="", metadata=about("The plan.", "2020年度党员学习计划", required=True))
    due: datetime | None = field(
        default=None,
        metadata=about("Until when it is to be done.", datetime(2020, 12, 31, 15, 59, tzinfo=UTC), Form.MOMENT),
    )
    overdue: bool = field(default=False, metadata=about("That moment has passed.", True, Form.FLAG))
