"""The kit is tested with the sample, a service that is small enough to see through."""

from __future__ import annotations

import amqp
import pytest

from onegrid_kit.service import Service
from onegrid_kit.testing.rabbitmq import RabbitServer

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
    return rabbitmq
