"""What templates can say of patrols of the border, and of what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from onegrid_notify.fact import Facts, Form, about

__all__ = ["PatrolAlarmFacts", "PatrolFacts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PatrolFacts(Facts):
    """What can be said of a patrol of the border, and of a check whether all is well with it."""

    unit: str = field(default="", metadata=about("The unit.", "江桥分队"))
    place: str = field(default="", metadata=about("What answers for the unit.", "广济街道", Form.OFFICE))
    route: str = field(default="", metadata=about("The route.", "鸭绿江东段"))
    start: datetime | None = field(
        default=None,
        metadata=about("When it is to start.", datetime(2020, 11, 12, 0, 0, tzinfo=UTC), Form.MOMENT),
    )
    due: datetime | None = field(
        default=None,
        metadata=about(
            "Of a check: until when it is to be answered.", datetime(2020, 11, 11, 6, 41, tzinfo=UTC), Form.MOMENT
        ),
    )
    changed: bool = field(default=False, metadata=about("Its plan has changed.", True, Form.FLAG))
    relieved: bool = field(
        default=False, metadata=about("Who reads it was to lead it, and is not any more.", True, Form.FLAG)
    )
    reason: str = field(default="", metadata=about("Why it is cancelled.", "大雾"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PatrolAlarmFacts(Facts):
    """What can be said of what is wrong with a patrol of the border."""

    unit: str = field(default="", metadata=about("The unit.", "江桥分队"))
    place: str = field(default="", metadata=about("What answers for the unit.", "广济街道", Form.OFFICE))
    lone: bool = field(default=False, metadata=about("The unit is one person.", True, Form.FLAG))
    checkpoint: str = field(default="", metadata=about("The checkpoint, if it is about one.", "冰情观测点"))
    since: datetime | None = field(
        default=None,
        metadata=about("Since when it is wrong.", datetime(2020, 11, 11, 6, 31, tzinfo=UTC), Form.MOMENT),
    )
    said: str = field(default="", metadata=about("What the unit said.", "冰面开裂，两人落水"))
    help: bool = field(default=False, metadata=about("The unit calls for help.", True, Form.FLAG))
    unanswered: bool = field(
        default=False, metadata=about("Nobody has answered a welfare check in time.", True, Form.FLAG)
    )
    overdue: bool = field(default=False, metadata=about("A checkpoint is not reached in time.", True, Form.FLAG))
    unstarted: bool = field(default=False, metadata=about("The patrol has not started in time.", True, Form.FLAG))
