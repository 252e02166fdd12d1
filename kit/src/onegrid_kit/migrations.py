"""Brings a service's database to the newest schema: the kit's tables first, then the service's, then those of
the services that it hosts.

Migrations go expand, migrate, contract, so that the release before runs on the schema of this one.
"""

from __future__ import annotations

from importlib.resources import files

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine, text

from onegrid_kit.database import sync_engine
from onegrid_kit.logs import log
from onegrid_kit.service import Service

__all__ = ["migrate"]

_LOCK = 0x0E61D


def migrate(service: Service, database_url: str) -> None:
    """Upgrade to the newest revision; replicas that start together wait for one another.

    Each migration has a transaction of its own: what one locks is free again while the next one works.
    """
    engine = sync_engine(database_url, statement_timeout_ms=0)
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as replicas:
            # However long another one migrates; the lock ends with its connection.
            replicas.execute(text("SET lock_timeout = 0"))
            replicas.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
            for package, table in (
                ("onegrid_kit.own_migrations", "onegrid_kit_version"),
                (service.migrations, "onegrid_version"),
                *((hosted.migrations, f"onegrid_{hosted.name}_version") for hosted in service.hosted),
            ):
                while _upgrade_once(engine, package, table):
                    pass
    finally:
        engine.dispose()


def _upgrade_once(engine: Engine, package: str, version_table: str) -> bool:
    """Run the next migration; whether there was one."""
    config = Config()
    config.set_main_option("script_location", str(files(package)).replace("%", "%%"))
    script = ScriptDirectory.from_config(config)
    run: list[object] = []

    def steps(revision: object, _: object) -> object:
        try:
            script.get_revisions(revision)  # type: ignore[arg-type]
        except CommandError:
            # Rolled back: the release that made this schema sees to it that the one before runs on it.
            log.warning("schema is of a newer release", revision=revision, table=version_table)
            return run
        for step in script._upgrade_revs("head", revision)[:1]:  # type: ignore[arg-type]
            log.info("migrating", step=step.revision.revision, table=version_table)
            run.append(step)
        return run

    with engine.begin() as conn, EnvironmentContext(config, script, fn=steps) as environment:
        environment.configure(connection=conn, version_table=version_table)
        environment.run_migrations()
    return bool(run)
