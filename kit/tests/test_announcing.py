"""What is current is announced once to each service that comes later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pytest
from google.protobuf.message import Message
from sqlalchemy import Connection, Engine

from onegrid.identity.v1.events_pb2 import UserDisabled
from onegrid.identity.v1.resources_pb2 import User
from onegrid_kit import announcing, steps
from onegrid_kit.announcing import Current, announce_to, steps_of
from onegrid_kit.clock import SystemClock
from onegrid_kit.paging import Position
from onegrid_kit.steps import StepRunner
from onegrid_kit.testing.events import announced, forget_announced

TYPE = "onegrid.identity.v1.UserDisabled"
NAMES = [f"users/{letter}" for letter in "abcdefg"]


def users(_: Connection, __: datetime, after: Position, limit: int) -> Sequence[tuple[Position, str, Message]]:
    behind = [name for name in NAMES if not after or name > after[0]]
    return [((name,), name, UserDisabled(user=name)) for name in behind[:limit]]


CURRENT = (Current(UserDisabled, users),)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcing, "_PIECE", 3)
    monkeypatch.setattr(announcing, "_PAUSE_S", 0.0)


def announce(engine: Engine, *subscribers: str, missing: Sequence[str] = ()) -> list[str]:
    """The users that are announced when there are these subscribers."""
    with engine.begin() as conn:
        announce_to(conn, CURRENT, {TYPE: subscribers}, missing)
    runner = StepRunner("toy", engine, steps_of(CURRENT), SystemClock())
    names: list[str] = []
    while runner.step():
        names += [each.user for each in announced(engine)]
        forget_announced(engine)
    return names


def test_all_of_it_is_announced_once_to_a_subscriber_and_again_to_the_next_one(engine: Engine) -> None:
    assert announce(engine, "grid") == NAMES
    assert announce(engine, "grid") == []
    assert announce(engine, "grid", "notify") == NAMES
    assert announce(engine, "grid", "notify") == []


def test_nothing_is_announced_where_nobody_subscribes_or_the_queue_is_missing(engine: Engine) -> None:
    assert announce(engine) == []
    assert announce(engine, "grid", missing=["grid"]) == []
    assert announce(engine, "grid") == NAMES


def test_a_subscriber_whose_queue_is_gone_for_a_while_is_not_a_new_one(engine: Engine) -> None:
    announce(engine, "grid")
    assert announce(engine, "grid", missing=["grid"]) == []
    assert announce(engine, "grid") == []


def test_a_service_that_the_installation_left_out_for_a_while_hears_of_all_again(engine: Engine) -> None:
    announce(engine, "grid", "notify")
    assert announce(engine, "grid") == []
    assert announce(engine, "grid", "notify") == NAMES


def test_no_piece_is_announced_while_many_events_wait(engine: Engine) -> None:
    with engine.begin() as conn:
        announce_to(conn, CURRENT, {TYPE: ["grid"]})
    runner = StepRunner("toy", engine, steps_of(CURRENT), SystemClock())
    for _ in range(4):
        assert runner.step()
    assert [each.user for each in announced(engine)] == NAMES[:3]
    forget_announced(engine)
    while runner.step():
        if len(announced(engine)) == 3:
            forget_announced(engine)
    with engine.connect() as conn:
        assert not steps.unfinished(conn)


def test_only_events_are_announced() -> None:
    with pytest.raises(TypeError):
        steps_of([Current(User, users)])
