"""The mail loop as one writes it without the platform: one connection, one message after another.

python -m benchmarks.bare_mailer PORT COUNT
"""

from __future__ import annotations

import asyncio
import sys
from email.message import EmailMessage

import aiosmtplib
import uvloop


async def send(port: int, count: int) -> None:
    """Send them."""
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
        for number in range(count):
            message = EmailMessage()
            message["From"] = "元宝区网格通 <notice@example.cn>"
            message["To"] = f"resident-{number}@example.cn"
            message["Subject"] = "停水通知"
            message.set_content("明日8时至12时停水，请提前储水。")
            message.add_alternative("<p>明日8时至12时停水，请提前储水。</p>", subtype="html")
            await client.send_message(message)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(send(*map(int, sys.argv[1:])))
