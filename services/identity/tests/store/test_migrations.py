"""The data of the release before, brought forward."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Engine, text

from onegrid_kit.database import sync_engine
from onegrid_kit.testing.postgres import TestPostgres


@pytest.fixture
def empty(postgres: TestPostgres) -> Iterator[Engine]:
    url = postgres.server.create_database("identity_migrations")
    engine = sync_engine(url)
    yield engine
    engine.dispose()
    postgres.drop(url)


def upgrade(engine: Engine, name: str) -> None:
    """Apply one revision."""
    with engine.begin() as conn, Operations.context(MigrationContext.configure(conn)):
        import_module(f"onegrid_identity.migrations.versions.{name}").upgrade()


def test_grants_accounts_and_refresh_tokens_of_the_release_before_are_kept(empty: Engine) -> None:
    upgrade(empty, "0001_accounts")
    with empty.begin() as conn:
        conn.execute(
            text("INSERT INTO held_role VALUES ('a', 'g1', 'self', 'self', now()), ('a', 'g2', 'r', 's', now())")
        )
        conn.execute(
            text(
                "INSERT INTO account (id, district, kind, sealed_name, organization, state, password_hash, version, "
                "create_time, update_time) VALUES ('a', '210602', 1, 'n', '', 1, '', 4, now(), now())"
            )
        )
        conn.execute(text("INSERT INTO refresh_token VALUES ('h', 's', true)"))
    for name in ("0002_grants", "0003_refresh_grace", "0004_attempts", "0005_homes"):
        upgrade(empty, name)
    with empty.connect() as conn:
        grants = conn.execute(
            text("SELECT account, id, role, scope, begin_time, expire_time FROM role_grant ORDER BY id")
        )
        assert [tuple(row) for row in grants] == [
            ("a", "g1", "self", "self", None, None),
            ("a", "g2", "r", "s", None, None),
        ]
        account = conn.execute(text("SELECT home, announced_version < version, phone_normalized FROM account")).one()
        assert tuple(account) == ("", True, False)
        assert conn.execute(text("SELECT used_time FROM refresh_token")).scalar_one() is None
        # Of both tables each holds each grant once.
        assert conn.execute(text("SELECT count(*) FROM held_role")).scalar_one() == 2
