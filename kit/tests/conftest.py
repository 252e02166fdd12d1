"""The kit is tested with the sample, a service that is small enough to see through."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import amqp
import pytest

from onegrid_kit.service import Service
from onegrid_kit.testing.rabbitmq import RabbitServer

from . import roles
from .carriers import Carrier, brokering, pumping
from .sample.main import SERVICE


@pytest.fixture
def service() -> Service:
    """The sample."""
    return SERVICE


@pytest.fixture
def empty_broker(rabbitmq: RabbitServer) -> RabbitServer:
    """The broker without a queue or exchange that a former test left."""
    with amqp.Connection(rabbitmq.url.split("@")[1].rstrip("/")) as connection:
        channel = connection.channel()
        for queue in ("onegrid.identity", "onegrid.unrouted"):
            channel.queue_delete(queue)
        channel.exchange_delete("onegrid.identity.owner")
    return rabbitmq


@pytest.fixture(params=["pump", "rabbitmq"])
def carrier(request: pytest.FixtureRequest, database_url: str) -> Iterator[Carrier]:
    """Each carrier in turn."""
    with ExitStack() as stack:
        if request.param == "pump":
            environ = roles.environment(database_url)
            stack.enter_context(pumping(environ))
        else:
            broker: Any = request.getfixturevalue("empty_broker")
            environ = roles.environment(database_url, broker.url)
            stack.enter_context(brokering(environ))
        yield Carrier(environ)
