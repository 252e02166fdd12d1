"""What templates can say of meetings of Party organizations."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from onegrid.partyedu.v1.meetings_pb2 import MeetingKind
from onegrid_notify.fact import Facts, Form, about

__all__ = ["MeetingFacts", "OverdueMeetingsFacts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingFacts(Facts):
    """What can be said of a meeting that somebody is expected at."""

    title: str = field(default="", metadata=about("The meeting's title.", "十一月主题党日", required=True))
    organization: str = field(default="", metadata=about("The organization that meets.", "朝凤社区第1小区党支部"))
    begin: datetime | None = field(
        default=None,
        metadata=about("When it begins.", datetime(2020, 11, 20, 11, 0, tzinfo=UTC), Form.MOMENT),
    )
    place: str = field(default="", metadata=about("Where it is.", "社区活动室"))
    reason: str = field(default="", metadata=about("Why it is cancelled.", "与防汛会议冲突"))
    released: bool = field(
        default=False, metadata=about("The reader was expected, and is not any more.", True, Form.FLAG)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OverdueMeetingsFacts(Facts):
    """What can be said of meetings that a branch should have held."""

    organization: str = field(default="", metadata=about("The branch.", "朝凤社区第1小区党支部", required=True))
    meetings: tuple[MeetingKind, ...] = field(
        default=(),
        metadata=about(
            "What it should have held.",
            (MeetingKind.MEETING_KIND_ASSEMBLY, MeetingKind.MEETING_KIND_THEMED_DAY),
            Form.MEETINGS,
        ),
    )
