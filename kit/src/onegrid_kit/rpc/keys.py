"""identity's public keys, fetched over gRPC and kept."""

from __future__ import annotations

import asyncio
import base64

import grpc
import grpc.aio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from onegrid.identity.v1 import identity_service_pb2, identity_service_pb2_grpc
from onegrid_kit.errors import Unavailable
from onegrid_kit.rpc.transport import channel
from onegrid_kit.settings import ServiceSettings

__all__ = ["RemoteKeys"]

_PAUSE_S = 5.0
_PAUSE_WITHOUT_KEYS_S = 0.5


class RemoteKeys:
    """The keys of ListSigningKeys. They are fetched again when a token names an unknown one, every 5 seconds
    at most.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self._keys: dict[str, Ed25519PublicKey] = {}
        self._asked = float("-inf")
        self._asking = asyncio.Lock()

    async def key(self, kid: str) -> Ed25519PublicKey | None:
        """The key of this id. Raises Unavailable while identity can't be reached and no keys are known."""
        if kid in self._keys:
            return self._keys[kid]
        async with self._asking:
            pause = _PAUSE_S if self._keys else _PAUSE_WITHOUT_KEYS_S
            if kid not in self._keys and asyncio.get_running_loop().time() - self._asked >= pause:
                await self._ask()
        # Known keys stay good while identity is away; only who has none must wait.
        if not self._keys:
            raise Unavailable("identity's keys can't be fetched just now")
        return self._keys.get(kid)

    async def _ask(self) -> None:
        try:
            async with channel(self._settings.identity_target, self._settings) as to_identity:
                stub = identity_service_pb2_grpc.IdentityServiceStub(to_identity)
                answer = await stub.ListSigningKeys(identity_service_pb2.ListSigningKeysRequest(), timeout=3)
        except grpc.RpcError:
            return
        finally:
            # Failures too: those who waited meanwhile are not to ask one after the other.
            self._asked = asyncio.get_running_loop().time()
        self._keys = {
            key.kid: Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key.x + "=")) for key in answer.keys
        }
