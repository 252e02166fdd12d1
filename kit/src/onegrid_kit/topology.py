"""What exists on the broker: an exchange and a queue of each service, and the place of what was lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange
from aio_pika.connection import make_url
from aio_pika.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed

from onegrid_kit import amqp
from onegrid_kit.contracts import contracts_of
from onegrid_kit.events import source_of

__all__ = ["QueueTaken", "connected", "declare_consumer", "declare_publisher", "has_queue", "take_queue"]

_CONNECT_S = 10


@asynccontextmanager
async def connected(amqp_url: str) -> AsyncIterator[AbstractConnection]:
    """A connection to the broker, closed at the end, also where it was lost or never made."""
    connection = aio_pika.Connection(make_url(amqp_url))
    try:
        await connection.connect(timeout=_CONNECT_S)
        yield connection
    finally:
        # To close what is lost may fail once; the second time there is nothing left that could.
        for _ in range(2):
            with suppress(Exception):
                async with asyncio.timeout(_CONNECT_S):
                    await connection.close()


class QueueTaken(Exception):
    """The consumer's queue is that of another installation, which would get half of what is announced to this one."""

    def __init__(self, consumer: str) -> None:
        super().__init__(
            f"the queue {_queue_of(consumer)} at this virtual host is another installation's: each takes one of its "
            f"own, by platform.broker.vhost or in ONEGRID_AMQP_URL; if the other's database is gone, delete the "
            f"exchange {_owner_of(consumer)}"
        )


async def take_queue(amqp_url: str, consumer: str, installation: str) -> None:
    """See to it that the consumer's queue is of this installation, for good. Raises QueueTaken.

    Of an exchange the broker compares the alternate one whenever it is declared: whoever was first stays its owner.
    """
    async with connected(amqp_url) as connection:
        channel = await connection.channel()
        try:
            await channel.declare_exchange(
                _owner_of(consumer),
                aio_pika.ExchangeType.FANOUT,
                durable=True,
                arguments={"alternate-exchange": f"onegrid.installation.{installation}"},
            )
        except ChannelPreconditionFailed:
            raise QueueTaken(consumer) from None


async def declare_consumer(amqp_url: str, consumer: str, types: Sequence[str]) -> None:
    """Declare a consumer's queue, and the exchanges that it listens to."""
    async with connected(amqp_url) as connection:
        channel = await connection.channel()
        await _declare_exchange(channel, f"onegrid.{consumer}")
        queue = await channel.declare_queue(_queue_of(consumer), durable=True, arguments=dict(amqp.QUEUE_ARGUMENTS))
        for event_type in types:
            exchange = await _declare_exchange(channel, source_of(event_type))
            await queue.bind(exchange, routing_key=event_type)


async def declare_publisher(
    channel: AbstractChannel, service: str, types: Iterable[str]
) -> Mapping[str, AbstractExchange]:
    """Declare the exchanges of the contracts whose events a service announces; by name. Events go to the queues that
    want them; one that none wants is no loss.
    """
    names = [f"onegrid.{contract}" for contract in contracts_of(service)]
    exchanges = {name: await _declare_exchange(channel, name) for name in names}
    # What is routed to an exchange, even to one without a queue, does not go to the alternate exchange.
    unsubscribed = await channel.declare_exchange(amqp.UNSUBSCRIBED, aio_pika.ExchangeType.FANOUT, durable=True)
    for event_type in types:
        await unsubscribed.bind(exchanges[source_of(event_type)], routing_key=event_type)
    return exchanges


async def has_queue(connection: AbstractConnection, consumer: str) -> bool:
    """Whether the consumer's queue was declared."""
    # The broker closes the channel of a question that it answers with no.
    channel = await connection.channel()
    try:
        await channel.declare_queue(_queue_of(consumer), passive=True)
    except ChannelNotFoundEntity:
        return False
    finally:
        await channel.close()
    return True


def _queue_of(consumer: str) -> str:
    return f"onegrid.{consumer}"


def _owner_of(consumer: str) -> str:
    return f"onegrid.{consumer}.owner"


async def _declare_exchange(channel: AbstractChannel, name: str) -> AbstractExchange:
    unrouted = await channel.declare_exchange(amqp.UNROUTED, aio_pika.ExchangeType.FANOUT, durable=True)
    queue = await channel.declare_queue(amqp.UNROUTED, durable=True, arguments=dict(amqp.UNROUTED_ARGUMENTS))
    await queue.bind(unrouted)
    return await channel.declare_exchange(
        name, aio_pika.ExchangeType.TOPIC, durable=True, arguments={"alternate-exchange": amqp.UNROUTED}
    )
