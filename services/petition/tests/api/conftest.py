"""Every test of petition's api finds a small district; events are handled when a test asks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from sqlalchemy import Connection, Engine

from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.events import Events

from .desk import Desk, announce_ground


@pytest.fixture
def initial_data() -> Callable[[Connection], None]:
    return announce_ground


@pytest.fixture
def api_settings() -> Mapping[str, object]:
    return {"watch_interval_s": 0.02}


@pytest.fixture
def desk(api: Serving, engine: Engine, events: Events) -> Desk:
    return Desk(api, engine, events)
