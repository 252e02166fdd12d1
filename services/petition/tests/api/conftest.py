"""petition's api over real gRPC and a real database; events are handled when a test asks for it."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import Engine

from onegrid_kit.clock import SettableClock
from onegrid_kit.database import sync_engine
from onegrid_kit.migrations import migrate
from onegrid_kit.testing.api import serving
from onegrid_kit.testing.postgres import TestPostgres
from onegrid_petition.main import SERVICE

sys.path.insert(0, str(Path(__file__).parent))

from desk import Desk, announce_ground


@pytest.fixture(scope="session")
def postgres() -> Iterator[TestPostgres]:
    with TestPostgres() as server:
        yield server


@pytest.fixture
def database_url(postgres: TestPostgres) -> Iterator[str]:
    def prepare(url: str) -> None:
        migrate(SERVICE, url)
        engine = sync_engine(url)
        with engine.begin() as conn:
            announce_ground(conn)
        engine.dispose()

    url = postgres.database("petition", prepare)
    yield url
    postgres.drop(url)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = sync_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def clock() -> SettableClock:
    clock = SettableClock()
    clock.set(datetime(2020, 11, 11, 6, 36, tzinfo=UTC))
    return clock


@pytest_asyncio.fixture
async def desk(database_url: str, engine: Engine, clock: SettableClock) -> AsyncIterator[Desk]:
    async with serving(SERVICE, database_url, clock=clock, watch_interval_s=0.02) as served:
        yield Desk(served, engine)
