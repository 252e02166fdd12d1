"""The platform as a client sees it: stubs over one channel, and callers who have logged in."""

from __future__ import annotations

from collections.abc import Sequence

import grpc.aio

from onegrid.grid.v1 import grid_service_pb2_grpc
from onegrid.identity.v1 import identity_service_pb2 as identity_pb
from onegrid.identity.v1 import identity_service_pb2_grpc
from onegrid.petition.v1 import petition_service_pb2_grpc
from onegrid_demo import codes

__all__ = ["Client", "Metadata"]

Metadata = Sequence[tuple[str, str]]


class Client:
    """A channel to the platform, with a stub for each service."""

    def __init__(self, target: str) -> None:
        self.channel = grpc.aio.insecure_channel(target)
        self.identity = identity_service_pb2_grpc.IdentityServiceStub(self.channel)
        self.grid = grid_service_pb2_grpc.GridServiceStub(self.channel)
        self.petition = petition_service_pb2_grpc.PetitionServiceStub(self.channel)

    async def staff(self, login: str, password: str) -> Metadata:
        """The metadata of a member of staff's calls."""
        answer = await self.identity.LoginWithPassword(
            identity_pb.LoginWithPasswordRequest(login=login, password=password), timeout=10
        )
        return bearer(answer.session.access_token)

    async def public(self, phone: str, district: str) -> Metadata:
        """The metadata of a resident's or enterprise's calls, who logs in with the code that was just sent."""
        codes.expect(phone)
        await self.identity.RequestOneTimeCode(identity_pb.RequestOneTimeCodeRequest(phone=phone), timeout=10)
        answer = await self.identity.LoginWithOneTimeCode(
            identity_pb.LoginWithOneTimeCodeRequest(phone=phone, code=codes.last_code(phone), district=district),
            timeout=10,
        )
        return bearer(answer.session.access_token)

    async def close(self) -> None:
        """Close the channel."""
        await self.channel.close()


def bearer(token: str) -> Metadata:
    """The metadata that a token is sent in."""
    return (("authorization", f"Bearer {token}"),)
