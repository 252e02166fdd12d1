"""The statements over attempts that calls of the same moment share: begun, saved to, ended; and what they go by."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from onegrid.partyedu.v1.attempts_pb2 import AttemptState
from onegrid.partyedu.v1.quizzes_pb2 import QuizState
from onegrid.partyedu.v1.regradings_pb2 import RegradingState
from onegrid_kit import codes, ladder
from onegrid_kit.batches import BatchStatement
from onegrid_kit.reads import ReadStatement
from onegrid_kit.versioned import LoadStatement
from onegrid_partyedu.attempt import (
    ATTEMPT,
    MOST_SAVES,
    Attempt,
    Form,
    Grant,
    Paper,
    Save,
    Start,
    Taken,
)
from onegrid_partyedu.drawing import Slot
from onegrid_partyedu.item import ItemRef
from onegrid_partyedu.scoring import Score

__all__ = [
    "CLIMB",
    "EXPIRING",
    "attempt_of",
    "attempts",
    "begin_attempts",
    "begun_row",
    "end_attempts",
    "ended_row",
    "forms",
    "known_attempts",
    "known_starts",
    "note_repeats",
    "paper_of",
    "save_answers",
    "saved_row",
]

CLIMB: Final = "attempt"
"""The ladder of attempts; its rungs."""
EXPIRING: Final = 1
"""The deadline passes."""
COMPLETING: Final = 2
"""The score is announced, and what a passed attempt completes is recorded."""

_OPEN: Final = AttemptState.ATTEMPT_STATE_OPEN
_CLIMBS: Final = f"SELECT '{CLIMB}', '{ATTEMPT.name('')}' || id"


begin_attempts = BatchStatement(
    """
    district text, id text, quiz text, quiz_revision integer, member text, "user" text, number integer, extra_minutes
    integer, extra_attempts integer, due_time timestamptz, seed text, slots jsonb
    """,
    f"""
    begun AS (
      INSERT INTO quiz_attempt (
        district, id, version, quiz, quiz_revision, member, "user", number, state, sequences, begin_time, due_time)
      SELECT district, id, 1, quiz, quiz_revision, member, "user", number, {_OPEN:d},
             array_fill(0, ARRAY[jsonb_array_length(slots)]), time, due_time
      FROM fresh
    )
    """,
    """
    laid AS (
      INSERT INTO attempt_paper (district, attempt, seed, slots) SELECT district, id, seed, slots FROM fresh
    )
    """,
    f"clocked AS ({ladder.setting(f'{_CLIMBS}, {EXPIRING}, due_time FROM fresh')})",
    # Who closes or changes a quiz waits for those who begin, or they for the change, which is what counts then. The row
    # of a turn is there from the first attempt or grant on: who was first, here or elsewhere, keeps the others out.
    guard=f"""
      WITH open AS MATERIALIZED (
        SELECT position, district, quiz, member, number, extra_minutes, extra_attempts
        FROM item JOIN (
          SELECT district, id, revision, state FROM quiz
          WHERE (district, id) IN (SELECT item.district, item.quiz FROM item) ORDER BY district, id FOR SHARE
        ) AS held USING (district)
        WHERE held.id = item.quiz AND held.revision = item.quiz_revision
          AND held.state = {QuizState.QUIZ_STATE_PUBLISHED:d}
      )
      INSERT INTO attempt_turn AS turn (district, quiz, member, begun, extra_minutes, extra_attempts)
      SELECT DISTINCT ON (district, quiz, member) district, quiz, member, number, extra_minutes, extra_attempts
      FROM open ORDER BY district, quiz, member, position
      ON CONFLICT (district, quiz, member) DO UPDATE SET begun = excluded.begun
      WHERE turn.begun = excluded.begun - 1 AND turn.extra_minutes = excluded.extra_minutes
        AND turn.extra_attempts = excluded.extra_attempts
      RETURNING (
        SELECT min(open.position) FROM open
        WHERE open.district = turn.district AND open.quiz = turn.quiz AND open.member = turn.member
      ) AS position
    """,
)
"""Begins attempts at quizzes and of members whose turn it is that are as they were loaded; see `begun_row`."""


def begun_row(new: Attempt, paper: Paper, grant: Grant) -> dict[str, object]:
    """What `begin_attempts` stores of a new attempt."""
    return {
        "district": new.district,
        "id": new.id,
        "quiz": new.quiz,
        "quiz_revision": new.quiz_revision,
        "member": new.member,
        "user": new.user,
        "number": new.number,
        "extra_minutes": grant.extra_minutes,
        "extra_attempts": grant.extra_attempts,
        "due_time": new.due_time,
        "seed": paper.seed,
        "slots": [
            [slot.section, slot.ref.pool, slot.ref.item, slot.revision, slot.points, slot.options]
            for slot in paper.slots
        ],
    }


save_answers = BatchStatement(
    'district text, id text, "user" text, slot integer, sequence integer, letters text',
    """
    moved AS (
      UPDATE quiz_attempt AS attempt SET sequences[fresh.slot] = fresh.sequence, version = attempt.version + 1
      FROM fresh WHERE attempt.district = fresh.district AND attempt.id = fresh.id
      RETURNING attempt.district, attempt.id, attempt.version
    )
    """,
    """
    saved AS (
      INSERT INTO attempt_save (district, attempt, slot, sequence, answer, number, time)
      SELECT district, id, slot, sequence, letters, moved.version, time FROM fresh JOIN moved USING (district, id)
    )
    """,
    # What is locked is read as it is then, whoever changed it since the statement began.
    guard=f"""
      SELECT DISTINCT ON (held.district, held.id) item.position FROM item
      JOIN (
        SELECT district, id, "user", state, version, sequences, due_time FROM quiz_attempt
        WHERE (district, id) IN (SELECT item.district, item.id FROM item)
        ORDER BY district, id FOR NO KEY UPDATE
      ) AS held ON held.district = item.district AND held.id = item.id
      WHERE held."user" = item."user" AND held.state = {_OPEN:d} AND item.time < held.due_time
        AND held.version <= {MOST_SAVES} AND held.sequences[item.slot] < item.sequence
      ORDER BY held.district, held.id, item.position
    """,
    shared=True,
)
"""Saves answers to open attempts of their callers, each newer than those that its slot has; see `saved_row`."""


def saved_row(id_: str, user: str, save: Save) -> dict[str, object]:
    """What `save_answers` stores of an answer that a user gives."""
    return {
        "district": codes.district_of(id_),
        "id": id_,
        "user": user,
        "slot": save.slot,
        "sequence": save.sequence,
        "letters": "".join(save.answer),
    }


end_attempts = BatchStatement(
    """
    district text, id text, version bigint, state smallint, end_time timestamptz, hundredths integer, most integer,
    worth integer[], passed boolean
    """,
    """
    ended AS (
      UPDATE quiz_attempt AS attempt SET
        version = fresh.version, state = fresh.state, end_time = fresh.end_time, hundredths = fresh.hundredths,
        most = fresh.most, worth = fresh.worth, passed = fresh.passed
      FROM fresh WHERE attempt.district = fresh.district AND attempt.id = fresh.id
    )
    """,
    f"completing AS ({ladder.setting(f'{_CLIMBS}, {COMPLETING}, time FROM fresh')})",
    guard="""
      SELECT item.position FROM item
      JOIN quiz_attempt AS attempt ON attempt.district = item.district AND attempt.id = item.id
                  AND attempt.version = item.version - 1
      ORDER BY attempt.district, attempt.id FOR NO KEY UPDATE OF attempt SKIP LOCKED
    """,
)
"""Ends attempts that are still as they were scored; what follows from the score comes next. See `ended_row`."""


def ended_row(after: Attempt) -> dict[str, object]:
    """What `end_attempts` stores of an attempt that has ended. Raises LookupError for one without a score."""
    if after.score is None:
        raise LookupError(f"{after.name} is not scored")
    return {
        "district": after.district,
        "id": after.id,
        "version": after.version,
        "state": after.stored_state,
        "end_time": after.end_time,
        "hundredths": after.score.hundredths,
        "most": after.score.most,
        "worth": after.score.slots,
        "passed": after.score.passed,
    }


note_repeats = BatchStatement("repeats boolean", "noted AS (SELECT 1)")
"""Notes commands that had nothing left to do: they are audited, and answered alike if they are repeated."""


def attempt_of(row: Mapping[Any, Any]) -> Attempt:
    """The attempt in a row of `quiz_attempt`."""
    worth = None if row["hundredths"] is None else _score(row)
    return Attempt(
        id=row["id"],
        version=row["version"],
        quiz=row["quiz"],
        quiz_revision=row["quiz_revision"],
        member=row["member"],
        user=row["user"],
        number=row["number"],
        stored_state=row["state"],
        begin_time=row["begin_time"],
        due_time=row["due_time"],
        end_time=row["end_time"],
        score=worth,
    )


def paper_of(row: Mapping[Any, Any]) -> Paper:
    """The paper in a row of `attempt_paper`."""
    return Paper(
        seed=row["seed"],
        slots=tuple(
            Slot(section, ItemRef(pool, item), revision, points, tuple(options))
            for section, pool, item, revision, points, options in row["slots"]
        ),
    )


def _score(row: Mapping[Any, Any]) -> Score:
    return Score(row["hundredths"], row["most"], tuple(row["worth"]), row["passed"])


def _taken(row: Mapping[str, Any]) -> Taken | None:
    if row["id"] is None:
        return None
    return Taken(
        attempt=attempt_of(row),
        paper=paper_of(row),
        saves=tuple(
            Save(slot, sequence, tuple(answer), datetime.fromisoformat(time))
            for slot, sequence, answer, time in row["saves"] or ()
        ),
        quiz_state=row["quiz_state"],
        close_time=row["close_time"],
        running=row["running"],
        corrected={
            (ItemRef(pool, item), revision): by
            for corrections in row["corrections"] or ()
            for pool, item, revision, by in corrections
        },
    )


_TAKEN: Final = """
    LEFT JOIN quiz_attempt AS attempt ON attempt.district = wanted.district AND attempt.id = wanted.id
    LEFT JOIN attempt_paper AS paper ON paper.district = attempt.district AND paper.attempt = attempt.id
    LEFT JOIN quiz ON quiz.district = attempt.district AND quiz.id = attempt.quiz
    LEFT JOIN LATERAL (
      SELECT jsonb_agg(jsonb_build_array(slot, sequence, answer, time)) AS saves
      FROM (
        SELECT DISTINCT ON (slot) slot, sequence, answer, time FROM attempt_save
        WHERE attempt_save.district = attempt.district AND attempt_save.attempt = attempt.id
        ORDER BY slot, sequence DESC
      ) AS counting
    ) AS saves ON true
"""
_RUNNING: Final = f"""
    attempt.state <> {_OPEN:d} AND EXISTS (
      SELECT FROM quiz_attempt AS other
      WHERE other.district = attempt.district AND other.quiz = attempt.quiz AND other.state = {_OPEN:d}
    )
"""
_CLOSE_TIME: Final = f"""
    CASE WHEN attempt.state <> {_OPEN:d} THEN (
      SELECT close_time FROM quiz_revision AS current
      WHERE current.district = quiz.district AND current.quiz = quiz.id AND current.number = quiz.revision
    ) END
"""
# What was applied before goes on to count in the next regrading, the first that looks at the attempt.
_CORRECTIONS: Final = f"""
    CASE WHEN attempt.state <> {_OPEN:d} THEN (
      SELECT jsonb_agg(applied.corrections ORDER BY applied.end_time, applied.id) FROM regrading AS applied
      WHERE applied.district = attempt.district AND applied.quiz = attempt.quiz
        AND applied.state = {RegradingState.REGRADING_STATE_APPLIED:d}
      HAVING max(applied.create_time) >= attempt.end_time
    ) END
"""
_SELECTED: Final = f"""
    attempt.*, paper.seed, paper.slots, saves.saves, quiz.state AS quiz_state, {_RUNNING} AS running,
    {_CLOSE_TIME} AS close_time, {_CORRECTIONS} AS corrections
"""

attempts = ReadStatement("district text, id text", _SELECTED, _TAKEN, _taken)
"""Reads attempts with their papers."""
known_attempts = LoadStatement("district text, id text", _SELECTED, _TAKEN, _taken)
"""Loads attempts with their papers."""


def _start(row: Mapping[str, Any]) -> Start:
    return Start(
        member=row["member_id"] or "",
        quiz_state=row["quiz_state"] or QuizState.QUIZ_STATE_UNSPECIFIED,
        quiz_revision=row["current_revision"] or 0,
        pools=row["pools"] or {},
        begun=row["begun"] or 0,
        grant=Grant(row["extra_minutes"] or 0, row["extra_attempts"] or 0),
        last=None if row["id"] is None else attempt_of(row),
    )


known_starts = LoadStatement(
    "district text, quiz text, user_name text",
    """
    member.id AS member_id, quiz.state AS quiz_state, quiz.revision AS current_revision, drawn.pools, turn.begun,
    turn.extra_minutes, turn.extra_attempts, attempt.*
    """,
    """
    LEFT JOIN member ON member.district = wanted.district AND member."user" = wanted.user_name
                    AND member.end_time IS NULL
    LEFT JOIN quiz ON quiz.district = wanted.district AND quiz.id = wanted.quiz
    LEFT JOIN LATERAL (
      SELECT jsonb_object_agg(pool.id, pool.version) AS pools
      FROM quiz_pool JOIN pool ON pool.district = quiz_pool.district AND pool.id = quiz_pool.pool
      WHERE quiz_pool.district = quiz.district AND quiz_pool.quiz = quiz.id
    ) AS drawn ON true
    LEFT JOIN attempt_turn AS turn ON turn.district = quiz.district AND turn.quiz = quiz.id
                                  AND turn.member = member.id
    LEFT JOIN quiz_attempt AS attempt ON attempt.district = turn.district AND attempt.quiz = turn.quiz
                     AND attempt.member = turn.member AND attempt.number = turn.begun
    """,
    _start,
)
"""Loads what it depends on whether callers' attempts can begin."""


def _form(row: Mapping[str, Any]) -> Form | None:
    if row["user"] is None:
        return None
    return Form(row["user"], bytes(row["kinds"]), bytes(row["options"]))


forms = ReadStatement(
    "district text, id text",
    'attempt."user", form.kinds, form.options',
    """
    LEFT JOIN quiz_attempt AS attempt ON attempt.district = wanted.district AND attempt.id = wanted.id
    LEFT JOIN LATERAL (
      SELECT array_agg(item.kind ORDER BY place) AS kinds,
             array_agg(jsonb_array_length(slot -> 5) ORDER BY place) AS options
      FROM attempt_paper AS paper, jsonb_array_elements(paper.slots) WITH ORDINALITY AS laid (slot, place)
      JOIN item ON item.district = wanted.district AND item.pool = slot ->> 1 AND item.id = slot ->> 2
      WHERE paper.district = attempt.district AND paper.attempt = attempt.id
    ) AS form ON true
    """,
    _form,
)
"""Reads whose attempts are, and what fits their slots."""
