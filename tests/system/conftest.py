"""One fleet for all system tests; a test that kills or stops a process starts it again."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from .collector import Collector, collecting
from .dike import Dike
from .fleet import Fleet, FleetClient
from .killing import Insisting
from .mail import MailSink, receiving_mail


@pytest.fixture(scope="package")
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture(scope="package")
def mail() -> Iterator[MailSink]:
    """Where e-mail of the fleet arrives."""
    with receiving_mail() as sink:
        yield sink


@pytest.fixture(scope="package")
def fleet(tmp_path_factory: pytest.TempPathFactory, collector: Collector, mail: MailSink) -> Iterator[Fleet]:
    """Every process of the platform, with the demonstration district."""
    smtp = {"name": "mail", "kind": "smtp", "host": "127.0.0.1", "port": mail.port, "security": "plain"}
    providers = json.dumps([{**smtp, "from_address": "notice@example.cn"}])
    started = Fleet(tmp_path_factory.mktemp("fleet"), collector.endpoint, PROVIDERS=providers)
    try:
        started.start()
        yield started
    finally:
        started.close()


@pytest.fixture(autouse=True)
def mended(fleet: Fleet) -> Iterator[None]:
    """Whatever a test did, and however it ended, the next one finds the fleet complete."""
    yield
    fleet.mend()


@pytest_asyncio.fixture
async def client(fleet: Fleet) -> AsyncIterator[FleetClient]:
    connected = FleetClient(fleet)
    yield connected
    await connected.close()


@pytest_asyncio.fixture
async def dike(fleet: Fleet) -> AsyncIterator[Dike]:
    """With a roster and a plan, and a client that insists."""
    client = FleetClient(fleet, Insisting())
    made = Dike(fleet, client)
    await made.prepare()
    yield made
    await client.close()
