"""Deadlines that climb rung by rung, each rung once: a reminder, the next person on duty, the supervisor.

A climb is a row with the moment at which its next rung is due. Any replica climbs what is due: in one transaction the
ladder's function does what belongs to the rung, and the row is advanced. So a rung is climbed once whatever is killed,
and none after a stop that was committed.

A climb's row is locked last, and only if it is still as it was read. Commands lock what they change before they stop
its climb; a replica that held the row while its function waits for theirs would wait in a circle. What another replica
is at is known by an advisory lock, for which no command waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from opentelemetry.trace import SpanKind
from sqlalchemy import Connection, Engine, text

from onegrid_kit import metrics, tracing
from onegrid_kit.clock import Clock
from onegrid_kit.logs import log
from onegrid_kit.service import Service
from onegrid_kit.settings import ServiceSettings
from onegrid_kit.turns import Turns

__all__ = [
    "Climb",
    "Climber",
    "Ladder",
    "Next",
    "due",
    "each",
    "find",
    "reschedule",
    "restart",
    "retry",
    "setting",
    "start",
    "stop",
    "stopping",
]

# What a replica that is killed has begun is begun again by another: a fraction of the time by which a rung may be late.
_TOGETHER = 50
_RUNGS_AT_ONCE = 32
_ALONE_S = 1.0
_MOST_PAUSE = timedelta(minutes=1)

_CLIMB = "SELECT kind, subject, rung, due_time, revision, attempts, error, traceparent FROM climb"
_START = text(
    """
    INSERT INTO climb (kind, subject, rung, due_time, traceparent)
    VALUES (:kind, :subject, :rung, :due_time, :traceparent)
    ON CONFLICT (kind, subject) DO NOTHING RETURNING rung
    """
)
_STOP = text("DELETE FROM climb WHERE kind = :kind AND subject = :subject")
_RESCHEDULE = text(
    """
    UPDATE climb SET
      due_time = :due_time, rung = coalesce(CAST(:rung AS integer), rung),
      attempts = 0, retry_time = NULL, error = '', revision = DEFAULT
    WHERE kind = :kind AND subject = :subject
    """
)
_RETRY = text("UPDATE climb SET retry_time = NULL WHERE kind = :kind AND subject = :subject AND retry_time IS NOT NULL")
_FIND = text(f"{_CLIMB} WHERE kind = :kind AND subject = :subject")
_DUE = text(f"{_CLIMB} WHERE due_time <= :now ORDER BY due_time, kind, subject")
_KINDS = text(
    """
    SELECT kind FROM unnest(CAST(:kinds AS text[])) AS wanted (kind)
    CROSS JOIN LATERAL (
      SELECT due_time FROM climb
      WHERE climb.kind = wanted.kind AND due_time <= :now AND (retry_time IS NULL OR retry_time <= clock_timestamp())
      ORDER BY due_time LIMIT 1
    ) AS first
    ORDER BY first.due_time
    """
)
_CLAIM = text(
    """
    WITH waiting AS MATERIALIZED (
      SELECT subject FROM climb
      WHERE kind = :kind AND due_time <= :now AND (retry_time IS NULL OR retry_time <= clock_timestamp())
        AND (CAST(:subject AS text) IS NULL OR subject = :subject)
      -- What others are at lies before what is free.
      ORDER BY due_time LIMIT 8 * CAST(:together AS integer)
    )
    SELECT subject FROM waiting
    WHERE pg_try_advisory_xact_lock(hashtext('climb'), hashtext(:kind || ' ' || subject)) LIMIT :together
    """
)
# Read once they are claimed: another replica may have been at them when the statement before began.
_CLAIMED = text(
    _CLIMB
    + """
    WHERE kind = :kind AND subject = ANY(CAST(:subjects AS text[]))
      AND due_time <= :now AND (retry_time IS NULL OR retry_time <= clock_timestamp())
    ORDER BY due_time
    """
)
# A function that hangs keeps its climbs from other replicas, and other climbs from this one, for so long at most.
_HURRY = text(
    """
    SELECT set_config('lock_timeout', '500ms', true), set_config('statement_timeout', '2s', true),
           set_config('idle_in_transaction_session_timeout', '2s', true)
    """
)
# The kind is no constant for the planner, which would read all climbs of it rather than those of the subjects.
_ADVANCE = text(
    """
    WITH after AS MATERIALIZED (
      SELECT CAST(:kind AS text) AS kind, after.* FROM unnest(
        CAST(:subjects AS text[]), CAST(:revisions AS bigint[]), CAST(:rungs AS integer[]),
        CAST(:due_times AS timestamptz[])) AS after (subject, revision, rung, due_time)
    ),
    held AS (
      SELECT after.* FROM climb
      JOIN after ON climb.kind = after.kind AND climb.subject = after.subject AND climb.revision = after.revision
      FOR UPDATE OF climb SKIP LOCKED
    ),
    ended AS (
      DELETE FROM climb USING held
      WHERE climb.kind = held.kind AND climb.subject = held.subject AND held.due_time IS NULL RETURNING 1
    ),
    advanced AS (
      UPDATE climb SET
        rung = held.rung, due_time = held.due_time, attempts = 0, retry_time = NULL, error = '', revision = DEFAULT
      FROM held WHERE climb.kind = held.kind AND climb.subject = held.subject AND held.due_time IS NOT NULL RETURNING 1
    )
    SELECT (SELECT count(*) FROM ended) + (SELECT count(*) FROM advanced)
    """
)
_SET_ASIDE = text(
    """
    UPDATE climb SET
      attempts = attempts + 1, error = :error, revision = DEFAULT,
      retry_time = clock_timestamp() + least(:base * power(2, least(attempts, 20)), :most)
    WHERE kind = :kind AND subject = :subject AND revision = :revision
    """
)
_MEASURE = text(
    """
    SELECT kind, CAST(extract(epoch FROM :now - min(due_time)) AS float8) AS late
    FROM climb WHERE kind = ANY(CAST(:kinds AS text[])) AND due_time <= :now GROUP BY kind
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Climb:
    """A climb as it stands before its next rung."""

    kind: str
    """The name of its Ladder."""
    subject: str
    """The name of the resource that it is about: of one kind each has one climb at most."""
    rung: int
    """Which rung is next, counted from 1."""
    due_time: datetime
    """When it is due, by the domain's clock."""
    revision: int
    """Another one after each change."""
    attempts: int
    """How often this rung has failed."""
    error: str
    """How it failed last."""
    traceparent: str


@dataclass(frozen=True, slots=True)
class Next:
    """The rung after the one that was climbed. One that is due already is climbed at once: so one where nobody stands
    is skipped by answering that the next is due now.
    """

    due_time: datetime
    rung: int | None = None
    """Which one; the next higher if it is not given."""


_Climb: TypeAlias = Callable[[Connection, Climb, datetime], Next | None]
_ClimbMany: TypeAlias = Callable[[Connection, Sequence[Climb], datetime], Sequence[Next | None]]


@dataclass(frozen=True, slots=True)
class Ladder:
    """A kind of deadline, and what happens at its rungs."""

    name: str
    """What rows, metrics and operators call it; it must stay the same over releases."""
    run: _ClimbMany
    """Does what belongs to the rungs of these climbs, and answers for each, in their order, which rung is next; None
    after the last one.

    Called with a transaction, climbs that are due, the longest due first, and the domain's time. What it does must lie
    in that transaction, which is undone if a climb was stopped or rescheduled meanwhile: it is called again then, and
    also after it failed, with each climb alone. It takes milliseconds: a statement is ended after two seconds.
    """
    together: int = _TOGETHER
    """How many climbs it is given at most: more where very many are due at the same moment and each takes little."""


def each(climb: _Climb) -> _ClimbMany:
    """For a Ladder that has nothing to do for many climbs at once: called for each of them, in its trace."""

    def run(conn: Connection, climbs: Sequence[Climb], now: datetime) -> Sequence[Next | None]:
        return [_traced(conn, one, now) for one in climbs]

    def _traced(conn: Connection, one: Climb, now: datetime) -> Next | None:
        with tracing.span(f"{one.kind} rung", SpanKind.INTERNAL, one.traceparent, {"rung": str(one.rung)}):
            return climb(conn, one, now)

    return run


def start(conn: Connection, kind: str, subject: str, due_time: datetime, *, rung: int = 1) -> bool:
    """Have this rung climbed when it is due; False, and nothing changes, if the subject has such a climb already."""
    values = {
        "kind": kind,
        "subject": subject,
        "rung": rung,
        "due_time": due_time,
        "traceparent": tracing.current_traceparent(),
    }
    return conn.execute(_START, values).one_or_none() is not None


def stop(conn: Connection, kind: str, subject: str) -> bool:
    """No further rung is climbed once this is committed; False if there is no such climb."""
    return conn.execute(_STOP, {"kind": kind, "subject": subject}).rowcount > 0


def restart(conn: Connection, kind: str, subjects: Sequence[str], due_time: datetime) -> None:
    """Have the first rung of each of these climbed when it is due, also of those that climb already."""
    if subjects:
        values = {"kind": kind, "subjects": subjects, "due_time": due_time}
        conn.execute(_RESTART, {**values, "traceparent": tracing.current_traceparent()})


def reschedule(conn: Connection, kind: str, subject: str, due_time: datetime, *, rung: int | None = None) -> bool:
    """Have the next rung, or the given one, climbed at another time; False if there is no such climb."""
    values = {"kind": kind, "subject": subject, "due_time": due_time, "rung": rung}
    return conn.execute(_RESCHEDULE, values).rowcount > 0


def setting(climbs: str, traceparent: str = "''") -> str:
    """A statement, for one that does more, that starts or reschedules climbs: kind, subject, rung and due time of each
    come from this query. `traceparent`: the expression for that of new ones.
    """
    return f"""
      INSERT INTO climb (kind, subject, rung, due_time, traceparent)
      SELECT climb.*, {traceparent} FROM ({climbs}) AS climb
      ON CONFLICT (kind, subject) DO UPDATE SET
        rung = excluded.rung, due_time = excluded.due_time, attempts = 0, retry_time = NULL, error = '',
        revision = DEFAULT
    """


def stopping(climbs: str) -> str:
    """A statement, for one that does more, that stops climbs: kind and subject of each come from this query."""
    # OFFSET keeps the planner from taking the kind for a constant, as above.
    return f"""
      DELETE FROM climb USING ({climbs} OFFSET 0) AS stopped (kind, subject)
      WHERE climb.kind = stopped.kind AND climb.subject = stopped.subject
    """


def find(conn: Connection, kind: str, subject: str) -> Climb | None:
    """The climb, unless it has ended or was stopped."""
    row = conn.execute(_FIND, {"kind": kind, "subject": subject}).one_or_none()
    return Climb(**row._mapping) if row else None


def due(conn: Connection, now: datetime) -> Sequence[Climb]:
    """What is due and was not climbed, the longest due first: late, or failing."""
    return [Climb(**row._mapping) for row in conn.execute(_DUE, {"now": now})]


def retry(conn: Connection, kind: str, subject: str) -> bool:
    """End the pause after a failure; False if there is none."""
    return conn.execute(_RETRY, {"kind": kind, "subject": subject}).rowcount > 0


_EACH = "SELECT CAST(:kind AS text), one, 1, CAST(:due_time AS timestamptz) FROM unnest(CAST(:subjects AS text[])) one"
_RESTART = text(setting(_EACH, "CAST(:traceparent AS text)"))


class _Changed(Exception):
    """A climb was stopped or rescheduled meanwhile, or is just now."""


class Climber:
    """Climbs what is due of a service's ladders; of each kind many together, and what fails by itself."""

    def __init__(
        self, service: str, engine: Engine, ladders: Sequence[Ladder], clock: Clock, *, retry_base_s: float = 1.0
    ) -> None:
        self._service = service
        self._engine = engine
        self._clock = clock
        self._base = timedelta(seconds=retry_base_s)
        self._ladders = {ladder.name: ladder for ladder in ladders}
        if len(self._ladders) < len(ladders):
            raise TypeError("two ladders have the same name")
        for name in self._ladders:
            metrics.LADDER_LATE.labels(service, name)
            metrics.LADDER_FAILURES.labels(service, name)
        self._turns = Turns(f"ladders-{service}", self.climb)

    @classmethod
    def of(cls, service: Service, settings: ServiceSettings, engine: Engine, clock: Clock) -> Climber:
        """The climber of a service's ladders."""
        return cls(service.name, engine, service.load_ladders(), clock, retry_base_s=settings.retry_base_s)

    def start(self) -> None:
        """Begin to climb, if the service has ladders."""
        if self._ladders:
            self._turns.start()

    def stop(self) -> None:
        """Finish what is being climbed, and end."""
        self._turns.stop()

    def climb(self) -> bool:
        """Climb some of what is due, of each kind; False if there was nothing. Raises if the database is gone."""
        now = self._clock.now()
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            kinds = conn.execute(_KINDS, {"kinds": list(self._ladders), "now": now}).scalars().all()
        worked = False
        for kind in kinds:
            worked |= self._climb_kind(self._ladders[kind], now)
        return worked

    def measure(self) -> None:
        """Export since when what is due has been due."""
        if not self._ladders:
            return
        with self._engine.connect() as conn:
            values = {"kinds": list(self._ladders), "now": self._clock.now()}
            late = {row.kind: row.late for row in conn.execute(_MEASURE, values)}
        for kind in self._ladders:
            metrics.LADDER_DUE.labels(self._service, kind).set(late.get(kind, 0.0))

    def _climb_kind(self, ladder: Ladder, now: datetime) -> bool:
        claimed: Sequence[Climb] = ()
        try:
            with self._engine.begin() as conn:
                claimed = _claim(conn, ladder, now)
                together = [climb for climb in claimed if not climb.attempts]
                _take(conn, ladder, together, now)
        except Exception:
            if not claimed:
                raise
            together = []
        self._count(together)
        until = time.monotonic() + _ALONE_S
        worked = bool(together)
        for climb in sorted(set(claimed) - set(together), key=lambda climb: (climb.attempts, climb.due_time)):
            # The other kinds have their turn in between.
            if time.monotonic() < until:
                worked |= self._climb_alone(ladder, climb, now)
        return worked

    def _climb_alone(self, ladder: Ladder, climb: Climb, now: datetime) -> bool:
        """Climb one that has failed, by itself or with others; False if it has changed meanwhile."""
        try:
            with self._engine.begin() as conn:
                found = _claim(conn, ladder, now, climb.subject)
                _take(conn, ladder, found, now)
        except _Changed:
            return False
        except Exception as error:
            return self._set_aside(climb, error)
        self._count(found)
        return bool(found)

    def _set_aside(self, climb: Climb, error: Exception) -> bool:
        values = {
            "kind": climb.kind,
            "subject": climb.subject,
            "revision": climb.revision,
            "error": f"{type(error).__name__}: {error}"[:2000],
            "base": self._base,
            "most": _MOST_PAUSE,
        }
        with self._engine.begin() as conn:
            if conn.execute(_SET_ASIDE, values).rowcount == 0:
                return False
        metrics.LADDER_FAILURES.labels(self._service, climb.kind).inc()
        log.warning(
            "rung failed",
            kind=climb.kind,
            subject=climb.subject,
            rung=climb.rung,
            attempts=climb.attempts + 1,
            trace_id=climb.traceparent[3:35],
            exc_info=error,
        )
        return True

    def _count(self, climbed: Sequence[Climb]) -> None:
        now = self._clock.now()
        for climb in climbed:
            late_s = max(0.0, (now - climb.due_time).total_seconds())
            metrics.LADDER_LATE.labels(self._service, climb.kind).observe(late_s)


def _claim(conn: Connection, ladder: Ladder, now: datetime, subject: str | None = None) -> Sequence[Climb]:
    """What is due and no other replica is at, until the transaction ends; only of this subject, if it is given."""
    values = {"kind": ladder.name, "now": now, "subject": subject, "together": ladder.together}
    subjects = conn.execute(_CLAIM, values).scalars().all()
    if not subjects:
        return []
    return [Climb(**row._mapping) for row in conn.execute(_CLAIMED, {**values, "subjects": subjects})]


def _take(conn: Connection, ladder: Ladder, climbs: Sequence[Climb], now: datetime) -> None:
    """Climb the rungs that are due. Raises _Changed."""
    if not climbs:
        return
    conn.execute(_HURRY)
    after: dict[Climb, Next | None] = {}
    standing: Mapping[Climb, Climb] = {climb: climb for climb in climbs}
    for _ in range(_RUNGS_AT_ONCE):
        answers = ladder.run(conn, list(standing.values()), now)
        further = {}
        for (climb, at), answer in zip(standing.items(), answers, strict=True):
            after[climb] = answer
            if answer is not None:
                rung = at.rung + 1 if answer.rung is None else answer.rung
                after[climb] = replace(answer, rung=rung)
                if answer.due_time <= now:
                    further[climb] = replace(at, rung=rung, due_time=answer.due_time)
        standing = further
        if not standing:
            break
    values: Mapping[str, Any] = {
        "kind": ladder.name,
        "subjects": [climb.subject for climb in after],
        "revisions": [climb.revision for climb in after],
        "rungs": [None if answer is None else answer.rung for answer in after.values()],
        "due_times": [None if answer is None else answer.due_time for answer in after.values()],
    }
    if conn.execute(_ADVANCE, values).scalar_one() < len(after):
        raise _Changed
