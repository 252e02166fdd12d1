"""E-mail by SMTP (RFC 5321). It can't be exactly once: of a message whose answer is lost, the server can't be asked."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from email import base64mime
from email.header import Header
from email.utils import format_datetime
from functools import lru_cache
from typing import Final

import aiosmtplib

from onegrid_kit.sending import Attempt, Outgoing, Result, Send
from onegrid_notify.channels.adapters import Adapter
from onegrid_notify.contents import Email
from onegrid_notify.providers import Smtp

__all__ = ["SmtpServer"]

_IDLE_S: Final = 30.0
"""Servers end idle connections; this is earlier than any does."""
_CLOSING: Final = 421
_START_INPUT: Final = 354
_TOO_LARGE: Final = 552
_SIGN: Final = r"[^\s\x00-\x1f\x7f<>()\[\]\\,;:@\"]"
_MAILBOX: Final = re.compile(rf"({_SIGN}{{1,64}})@({_SIGN}{{1,253}})")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_URL: Final = re.compile(r"(https?)://[!#-+\--;=?-~]{1,2000}")
_NEWLINE: Final = "\r\n"
_STATUS: Final = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")
_NO_SUCH_ADDRESS: Final = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
"""RFC 3463. Not 5.1.7 and 5.1.8, which are about the sender; a bare 550 also stands for policies (RFC 5321, 4.2.2)."""
_LEADING_DOT: Final = re.compile(rb"(?m)^\.")


class _Refused(Exception):
    """The server said no."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.code)
        self.result = result


@dataclass(slots=True)
class _Connection:
    """One that is kept open."""

    client: aiosmtplib.SMTP
    messages: int = 0
    in_transaction: bool = False
    """Whether the message before was refused halfway."""
    idle_since_s: float = 0.0


class SmtpServer(Adapter):
    """Sends over as many connections as calls may run, each for many messages."""

    channel = Smtp.channel

    def __init__(self, config: Smtp) -> None:
        """Raise OSError if there is no such file of certificates."""
        super().__init__(config)
        self._config = config
        self._tls = ssl.create_default_context(cafile=config.ca_file or None)
        self._idle: list[_Connection] = []

    async def send(self, _: Outgoing, message: Send, attempt: Attempt) -> Result:
        """Hand it to the server."""
        email: Email = message.content
        mailbox = _MAILBOX.fullmatch(message.address)
        if mailbox is None:
            return Result.failed("ADDRESS_INVALID", address_refused=True)
        try:
            to = f"{mailbox[1]}@{mailbox[2].encode('idna').decode()}"
        except UnicodeError:
            return Result.failed("ADDRESS_INVALID", address_refused=True)
        try:
            body, id_ = _written(self._config, email, to, attempt)
        except ValueError:
            return Result.failed("MESSAGE_INVALID")
        connected = begun = False
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(self._config.timeout_s):
                    connection = await stack.enter_async_context(self._connection())
                    connected = True
                    await self._begin(connection, to, international=not to.isascii())
                begun = True
                async with asyncio.timeout(self._config.timeout_s):
                    await _finish(connection.client, body)
        except _Refused as refused:
            return refused.result
        except (aiosmtplib.SMTPException, OSError) as error:  # a TimeoutError is one, too
            if not connected:
                return Result.failed(_why_not_connected(error), provider_away=True)
            code = "TIMEOUT" if isinstance(error, TimeoutError) else "CONNECTION_LOST"
            return Result.unknown(code) if begun else Result.failed(code, temporary=True)
        return Result.accepted(id_)

    async def close(self) -> None:
        """End its connections."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(_quit(each.client) for each in idle))

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[_Connection]:
        """One for one message; it is kept if it is still in order afterwards."""
        connection = await self._idle_one() or await self._new_one()
        kept = False
        try:
            yield connection
            kept = True
        except _Refused as refused:
            kept, connection.in_transaction = refused.result.code != str(_CLOSING), True
            raise
        finally:
            connection.messages += 1
            if kept and connection.client.is_connected and connection.messages < self._config.messages_per_connection:
                connection.idle_since_s = asyncio.get_running_loop().time()
                self._idle.append(connection)
            else:
                connection.client.close()

    async def _idle_one(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.client.is_connected:
                continue
            if asyncio.get_running_loop().time() - connection.idle_since_s < _IDLE_S:
                return connection
            connection.client.close()
        return None

    async def _new_one(self) -> _Connection:
        config = self._config
        client = aiosmtplib.SMTP(
            hostname=config.host,
            port=config.actual_port,
            use_tls=config.security == "tls",
            start_tls=config.security == "starttls",
            tls_context=self._tls,
            username=config.username or None,
            password=config.password or None,
            timeout=config.timeout_s,
            # What the machine calls itself would be looked up, for each connection, and is a pod's.
            local_hostname=config.from_address.rpartition("@")[2].encode("idna").decode(),
        )
        try:
            await client.connect()
        except BaseException:
            client.close()
            raise
        return _Connection(client)

    async def _begin(self, connection: _Connection, to: str, *, international: bool) -> None:
        """Everything before the message itself: until then nothing is sent."""
        client, options = connection.client, []
        if connection.in_transaction:
            await _ask(client.rset())
            connection.in_transaction = False
        if international:
            if client.is_ehlo_or_helo_needed:
                await client.ehlo()
            if not client.supports_extension("smtputf8"):
                raise _Refused(Result.failed("SMTPUTF8_NOT_SUPPORTED"))
            options = ["SMTPUTF8", "BODY=8BITMIME"]
        encoding = "utf-8" if international else "ascii"
        try:
            # What it has against the sender is no fault of the message, unless that is too large.
            await _ask(client.mail(self._config.from_address, options=options, encoding=encoding), of_sender=True)
            await _ask(client.rcpt(to, encoding=encoding))
            response = await client.execute_command(b"DATA")
            if response.code != _START_INPUT:
                raise _Refused(_refusal(response.code, response.message))
        except ValueError:
            raise _Refused(Result.failed("ADDRESS_INVALID", address_refused=True)) from None


def _why_not_connected(error: BaseException) -> str:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return str(error.code)
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
        return "TLS"
    # What is no failure of the network says that the server lacks STARTTLS, or a way to log in.
    return "CONNECT" if isinstance(error, OSError) else "NOT_SUPPORTED"


def _written(config: Smtp, email: Email, to: str, attempt: Attempt) -> tuple[bytes, str]:
    """The message as it is sent, and its Message-ID, by which reports about it name it. Raises ValueError.

    It is put together of what the email package encodes: its `EmailMessage` takes fifty times as long, most of it for
    headers that never change. So what comes from others is encoded or checked here.
    """
    id_ = f"{attempt.key.hex}@{config.from_address.rpartition('@')[2]}"
    headers = [
        *_constant_headers(config),
        # An address in another script stands there as it is (RFC 6532).
        f"To: {to}",
        f"Subject: {_encoded('Subject', email.subject)}",
        f"Date: {format_datetime(attempt.begin_time)}",
        f"Message-ID: <{id_}>",
    ]
    if _LANGUAGE.fullmatch(email.language) is None:
        raise ValueError("it is no language tag")
    headers.append(f"Content-Language: {email.language}")
    if email.unsubscribe_url:
        url = _URL.fullmatch(email.unsubscribe_url)
        if url is None:
            raise ValueError("it is no address of a page")
        headers.append(f"List-Unsubscribe: <{email.unsubscribe_url}>")
        # One click takes HTTPS (RFC 8058); the page itself does not, in a demonstration.
        if url[1] == "https":
            headers.append("List-Unsubscribe-Post: List-Unsubscribe=One-Click")
    text = _part("plain", email.text)
    if email.html:
        # No line of base64 is like it, so that the parts need not be searched for it.
        boundary = f"=_{attempt.key.hex}"
        headers.append(f'Content-Type: multipart/alternative; boundary="{boundary}"{_NEWLINE}')
        body = [f"--{boundary}", text, f"--{boundary}", _part("html", email.html), f"--{boundary}--", ""]
    else:
        body = [text]
    return _NEWLINE.join([*headers, *body]).encode(), id_


@lru_cache(maxsize=64)
def _constant_headers(config: Smtp) -> Sequence[str]:
    """Those of all of a server's messages."""
    reply_to = [f"Reply-To: {config.reply_to}"] if config.reply_to else []
    name = f"{_encoded('From', config.from_name)}{_NEWLINE} " if config.from_name else ""
    sender = f"From: {name}<{config.from_address}>"
    return (sender, *reply_to, "Auto-Submitted: auto-generated", "MIME-Version: 1.0")


def _part(subtype: str, text: str) -> str:
    """A part of the message, or all of it, with the headers that say what it is."""
    lines = "".join(f"{line}{_NEWLINE}" for line in text.splitlines())
    encoded = base64mime.body_encode(lines.encode(), eol=_NEWLINE)
    return (
        f"Content-Type: text/{subtype}; charset=utf-8{_NEWLINE}"
        f"Content-Transfer-Encoding: base64{_NEWLINE}{_NEWLINE}{encoded}"
    )


def _encoded(header: str, text: str) -> str:
    """The text as a header has it (RFC 2047), on one line for whoever reads it, without what can't be seen."""
    line = "".join(filter(str.isprintable, " ".join(text.split())))
    return Header(line, "utf-8", header_name=header).encode(linesep=_NEWLINE)


async def _ask(command: Awaitable[aiosmtplib.SMTPResponse], *, of_sender: bool = False) -> None:
    try:
        await command
    except aiosmtplib.SMTPResponseException as error:
        raise _Refused(_refusal(error.code, error.message, of_sender=of_sender)) from None


async def _finish(client: aiosmtplib.SMTP, body: bytes) -> None:
    """Send the message itself, and wait for the server to take it. From the first byte on it may have been taken."""
    protocol = client.protocol
    if protocol is None:
        raise aiosmtplib.SMTPServerDisconnected("it ended")
    protocol.write(_LEADING_DOT.sub(b"..", body) + b".\r\n")
    response = await protocol.read_response()
    if response.code // 100 != 2:
        raise _Refused(_refusal(response.code, response.message))


def _refusal(code: int, text: str, *, of_sender: bool = False) -> Result:
    """What an attempt comes to by an answer: by its code alone, as its text may quote the address."""
    if 400 <= code < 500:
        return Result.failed(str(code), temporary=True)
    if not 500 <= code < 600:
        return Result.failed("ANSWER_MALFORMED", temporary=True)
    if of_sender:
        return Result.failed(str(code), temporary=code != _TOO_LARGE)
    status = _STATUS.search(text)
    refused = code in (550, 551, 553) and status is not None and status[0] in _NO_SUCH_ADDRESS
    return Result.failed(f"{code} {status[0]}" if status else str(code), address_refused=refused)


async def _quit(client: aiosmtplib.SMTP) -> None:
    try:
        await client.quit()
    except (aiosmtplib.SMTPException, OSError):
        pass
    finally:
        client.close()
