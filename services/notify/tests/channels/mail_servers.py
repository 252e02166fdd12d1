"""A real SMTP server that answers as it is told."""

from __future__ import annotations

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass
class MailServer:
    """What it got, and what it says."""

    port: int = 0
    taken: list[Envelope] = field(default_factory=list)
    connections: int = 0
    commands: list[str] = field(default_factory=list)
    on_mail: str = ""
    on_rcpt: str = ""
    on_data: str | Callable[[SMTP], str] = ""
    """What it says once it has read a message."""
    on_end: Callable[[SMTP], None] | None = None
    """What it does instead of letting the message in."""

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.commands.append("MAIL")
        if self.on_mail:
            return self.on_mail
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 ok"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.commands.append("RCPT")
        if self.on_rcpt.startswith("421"):
            await server.push(self.on_rcpt)
            server.transport.close()
            return ""
        if self.on_rcpt == "drop":
            server.transport.abort()
            return ""
        if self.on_rcpt:
            return self.on_rcpt
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.commands.append("DATA")
        if self.on_data == "drop":
            server.transport.abort()
            return ""
        if self.on_data == "hang":
            await asyncio.Event().wait()
        if self.on_data:
            return str(self.on_data)
        self.taken.append(envelope)
        return "250 2.0.0 queued as 4711"

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.commands.append("QUIT")
        return "221 2.0.0 bye"

    async def handle_RSET(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.commands.append("RSET")
        return "250 2.0.0 ok"


@asynccontextmanager
async def mail_serving(
    *, tls: ssl.SSLContext | None = None, implicit: bool = False, password: str = "", **options: Any
) -> AsyncIterator[MailServer]:
    """On a free port; with a context it offers STARTTLS, or speaks TLS at once."""
    mail = MailServer()

    def authenticate(_: SMTP, __: Session, ___: Envelope, ____: str, given: Any) -> AuthResult:
        right = isinstance(given, LoginPassword) and given.password == password.encode()
        return AuthResult(success=right, handled=False)

    def connected() -> SMTP:
        mail.connections += 1
        starttls = None if implicit else tls
        with warnings.catch_warnings():
            # It warns of passwords without STARTTLS, also if all of the connection is TLS.
            warnings.simplefilter("ignore", UserWarning)
            return SMTP(
                mail, hostname="mail.example.cn", tls_context=starttls, require_starttls=starttls is not None,
                authenticator=authenticate, auth_required=bool(password), auth_require_tls=not implicit, **options,
            )  # fmt: skip

    loop = asyncio.get_running_loop()
    server = await loop.create_server(connected, "127.0.0.1", 0, ssl=tls if implicit else None)
    mail.port = server.sockets[0].getsockname()[1]
    try:
        yield mail
    finally:
        server.close()
        await server.wait_closed()
