"""The statements over regradings and what they change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import Connection, exists, select
from sqlalchemy.dialects.postgresql import insert

from onegrid.partyedu.v1.attempts_pb2 import AttemptState
from onegrid.partyedu.v1.regradings_pb2 import RegradingState
from onegrid_kit import codes
from onegrid_kit.paging import Position, behind
from onegrid_partyedu.attempt import Attempt
from onegrid_partyedu.item import ItemRef
from onegrid_partyedu.regrading import Change, ItemCorrection, ItemKey, Regrading
from onegrid_partyedu.scoring import Score
from onegrid_partyedu.store.attempt_statements import attempt_of
from onegrid_partyedu.tables import quiz_attempt, regrading, regrading_change

__all__ = [
    "add_changes",
    "applied_corrections",
    "changes_page",
    "find_open",
    "find_regrading",
    "has_open_attempts",
    "lock_regrading",
    "regradings_page",
    "save_regrading",
    "scored_attempts",
]

_OPEN: Final = (
    RegradingState.REGRADING_STATE_CALCULATING,
    RegradingState.REGRADING_STATE_READY,
    RegradingState.REGRADING_STATE_APPLYING,
)


def find_regrading(conn: Connection, id_: str) -> Regrading | None:
    """The regrading of that id."""
    row = conn.execute(_of_id(id_)).one_or_none()
    return None if row is None else _regrading(row)


def lock_regrading(conn: Connection, id_: str) -> Regrading | None:
    """The regrading of that id, which nobody else changes until the transaction ends."""
    row = conn.execute(_of_id(id_).with_for_update()).one_or_none()
    return None if row is None else _regrading(row)


def find_open(conn: Connection, quiz: str) -> Regrading | None:
    """The regrading of a quiz that is neither applied nor discarded; there is one at most."""
    g = regrading.c
    query = select(regrading).where(g.district == codes.district_of(quiz), g.quiz == quiz, g.state.in_(_OPEN))
    row = conn.execute(query).one_or_none()
    return None if row is None else _regrading(row)


def save_regrading(conn: Connection, changed: Regrading) -> None:
    """Enter a regrading, or store it as it is now."""
    values = {
        **asdict(changed),
        "corrections": [
            [each.ref.pool, each.ref.item, each.revision, each.key_revision] for each in changed.corrections
        ],
    }
    statement = insert(regrading).values(district=changed.district, **values)
    conn.execute(statement.on_conflict_do_update(index_elements=list(regrading.primary_key), set_=values))


def regradings_page(conn: Connection, quiz: str, after: Position, limit: int) -> list[Regrading]:
    """The regradings of a quiz, the latest first."""
    g = regrading.c
    query = select(regrading).where(
        g.district == codes.district_of(quiz), g.quiz == quiz, behind(after, g.id, descending=True)
    )
    return [_regrading(row) for row in conn.execute(query.order_by(g.id.desc()).limit(limit))]


def applied_corrections(conn: Connection, quiz: str) -> dict[ItemKey, ItemCorrection]:
    """How items of a quiz are scored by the regradings that were applied; the latest counts."""
    g = regrading.c
    query = select(g.corrections).where(
        g.district == codes.district_of(quiz), g.quiz == quiz, g.state == RegradingState.REGRADING_STATE_APPLIED
    )
    applied = [each for stored in conn.execute(query.order_by(g.end_time, g.id)).scalars() for each in _read(stored)]
    return {(each.ref, each.revision): each for each in applied}


def has_open_attempts(conn: Connection, quiz: str) -> bool:
    """Whether somebody still answers a quiz, or what they answered is not scored yet."""
    a = quiz_attempt.c
    open_ = (a.district == codes.district_of(quiz)) & (a.quiz == quiz)
    return bool(conn.execute(select(exists().where(open_, a.state == AttemptState.ATTEMPT_STATE_OPEN))).scalar_one())


def scored_attempts(conn: Connection, quiz: str, after: str, most: int) -> list[Attempt]:
    """The next attempts at a quiz that are scored, by id."""
    a = quiz_attempt.c
    query = select(quiz_attempt).where(
        a.district == codes.district_of(quiz), a.quiz == quiz, a.hundredths.is_not(None), a.id > after
    )
    return [attempt_of(row) for row in conn.execute(query.order_by(a.id).limit(most)).mappings()]


def add_changes(conn: Connection, of: Regrading, changes: Sequence[Change]) -> None:
    """Store what a regrading changes."""
    key = {"district": of.district, "regrading": of.id}
    rows = [
        {
            **key,
            "attempt": each.attempt,
            "member": each.member,
            "version": each.version,
            "most": each.before.most,
            "before_hundredths": each.before.hundredths,
            "before_worth": list(each.before.slots),
            "before_passed": each.before.passed,
            "after_hundredths": each.after.hundredths,
            "after_worth": list(each.after.slots),
            "after_passed": each.after.passed,
        }
        for each in changes
    ]
    if rows:
        conn.execute(insert(regrading_change), rows)


def changes_page(conn: Connection, id_: str, after: Position, limit: int) -> list[Change]:
    """What a regrading changes, by attempt."""
    c = regrading_change.c
    query = select(regrading_change).where(
        c.district == codes.district_of(id_), c.regrading == id_, behind(after, c.attempt)
    )
    return [_change(row) for row in conn.execute(query.order_by(c.attempt).limit(limit))]


def _of_id(id_: str) -> Any:
    return select(regrading).where(regrading.c.district == codes.district_of(id_), regrading.c.id == id_)


def _read(stored: Sequence[Sequence[Any]]) -> list[ItemCorrection]:
    return [ItemCorrection(ItemRef(pool, item), revision, key) for pool, item, revision, key in stored]


def _regrading(row: Any) -> Regrading:
    values = dict(row._mapping)
    del values["district"]
    return Regrading(**{**values, "corrections": tuple(_read(row.corrections))})


def _change(row: Any) -> Change:
    return Change(
        attempt=row.attempt,
        member=row.member,
        version=row.version,
        before=Score(row.before_hundredths, row.most, tuple(row.before_worth), row.before_passed),
        after=Score(row.after_hundredths, row.most, tuple(row.after_worth), row.after_passed),
    )
