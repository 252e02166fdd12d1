"""Study plans (学习计划): what is asked of whom until when, how far a member is, and when those behind are reminded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from itertools import accumulate
from typing import Final

from onegrid.partyedu.v1.completions_pb2 import CompletionKind
from onegrid.partyedu.v1.members_pb2 import MemberState
from onegrid.partyedu.v1.organizations_pb2 import OfficerPost
from onegrid.partyedu.v1.study_plans_pb2 import StudyPlanState
from onegrid_kit import codes
from onegrid_kit.clock import CHINA
from onegrid_kit.lifecycle import short_name
from onegrid_kit.names import ResourceName
from onegrid_partyedu.calendar_years import day_after_months
from onegrid_partyedu.completion import Completion

__all__ = [
    "STUDY_PLAN",
    "Progress",
    "Reminder",
    "Requirement",
    "StudyPlan",
    "progress_of",
    "reminders_of",
    "violations_of",
]

STUDY_PLAN: Final = ResourceName("studyPlans/{study_plan}")

_LONGEST_MONTHS: Final = 24
_REMINDED_AT: Final = time(9, tzinfo=CHINA)
_MEETING: Final = CompletionKind.COMPLETION_KIND_MEETING
_DRAFT: Final = StudyPlanState.STUDY_PLAN_STATE_DRAFT


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """Something that a plan asks of each: one of a subject, meetings and minutes."""

    id: str
    subject: str = ""
    """The name of what is to be completed."""
    meetings: int = 0
    """So many are to be attended."""
    minutes: int = 0
    """So much is to be studied."""
    due_time: datetime

    @property
    def wanted(self) -> int:
        """How much is asked for."""
        return 1 if self.subject else self.meetings or self.minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPlan:
    """A study plan."""

    id: str
    version: int = 1
    display_name: str
    organization: str
    """The id of the organization whose members it is for, with those below."""
    member_state: MemberState = MemberState.MEMBER_STATE_UNSPECIFIED
    """Only for members in this state, unless unspecified."""
    posts: tuple[OfficerPost, ...] = ()
    """Only for holders of one of these; empty: for all."""
    begin_time: datetime
    end_time: datetime
    requirements: tuple[Requirement, ...]
    remind_days_before: tuple[int, ...] = ()
    remind_days_after: tuple[int, ...] = ()
    state: StudyPlanState = _DRAFT
    publish_time: datetime | None = None
    close_time: datetime | None = None
    create_time: datetime
    update_time: datetime

    @property
    def district(self) -> str:
        """The district that keeps it."""
        return codes.district_of(self.id)

    @property
    def office(self) -> str:
        """The code of the place or department that made it."""
        return codes.office_of(self.id)

    @property
    def name(self) -> str:
        """``studyPlans/{study_plan}``."""
        return STUDY_PLAN.name(self.id)

    @property
    def etag(self) -> str:
        """Changes with every change."""
        return str(self.version)

    @property
    def state_name(self) -> str:
        """``DRAFT``."""
        return short_name(StudyPlanState, self.state)

    @property
    def until(self) -> datetime:
        """What is completed from then on does not count."""
        return self.end_time if self.close_time is None else min(self.end_time, self.close_time)

    @property
    def since(self) -> datetime:
        """From when on what is to be completed counts: the year in which the plan begins, as it is recorded once a
        year.
        """
        begin = self.begin_time.astimezone(CHINA)
        return datetime(begin.year, 1, 1, tzinfo=CHINA)

    def at(self, now: datetime) -> datetime:
        """The moment at which memberships, posts and what is due are looked at."""
        return min(now, self.until)

    def ended_by(self, end: datetime) -> StudyPlan:
        """The plan as it is looked at if nothing from that moment on is to count."""
        return replace(self, close_time=min(self.until, end))

    def changed(self, now: datetime, **fields: object) -> StudyPlan:
        """The plan with these fields, one version on."""
        return replace(self, version=self.version + 1, update_time=now, **fields)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a member is with a requirement."""

    requirement: Requirement
    done: int
    """How much of it is done, and no more than is wanted."""
    done_time: datetime | None
    """When all of it was done."""
    late: bool
    """It was due and is not done, or was done later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """A moment at which those are reminded who have not done one of these requirements."""

    time: datetime
    requirements: tuple[str, ...]
    """Their ids."""
    due_time: datetime
    """When the first of them is due."""


def violations_of(plan: StudyPlan) -> Iterator[tuple[str, str]]:
    """What is wrong with which field of a plan."""
    if plan.end_time <= plan.begin_time:
        yield "end_time", "is not after begin_time"
    elif plan.end_time > day_after_months(plan.begin_time, _LONGEST_MONTHS) + timedelta(days=1):
        yield "end_time", "is more than two years after begin_time"
    ids: set[str] = set()
    for position, each in enumerate(plan.requirements):
        field = f"requirements[{position}]"
        if each.id in ids:
            yield f"{field}.id", "is that of another requirement"
        ids.add(each.id)
        if not plan.begin_time < each.due_time <= plan.end_time:
            yield f"{field}.due_time", "is outside of the plan's time"
        if each.subject and codes.district_of(each.subject.partition("/")[2]) != plan.district:
            yield f"{field}.subject", "is of another district"


def progress_of(plan: StudyPlan, completions: Iterable[Completion], now: datetime) -> tuple[Progress, ...]:
    """How far a member is who completed these, with each requirement, in the plan's order."""
    counted = sorted(
        (each for each in completions if plan.since <= each.complete_time < plan.until),
        key=lambda each: each.complete_time,
    )
    return tuple(_progress(plan, requirement, counted, now) for requirement in plan.requirements)


def reminders_of(plan: StudyPlan) -> tuple[Reminder, ...]:
    """When those behind are reminded, in order: at 9 o'clock in China of days before and after something is due; not
    before the plan begins, and not once it has ended.
    """
    of: dict[datetime, list[Requirement]] = {}
    offsets = [-days for days in plan.remind_days_before] + list(plan.remind_days_after)
    for requirement in plan.requirements:
        # What is due at 0 o'clock is due by the end of the day before.
        day = (requirement.due_time - timedelta(microseconds=1)).astimezone(CHINA).date()
        for offset in offsets:
            moment = datetime.combine(day + timedelta(days=offset), _REMINDED_AT)
            if plan.begin_time <= moment < plan.until:
                of.setdefault(moment, []).append(requirement)
    return tuple(
        Reminder(
            time=moment,
            requirements=tuple(each.id for each in of[moment]),
            due_time=min(each.due_time for each in of[moment]),
        )
        for moment in sorted(of)
    )


def _progress(plan: StudyPlan, of: Requirement, counted: Sequence[Completion], now: datetime) -> Progress:
    if of.subject:
        steps = [(each.complete_time, 1) for each in counted if each.subject == of.subject]
    else:
        within = [each for each in counted if each.complete_time >= plan.begin_time]
        if of.meetings:
            steps = [(each.complete_time, 1) for each in within if each.kind == _MEETING]
        else:
            steps = [(each.complete_time, each.minutes) for each in within]
    sums = list(accumulate(amount for _, amount in steps))
    done_time = next((moment for (moment, _), reached in zip(steps, sums, strict=True) if reached >= of.wanted), None)
    return Progress(
        requirement=of,
        done=min(sums[-1], of.wanted) if sums else 0,
        done_time=done_time,
        late=of.due_time <= plan.at(now) if done_time is None else done_time > of.due_time,
    )
