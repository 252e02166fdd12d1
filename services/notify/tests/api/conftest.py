"""What every test of notify's api finds."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from sqlalchemy import Engine

from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Serving

from .editors import Newsroom, enter_columns_and_places
from .stored import Stored


@pytest.fixture
def api_settings() -> Mapping[str, object]:
    return {"stream_interval_s": 0.02}


@pytest.fixture
def stored(engine: Engine, clock: SettableClock) -> Stored:
    return Stored(engine, clock)


@pytest.fixture
def newsroom(api: Serving, engine: Engine, clock: SettableClock) -> Newsroom:
    with engine.begin() as conn:
        enter_columns_and_places(conn)
    return Newsroom(api, engine, clock)
