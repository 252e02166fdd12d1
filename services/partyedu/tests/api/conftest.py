"""Organizations, for tests of what is done with them."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.events import Events

from .exams import COLLEAGUE, TAKER, Exam
from .line import Line


@pytest.fixture
async def line(api: Serving, engine: Engine, clock: SettableClock, events: Events) -> Line:
    """With four organizations."""
    found = Line(api, engine, clock, events)
    await found.prepare()
    return found


@pytest.fixture
async def exam(line: Line) -> Exam:
    """A quiz, and two members who may take it."""
    for caller in (TAKER, COLLEAGUE):
        line.know(caller.user)
        await line.admit(user=caller.user)
    found = Exam(line.api, line.engine, line.clock)
    found.prepare()
    return found
