"""A consumer as one writes it without the platform: each event in a transaction of its own, then acknowledged.

    python -m benchmarks.bare_consumer AMQP_URL QUEUE DATABASE_URL COUNT

It inserts what notify's worker does for the event, with texts that are ready, and prints how many seconds it took from
the first event to the last.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import uuid
from typing import Final

import asyncpg
import uvloop

from onegrid_kit import amqp
from onegrid_kit.topology import connected

_PREFETCHED: Final = 50
_USER: Final = "users/00000000000000000001"
_TITLE: Final = "您的诉求已有单位接办"
_TEXT: Final = "丹东市振兴区人社中心于2020年11月11日 14:40接办您的求助（编号210602-20201111-00000001）。"
_CLAIM: Final = "INSERT INTO inbox (handler, event_id) VALUES ('message_task_taken', $1)"
_MESSAGE: Final = """
    INSERT INTO message (district, user_name, id, title, text, subject, source, urgent, create_time, expire_time)
    VALUES ('210602', $1, $2, $3, $4, $5, 1, false, $6, CAST($6 AS timestamptz) + interval '1 year')
    """
_SOURCE: Final = """
    INSERT INTO message_source (district, item, number, event, recipient, facts, expire_time)
    VALUES ('210602', $1, 1, 'petition.TaskTaken', 'petitioner', $2, CAST($3 AS timestamptz) + interval '3 days')
    """
_FACTS: Final = json.dumps(
    {"time": "2020-11-11T06:40:00+00:00", "number": "210602-20201111-00000001", "kind": 1, "office": "人社中心"}
)
_SIGNAL: Final = """
    INSERT INTO signal (district, item, user_name, removed, time) VALUES ('210602', $1, $2, false, $3)
    """


async def consume(amqp_url: str, queue: str, database_url: str, count: int) -> float:
    """The seconds from the first event to the last."""
    conn = await asyncpg.connect(database_url)
    statements = (_CLAIM, _MESSAGE, _SOURCE, _SIGNAL)
    claim, message, source, signal = [await conn.prepare(statement) for statement in statements]
    began = 0.0
    async with connected(amqp_url) as connection:
        channel = await connection.channel()
        await channel.set_qos(_PREFETCHED)
        waiting = await channel.get_queue(queue)
        async with waiting.iterator() as events:
            async for event in events:
                began = began or time.perf_counter()
                delivery = amqp.envelope(event.headers, event.body).delivery
                item = f"m-{uuid.UUID(delivery.id).hex}"
                async with conn.transaction():
                    await claim.fetch(delivery.id)
                    await message.fetch(_USER, item, _TITLE, _TEXT, delivery.subject, delivery.time)
                    await source.fetch(item, _FACTS, delivery.time)
                    await signal.fetch(item, _USER, delivery.time)
                await event.ack()
                count -= 1
                if not count:
                    break
    await conn.close()
    return time.perf_counter() - began


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        url, name, database, number = sys.argv[1:]
        print(runner.run(consume(url, name, database, int(number))), flush=True)
