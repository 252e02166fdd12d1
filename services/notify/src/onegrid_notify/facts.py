"""What templates can say of an event: its facts. A class for each family of events, a field for each fact.

To have messages about events of another service: give them a class here and enter them in `FACTS`, lay their templates
beside the others, say in `notifications` whom they concern, and subscribe a handler.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any, Final, TypeVar, get_type_hints

from google.protobuf.message import Message

from onegrid.border.v1 import events_pb2 as border
from onegrid.duty.v1 import events_pb2 as duty
from onegrid.emergency.v1.events_pb2 import (
    IncidentDeadlineMissed,
    IncidentReported,
    ResourceReserved,
    StockRunDown,
    TaskAssigned,
)
from onegrid.grid.v1.events_pb2 import AppointmentEnded, CellDefined
from onegrid.grid.v1.resources_pb2 import Post
from onegrid.identity.v1.events_pb2 import OneTimeCodeIssued, RoleGranted, RoleRevoked
from onegrid.notify.v1.events_pb2 import ArticlePublished
from onegrid.partyedu.v1 import events_pb2 as partyedu
from onegrid.petition.v1 import events_pb2 as petition
from onegrid.petition.v1.resources_pb2 import Kind
from onegrid_notify.fact import Facts, Form, Recipient, about
from onegrid_notify.meeting_facts import MeetingFacts, OverdueMeetingsFacts
from onegrid_notify.patrol_facts import PatrolAlarmFacts, PatrolFacts
from onegrid_notify.study_facts import StudyFacts

__all__ = [
    "DIGEST",
    "FACTS",
    "VISITS_REQUESTED",
    "AppointmentFacts",
    "ArticleFacts",
    "CodeFacts",
    "DigestFacts",
    "DutyFacts",
    "Facts",
    "Form",
    "GapFacts",
    "GuidanceFacts",
    "IncidentFacts",
    "MeetingFacts",
    "OverdueMeetingsFacts",
    "PageFacts",
    "PatrolAlarmFacts",
    "PatrolFacts",
    "PetitionFacts",
    "Recipient",
    "ReservationFacts",
    "RoleFacts",
    "StudyFacts",
    "SupplyFacts",
    "VisitFacts",
    "decode",
    "encode",
    "event_key",
    "form_of",
    "sample",
    "variables",
]

F = TypeVar("F", bound="Facts")


@dataclass(frozen=True, slots=True, kw_only=True)
class PetitionFacts(Facts):
    """What can be said of a petition's event."""

    number: str = field(default="", metadata=about("The petition's id.", "210602-20201111-7KX3M9QF"))
    kind: Kind = field(default=Kind.KIND_UNSPECIFIED, metadata=about("What is asked.", Kind.KIND_HELP, Form.KIND))
    office: str = field(
        default="",
        metadata=about("The office that did it; of a filing, the one that answers for it.", "广济街道", Form.OFFICE),
    )
    lead: str = field(default="", metadata=about("The office that has the lead.", "人社中心", Form.OFFICE))
    assistants: tuple[str, ...] = field(
        default=(), metadata=about("The offices that assist it.", ("公安分局", "民政局"), Form.OFFICES)
    )
    assignee: str = field(default="", metadata=about("The office whose task it is.", "人社中心", Form.OFFICE))
    leads: bool = field(default=False, metadata=about("That task is the lead's.", True, Form.FLAG))
    due: datetime | None = field(
        default=None,
        metadata=about(
            "Until when what comes next must be done.", datetime(2020, 12, 31, 16, 0, tzinfo=UTC), Form.MOMENT
        ),
    )
    instruction: str = field(default="", metadata=about("What the office is asked to do.", "请上门了解情况"))
    reason: str = field(default="", metadata=about("Why it was declined, extended or closed.", "不属于本区管辖"))
    note: str = field(default="", metadata=about("What the office reports so far.", "正在联系用工单位"))
    answer: str = field(default="", metadata=about("The office's answer.", "已介绍三名应聘者\n请与他们联系"))
    satisfied: bool = field(
        default=False,
        metadata=about("The petitioner is satisfied, or the petition was found solved.", True, Form.FLAG),
    )
    filed: bool = field(default=False, metadata=about("The petition waits to be accepted.", True, Form.FLAG))
    concluded: bool = field(default=False, metadata=about("The petition is concluded.", True, Form.FLAG))


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleFacts(Facts):
    """What can be said of a role that somebody was given, or does not hold any more."""

    role: str = field(default="", metadata=about("The role.", "grid-worker", Form.ROLE))
    place: str = field(
        default="", metadata=about("The place or department over which it is held.", "朝凤社区", Form.OFFICE)
    )
    begin: datetime | None = field(
        default=None,
        metadata=about("From when it is held, if that is later.", datetime(2020, 12, 1, 0, 0, tzinfo=UTC), Form.MOMENT),
    )
    until: datetime | None = field(
        default=None,
        metadata=about(
            "Until when it is held, if it ends by itself.", datetime(2021, 12, 1, 0, 0, tzinfo=UTC), Form.MOMENT
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentFacts(Facts):
    """What can be said of somebody's appointment to a grid cell, and of its end."""

    cell: str = field(default="", metadata=about("The cell.", "县前一社区第一网格", Form.OFFICE))
    post: Post = field(default=Post.POST_UNSPECIFIED, metadata=about("As what.", Post.POST_WORKER, Form.POST))


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyFacts(Facts):
    """What can be said of a shift, or of a swap of shifts."""

    roster: str = field(default="", metadata=about("The roster.", "指挥中心值班"))
    begin: datetime | None = field(
        default=None,
        metadata=about("When the shift begins.", datetime(2020, 11, 12, 0, 0, tzinfo=UTC), Form.MOMENT),
    )
    end: datetime | None = field(
        default=None, metadata=about("When it ends.", datetime(2020, 11, 13, 0, 0, tzinfo=UTC), Form.MOMENT)
    )
    other_begin: datetime | None = field(
        default=None,
        metadata=about(
            "Of a swap: when the shift begins that is given for it.",
            datetime(2020, 11, 14, 0, 0, tzinfo=UTC),
            Form.MOMENT,
        ),
    )
    other_end: datetime | None = field(
        default=None,
        metadata=about("When that one ends.", datetime(2020, 11, 15, 0, 0, tzinfo=UTC), Form.MOMENT),
    )
    note: str = field(default="", metadata=about("What the colleague says to it.", "家中有事"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFacts(Facts):
    """What can be said of a page, or of a handover."""

    roster: str = field(default="", metadata=about("The roster.", "指挥中心值班"))
    title: str = field(default="", metadata=about("Of a page: what it is about.", "堤坝渗水"))


@dataclass(frozen=True, slots=True, kw_only=True)
class GapFacts(Facts):
    """What can be said of a time in which nobody is on duty who can be counted on."""

    roster: str = field(default="", metadata=about("The roster.", "指挥中心值班"))
    begin: datetime | None = field(
        default=None, metadata=about("When it begins.", datetime(2020, 11, 12, 0, 0, tzinfo=UTC), Form.MOMENT)
    )
    end: datetime | None = field(
        default=None, metadata=about("When it ends.", datetime(2020, 11, 13, 0, 0, tzinfo=UTC), Form.MOMENT)
    )
    disabled: bool = field(default=False, metadata=about("The account of who is on duty is disabled.", True, Form.FLAG))
    unreachable: bool = field(default=False, metadata=about("Who is on duty has no telephone number.", True, Form.FLAG))
    powerless: bool = field(
        default=False, metadata=about("Who is on duty does not get the role of the duty.", True, Form.FLAG)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationFacts(Facts):
    """What can be said of a team, an expert or a vehicle that is called to an emergency."""

    resource: str = field(default="", metadata=about("What is called.", "防汛一队"))
    number: str = field(default="", metadata=about("The incident's id.", "210602-20201111-7KX3M9QF"))
    until: datetime | None = field(
        default=None,
        metadata=about(
            "Until when it is held unless somebody confirms it.",
            datetime(2020, 11, 11, 7, 6, tzinfo=UTC),
            Form.MOMENT,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentFacts(Facts):
    """What can be said of an emergency, of a task of it, and of a deadline that has passed."""

    number: str = field(default="", metadata=about("The incident's id.", "210602-20201111-7KX3M9QF"))
    place: str = field(default="", metadata=about("Where it is.", "朝凤社区", Form.OFFICE))
    instruction: str = field(default="", metadata=about("What the task asks for.", "请立即加固堤坝"))
    due: datetime | None = field(
        default=None,
        metadata=about(
            "Until when the task is acknowledged, or what is late was due.",
            datetime(2020, 11, 11, 6, 46, tzinfo=UTC),
            Form.MOMENT,
        ),
    )
    unattended: bool = field(default=False, metadata=about("Nobody has taken charge in time.", True, Form.FLAG))
    unacknowledged: bool = field(default=False, metadata=about("A task is not acknowledged in time.", True, Form.FLAG))
    incomplete: bool = field(default=False, metadata=about("A task is not completed in time.", True, Form.FLAG))
    unreported: bool = field(
        default=False, metadata=about("The situation is not reported upward in time.", True, Form.FLAG)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class GuidanceFacts(Facts):
    """What can be said of a guidance task of a Party organization."""

    title: str = field(default="", metadata=about("The task's title.", "开展主题党日"))
    organization: str = field(
        default="", metadata=about("The organization that sent it; of a report, the one that gives it.", "街道党工委")
    )
    due: datetime | None = field(
        default=None,
        metadata=about("Until when it is to be done.", datetime(2020, 12, 31, 16, 0, tzinfo=UTC), Form.MOMENT),
    )
    reason: str = field(default="", metadata=about("Why it was withdrawn, or the report returned.", "缺少签到表"))
    late: str = field(
        default="", metadata=about("Of a due time that has passed, to the sender: how many have not done it.", "3")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyFacts(Facts):
    """What can be said of a supply of which a depot has less than it should have."""

    supply: str = field(default="", metadata=about("The supply.", "沙袋"))
    depot: str = field(default="", metadata=about("The depot.", "防汛物资库"))
    quantity: str = field(default="", metadata=about("How many are there, with what is counted.", "90袋"))
    minimum: str = field(default="", metadata=about("How many there should be.", "100袋"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeFacts(Facts):
    """What can be said of a one-time code."""

    code: str = field(default="", metadata=about("The six digits.", "482913", required=True))
    minutes: str = field(default="", metadata=about("How many minutes it was good for when it was issued.", "5"))


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitFacts(Facts):
    """What can be said of an urgent notice that some people have to be visited for."""

    title: str = field(default="", metadata=about("The notice's title.", "防汛转移通知", required=True))


VISITS_REQUESTED: Final = "notify.VisitsRequested"
"""What templates call the beginning of a list of visits, which notify does not announce to others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleFacts(Facts):
    """What can be said of an article that is sent."""

    title: str = field(default="", metadata=about("Its title.", "停水通知"))
    summary: str = field(default="", metadata=about("What its editors say in short.", "明日8时至12时停水"))
    column: str = field(default="", metadata=about("The column that it stands in.", "便民服务"))
    office: str = field(default="", metadata=about("The office that answers for it.", "元宝区", Form.OFFICE))


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestFacts(Facts):
    """What can be said of several things that come together. `time` is when the digest was closed."""

    count: str = field(default="", metadata=about("How many there are.", "5"))
    titles: tuple[str, ...] = field(
        default=(),
        metadata=about(
            "The titles of the first ones, as many as a short text has room for.",
            ("停水通知", "您的诉求已签收"),
            Form.LIST,
        ),
    )
    entries: tuple[str, ...] = field(
        default=(),
        metadata=about(
            "What each of the first ones says, its title first; 100 at most, and as many as an e-mail has room for.",
            ("停水通知\n明日8时至12时停水", "您的诉求已签收\n人社中心开始办理。"),
            Form.LIST,
        ),
    )
    more: str = field(default="", metadata=about("How many more there are than entries; empty: none.", "3"))


def event_key(event: type[Message]) -> str:
    """What templates call a kind of event: its service and its message, ``petition.PetitionFiled``."""
    parts = event.DESCRIPTOR.full_name.split(".")
    return f"{parts[1]}.{parts[-1]}"


DIGEST: Final = "notify.Digest"
"""What templates call a digest, which is no event of a contract."""
FACTS: Final[Mapping[str, type[Facts]]] = {
    **{
        event_key(event): PetitionFacts
        for event in (
            petition.PetitionFiled,
            petition.PetitionAccepted,
            petition.PetitionDeclined,
            petition.PetitionDispatched,
            petition.PetitionRescheduled,
            petition.PetitionExtended,
            petition.PetitionDeadlineNeared,
            petition.PetitionDeadlineMissed,
            petition.TaskTaken,
            petition.TaskReturned,
            petition.TaskReported,
            petition.TaskConcluded,
            petition.PetitionRated,
            petition.PetitionVerified,
            petition.PetitionWithdrawn,
            petition.PetitionClosed,
        )
    },
    event_key(RoleGranted): RoleFacts,
    event_key(RoleRevoked): RoleFacts,
    event_key(CellDefined): AppointmentFacts,
    event_key(AppointmentEnded): AppointmentFacts,
    **{
        event_key(event): DutyFacts
        for event in (
            duty.ShiftReminded,
            duty.SwapProposed,
            duty.SwapAccepted,
            duty.SwapDeclined,
        )
    },
    event_key(duty.GapDetected): GapFacts,
    event_key(ResourceReserved): ReservationFacts,
    event_key(StockRunDown): SupplyFacts,
    event_key(IncidentReported): IncidentFacts,
    event_key(TaskAssigned): IncidentFacts,
    event_key(IncidentDeadlineMissed): IncidentFacts,
    event_key(border.PatrolPlanned): PatrolFacts,
    event_key(border.PatrolCancelled): PatrolFacts,
    event_key(border.WelfareCheckRequested): PatrolFacts,
    event_key(border.AlarmEscalated): PatrolAlarmFacts,
    event_key(duty.RungReached): PageFacts,
    event_key(duty.PageEnded): PageFacts,
    event_key(duty.HandoverWritten): PageFacts,
    event_key(duty.HandoverForgotten): PageFacts,
    event_key(partyedu.StudyReminderIssued): StudyFacts,
    **{
        event_key(event): GuidanceFacts
        for event in (
            partyedu.GuidanceTaskIssued,
            partyedu.GuidanceTaskWithdrawn,
            partyedu.GuidanceDeadlineNeared,
            partyedu.GuidanceDeadlineMissed,
            partyedu.GuidanceReported,
            partyedu.GuidanceReportReturned,
        )
    },
    event_key(partyedu.MeetingScheduled): MeetingFacts,
    event_key(partyedu.MeetingChanged): MeetingFacts,
    event_key(partyedu.MeetingCancelled): MeetingFacts,
    event_key(partyedu.MeetingDeadlineMissed): OverdueMeetingsFacts,
    VISITS_REQUESTED: VisitFacts,
    event_key(OneTimeCodeIssued): CodeFacts,
    event_key(ArticlePublished): ArticleFacts,
    DIGEST: DigestFacts,
}
"""The facts of each kind of event that there are messages about."""
_NAMES: Final = {of: tuple(each.name for each in fields(of)) for of in FACTS.values()}


def sample(of: type[F]) -> F:
    """Facts as an event may have them, all filled in."""
    return of(**{each.name: each.metadata["sample"] for each in fields(of)})


def variables(facts: Facts) -> dict[str, Any]:
    """The facts by their names; much quicker than `asdict`, which copies them."""
    return {name: getattr(facts, name) for name in _NAMES[type(facts)]}


def form_of(of: type[Facts], name: str) -> Form:
    """How a fact is written. Raises KeyError if there is no such fact."""
    return {each.name: each.metadata["form"] for each in fields(of)}[name]  # type: ignore[no-any-return]


def encode(facts: Facts) -> dict[str, Any]:
    """The facts as JSON, without those that are empty."""
    given = {each.name: (getattr(facts, each.name), each.default) for each in fields(facts)}
    return {name: _plain(value) for name, (value, default) in given.items() if value != default}


def decode(event: str, encoded: Mapping[str, Any]) -> Facts:
    """The facts of an event of this kind. What a later release wrote, and this one does not know, is left out.

    Raises KeyError for a kind that there are no messages about.
    """
    of = FACTS[event]
    hints = get_type_hints(of)
    known = {each.name for each in fields(of)}
    return of(**{name: _typed(hints[name], value) for name, value in encoded.items() if name in known})


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return list(value)
    return int(value) if isinstance(value, IntEnum) else value


def _typed(hint: Any, value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    if hint == datetime | None and isinstance(value, str):
        return datetime.fromisoformat(value)
    return value
