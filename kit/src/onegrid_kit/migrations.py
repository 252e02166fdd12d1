"""Brings a service's database to the newest schema: the kit's tables first, then the service's.

Migrations go expand, migrate, contract, so that the release before runs on the schema of this one.
"""

from __future__ import annotations

from importlib.resources import files

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

from onegrid_kit.database import sync_engine
from onegrid_kit.logs import log
from onegrid_kit.service import Service

__all__ = ["migrate"]

_LOCK = 0x0E61D


def migrate(service: Service, database_url: str) -> None:
    """Upgrade to the newest revision; replicas that start together wait for one another."""
    engine = sync_engine(database_url, statement_timeout_ms=0)
    try:
        with engine.begin() as conn:
            conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            _upgrade(conn, "onegrid_kit.own_migrations", "onegrid_kit_version")
            _upgrade(conn, service.migrations, "onegrid_version")
    finally:
        engine.dispose()


def _upgrade(conn: Connection, package: str, version_table: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(files(package)).replace("%", "%%"))
    script = ScriptDirectory.from_config(config)

    def steps(revision: object, _: object) -> object:
        try:
            script.get_revisions(revision)  # type: ignore[arg-type]
        except CommandError:
            # Rolled back: the release that made this schema sees to it that the one before runs on it.
            log.warning("schema is of a newer release", revision=revision, table=version_table)
            return []
        pending = script._upgrade_revs("head", revision)  # type: ignore[arg-type]
        for step in pending:
            log.info("migrating", step=step.revision.revision, table=version_table)
        return pending

    with EnvironmentContext(config, script, fn=steps) as environment:
        environment.configure(connection=conn, version_table=version_table)
        environment.run_migrations()
