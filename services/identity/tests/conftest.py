"""identity's api over real gRPC and a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from sqlalchemy import Engine

from onegrid_identity import store
from onegrid_identity.bootstrap import bootstrap
from onegrid_identity.main import SERVICE
from onegrid_kit.cipher import cipher
from onegrid_kit.clock import SettableClock
from onegrid_kit.database import sync_engine
from onegrid_kit.migrations import migrate
from onegrid_kit.testing.api import Serving, serving
from onegrid_kit.testing.postgres import TestPostgres

PASSWORD = "correct horse battery"
DISTRICT = "210602"


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
            bootstrap(conn, cipher("AES-256-GCM", "test:" + "5a" * 32), DISTRICT, "admin", PASSWORD)
            for code in (DISTRICT, "210602003", "210602003007", "210602003007005"):
                store.keep_place(conn, code)
        engine.dispose()

    url = postgres.database("identity", prepare)
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
async def identity(database_url: str, clock: SettableClock) -> AsyncIterator[Serving]:
    sender = "onegrid_kit.testing.codes:KeptCodes"
    async with serving(SERVICE, database_url, clock=clock, code_sender=sender) as served:
        yield served
