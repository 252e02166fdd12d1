"""grid's api over real gRPC and a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from onegrid_grid.main import SERVICE
from onegrid_kit.testing.api import Serving, serving


@pytest_asyncio.fixture
async def grid(database_url: str) -> AsyncIterator[Serving]:
    async with serving(SERVICE, database_url) as served:
        yield served


@pytest_asyncio.fixture
async def other_process(database_url: str) -> AsyncIterator[Serving]:
    """A second api over the same database."""
    async with serving(SERVICE, database_url) as served:
        yield served
