"""grid's api over real gRPC and a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from sqlalchemy import Engine

from onegrid_grid.main import SERVICE
from onegrid_kit.database import sync_engine
from onegrid_kit.migrations import migrate
from onegrid_kit.testing.api import Serving, serving
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


@pytest_asyncio.fixture
async def grid(database_url: str) -> AsyncIterator[Serving]:
    async with serving(SERVICE, database_url) as served:
        yield served


@pytest_asyncio.fixture
async def other_process(database_url: str) -> AsyncIterator[Serving]:
    """A second api over the same database."""
    async with serving(SERVICE, database_url) as served:
        yield served
