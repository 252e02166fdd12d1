"""Recipients of a notice for 220,000 people, written and counted in steps, against one INSERT … SELECT of the same
rows, which nobody could watch, stop or go on with.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Engine, text

from benchmarks import machine, residents
from benchmarks.comparing import Figure, Slice, compare
from benchmarks.platform import Platform
from onegrid_demo import district
from onegrid_kit import steps
from onegrid_kit.clock import SystemClock
from onegrid_kit.database import sync_engine
from onegrid_kit.logs import configure
from onegrid_kit.steps import StepRunner
from onegrid_notify.main import SERVICE
from onegrid_notify.reach import COUNT_AUDIENCE
from onegrid_notify.store.matching import MEMBERS

_ID: Final = f"{district.CODE}-20260101-00000000"
_PEOPLE: Final = residents.RESIDENTS + 1
"""The reader among them."""
_RAW = text(
    f"""
    INSERT INTO recipient (district, article, user_name, place)
    SELECT m.district, :article, m.user_name, min(m.code) FROM membership m
    WHERE m.district = :district
      AND EXISTS (SELECT FROM selector s WHERE s.district = :district AND s.article = :article AND {MEMBERS})
    GROUP BY m.district, m.user_name
    """
)
_SELECTOR = text(
    """
    INSERT INTO selector (
      district, code, publish_time, article, number, column_id, pinned, push, kinds, oa_levels, roles, groups, columns)
    VALUES (:district, :district, :now, :article, 1, '', false, true, '{}', '{}', '{}', '{}', '{}')
    """
)


class _Side:
    """One way to write all rows; a slice is all of them, however long it takes."""

    def __init__(self, write: Callable[[], None], postgres: int) -> None:
        self._write = write
        self._postgres = postgres

    def slice(self, _: float) -> Slice:
        """Write them."""
        used, own, began = machine.cpu_seconds(self._postgres), time.process_time(), time.perf_counter()
        self._write()
        seconds = time.perf_counter() - began
        cpu = {"postgres": machine.cpu_seconds(self._postgres) - used, "client": time.process_time() - own}
        return Slice(_PEOPLE, seconds, cpu)


def measure(platform: Platform) -> Iterator[Figure]:
    """All rows in each slice, over the engine that a worker has."""
    configure("notify", "warning")
    _ = platform.notify
    engine = sync_engine(platform.postgres.url("notify"))
    try:
        with engine.begin() as conn:
            # What other subjects have published.
            conn.execute(text("TRUNCATE stepped_work"))
            conn.execute(_SELECTOR, {"district": district.CODE, "article": _ID, "now": datetime.now(UTC)})
        runner = StepRunner("notify", engine, SERVICE.load_steps(), SystemClock())
        ours = _Side(lambda: _in_steps(engine, runner), platform.postgres.pid)
        raw = _Side(lambda: _at_once(engine), platform.postgres.pid)
        yield from compare("notify_fanout", ours, raw, lambda: _clear(engine)).figures("ratio", 0.8)
    finally:
        engine.dispose()


def _in_steps(engine: Engine, runner: StepRunner) -> None:
    with engine.begin() as conn:
        steps.start(conn, COUNT_AUDIENCE, "bench", subject=f"articles/{_ID}", parameters={"must_confirm": True})
    while runner.step():
        pass


def _at_once(engine: Engine) -> None:
    with engine.begin() as conn:
        conn.execute(_RAW, {"district": district.CODE, "article": _ID})


def _clear(engine: Engine) -> None:
    """Empty what both fill, so that each slice begins alike."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        count = conn.execute(text("SELECT count(*) FROM recipient")).scalar_one()
        if count != _PEOPLE:
            raise SystemExit(f"{count} recipients, not {_PEOPLE}")
        conn.execute(text("TRUNCATE recipient, reach, stepped_work"))
        conn.execute(text("CHECKPOINT"))
