"""What exists on the broker: an exchange and a queue of each service, and the place of what nobody takes."""

from __future__ import annotations

from collections.abc import Sequence

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractExchange

from onegrid_kit import amqp
from onegrid_kit.events import source_of

__all__ = ["declare_consumer", "declare_exchange"]


async def declare_consumer(amqp_url: str, consumer: str, types: Sequence[str]) -> None:
    """Declare a consumer's queue, and the exchanges that it listens to, so that no event is published before it."""
    async with await aio_pika.connect(amqp_url, timeout=10) as connection:
        channel = await connection.channel()
        await declare_exchange(channel, f"onegrid.{consumer}")
        queue = await channel.declare_queue(f"onegrid.{consumer}", durable=True, arguments=dict(amqp.QUEUE_ARGUMENTS))
        for event_type in types:
            exchange = await declare_exchange(channel, source_of(event_type))
            await queue.bind(exchange, routing_key=event_type)


async def declare_exchange(channel: AbstractChannel, name: str) -> AbstractExchange:
    """Declare a service's exchange, and where what nobody takes goes."""
    unrouted = await channel.declare_exchange(amqp.UNROUTED, aio_pika.ExchangeType.FANOUT, durable=True)
    queue = await channel.declare_queue(amqp.UNROUTED, durable=True, arguments=dict(amqp.UNROUTED_ARGUMENTS))
    await queue.bind(unrouted)
    return await channel.declare_exchange(
        name, aio_pika.ExchangeType.TOPIC, durable=True, arguments={"alternate-exchange": amqp.UNROUTED}
    )
