"""A PostgreSQL of the tests' own, and a fresh database for each test, copied from a template that was migrated once."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Self

from onegrid_kit.embedded.postgres import PostgresError, PostgresServer

__all__ = ["PostgresError", "PostgresServer", "TestPostgres"]


class TestPostgres:
    """A server with empty data that is removed with it, and databases by template."""

    __test__ = False

    def __init__(self) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="onegrid-postgres-", ignore_cleanup_errors=True)
        Path(self._home.name).chmod(0o755)
        # Killed processes lose nothing that is written; only a machine that fails would need fsync here.
        self.server = PostgresServer(
            Path(self._home.name) / "data", settings={"fsync": "off", "max_connections": "300"}
        )
        self._templates: set[str] = set()
        self._numbers = itertools.count(1)

    def database(self, template: str, prepare: Callable[[str], None]) -> str:
        """The url of a fresh database. The first one of a template's name is made with `prepare`, which gets a url and
        leaves no connection open; later ones are copies of it."""
        if template not in self._templates:
            prepare(self.server.create_database(f"template_{template}"))
            self._templates.add(template)
        return self.server.create_database(f"{template}_{next(self._numbers)}", f"template_{template}")

    def drop(self, url: str) -> None:
        """Drop a database that a test is done with."""
        self.server.drop_database(url.rsplit("/", 1)[1])

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()
        self._home.cleanup()
