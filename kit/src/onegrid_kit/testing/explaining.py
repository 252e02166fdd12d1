"""What PostgreSQL does for a query: tests hold that it does not grow with the data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, event, text

__all__ = ["Explained", "Work"]


@dataclass
class Work:
    """What the statements of a query did."""

    statements: int = 0
    buffers: int = 0
    """Pages that they looked at."""
    rows: int = 0
    """Rows that a node of their plans read at most, whether they matched or not."""
    read_whole: frozenset[str] = frozenset()
    """Tables that they read whole."""

    def add(self, plan: Mapping[str, Any]) -> None:
        """Count the plan of a statement that was run."""
        self.statements += 1
        self.buffers += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        for node in _nodes(plan):
            removed = sum(count for name, count in node.items() if name.startswith("Rows Removed by"))
            self.rows = max(self.rows, int((node["Actual Rows"] + removed) * node["Actual Loops"]))
            if node["Node Type"] == "Seq Scan":
                self.read_whole |= {node["Relation Name"]}


class Explained:
    """Runs queries over a connection that has an api's settings, and explains their statements."""

    def __init__(self, engine: Engine) -> None:
        self._conn = engine.connect()
        self._conn.execute(text("SET enable_seqscan = off; SET enable_mergejoin = off"))
        self._statements: list[tuple[str, Any]] = []
        event.listen(engine, "before_cursor_execute", self._note)

    def work(self, query: Callable[[Connection], object]) -> Work:
        """What the query's statements do."""
        self._statements.clear()
        query(self._conn)
        done = Work()
        cursor = self._conn.connection.cursor()
        for statement, parameters in tuple(self._statements):
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {statement}", parameters)
            ((plans,),) = cursor.fetchall()
            done.add(plans[0]["Plan"])
        return done

    def close(self) -> None:
        """Close the connection."""
        self._conn.close()

    def _note(self, _: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        self._statements.append((statement, parameters))


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from _nodes(each)
