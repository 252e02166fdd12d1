"""Organizations, for tests of what is done with them."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.events import Events

from .line import Line


@pytest.fixture
async def line(api: Serving, engine: Engine, clock: SettableClock, events: Events) -> Line:
    """With four organizations."""
    found = Line(api, engine, clock, events)
    await found.prepare()
    return found
