"""Work that is too large for one transaction is done in steps, by any replica; it can be watched and stopped meanwhile.

Each step is one transaction: it locks the work's row, does the next piece, and advances the row's cursor and counters.
So a piece is done once whatever is killed, no two replicas do the same one, and what the row says is what is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from opentelemetry.trace import SpanKind
from sqlalchemy import Connection, Engine, Row, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from onegrid_kit import metrics, tracing
from onegrid_kit.clock import Clock
from onegrid_kit.logs import log
from onegrid_kit.service import Service
from onegrid_kit.settings import ServiceSettings
from onegrid_kit.turns import Turns

__all__ = ["Progress", "State", "StepRunner", "Steps", "Work", "find", "resume", "start", "stop", "unfinished"]

_OUTCOMES = ("done", "failed")
_MEASURED = ("running", "stopped", "failed")

_START = text(
    """
    INSERT INTO stepped_work (id, kind, subject, urgent, parameters, total, traceparent)
    VALUES (:id, :kind, :subject, :urgent, :parameters, :total, :traceparent)
    ON CONFLICT (id) DO NOTHING RETURNING id
    """
).bindparams(bindparam("parameters", type_=JSONB))
_WORK = """
    SELECT id, kind, subject, urgent, state, parameters, cursor, done, total, create_time, step_time, end_time,
           attempts, error, traceparent
    FROM stepped_work
    """
_FIND = text(_WORK + "WHERE id = :id").columns(parameters=JSONB, cursor=JSONB)
_UNFINISHED = text(_WORK + "WHERE state <> 'DONE' ORDER BY create_time, id").columns(parameters=JSONB, cursor=JSONB)
_NEXT = text(
    _WORK
    + """
    WHERE state = 'RUNNING' AND kind = ANY(CAST(:kinds AS text[]))
      AND (retry_time IS NULL OR retry_time <= clock_timestamp())
    ORDER BY urgent DESC, step_time NULLS FIRST, create_time LIMIT 1 FOR UPDATE SKIP LOCKED
    """
).columns(parameters=JSONB, cursor=JSONB)
_ADVANCE = text(
    """
    UPDATE stepped_work SET
      cursor = :cursor, done = done + :done, total = coalesce(:total, total), step_time = clock_timestamp(),
      attempts = 0, retry_time = NULL, error = '',
      state = CASE WHEN :finished THEN 'DONE' ELSE state END,
      end_time = CASE WHEN :finished THEN clock_timestamp() ELSE end_time END
    WHERE id = :id
    """
).bindparams(bindparam("cursor", type_=JSONB))
# Not if another replica has taken or failed the step meanwhile.
_FAIL = text(
    """
    UPDATE stepped_work SET
      attempts = attempts + 1,
      error = :error,
      retry_time = CASE WHEN attempts + 1 < :attempts THEN clock_timestamp() + :base * power(2, attempts) END,
      state = CASE WHEN attempts + 1 < :attempts THEN state ELSE 'FAILED' END,
      end_time = CASE WHEN attempts + 1 < :attempts THEN NULL ELSE clock_timestamp() END
    WHERE id = :id AND state = 'RUNNING' AND attempts = :failed_before AND step_time IS NOT DISTINCT FROM :step_time
    RETURNING attempts, state
    """
)
_STOP = text(
    """
    UPDATE stepped_work SET state = 'STOPPED', end_time = clock_timestamp()
    WHERE id = :id AND state IN ('RUNNING', 'FAILED')
    """
)
_RESUME = text(
    """
    UPDATE stepped_work SET state = 'RUNNING', end_time = NULL, attempts = 0, retry_time = NULL
    WHERE id = :id AND (state IN ('STOPPED', 'FAILED') OR retry_time IS NOT NULL)
    """
)
_MEASURE = text(
    """
    SELECT kind, lower(state) AS state, count(*) AS works,
           CAST(extract(epoch FROM clock_timestamp() - min(coalesce(step_time, create_time))) AS float8) AS idle
    FROM stepped_work WHERE state <> 'DONE' GROUP BY kind, state
    """
)


class State(StrEnum):
    """What becomes of work."""

    RUNNING = "RUNNING"
    """Its next step is taken when it is its turn."""
    STOPPED = "STOPPED"
    """Somebody stopped it; it can be resumed."""
    FAILED = "FAILED"
    """A step failed as often as it is tried; it can be resumed."""
    DONE = "DONE"
    """Its last step was taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Work as it stands between two steps."""

    id: str
    """Chosen by who starts it: the same id is the same work."""
    kind: str
    """The name of its Steps."""
    subject: str
    """The name of the resource that it is about."""
    urgent: bool
    """Whether it goes before all that is not."""
    state: State
    parameters: Mapping[str, Any]
    """What it was started with."""
    cursor: Mapping[str, Any]
    """Where the last step ended; empty before the first."""
    done: int
    """How many rows, or whatever it counts, are done."""
    total: int | None
    """How many there are, if that is known."""
    create_time: datetime
    step_time: datetime | None
    """When the last step was taken."""
    end_time: datetime | None
    """Since when it is not RUNNING."""
    attempts: int
    """How often its next step has failed."""
    error: str
    """How it failed last."""
    traceparent: str


@dataclass(frozen=True, slots=True)
class Progress:
    """What a step has done."""

    cursor: Mapping[str, Any]
    """Where the next step begins; JSON."""
    done: int
    """How many rows this step did."""
    finished: bool
    """Whether it was the last step."""
    total: int | None = None
    """How many there are in all, if this step has learned that."""


@dataclass(frozen=True, slots=True)
class Steps:
    """A kind of work, and how a step of it is taken."""

    name: str
    run: Callable[[Connection, Work, datetime], Progress]
    """Called with a transaction, the work and the domain's time. It takes a second or so, as a stop waits for it, and
    urgent work may. One that hangs is ended by PostgreSQL: a statement after 30 s, an idle transaction after a minute.
    """


def start(
    conn: Connection,
    kind: str,
    work_id: str,
    *,
    subject: str,
    parameters: Mapping[str, Any] | None = None,
    total: int | None = None,
    urgent: bool = False,
) -> bool:
    """Start work in the connection's transaction; False if work of this id was started before."""
    values = {
        "id": work_id,
        "kind": kind,
        "subject": subject,
        "urgent": urgent,
        "parameters": dict(parameters or {}),
        "total": total,
        "traceparent": tracing.current_traceparent(),
    }
    return conn.execute(_START, values).one_or_none() is not None


def stop(conn: Connection, work_id: str) -> bool:
    """Stop work after the step that is being taken, or give up what has failed; False if it is neither."""
    return conn.execute(_STOP, {"id": work_id}).rowcount > 0


def resume(conn: Connection, work_id: str) -> bool:
    """Go on with work that was stopped or has failed, or end the pause after a failed step; False if it is neither."""
    return conn.execute(_RESUME, {"id": work_id}).rowcount > 0


def find(conn: Connection, work_id: str) -> Work | None:
    """The work of this id; done or stopped work is forgotten after a month."""
    row = conn.execute(_FIND, {"id": work_id}).one_or_none()
    return _work(row) if row else None


def unfinished(conn: Connection) -> Sequence[Work]:
    """All work that is not done, oldest first."""
    return [_work(row) for row in conn.execute(_UNFINISHED)]


class StepRunner:
    """Takes steps of a service's work, one at a time: urgent work first, then what has waited longest for its next."""

    def __init__(
        self,
        service: str,
        engine: Engine,
        kinds: Sequence[Steps],
        clock: Clock,
        *,
        attempts: int = 8,
        retry_base_s: float = 1.0,
    ) -> None:
        self._service = service
        self._engine = engine
        self._clock = clock
        self._attempts = attempts
        self._base = timedelta(seconds=retry_base_s)
        self._kinds = {each.name: each for each in kinds}
        if len(self._kinds) < len(kinds):
            raise TypeError("two kinds of work have the same name")
        self._measured = set(self._kinds)
        for name in self._kinds:
            metrics.WORK_ROWS.labels(service, name)
            for outcome in _OUTCOMES:
                metrics.STEPS.labels(service, name, outcome)
        self._turns = Turns(f"steps-{service}", self.step)

    @classmethod
    def of(cls, service: Service, settings: ServiceSettings, engine: Engine, clock: Clock) -> StepRunner:
        """The runner of a service's kinds of work."""
        return cls(
            service.name,
            engine,
            service.load_steps(),
            clock,
            attempts=settings.handler_attempts,
            retry_base_s=settings.retry_base_s,
        )

    def start(self) -> None:
        """Begin to take steps, if the service has such work."""
        if self._kinds:
            self._turns.start()

    def stop(self) -> None:
        """Finish the step that is being taken, and end; a step that takes long is undone when the process ends."""
        self._turns.stop()

    def step(self) -> bool:
        """Take the next step of the work whose turn it is; False if there is none. Raises if the database is gone."""
        work = None
        try:
            with self._engine.begin() as conn:
                row = conn.execute(_NEXT, {"kinds": list(self._kinds)}).one_or_none()
                if row is None:
                    return False
                work = _work(row)
                progress = self._take(conn, work)
        except Exception as error:
            if work is None:
                raise
            self._fail(work, error)
            return True
        metrics.STEPS.labels(self._service, work.kind, "done").inc()
        metrics.WORK_ROWS.labels(self._service, work.kind).inc(progress.done)
        if progress.finished:
            log.info("work done", kind=work.kind, work=work.id, subject=work.subject, rows=work.done + progress.done)
        return True

    def measure(self) -> None:
        """Export how much work there is, and since when it has not got on."""
        if not self._kinds:
            return
        with self._engine.connect() as conn:
            found = {(row.kind, row.state): (row.works, row.idle) for row in conn.execute(_MEASURE)}
        self._measured |= {kind for kind, _ in found}
        for kind in self._measured:
            for state in _MEASURED:
                metrics.WORK.labels(self._service, kind, state).set(found.get((kind, state), (0, 0.0))[0])
            metrics.WORK_IDLE.labels(self._service, kind).set(found.get((kind, "running"), (0, 0.0))[1])

    def _take(self, conn: Connection, work: Work) -> Progress:
        attributes = {"kind": work.kind, "work": work.id}
        with tracing.span(f"{work.kind} step", SpanKind.INTERNAL, work.traceparent, attributes):
            progress = self._kinds[work.kind].run(conn, work, self._clock.now())
        values = {
            "id": work.id,
            "cursor": dict(progress.cursor),
            "done": progress.done,
            "total": progress.total,
            "finished": progress.finished,
        }
        conn.execute(_ADVANCE, values)
        return progress

    def _fail(self, work: Work, error: Exception) -> None:
        # Whatever failed, it counts if that can be recorded: a step that hangs until PostgreSQL ends its session, too.
        values = {
            "id": work.id,
            "error": f"{type(error).__name__}: {error}"[:2000],
            "attempts": self._attempts,
            "base": self._base,
            "failed_before": work.attempts,
            "step_time": work.step_time,
        }
        with self._engine.begin() as conn:
            row = conn.execute(_FAIL, values).one_or_none()
        metrics.STEPS.labels(self._service, work.kind, "failed").inc()
        log.warning(
            "step failed",
            kind=work.kind,
            work=work.id,
            subject=work.subject,
            attempts=row.attempts if row else None,
            given_up=bool(row and row.state == State.FAILED),
            trace_id=work.traceparent[3:35],
            exc_info=error,
        )


def _work(row: Row[Any]) -> Work:
    return Work(**{**row._mapping, "state": State(row.state)})
