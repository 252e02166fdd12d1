"""The world outside, for tests of patrols."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.events import Events

from .fieldwork import Outside


@pytest.fixture
async def outside(api: Serving, engine: Engine, clock: SettableClock, events: Events) -> Outside:
    """With a unit and a route."""
    found = Outside(api, engine, clock, events)
    await found.prepare()
    return found
