"""Shifts that are fixed, and what a new schedule changes of them: nothing of what has begun but its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from onegrid.duty.v1.resources_pb2 import RoleState, ShiftSource
from onegrid_duty.roster import SHIFT, Roster
from onegrid_duty.schedule import Turn

__all__ = ["Changes", "Shift", "computed", "rescheduled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A time in which one person is on duty."""

    id: str
    """Empty for one that is only computed."""
    roster: str
    """The roster's id."""
    begin: datetime
    end: datetime
    user: str
    source: ShiftSource
    role: str = ""
    """``roles/{role}`` that it grants."""
    guarantor: str = ""
    """``users/{user}`` whose authority bounds that."""
    revision: int = 1
    role_state: RoleState = RoleState.ROLE_STATE_UNSPECIFIED
    reminded: bool = False
    """Whether its person was reminded of it."""

    @property
    def name(self) -> str:
        """``shifts/{shift}``; empty for one that is only computed."""
        return SHIFT.name(self.id) if self.id else ""


@dataclass(slots=True)
class Changes:
    """What becomes of the shifts that are fixed."""

    added: list[Shift] = field(default_factory=list)
    changed: list[tuple[Shift, Shift]] = field(default_factory=list)
    """Each as it was and as it is now."""
    cancelled: list[Shift] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.cancelled)


def computed(roster: Roster, turn: Turn, id_: str = "") -> Shift:
    """The shift of a turn, as it would be fixed."""
    return Shift(
        id=id_,
        roster=roster.id,
        begin=turn.begin,
        end=turn.end,
        user=turn.user,
        source=turn.source,
        role=roster.role,
        guarantor=roster.guarantor(turn.user, turn.author) if roster.role else "",
        revision=1 if id_ else 0,
    )


def rescheduled(
    roster: Roster, fixed: Sequence[Shift], turns: Sequence[Turn], now: datetime, new_id: Callable[[], str]
) -> Changes:
    """What a schedule changes. `fixed`: the shifts that have not ended; `turns`: those of the schedule from now on."""
    changes = Changes()
    current = next((shift for shift in fixed if shift.begin <= now), None)
    coming = {shift.begin: shift for shift in fixed if shift.begin > now}
    if current is not None and not (turns and turns[0].begin <= now and turns[0].user == current.user):
        _end_now(changes, current, now)
        current = None
    for turn in turns:
        if turn.begin <= now and current is not None:
            _change(changes, roster, current, replace(turn, begin=current.begin))
        elif (shift := coming.pop(turn.begin, None)) is not None:
            _change(changes, roster, shift, turn)
        else:
            changes.added.append(computed(roster, replace(turn, begin=max(turn.begin, now)), new_id()))
    changes.cancelled += [replace(shift, revision=shift.revision + 1) for shift in coming.values()]
    return changes


def _end_now(changes: Changes, current: Shift, now: datetime) -> None:
    if current.begin < now:
        changes.changed.append((current, replace(current, end=now, revision=current.revision + 1)))
    else:
        changes.cancelled.append(replace(current, revision=current.revision + 1))


def _change(changes: Changes, roster: Roster, shift: Shift, turn: Turn) -> None:
    wanted = computed(roster, turn, shift.id)
    same_authority = (wanted.user, wanted.role, wanted.guarantor) == (shift.user, shift.role, shift.guarantor)
    after = replace(
        wanted,
        revision=shift.revision,
        reminded=shift.reminded and wanted.user == shift.user,
        role_state=shift.role_state if same_authority else RoleState.ROLE_STATE_UNSPECIFIED,
    )
    if after != shift:
        changes.changed.append((shift, replace(after, revision=shift.revision + 1)))
