"""Guidance tasks (组织指导) and what comes of them in each organization: the states, as data, and the records."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Final

from onegrid.partyedu.v1.guidance_pb2 import GuidanceAction, GuidanceActor, GuidanceState
from onegrid_kit import codes
from onegrid_kit.lifecycle import Lifecycle, Rule, stays
from onegrid_kit.names import ResourceName
from onegrid_partyedu.errors import GuidanceWrongState
from onegrid_partyedu.organization import ORGANIZATION

__all__ = [
    "ASSIGNMENT",
    "DEADLINE",
    "OPEN",
    "TASK",
    "Assignment",
    "Notice",
    "Progress",
    "Task",
]

TASK: Final = ResourceName("guidanceTasks/{guidance_task}")
ASSIGNMENT: Final = ResourceName("guidanceTasks/{guidance_task}/assignments/{assignment}")
DEADLINE: Final = "guidance deadline"
"""The ladder that every task is on while it holds and its due time is ahead."""

_ORGANIZATION: Final = (GuidanceActor.GUIDANCE_ACTOR_ORGANIZATION,)
_SENDER: Final = (GuidanceActor.GUIDANCE_ACTOR_SENDER,)
_SENT: Final = GuidanceState.GUIDANCE_STATE_SENT
_READ: Final = GuidanceState.GUIDANCE_STATE_READ
_REPORTED: Final = GuidanceState.GUIDANCE_STATE_REPORTED
_RETURNED: Final = GuidanceState.GUIDANCE_STATE_RETURNED
_DONE: Final = GuidanceState.GUIDANCE_STATE_DONE
_WITHDRAWN: Final = GuidanceState.GUIDANCE_STATE_WITHDRAWN
OPEN: Final = (_SENT, _READ, _REPORTED, _RETURNED)
"""The states in which it is not done."""

LIFE: Final[Lifecycle[GuidanceState, GuidanceAction, GuidanceActor]] = Lifecycle(
    GuidanceState,
    GuidanceAction,
    GuidanceActor,
    (
        Rule(
            GuidanceAction.GUIDANCE_ACTION_READ,
            _ORGANIZATION,
            {_SENT: _READ, **stays(_READ, _REPORTED, _RETURNED, _DONE)},
        ),
        Rule(
            GuidanceAction.GUIDANCE_ACTION_REPORT,
            _ORGANIZATION,
            {_SENT: _REPORTED, _READ: _REPORTED, _RETURNED: _REPORTED, **stays(_REPORTED)},
        ),
        Rule(GuidanceAction.GUIDANCE_ACTION_ACCEPT, _SENDER, {_REPORTED: _DONE}),
        Rule(GuidanceAction.GUIDANCE_ACTION_RETURN, _SENDER, {_REPORTED: _RETURNED}),
        Rule(GuidanceAction.GUIDANCE_ACTION_WITHDRAW, _SENDER, dict.fromkeys(OPEN, _WITHDRAWN)),
    ),
    GuidanceWrongState,
)


class Notice(IntEnum):
    """What organizations hear of a task's due time; the number of the rung."""

    NEARED = 0
    MISSED = 1

    def time(self, due: datetime) -> datetime:
        """When they hear it."""
        return due - timedelta(days=1) if self is Notice.NEARED else due


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task that an organization sends down its line."""

    id: str
    sender: str
    """The id of the organization that sends it."""
    title: str
    text: str
    media: tuple[str, ...]
    due_time: datetime
    report_wanted: bool
    upper: str = ""
    """The name of the assignment that it passes on; empty: none."""
    article: str = ""
    """``articles/{article}`` that is to be read for it; empty: none."""
    assignments: int
    withdraw_reason: str = ""
    withdraw_time: datetime | None = None
    create_time: datetime

    @property
    def name(self) -> str:
        """``guidanceTasks/{guidance_task}``."""
        return TASK.name(self.id)

    @property
    def district(self) -> str:
        """The district that keeps it."""
        return codes.district_of(self.id)

    def withdrawn(self, reason: str, now: datetime) -> Task:
        """The task once it is taken back."""
        return replace(self, withdraw_reason=reason, withdraw_time=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What came of a task in one organization."""

    task: Task
    organization: str
    """The organization's id."""
    version: int = 1
    state: GuidanceState = _SENT
    reader: str = ""
    """``users/{user}``; empty: nobody yet."""
    read_time: datetime | None = None
    report: str = ""
    report_media: tuple[str, ...] = ()
    report_time: datetime | None = None
    return_reason: str = ""
    decide_time: datetime | None = None

    @property
    def name(self) -> str:
        """``guidanceTasks/{guidance_task}/assignments/{assignment}``."""
        return ASSIGNMENT.name(self.task.id, self.organization)

    @property
    def organization_name(self) -> str:
        """``organizations/{organization}``."""
        return ORGANIZATION.name(self.organization)

    @property
    def etag(self) -> str:
        """Changes with every change."""
        return str(self.version)

    def overdue(self, now: datetime) -> bool:
        """Whether it is open, and its due time has passed."""
        return self.state in OPEN and self.task.due_time <= now

    def read(self, reader: str, now: datetime) -> Assignment:
        """Once somebody read it; who did so first stays. Raises GuidanceWrongState."""
        after = self._advanced(GuidanceAction.GUIDANCE_ACTION_READ, GuidanceActor.GUIDANCE_ACTOR_ORGANIZATION)
        if self.read_time is not None:
            return self
        done = after.state == _READ and not self.task.report_wanted
        return replace(after, state=_DONE if done else after.state, reader=reader, read_time=now)

    def reported(self, report: str, media: tuple[str, ...], reader: str, now: datetime) -> Assignment:
        """Once the organization reports, which has read it then. Raises GuidanceWrongState."""
        if not self.task.report_wanted:
            raise GuidanceWrongState(self.state, [each for each in LIFE.allowed(self.state) if each not in _REPORTS])
        after = self._advanced(GuidanceAction.GUIDANCE_ACTION_REPORT, GuidanceActor.GUIDANCE_ACTOR_ORGANIZATION)
        first = self.read_time is None
        return replace(
            after,
            reader=reader if first else self.reader,
            read_time=now if first else self.read_time,
            report=report,
            report_media=media,
            report_time=now,
        )

    def accepted(self, now: datetime) -> Assignment:
        """Once the sender accepts the report. Raises GuidanceWrongState."""
        after = self._advanced(GuidanceAction.GUIDANCE_ACTION_ACCEPT, GuidanceActor.GUIDANCE_ACTOR_SENDER)
        return replace(after, return_reason="", decide_time=now)

    def returned(self, reason: str, now: datetime) -> Assignment:
        """Once the sender returns the report. Raises GuidanceWrongState."""
        after = self._advanced(GuidanceAction.GUIDANCE_ACTION_RETURN, GuidanceActor.GUIDANCE_ACTOR_SENDER)
        return replace(after, return_reason=reason, decide_time=now)

    def _advanced(self, action: GuidanceAction, actor: GuidanceActor) -> Assignment:
        return replace(self, state=LIFE.advance(self.state, action, actor), version=self.version + 1)


_REPORTS: Final = (
    GuidanceAction.GUIDANCE_ACTION_REPORT,
    GuidanceAction.GUIDANCE_ACTION_ACCEPT,
    GuidanceAction.GUIDANCE_ACTION_RETURN,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a task is with an organization and all below it."""

    organization: str
    """The organization's id; empty: those that stand below the sender no more."""
    assignments: int
    read: int
    reported: int
    done: int
    overdue: int
