"""A real database for each test, migrated as in production."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from onegrid_grid.main import SERVICE
from onegrid_kit.database import sync_engine
from onegrid_kit.migrations import migrate
from onegrid_kit.testing.postgres import TestPostgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[TestPostgres]:
    with TestPostgres() as server:
        yield server


@pytest.fixture
def database_url(postgres: TestPostgres) -> Iterator[str]:
    url = postgres.database("grid", lambda template: migrate(SERVICE, template))
    yield url
    postgres.drop(url)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = sync_engine(database_url)
    yield engine
    engine.dispose()
