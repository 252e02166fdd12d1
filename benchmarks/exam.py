"""An exam of 11,020 members for the benchmarks, near its end: each has answered all but the last two of 50 items."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Final

import grpc.aio
import psycopg

from onegrid.partyedu.v1.attempt_methods_pb2 import SaveAnswerRequest, SubmitAttemptRequest
from onegrid_demo import district

__all__ = ["CALLS", "MEMBERS", "Exam", "reopen", "store"]

MEMBERS: Final = 11_020
_ITEMS: Final = 50
_LEFT: Final = 2
CALLS: Final = _LEFT + 1
"""Of each member."""
_SERVICE: Final = "/onegrid.partyedu.v1.PartyeduService/"
_TIMEOUT_S: Final = 30

_STORED: Final = (
    """
    INSERT INTO pool (district, id, version, display_name, description, item_count, create_time, update_time)
    VALUES (%(district)s, %(district)s || '-exam', 1, '题库', '', %(items)s, now(), now())
    """,
    """
    INSERT INTO item (district, pool, id, version, revision, kind)
    SELECT %(district)s, %(district)s || '-exam', 'i' || n, 1, 1, 2 FROM generate_series(1, %(items)s) AS n
    """,
    """
    INSERT INTO item_revision (
      district, pool, item, number, kind, stem, option_ids, option_texts, key, explanation, points, create_time)
    SELECT %(district)s, %(district)s || '-exam', 'i' || n, 1, 2, '下列哪些属于党的优良作风？', '{a,b,c,d}',
           '{理论联系实际,密切联系群众,批评与自我批评,形式主义}', '{a,b,c}', '', 2, now()
    FROM generate_series(1, %(items)s) AS n
    """,
    """
    INSERT INTO quiz (district, id, version, revision, state, publish_time, create_time, update_time)
    VALUES (%(district)s, %(district)s || '-exam', 1, 1, 2, now(), now(), now())
    """,
    """
    INSERT INTO quiz_revision (
      district, quiz, number, display_name, description, sections, shuffle_items, shuffle_options, minutes_allowed,
      attempts_allowed, pass_percent, partial_credit, review_content, review_time, study_minutes, create_time)
    VALUES (%(district)s, %(district)s || '-exam', 1, '年度考试', '',
            '[{"display_name": "", "points_each": 0, "pool": "210602-exam", "count": 50, "kind": 0}]', true, true, 600,
            1, 0, 3, 1, 1, 60, now())
    """,
    """
    INSERT INTO quiz_attempt (
      district, id, version, quiz, quiz_revision, member, "user", number, state, sequences, begin_time, due_time)
    SELECT %(district)s, %(district)s || '-' || lpad(n::text, 19, '0'), 1 + %(given)s, %(district)s || '-exam', 1,
           %(district)s || '-' || lpad(n::text, 19, '0'), 'users/' || lpad(n::text, 20, '0'), 1, 1,
           array_fill(1, ARRAY[%(given)s]) || array_fill(0, ARRAY[%(items)s - %(given)s]), now(), now() + '10 hours'
    FROM generate_series(1, %(members)s) AS n
    """,
    """
    INSERT INTO attempt_paper (district, attempt, seed, slots)
    SELECT %(district)s, %(district)s || '-' || lpad(n::text, 19, '0'), repeat('5a', 32), paper.slots
    FROM generate_series(1, %(members)s) AS n, (
      SELECT jsonb_agg(
        jsonb_build_array(0, %(district)s || '-exam', 'i' || i, 1, 2, jsonb_build_array('c', 'a', 'd', 'b'))) AS slots
      FROM generate_series(1, %(items)s) AS i
    ) AS paper
    """,
    """
    INSERT INTO attempt_save (district, attempt, slot, sequence, answer, number, time)
    SELECT %(district)s, %(district)s || '-' || lpad(n::text, 19, '0'), slot, 1, 'AB', 1 + slot, now()
    FROM generate_series(1, %(members)s) AS n, generate_series(1, %(given)s) AS slot
    """,
)
_REOPEN: Final = (
    """
    UPDATE quiz_attempt SET
      state = 1, version = 1 + %(given)s, end_time = NULL, hundredths = NULL, most = NULL, worth = NULL, passed = NULL,
      sequences = array_fill(1, ARRAY[%(given)s]) || array_fill(0, ARRAY[%(items)s - %(given)s])
    """,
    "DELETE FROM attempt_save WHERE slot > %(given)s",
    "TRUNCATE climb, outbox, idempotency, audit_entry, audit_block",
    """
    INSERT INTO climb (kind, subject, rung, due_time, traceparent)
    SELECT 'attempt', 'attempts/' || id, 1, due_time, '' FROM quiz_attempt
    """,
    "VACUUM ANALYZE quiz_attempt, attempt_save, climb",
    "CHECKPOINT",
)
_PARAMETERS: Final = {"district": district.CODE, "items": _ITEMS, "given": _ITEMS - _LEFT, "members": MEMBERS}


def store(url: str) -> None:
    """The quiz, and an open attempt of each member with a paper of its own."""
    with psycopg.connect(url, autocommit=True) as conn:
        for statement in _STORED:
            conn.execute(statement, _PARAMETERS)
        conn.execute("VACUUM ANALYZE")
    reopen(url)


def reopen(url: str) -> None:
    """Have all attempts open again, with what was stored at first, so that each slice begins alike."""
    with psycopg.connect(url, autocommit=True) as conn:
        for statement in _REOPEN:
            conn.execute(statement, _PARAMETERS if "%(" in statement else None)


class Exam:
    """Members who save their last two answers and hand in, one after the other; `tokens` has a line for each."""

    def __init__(self, channel: grpc.aio.Channel, tokens: str) -> None:
        self._save: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"{_SERVICE}SaveAnswer")
        self._submit: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"{_SERVICE}SubmitAttempt")
        self._tokens = Path(tokens).read_text().split()
        self._turns = itertools.cycle(range(1, MEMBERS + 1))
        self._sequence = itertools.count(2)

    def caller(self) -> Callable[[], Awaitable[str]]:
        """One of the callers, who is another member after each submission."""
        steps = self._steps()
        return lambda: anext(steps)

    async def _steps(self) -> AsyncGenerator[str, None]:
        while True:
            number = next(self._turns)
            name = f"attempts/{district.CODE}-{number:0>19}"
            metadata = (("authorization", f"Bearer {self._tokens[number - 1]}"),)
            for slot in (_ITEMS - 1, _ITEMS):
                save = SaveAnswerRequest(name=name, slot=slot, answer=["A", "B", "D"], sequence=next(self._sequence))
                await self._save(save.SerializeToString(), metadata=metadata, timeout=_TIMEOUT_S)
                yield "SaveAnswer"
            submit = SubmitAttemptRequest(name=name)
            await self._submit(submit.SerializeToString(), metadata=metadata, timeout=_TIMEOUT_S)
            yield "SubmitAttempt"
