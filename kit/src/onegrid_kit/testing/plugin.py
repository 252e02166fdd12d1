"""The pytest plugin for tests of services.

A test asks for what it needs: a database, the api, a clock, events, a broker. Which service is tested follows from
where the test lies: `services/petition/tests` tests `onegrid_petition`. A conftest overrides what is special to a
service: `initial_data`, `api_settings`.
"""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import pytest_asyncio
import structlog
from sqlalchemy import Connection, Engine

from onegrid_kit.clock import CHINA, SettableClock
from onegrid_kit.database import DedicatedConnection, sync_engine
from onegrid_kit.migrations import migrate
from onegrid_kit.service import Service, host_of
from onegrid_kit.testing.api import Serving, serving
from onegrid_kit.testing.events import Events
from onegrid_kit.testing.postgres import TestPostgres
from onegrid_kit.testing.rabbitmq import RabbitServer

__all__: list[str] = []


def pytest_configure() -> None:
    """Log tracebacks as Python prints them: structlog's own, with the variables of each frame, take seconds. Time no
    property: on a busy machine any example may take a second.
    """
    patient = [hypothesis.HealthCheck.too_slow]
    hypothesis.settings.register_profile("onegrid", deadline=None, suppress_health_check=patient)
    hypothesis.settings.load_profile("onegrid")
    *others, _ = structlog.get_config()["processors"]
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*others, plain])


@pytest.fixture(scope="session")
def postgres() -> Iterator[TestPostgres]:
    """The server that all tests share; one that kills it asks for `own_postgres`."""
    with TestPostgres() as server:
        yield server


@pytest.fixture
def own_postgres() -> Iterator[TestPostgres]:
    """A server to be killed."""
    with TestPostgres() as server:
        yield server


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitServer]:
    """The broker that all tests share, killed or not: its port stays the same."""
    with RabbitServer() as server:
        yield server


@pytest.fixture
def service(request: pytest.FixtureRequest) -> Service:
    """The service whose tests these are; of one that is hosted, its host."""
    for folder in request.path.parents:
        if folder.name == "tests":
            for main in (folder.parent / "src").glob("*/main.py"):
                return host_of(_service_of(main))
    raise LookupError(f"{request.path} lies in the tests of no service: define a fixture `service`")


@pytest.fixture
def initial_data() -> Callable[[Connection], None] | None:
    """Writes what every test of the service finds in its database; each run has it done once."""
    return None


@pytest.fixture
def database_url(
    postgres: TestPostgres, service: Service, initial_data: Callable[[Connection], None] | None
) -> Iterator[str]:
    """A database of the service of its own, migrated as in production."""
    url = prepared_database(postgres, service, initial_data)
    yield url
    postgres.drop(url)


@pytest.fixture
def own_database_url(
    own_postgres: TestPostgres, service: Service, initial_data: Callable[[Connection], None] | None
) -> str:
    """The same on a server to be killed."""
    return prepared_database(own_postgres, service, initial_data)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """The database, for a test's own statements."""
    engine = sync_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def clock() -> SettableClock:
    """The domain's time, which stands at the beginning of the reference case until a test sets it."""
    clock = SettableClock()
    clock.set(datetime(2020, 11, 11, 14, 36, tzinfo=CHINA))
    return clock


@pytest.fixture
def api_settings() -> Mapping[str, Any]:
    """Settings of the api that differ from those of `serving`."""
    return {}


@pytest_asyncio.fixture
async def api(
    service: Service, database_url: str, clock: SettableClock, api_settings: Mapping[str, Any]
) -> AsyncIterator[Serving]:
    """The service's api, over real gRPC."""
    async with serving(service, database_url, clock=clock, **api_settings) as served:
        yield served


@pytest.fixture
def events(service: Service, engine: Engine, clock: SettableClock) -> Events:
    """Delivery to the service's handlers."""
    return Events(service, engine, clock)


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements of dedicated connections."""
    statements: list[str] = []
    fetch = DedicatedConnection.fetch

    async def counting(self: DedicatedConnection, statement: str, *arguments: object, repeatable: bool) -> Any:
        statements.append(statement)
        return await fetch(self, statement, *arguments, repeatable=repeatable)

    monkeypatch.setattr(DedicatedConnection, "fetch", counting)
    return statements


def prepared_database(
    postgres: TestPostgres, service: Service, initial_data: Callable[[Connection], None] | None
) -> str:
    """The url of a fresh database with the service's tables and this data."""

    def prepare(url: str) -> None:
        migrate(service, url)
        if initial_data is not None:
            engine = sync_engine(url)
            with engine.begin() as conn:
                initial_data(conn)
            engine.dispose()

    # By its package: a service of the tests may be called like a real one.
    template = service.package.replace(".", "_") + (f"_{initial_data.__name__}" if initial_data else "")
    return postgres.database(template, prepare)


def _service_of(main: Path) -> Service:
    found: Service = importlib.import_module(f"{main.parent.name}.main").SERVICE
    return found
