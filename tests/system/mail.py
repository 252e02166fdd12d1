"""Where e-mail of the fleet arrives: a real SMTP server in a thread of the tests."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid_demo import district
from onegrid_kit.cipher import Cipher
from onegrid_notify.address import Address, Destination

__all__ = ["MailSink", "receiving_mail", "verified_address"]


class MailSink:
    """What arrived, and when."""

    def __init__(self) -> None:
        self.port = 0
        self.taken: Counter[tuple[str, str]] = Counter()
        """How often each subject arrived at each address."""
        self.first: dict[str, float] = {}
        """When a subject arrived first, by the monotonic clock."""

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:
        subject = str(make_header(decode_header(message_from_bytes(_bytes(envelope.content))["subject"])))
        self.first.setdefault(subject, time.monotonic())
        for address in envelope.rcpt_tos:
            self.taken[subject, address] += 1
        return "250 2.0.0 ok"


@contextmanager
def receiving_mail() -> Iterator[MailSink]:
    """Take mail on a free port until the block ends."""
    sink = MailSink()
    listens = threading.Event()
    stopping: asyncio.Event
    loop: asyncio.AbstractEventLoop

    async def serve() -> None:
        nonlocal stopping, loop
        stopping, loop = asyncio.Event(), asyncio.get_running_loop()
        server = await loop.create_server(lambda: SMTP(sink, hostname="mail.example.cn"), "127.0.0.1", 0)
        sink.port = server.sockets[0].getsockname()[1]
        listens.set()
        await stopping.wait()
        server.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="mail sink")
    thread.start()
    listens.wait()
    try:
        yield sink
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join()


def verified_address(user: str, value: str, now: datetime, seal: Cipher) -> dict[str, Any]:
    """A row of notify's table of addresses: somebody's e-mail, verified now."""
    destination = Destination(Channel.CHANNEL_EMAIL, value)
    of = Address(
        user=user,
        id=value.partition("@")[0],
        district=district.CODE,
        channel=Channel.CHANNEL_EMAIL,
        sealed_value=destination.sealed(seal),
        value_index=destination.index(seal),
        create_time=now,
        verify_time=now,
    )
    return {
        "user_name": of.user,
        "id": of.id,
        "district": of.district,
        "channel": int(of.channel),
        "sealed_value": of.sealed_value,
        "value_index": of.value_index,
        "verify_time": of.verify_time,
        "create_time": of.create_time,
    }


def _bytes(content: Any) -> bytes:
    return content if isinstance(content, bytes) else str(content).encode()
