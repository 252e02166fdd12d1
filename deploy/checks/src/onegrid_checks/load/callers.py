"""Those who call: accounts of the demonstration, each logged in once, and again before its token ends."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Mapping

import grpc.aio

from onegrid.identity.v1 import identity_service_pb2 as identity_pb
from onegrid.identity.v1.resources_pb2 import Session
from onegrid_demo import district
from onegrid_demo.client import Client, Metadata, bearer

__all__ = ["Caller", "new_id"]

_AHEAD_S = 120
"""A token is renewed so long before it ends."""


class Caller:
    """One account."""

    def __init__(self, client: Client, account: Mapping[str, str]) -> None:
        self._client = client
        self._account = account
        self._session = Session()
        self._renewing = asyncio.Lock()

    async def metadata(self) -> Metadata:
        """The metadata of its calls."""
        if self._ends_soon():
            async with self._renewing:
                if self._ends_soon():
                    self._session = await self._renewed()
        return bearer(self._session.access_token)

    async def reading(self) -> Metadata:
        """The metadata of its reads of personal data, which say what for."""
        return (*await self.metadata(), ("x-purpose", "load"))

    def _ends_soon(self) -> bool:
        return self._session.access_expire_time.seconds - _AHEAD_S < time.time()

    async def _renewed(self) -> Session:
        if self._session.refresh_token:
            try:
                request = identity_pb.RefreshSessionRequest(refresh_token=self._session.refresh_token)
                return (await self._client.identity.RefreshSession(request)).session
            except grpc.aio.AioRpcError:
                # Some seconds after a lost answer only a new login helps.
                pass
        if "secret" in self._account:
            login = identity_pb.LoginServiceAccountRequest(name=self._account["name"], secret=self._account["secret"])
            return (await self._client.identity.LoginServiceAccount(login)).session
        if "phone" in self._account:
            return await self._client.log_in_public(self._account["phone"], district.CODE)
        return await self._client.log_in_staff(self._account["login"], self._account["password"])


def new_id() -> str:
    """A request id that makes a call safe to repeat."""
    return str(uuid.uuid4())
