"""One fleet for all system tests; a test that kills or stops a process starts it again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from .collector import Collector, collecting
from .fleet import Fleet, FleetClient


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Fleet]:
    """Every process of the platform, with the demonstration district."""
    started = Fleet(tmp_path_factory.mktemp("fleet"), collector.endpoint)
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
