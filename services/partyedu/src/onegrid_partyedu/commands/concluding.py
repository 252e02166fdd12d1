"""What the clock makes of attempts: they expire, scored from what was saved; scores are announced, and what passed ones
complete is recorded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from onegrid_kit import outbox
from onegrid_kit.callers import ANONYMOUS, Call
from onegrid_kit.ladder import Climb, Next
from onegrid_partyedu import attempt_messages
from onegrid_partyedu.attempt import ATTEMPT, Attempt, replay
from onegrid_partyedu.commands import completing
from onegrid_partyedu.quiz import QuizRevision
from onegrid_partyedu.store import attempts as store
from onegrid_partyedu.store import pools, quizzes
from onegrid_partyedu.store.attempt_statements import CLIMB, EXPIRING

__all__ = ["conclude"]


def conclude(conn: Connection, climbs: Sequence[Climb], now: datetime) -> list[Next | None]:
    """End attempts whose deadline has passed, announce the scores of all that have ended, and record what passed ones
    complete.
    """
    ids = [ATTEMPT.id(climb.subject) for climb in climbs]
    found = store.lock_attempts(conn, ids)
    judged_by = quizzes.revisions_of(conn, {each.judged_by for each in found.values()})
    due = [each for each in found.values() if not each.ended and each.due_time <= now]
    expired = _expired(conn, due, judged_by)
    store.save_ended(conn, expired)
    after = found | {each.id: each for each in expired}
    ended = [each for each in after.values() if each.ended]
    completed = [each.completion(judged_by[each.judged_by]) for each in ended]
    call = Call(caller=ANONYMOUS, now=now, method=CLIMB, traceparent=climbs[0].traceparent)
    announced = [(each.name, attempt_messages.scored(each, now)) for each in ended]
    outbox.append(conn, call, announced)
    completing.complete(conn, [each for each in completed if each is not None], call)
    return [_next(after.get(id_)) for id_ in ids]


def _expired(
    conn: Connection, due: Sequence[Attempt], judged_by: Mapping[tuple[str, int], QuizRevision]
) -> list[Attempt]:
    ids = [each.id for each in due]
    papers = store.papers_of(conn, ids)
    saves = store.counting_saves(conn, ids)
    items = pools.item_revisions(conn, {item for paper in papers.values() for item in paper.items})
    return [
        each.expired(replay(papers[each.id], items, saves.get(each.id, ()), judged_by[each.judged_by])) for each in due
    ]


def _next(of: Attempt | None) -> Next | None:
    """One that was given more time expires later; all else is done."""
    return None if of is None or of.ended else Next(of.due_time, EXPIRING)
