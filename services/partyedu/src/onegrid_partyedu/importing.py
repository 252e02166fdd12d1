"""Lists that are imported (名册导入), and what each row does: a pure function of it and of what is recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from onegrid.identity.v1.resources_pb2 import UserState
from onegrid.partyedu.v1.completions_pb2 import CompletionKind
from onegrid.partyedu.v1.imports_pb2 import ImportKind, ImportOutcome, ImportState
from onegrid.partyedu.v1.members_pb2 import MemberState
from onegrid_kit import codes
from onegrid_kit.clock import CHINA, day_in_china
from onegrid_kit.lifecycle import short_name
from onegrid_kit.names import ResourceName
from onegrid_partyedu.completion import Completion, Training
from onegrid_partyedu.member import Member, earliest_confirmation
from onegrid_partyedu.organization import Organization

__all__ = [
    "APPLY",
    "CHECK",
    "IMPORT",
    "KEPT",
    "MOST_OPEN",
    "WAITS",
    "Decision",
    "Import",
    "Row",
    "RowError",
    "decide_completion",
    "decide_member",
    "id_of",
]

IMPORT: Final = ResourceName("imports/{import}")
CHECK: Final = "check import"
"""The work of looking at the rows."""
APPLY: Final = "apply import"
MOST_OPEN: Final = 10
"""How many imports of a district are neither applied nor discarded at most."""
WAITS: Final = timedelta(days=7)
"""How long an import waits to be applied, and its names are kept at most."""
KEPT: Final = timedelta(days=30)

_OPEN: Final = frozenset(
    {ImportState.IMPORT_STATE_CHECKING, ImportState.IMPORT_STATE_CHECKED, ImportState.IMPORT_STATE_APPLYING}
)
_CREATED: Final = ImportOutcome.IMPORT_OUTCOME_CREATED
_UPDATED: Final = ImportOutcome.IMPORT_OUTCOME_UPDATED
_UNCHANGED: Final = ImportOutcome.IMPORT_OUTCOME_UNCHANGED
_REFUSED: Final = ImportOutcome.IMPORT_OUTCOME_REFUSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """A list that is imported."""

    id: str
    version: int = 1
    scope: str
    kind: ImportKind
    state: ImportState = ImportState.IMPORT_STATE_CHECKING
    rows: int
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    create_time: datetime
    end_time: datetime | None = None

    @property
    def district(self) -> str:
        """The district that keeps it."""
        return codes.district_of(self.id)

    @property
    def name(self) -> str:
        """``imports/{import}``."""
        return IMPORT.name(self.id)

    @property
    def etag(self) -> str:
        """Changes with every change of its state."""
        return str(self.version)

    @property
    def state_name(self) -> str:
        """``CHECKED``."""
        return short_name(ImportState, self.state)

    @property
    def open(self) -> bool:
        """Whether it is neither applied nor discarded."""
        return self.state in _OPEN

    def counted(self, outcomes: Mapping[ImportOutcome, int]) -> Import:
        """The import with so many rows of each outcome."""
        return replace(
            self,
            created=outcomes.get(_CREATED, 0),
            updated=outcomes.get(_UPDATED, 0),
            unchanged=outcomes.get(_UNCHANGED, 0),
            refused=outcomes.get(_REFUSED, 0),
        )

    def moved(self, state: ImportState, now: datetime) -> Import:
        """The import in another state."""
        end = None if state in _OPEN else now
        return replace(self, version=self.version + 1, state=state, end_time=end)


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong with a row."""

    column: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of a list. What can't be read is in its errors, and left out."""

    row: int
    """Its number in the file; the headings are row 1."""
    number: str = ""
    organization: str = ""
    """The organization's id."""
    sealed_name: bytes = b""
    name_index: bytes = b""
    user: str = ""
    """``users/{user}``; empty: nothing is said of it."""
    training: str = ""
    """The training's id."""
    begin_time: datetime | None = None
    """When the member joined, or when the training was completed."""
    confirm_time: datetime | None = None
    percent: int | None = None
    errors: tuple[RowError, ...] = ()
    outcome: ImportOutcome = ImportOutcome.IMPORT_OUTCOME_UNSPECIFIED


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a row does."""

    outcome: ImportOutcome
    errors: tuple[RowError, ...] = ()
    member: Member | None = None
    """As changed; None: a new one, or none at all."""
    completion: Completion | None = None


def id_of(scope: str, written: str, collection: str) -> str:
    """The id that somebody wrote: the name of a resource, its id, or the word that follows the place's code."""
    bare, district = written.removeprefix(f"{collection}/"), codes.district_of(scope)
    return bare if codes.is_district(bare[: len(district)]) else f"{scope}-{bare}"


def decide_member(
    row: Row,
    scope: str,
    *,
    existing: Member | None,
    ended: bool,
    organization: Organization | None,
    user: UserState | None,
    holder: Member | None,
    now: datetime,
) -> Decision:
    """What a row says of a member. `existing`: who has its number; `ended`: whether somebody had it whose membership
    has ended; `user`: the state of its account, None if there is
    no such account; `holder`: whose account that is.
    """
    errors = [
        *row.errors,
        *_wrong_number(existing, ended=ended),
        *_wrong_organization(row, scope, existing, organization),
        *_wrong_user(row, existing, user, holder),
        *_wrong_days(row, existing, now),
    ]
    if errors:
        return Decision(outcome=_REFUSED, errors=tuple(errors))
    if existing is None:
        return Decision(outcome=_CREATED)
    fields: dict[str, object] = {}
    if row.name_index != existing.name_index:
        fields |= {"sealed_name": row.sealed_name, "name_index": row.name_index}
    if row.user and row.user != existing.user:
        fields["user"] = row.user
    if row.confirm_time is not None and existing.confirm_time is None:
        fields |= {"state": MemberState.MEMBER_STATE_FULL, "confirm_time": row.confirm_time}
    if not fields:
        return Decision(outcome=_UNCHANGED)
    return Decision(outcome=_UPDATED, member=existing.changed(now, **fields))


def decide_completion(
    row: Row,
    scope: str,
    *,
    member: Member | None,
    training: Training | None,
    recorded: Completion | None,
    now: datetime,
) -> Decision:
    """What a row says of who completed a training. `recorded`: what is stored of the same year."""
    errors = list(row.errors)
    if row.number and (member is None or not codes.contains(scope, member.office)):
        errors.append(RowError("number", "is of no member there"))
    if row.training and training is None:
        errors.append(RowError("training", "is not defined"))
    if row.begin_time is not None and row.begin_time > now:
        errors.append(RowError("complete_date", "is ahead"))
    if errors or member is None or training is None or row.begin_time is None:
        return Decision(outcome=_REFUSED, errors=tuple(errors))
    completed = Completion(
        member=member.id,
        subject=training.name,
        kind=CompletionKind.COMPLETION_KIND_TRAINING,
        minutes=training.minutes,
        percent=row.percent,
        complete_time=row.begin_time,
    )
    if recorded is None:
        return Decision(outcome=_CREATED, completion=completed)
    both = recorded.with_that_of(completed)
    # A list knows days: what is recorded of the same day says more.
    earlier = day_in_china(both.complete_time) < day_in_china(recorded.complete_time)
    if earlier or both.percent != recorded.percent:
        return Decision(outcome=_UPDATED, completion=completed)
    return Decision(outcome=_UNCHANGED)


def _wrong_number(existing: Member | None, *, ended: bool) -> Iterator[RowError]:
    # A list that was made before takes nobody in again.
    if existing is None and ended:
        yield RowError("number", "is of a membership that has ended: AdmitMember takes the member in again")


def _wrong_organization(
    row: Row, scope: str, existing: Member | None, organization: Organization | None
) -> Iterator[RowError]:
    if not row.organization:
        return
    if not codes.contains(scope, codes.office_of(row.organization)):
        yield RowError("organization", f"is not of {scope}")
    elif organization is None:
        yield RowError("organization", "is not defined")
    elif organization.dissolve_time is not None:
        yield RowError("organization", "was dissolved")
    elif existing is not None and existing.organization != row.organization:
        yield RowError("organization", "is another than is recorded: a transfer moves the member")


def _wrong_user(row: Row, existing: Member | None, user: UserState | None, holder: Member | None) -> Iterator[RowError]:
    if not row.user:
        return
    if user is None:
        yield RowError("user", "is no user of the district, as far as is known")
    elif user != UserState.USER_STATE_ACTIVE:
        yield RowError("user", "is disabled")
    if holder is not None and (existing is None or holder.id != existing.id):
        yield RowError("user", "is another member's")


def _wrong_days(row: Row, existing: Member | None, now: datetime) -> Iterator[RowError]:
    joined, confirmed = row.begin_time, row.confirm_time
    if joined is None:
        return
    if joined > now:
        yield RowError("join_date", "is ahead")
    elif existing is not None and not _same_day(joined, existing.join_time):
        yield RowError("join_date", "is another than is recorded")
    if confirmed is None:
        return
    before = None if existing is None else existing.confirm_time
    earliest = earliest_confirmation(joined) if existing is None else existing.probation_end_time
    if confirmed > now:
        yield RowError("confirm_date", "is ahead")
    elif before is None and confirmed < earliest:
        yield RowError("confirm_date", "is before probation ends")
    elif before is not None and not _same_day(confirmed, before):
        yield RowError("confirm_date", "is another than is recorded")


def _same_day(one: datetime, other: datetime) -> bool:
    return one.astimezone(CHINA).date() == other.astimezone(CHINA).date()
