"""One PostgreSQL and one RabbitMQ for all tests of the kit, a fresh database for each."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import amqp
import pytest
from sqlalchemy import Engine

from onegrid_kit.database import sync_engine
from onegrid_kit.migrations import migrate
from onegrid_kit.testing.postgres import TestPostgres
from onegrid_kit.testing.rabbitmq import RabbitServer

sys.path.insert(0, str(Path(__file__).parent))

from sample.main import SERVICE


@pytest.fixture(scope="session")
def postgres() -> Iterator[TestPostgres]:
    """The server that all tests share; one that kills it has its own."""
    with TestPostgres() as server:
        yield server


@pytest.fixture
def database_url(postgres: TestPostgres) -> Iterator[str]:
    """A fresh database with the kit's and the sample's tables."""
    url = postgres.database("sample", lambda template: migrate(SERVICE, template))
    yield url
    postgres.drop(url)


@pytest.fixture
def own_postgres() -> Iterator[TestPostgres]:
    """A server to be killed."""
    with TestPostgres() as server:
        yield server


@pytest.fixture
def own_database_url(own_postgres: TestPostgres) -> str:
    """A database of a server to be killed."""
    return own_postgres.database("sample", lambda template: migrate(SERVICE, template))


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """The fresh database, for a test's own statements."""
    engine = sync_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitServer]:
    """The broker that all tests share, killed or not: its port stays the same."""
    with RabbitServer() as server:
        yield server


@pytest.fixture
def empty_broker(rabbitmq: RabbitServer) -> RabbitServer:
    """The broker without a queue or exchange that a former test left."""
    with amqp.Connection(rabbitmq.url.split("@")[1].rstrip("/")) as connection:
        channel = connection.channel()
        for queue in ("onegrid.identity", "onegrid.unrouted"):
            channel.queue_delete(queue)
    return rabbitmq
