"""Every replica may migrate, at the same moment and again."""

from __future__ import annotations

import threading
from importlib.resources import files

from sqlalchemy import Engine, text

from onegrid_kit.database import sync_engine
from onegrid_kit.migrations import migrate
from onegrid_kit.testing.postgres import TestPostgres

from .sample.main import SERVICE

NEWEST = (
    "kit" + max(path.name for path in files("onegrid_kit.own_migrations.versions").iterdir() if path.name[0] == "0")[:4]
)
"""The kit's newest revision; files are named after their numbers."""


def versions(engine: Engine) -> list[str]:
    """Of the kit and of the sample."""
    with engine.connect() as conn:
        return [
            conn.execute(text(f"SELECT version_num FROM {table}")).scalar_one()
            for table in ("onegrid_kit_version", "onegrid_version")
        ]


def test_replicas_that_migrate_at_the_same_moment_wait_for_one_another(postgres: TestPostgres) -> None:
    url = postgres.database("empty", lambda _: None)
    failures: list[BaseException] = []

    def run() -> None:
        try:
            migrate(SERVICE, url)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine = sync_engine(url)
    assert failures == []
    assert versions(engine) == [NEWEST, "sample0001"]
    engine.dispose()
    postgres.drop(url)


def test_a_release_that_was_rolled_back_leaves_the_newer_schema_alone(engine: Engine, database_url: str) -> None:
    with engine.begin() as conn:
        conn.execute(text("UPDATE onegrid_version SET version_num = 'sample0002'"))
    migrate(SERVICE, database_url)
    assert versions(engine) == [NEWEST, "sample0002"]


def test_migrating_again_changes_nothing(engine: Engine, database_url: str) -> None:
    before = versions(engine)
    migrate(SERVICE, database_url)
    assert versions(engine) == before
