"""grid's api over real gRPC and a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import Engine

from onegrid_kit.clock import SettableClock
from onegrid_kit.service import Service
from onegrid_kit.testing.api import Serving, serving
from onegrid_kit.testing.events import Events

from .fieldwork import Outside


@pytest.fixture
def grid(api: Serving) -> Serving:
    return api


@pytest_asyncio.fixture
async def other_process(service: Service, database_url: str, clock: SettableClock) -> AsyncIterator[Serving]:
    """A second api over the same database."""
    async with serving(service, database_url, clock=clock) as served:
        yield served


@pytest_asyncio.fixture
async def outside(api: Serving, engine: Engine, clock: SettableClock, events: Events) -> Outside:
    """The world outside, with two cells."""
    found = Outside(api, engine, clock, events)
    await found.prepare()
    return found
