"""Imports: started, checked and applied in steps, discarded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from onegrid.partyedu.v1.imports_pb2 import ImportKind, ImportOutcome, ImportState
from onegrid.partyedu.v1.members_pb2 import MemberState
from onegrid_kit import codes, ids, outbox, steps
from onegrid_kit.callers import ANONYMOUS, Call
from onegrid_kit.etags import require_fresh
from onegrid_kit.steps import Progress, Work
from onegrid_partyedu import messages
from onegrid_partyedu.commands.completing import complete
from onegrid_partyedu.completion import TRAINING, Completion, year_of
from onegrid_partyedu.errors import ImportLimitReached, ImportRefused, ImportWrongState
from onegrid_partyedu.importing import (
    APPLY,
    CHECK,
    IMPORT,
    MOST_OPEN,
    WAITS,
    Decision,
    Import,
    Row,
    RowError,
    decide_completion,
    decide_member,
)
from onegrid_partyedu.member import Member, probation_end
from onegrid_partyedu.store import completions, known, members, organizations, trainings
from onegrid_partyedu.store import imports as store

__all__ = [
    "apply_import",
    "apply_rows",
    "check_rows",
    "discard_import",
    "discard_waiting",
    "require_import",
    "start_import",
]

_MOST: Final = 500
_LONGEST_SWEEP: Final = 20
_REFUSED: Final = ImportOutcome.IMPORT_OUTCOME_REFUSED

_Decided = Sequence[tuple[Row, Decision]]


def start_import(conn: Connection, scope: str, kind: ImportKind, rows: Sequence[Row], call: Call) -> Import:
    """Store a list, and have its rows looked at. Raises ImportLimitReached."""
    district = codes.district_of(scope)
    store.lock_starting(conn, district)
    if store.count_open(conn, district) >= MOST_OPEN:
        raise ImportLimitReached(MOST_OPEN)
    new = Import(id=f"{district}-{ids.new_id()}", scope=scope, kind=kind, rows=len(rows), create_time=call.now)
    store.add_import(conn, new, rows)
    steps.start(conn, CHECK, f"{CHECK} {new.id}", subject=new.name, total=new.rows)
    return new


def require_import(conn: Connection, id_: str, call: Call) -> Import:
    """An import that the caller may run. Raises PermissionDenied or NotFound."""
    return _allowed(store.find_import(conn, id_), id_, call)


def apply_import(conn: Connection, id_: str, etag: str, call: Call, *, skip_refused: bool) -> Import:
    """Have a checked import applied; one that is or was stays so. Raises PermissionDenied, NotFound, StaleEtag,
    ImportWrongState or ImportRefused.
    """
    before = _allowed(store.lock_import(conn, id_), id_, call)
    if before.state in (ImportState.IMPORT_STATE_APPLYING, ImportState.IMPORT_STATE_APPLIED):
        return before
    require_fresh(before.name, before.etag, etag)
    if before.state != ImportState.IMPORT_STATE_CHECKED:
        raise ImportWrongState(before.name, before.state_name)
    if before.refused and not skip_refused:
        raise ImportRefused(before.name, before.refused)
    after = before.moved(ImportState.IMPORT_STATE_APPLYING, call.now)
    store.save_import(conn, after)
    steps.start(conn, APPLY, f"{APPLY} {after.id}", subject=after.name, total=after.rows)
    return after


def discard_import(conn: Connection, id_: str, call: Call) -> Import:
    """Have an import that was not applied forgotten. Raises PermissionDenied, NotFound or ImportWrongState."""
    before = _allowed(store.lock_import(conn, id_), id_, call)
    if before.state == ImportState.IMPORT_STATE_DISCARDED:
        return before
    if before.state in (ImportState.IMPORT_STATE_APPLYING, ImportState.IMPORT_STATE_APPLIED):
        raise ImportWrongState(before.name, before.state_name)
    return _discard(conn, before, call.now)


def discard_waiting(conn: Connection, now: datetime) -> None:
    """Discard what nobody has applied for a week."""
    for id_ in store.waiting_since(conn, now - WAITS, _LONGEST_SWEEP):
        found = store.lock_import(conn, id_)
        if found is not None and found.open and found.state != ImportState.IMPORT_STATE_APPLYING:
            _discard(conn, found, now)


def check_rows(conn: Connection, work: Work, now: datetime) -> Progress:
    """Look at the next rows: what each would do."""

    def check(of: Import, rows: Sequence[Row]) -> _Decided:
        return _decide(conn, of, rows, now)

    return _step(conn, work, now, ImportState.IMPORT_STATE_CHECKING, check)


def apply_rows(conn: Connection, work: Work, now: datetime) -> Progress:
    """Apply the next rows, as things are now."""

    def apply(of: Import, rows: Sequence[Row]) -> _Decided:
        if of.kind == ImportKind.IMPORT_KIND_MEMBERS:
            organizations.hold_line(conn, of.district)
        call = Call(caller=ANONYMOUS, now=now, method=APPLY, traceparent=work.traceparent)
        decided = _decide(conn, of, rows, now)
        if of.kind == ImportKind.IMPORT_KIND_MEMBERS:
            return _enter_members(conn, decided, call)
        complete(conn, [each.completion for _, each in decided if each.completion is not None], call)
        return decided

    return _step(conn, work, now, ImportState.IMPORT_STATE_APPLYING, apply)


def _step(
    conn: Connection,
    work: Work,
    now: datetime,
    state: ImportState,
    piece: Callable[[Import, Sequence[Row]], _Decided],
) -> Progress:
    of = store.lock_import(conn, IMPORT.id(work.subject))
    if of is None or of.state != state:
        return Progress(work.cursor, 0, finished=True)
    rows = store.rows_after(conn, of, work.cursor.get("row", 0), _MOST)
    if rows:
        store.save_decisions(conn, of, piece(of, rows))
    if len(rows) == _MOST:
        return Progress({"row": rows[-1].row}, len(rows), finished=False)
    counted = of.counted(store.count_outcomes(conn, of))
    if state == ImportState.IMPORT_STATE_CHECKING:
        store.save_import(conn, counted.moved(ImportState.IMPORT_STATE_CHECKED, now))
    else:
        store.save_import(conn, counted.moved(ImportState.IMPORT_STATE_APPLIED, now))
        store.forget_names(conn, of)
    return Progress(work.cursor, len(rows), finished=True)


def _decide(conn: Connection, of: Import, rows: Sequence[Row], now: datetime) -> _Decided:
    existing = members.lock_by_number(conn, of.district, {each.number for each in rows})
    if of.kind == ImportKind.IMPORT_KIND_COMPLETIONS:
        return _decide_completions(conn, of, rows, existing, now)
    found = organizations.find_organizations(conn, of.district, {each.organization for each in rows})
    users = {each.user for each in rows}
    states = known.lock_user_states(conn, of.district, users)
    ended = members.ended_numbers(conn, of.district, {each.number for each in rows} - existing.keys())
    holders = members.find_by_user(conn, of.district, users)
    return [
        (
            row,
            decide_member(
                row,
                of.scope,
                existing=existing.get(row.number),
                ended=row.number in ended,
                organization=found.get(row.organization),
                user=states.get(row.user),
                holder=holders.get(row.user),
                now=now,
            ),
        )
        for row in rows
    ]


def _decide_completions(
    conn: Connection, of: Import, rows: Sequence[Row], existing: dict[str, Member], now: datetime
) -> _Decided:
    defined = trainings.find_trainings(conn, {each.training for each in rows if each.training})
    recorded = completions.completed_subjects(
        conn, of.district, {each.id for each in existing.values()}, {each.name for each in defined.values()}
    )

    def known_completion(row: Row) -> Completion | None:
        member = existing.get(row.number)
        if member is None or row.begin_time is None:
            return None
        return recorded.get((member.id, TRAINING.name(row.training), year_of(row.begin_time)))

    return [
        (
            row,
            decide_completion(
                row,
                of.scope,
                member=existing.get(row.number),
                training=defined.get(row.training),
                recorded=known_completion(row),
                now=now,
            ),
        )
        for row in rows
    ]


def _enter_members(conn: Connection, decided: _Decided, call: Call) -> _Decided:
    wanted = {
        row.row: _new_member(row, call.now)
        for row, each in decided
        if each.outcome == ImportOutcome.IMPORT_OUTCOME_CREATED
    }
    entered = {each.id for each in members.add_members(conn, list(wanted.values()))}
    changed = [each.member for _, each in decided if each.member is not None]
    for member in changed:
        members.save_member(conn, member)
    new = [each for each in wanted.values() if each.id in entered]
    outbox.append(conn, call, [(each.name, messages.member_defined(each)) for each in (*new, *changed)])
    return [
        (row, each if row.row not in wanted or wanted[row.row].id in entered else _taken()) for row, each in decided
    ]


def _new_member(row: Row, now: datetime) -> Member:
    if row.begin_time is None:
        raise ValueError(f"row {row.row} was checked")
    ends = probation_end(row.begin_time)
    confirmed = row.confirm_time
    return Member(
        id=f"{codes.district_of(row.organization)}-{ids.new_id()}",
        organization=row.organization,
        organization_time=now,
        state=MemberState.MEMBER_STATE_PROBATIONARY if confirmed is None else MemberState.MEMBER_STATE_FULL,
        sealed_name=row.sealed_name,
        name_index=row.name_index,
        number=row.number,
        user=row.user,
        join_time=row.begin_time,
        probation_end_time=ends if confirmed is None else min(ends, confirmed),
        confirm_time=confirmed,
        create_time=now,
        update_time=now,
    )


def _taken() -> Decision:
    return Decision(outcome=_REFUSED, errors=(RowError("number", "was entered by somebody else meanwhile"),))


def _discard(conn: Connection, before: Import, now: datetime) -> Import:
    after = before.moved(ImportState.IMPORT_STATE_DISCARDED, now)
    store.save_import(conn, after)
    store.forget_names(conn, after)
    return after


def _allowed(found: Import | None, id_: str, call: Call) -> Import:
    found = call.existing(found, IMPORT, id_)
    call.caller.require(call.permission, found.scope)
    return found
