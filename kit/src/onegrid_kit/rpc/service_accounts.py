"""Service accounts that come with their secret, as HTTP Basic has it (RFC 7617): identity exchanges it for a token,
which is kept for some minutes.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import secrets
from typing import Final

import grpc
import grpc.aio

from onegrid.identity.v1 import identity_service_pb2, identity_service_pb2_grpc
from onegrid_kit.errors import Unauthenticated, Unavailable
from onegrid_kit.rpc.transport import channel
from onegrid_kit.settings import ServiceSettings

__all__ = ["SCHEME", "ServiceAccounts"]

SCHEME: Final = "basic "
_USERS: Final = "users/"
_DEADLINE_S: Final = 3.0
_KEPT_S: Final = 240.0
"""Shorter than the shortest access token: a secret that was taken back is good for no longer."""
_KEPT: Final = 1_000
_AT_ONCE: Final = 4
"""Exchanges at the same moment; each costs identity the hash of a password, whoever asks."""
_REFUSED: Final = frozenset({grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.INVALID_ARGUMENT})


class ServiceAccounts:
    """Exchanges names and secrets for access tokens."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        # Secrets are not kept: what they are known by means nothing outside of this process.
        self._key = secrets.token_bytes(32)
        self._kept: dict[bytes, tuple[str, float]] = {}
        self._asking: dict[bytes, asyncio.Task[str]] = {}
        self._few = asyncio.Semaphore(_AT_ONCE)

    async def token(self, authorization: str) -> str:
        """The access token of who sends this header. Raises Unauthenticated, or Unavailable while identity is away."""
        known_by = hmac.digest(self._key, authorization.encode(), "sha256")
        token, until = self._kept.get(known_by, ("", 0.0))
        if asyncio.get_running_loop().time() < until:
            return token
        # All that wait for the same account share an exchange.
        asking = self._asking.get(known_by)
        if asking is None:
            asking = asyncio.create_task(self._exchange(known_by, authorization))
            self._asking[known_by] = asking
            asking.add_done_callback(lambda done: self._asking.pop(known_by))
            asking.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(asking)

    def forget(self, authorization: str) -> bool:
        """Ask identity the next time; whether something was kept."""
        return self._kept.pop(hmac.digest(self._key, authorization.encode(), "sha256"), None) is not None

    async def _exchange(self, known_by: bytes, authorization: str) -> str:
        name, secret = _credentials(authorization)
        request = identity_service_pb2.LoginServiceAccountRequest(name=name, secret=secret)
        try:
            async with self._few, channel(self._settings.identity_target, self._settings) as to_identity:
                stub = identity_service_pb2_grpc.IdentityServiceStub(to_identity)
                answer = await stub.LoginServiceAccount(request, timeout=_DEADLINE_S)
        except grpc.RpcError as error:
            if error.code() in _REFUSED:
                raise Unauthenticated("name and secret of a service account are needed") from None
            raise Unavailable("identity can't be asked just now") from None
        if len(self._kept) >= _KEPT:
            self._kept.clear()
        self._kept[known_by] = answer.session.access_token, asyncio.get_running_loop().time() + _KEPT_S
        return answer.session.access_token


def _credentials(authorization: str) -> tuple[str, str]:
    """Name and secret. Raises Unauthenticated."""
    try:
        name, colon, secret = (
            base64.b64decode(authorization[len(SCHEME) :].strip(), validate=True).decode().partition(":")
        )
    except (binascii.Error, ValueError):
        raise Unauthenticated from None
    if not (colon and name and secret):
        raise Unauthenticated
    return name if name.startswith(_USERS) else _USERS + name, secret
