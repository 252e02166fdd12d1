"""The statements over attempts, papers, saves and what was granted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import ColumnElement, Connection, Text, any_, literal, or_, select, text
from sqlalchemy.dialects.postgresql import ARRAY, insert

from onegrid.partyedu.v1.attempts_pb2 import AttemptState
from onegrid_kit import codes
from onegrid_kit.paging import Position, behind
from onegrid_partyedu.attempt import Attempt, Grant, Granted, Paper, Save
from onegrid_partyedu.store.attempt_statements import attempt_of, ended_row, paper_of
from onegrid_partyedu.tables import attempt_paper, attempt_save, attempt_turn, quiz_attempt

__all__ = [
    "all_saves",
    "attempts_page",
    "counting_saves",
    "extend_attempt",
    "find_attempt",
    "find_paper",
    "granted_page",
    "granted_to_page",
    "lock_attempts",
    "lock_open",
    "papers_of",
    "save_ended",
    "save_grant",
]

_OPEN: Final = AttemptState.ATTEMPT_STATE_OPEN
_END: Final = text(
    """
    UPDATE quiz_attempt AS attempt SET
      version = ended.version, state = ended.state, end_time = ended.end_time, hundredths = ended.hundredths,
      most = ended.most, worth = ended.worth, passed = ended.passed
    FROM jsonb_to_recordset(CAST(:document AS jsonb)) AS ended (
      district text, id text, version bigint, state smallint, end_time timestamptz, hundredths integer, most integer,
      worth integer[], passed boolean)
    WHERE attempt.district = ended.district AND attempt.id = ended.id
    """
)
# An attempt is a row, not each of its saves: rows are what the driver takes longest for.
_COUNTING: Final = text(
    """
    SELECT wanted.attempt, array_agg(slot) AS slots, array_agg(sequence) AS sequences, array_agg(answer) AS answers,
      array_agg(time) AS times
    FROM unnest(CAST(:districts AS text[]), CAST(:ids AS text[])) AS wanted (district, attempt)
    CROSS JOIN LATERAL (
      SELECT DISTINCT ON (slot) slot, sequence, answer, time FROM attempt_save AS save
      WHERE save.district = wanted.district AND save.attempt = wanted.attempt ORDER BY slot DESC, sequence DESC
    ) AS counting
    GROUP BY wanted.attempt
    """
)


def find_attempt(conn: Connection, id_: str) -> Attempt | None:
    """The attempt of that id."""
    query = select(quiz_attempt).where(quiz_attempt.c.district == codes.district_of(id_), quiz_attempt.c.id == id_)
    row = conn.execute(query).mappings().one_or_none()
    return None if row is None else attempt_of(row)


def find_paper(conn: Connection, id_: str) -> Paper | None:
    """The paper of that attempt."""
    return papers_of(conn, [id_]).get(id_)


def papers_of(conn: Connection, ids: Collection[str]) -> dict[str, Paper]:
    """The papers of these attempts, by their ids."""
    p = attempt_paper.c
    query = select(attempt_paper).where(p.district.in_(_districts(ids)), _among(p.attempt, ids))
    return {row["attempt"]: paper_of(row) for row in conn.execute(query).mappings()}


def all_saves(conn: Connection, id_: str) -> Sequence[Save]:
    """What was saved of an attempt, in the order in which it came."""
    s = attempt_save.c
    query = select(attempt_save).where(s.district == codes.district_of(id_), s.attempt == id_).order_by(s.number)
    return [Save(row.slot, row.sequence, tuple(row.answer), row.time) for row in conn.execute(query)]


def counting_saves(conn: Connection, ids: Collection[str]) -> dict[str, Sequence[Save]]:
    """Of each slot of these attempts the save that counts, by their ids."""
    rows = conn.execute(_COUNTING, {"ids": list(ids), "districts": [codes.district_of(id_) for id_ in ids]})
    return {
        row.attempt: [
            Save(slot, sequence, tuple(answer), time)
            for slot, sequence, answer, time in zip(row.slots, row.sequences, row.answers, row.times, strict=True)
        ]
        for row in rows
    }


def lock_attempts(conn: Connection, ids: Collection[str]) -> dict[str, Attempt]:
    """These attempts, which nobody else changes until the transaction ends, by their ids."""
    a = quiz_attempt.c
    query = select(quiz_attempt).where(a.district.in_(_districts(ids)), _among(a.id, ids)).order_by(a.district, a.id)
    rows = conn.execute(query.with_for_update(key_share=True)).mappings()
    return {row["id"]: attempt_of(row) for row in rows}


def lock_open(conn: Connection, quiz: str, member: str, now: datetime) -> Attempt | None:
    """The member's attempt at a quiz that takes answers, the last one where a clock that was set back opened another
    again; nobody else changes it until the transaction ends.
    """
    a = quiz_attempt.c
    query = select(quiz_attempt).where(
        a.district == codes.district_of(quiz), a.quiz == quiz, a.member == member, a.state == _OPEN, a.due_time > now
    )
    query = query.order_by(a.number.desc()).limit(1).with_for_update(key_share=True)
    row = conn.execute(query).mappings().one_or_none()
    return None if row is None else attempt_of(row)


def extend_attempt(conn: Connection, after: Attempt) -> None:
    """Store until when an attempt takes answers now."""
    a = quiz_attempt.c
    where = (a.district == after.district) & (a.id == after.id)
    conn.execute(quiz_attempt.update().where(where).values(due_time=after.due_time, version=after.version))


def save_ended(conn: Connection, ended: Sequence[Attempt]) -> None:
    """Store what became of attempts."""
    if ended:
        conn.execute(_END, {"document": orjson.dumps([ended_row(each) for each in ended]).decode()})


def attempts_page(
    conn: Connection, district: str, after: Position, limit: int, *, quiz: str = "", member: str = ""
) -> list[Attempt]:
    """The attempts at a quiz, of a member, or both, the one that began last first."""
    a = quiz_attempt.c
    query = select(quiz_attempt).where(a.district == district, behind(after, a.id, descending=True))
    if quiz:
        query = query.where(a.quiz == quiz)
    if member:
        query = query.where(a.member == member)
    return [attempt_of(row) for row in conn.execute(query.order_by(a.id.desc()).limit(limit)).mappings()]


def save_grant(conn: Connection, quiz: str, member: str, grant: Grant, now: datetime) -> None:
    """Store what a member has more than others at a quiz; nobody begins an attempt of the member's meanwhile."""
    values = {"extra_minutes": grant.extra_minutes, "extra_attempts": grant.extra_attempts, "grant_time": now}
    new = insert(attempt_turn).values(district=codes.district_of(quiz), quiz=quiz, member=member, begun=0, **values)
    conn.execute(new.on_conflict_do_update(index_elements=list(attempt_turn.primary_key), set_=values))


def granted_page(conn: Connection, quiz: str, after: Position, limit: int) -> list[Granted]:
    """Who has more than others at a quiz, by member."""
    t = attempt_turn.c
    return _granted_page(conn, t.quiz == quiz, codes.district_of(quiz), t.member, after, limit)


def granted_to_page(conn: Connection, member: str, after: Position, limit: int) -> list[Granted]:
    """What a member has more than others, by quiz."""
    t = attempt_turn.c
    return _granted_page(conn, t.member == member, codes.district_of(member), t.quiz, after, limit)


def _granted_page(
    conn: Connection, whose: ColumnElement[bool], district: str, by: ColumnElement[str], after: Position, limit: int
) -> list[Granted]:
    t = attempt_turn.c
    more = or_(t.extra_minutes > 0, t.extra_attempts > 0)
    query = select(attempt_turn).where(t.district == district, whose, more, behind(after, by))
    return [_granted(row) for row in conn.execute(query.order_by(by).limit(limit))]


def _granted(row: Any) -> Granted:
    return Granted(
        quiz=row.quiz, member=row.member, grant=Grant(row.extra_minutes, row.extra_attempts), time=row.grant_time
    )


def _among(column: ColumnElement[str], ids: Collection[str]) -> ColumnElement[bool]:
    """One parameter, however many they are: a statement with hundreds is taken apart by the driver each time."""
    return column == any_(literal(list(ids), ARRAY(Text)))


def _districts(ids: Collection[str]) -> set[str]:
    return {codes.district_of(id_) for id_ in ids}
