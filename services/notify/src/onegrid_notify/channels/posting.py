"""HTTP requests to outside systems: one session an adapter, bounded in time and size, without redirects, and to no
address inside our own network unless that is allowed.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import math
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractCookieJar
from multidict import CIMultiDictProxy

from onegrid_kit.sending import Result

__all__ = ["Answer", "NoAnswer", "NotSent", "Poster", "refused_for_now"]

_MOST_ANSWER_BYTES: Final = 64 * 1024
_LONGEST_PAUSE_S: Final = 86_400.0
_IDLE_S: Final = 15.0
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


class NotSent(Exception):
    """The request certainly did not arrive. The code says why; `refused`: nothing is ever sent there."""

    def __init__(self, code: str, *, refused: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.refused = refused

    @property
    def result(self) -> Result:
        """What an attempt comes to by it, where each message goes somewhere else."""
        return Result.failed(self.code, temporary=not self.refused, address_refused=self.refused)

    @property
    def result_of_provider(self) -> Result:
        """The same, where all of a provider's messages go to one place."""
        return self.result if self.refused else Result.failed(self.code, provider_away=True)


class NoAnswer(Exception):
    """The request may have arrived, and there was no answer."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    @property
    def result(self) -> Result:
        """What an attempt comes to by it, unless it can be repeated without harm."""
        return Result.unknown(self.code)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes
    """Its beginning, if it is long."""

    @property
    def accepted(self) -> bool:
        """It said yes."""
        return self.status // 100 == 2

    @property
    def code(self) -> str:
        """Its status, as operators see it."""
        return f"HTTP_{self.status}"

    @property
    def fields(self) -> Mapping[str, Any]:
        """The JSON object in its body; empty if there is none."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def retry_after_s(self) -> float | None:
        """How long it asks to wait (RFC 9110, 10.2.3); a day at most."""
        given = self.headers.get("retry-after", "").strip()
        try:
            seconds = float(given) if given.isdigit() else _until(given)
        except (ValueError, TypeError, OverflowError):
            return None
        return min(max(seconds, 0.0), _LONGEST_PAUSE_S)


def _until(http_date: str) -> float:
    return math.ceil((parsedate_to_datetime(http_date).astimezone(UTC) - datetime.now(UTC)).total_seconds())


def refused_for_now(answer: Answer) -> Result | None:
    """What an attempt comes to by statuses that mean the same everywhere; None by others.

    502 and 504 come from something in between, which does not know whether the request arrived.
    """
    if answer.status in (502, 504):
        return Result.unknown(answer.code)
    if answer.status == 429 or answer.status >= 500:
        return Result.failed(answer.code, temporary=True, retry_after_s=answer.retry_after_s)
    return None


class _AddressPrivate(OSError):
    """The name stands for an address inside our own network, or for no single host."""


class Poster:
    """Posts. Nothing of the environment (proxies, netrc) is taken, and no cookie is kept."""

    def __init__(
        self, *, timeout_s: float, connections: int, proxy: str = "", ca_file: str = "", allow_private: bool = False
    ) -> None:
        """Raise OSError if there is no such file of certificates."""
        self._timeout = aiohttp.ClientTimeout(total=2 * timeout_s, connect=timeout_s, sock_read=timeout_s)
        self._connections = connections
        self._proxy = proxy or None
        self._tls = ssl.create_default_context(cafile=ca_file or None)
        # A proxy is ours and may be anywhere; it decides what it connects to.
        self._guarded = not allow_private and not proxy
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post. Raises NotSent and NoAnswer."""
        return await self._ask("POST", url, body, headers)

    async def get(self, url: str, headers: Mapping[str, str]) -> Answer:
        """Get. Raises NotSent and NoAnswer."""
        return await self._ask("GET", url, None, headers)

    async def close(self) -> None:
        """End its connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _ask(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        try:
            async with self._opened().request(
                method, url, data=body, headers=headers, allow_redirects=False
            ) as response:
                return Answer(response.status, response.headers, await _beginning(response))
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError):
            raise NotSent("TLS") from None
        except aiohttp.ClientConnectorDNSError:
            raise NotSent("DNS") from None
        except (aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError):
            raise NotSent("PROXY") from None
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, _AddressPrivate):
                raise NotSent("ADDRESS_PRIVATE", refused=True) from None
            raise NotSent("CONNECT") from None
        except aiohttp.ConnectionTimeoutError:
            raise NotSent("CONNECT_TIMEOUT") from None
        except (aiohttp.InvalidURL, ValueError):
            raise NotSent("URL_INVALID", refused=True) from None
        except TimeoutError:
            raise NoAnswer("TIMEOUT") from None
        except (aiohttp.ClientError, OSError):
            raise NoAnswer("CONNECTION_LOST") from None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=self._connections,
                ssl=self._tls,
                keepalive_timeout=_IDLE_S,
                socket_factory=_guarded if self._guarded else None,
            )
            jar: AbstractCookieJar = aiohttp.DummyCookieJar()
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=self._timeout,
                cookie_jar=jar,
                proxy=self._proxy,
                trust_env=False,
                auto_decompress=False,
                headers={"user-agent": "OneGrid", "accept-encoding": "identity"},
            )
        return self._session


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    # With its status it has answered; who needs the body, too, finds it incomplete.
    with contextlib.suppress(aiohttp.ClientError, OSError):
        async for chunk in response.content.iter_chunked(8192):
            body += chunk
            if len(body) >= _MOST_ANSWER_BYTES:
                response.close()  # instead of reading the rest before the connection is used again
                break
    return bytes(body[:_MOST_ANSWER_BYTES])


def _guarded(address: aiohttp.AddrInfoType) -> socket.socket:
    """A socket for the very address that is connected to: a name that is resolved twice may stand for two addresses."""
    family, kind, protocol, _, where = address
    if not _public(str(where[0])):
        raise _AddressPrivate("it is not public")
    return socket.socket(family, kind, protocol)


def _public(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return _public(str(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)))
        if address.ipv4_mapped is not None:
            return _public(str(address.ipv4_mapped))
        if address.sixtofour is not None or address.teredo is not None:
            return False
    return address.is_global and not address.is_multicast
