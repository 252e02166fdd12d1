"""grid's api over real gRPC and a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from onegrid_kit.clock import SettableClock
from onegrid_kit.service import Service
from onegrid_kit.testing.api import Serving, serving


@pytest.fixture
def grid(api: Serving) -> Serving:
    return api


@pytest_asyncio.fixture
async def other_process(service: Service, database_url: str, clock: SettableClock) -> AsyncIterator[Serving]:
    """A second api over the same database."""
    async with serving(service, database_url, clock=clock) as served:
        yield served
