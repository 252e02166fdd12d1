"""The methods on people's addresses."""

from __future__ import annotations

from sqlalchemy import Connection

from onegrid.notify.v1 import notify_service_pb2 as pb
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime
from onegrid_notify import messages
from onegrid_notify.address import ADDRESS, Destination, OneTimeCode
from onegrid_notify.commands import addresses as commands
from onegrid_notify.settings import NotifySettings
from onegrid_notify.store.addresses import addresses_of

__all__ = ["Addresses"]


class Addresses:
    """The methods on people's addresses."""

    def __init__(self, runtime: Runtime[NotifySettings]) -> None:
        self._db = runtime.db
        self._cipher = runtime.cipher

    async def CreateAddress(self, request: pb.CreateAddressRequest, call: Call) -> bytes:
        match request.WhichOneof("destination"):
            case "email":
                destination = Destination.of_email(request.email)
            case "phone":
                destination = Destination.of_phone(request.phone, "phone")
            case _:
                destination = Destination.of_browser(request.browser)
        return await self._db.command(
            call,
            lambda conn: pb.CreateAddressResponse(
                address=messages.address(commands.create(conn, destination, self._cipher, call), self._cipher)
            ),
        )

    async def SendVerificationCode(self, request: pb.SendVerificationCodeRequest, call: Call) -> bytes:
        return await self._db.command(
            call,
            lambda conn: pb.SendVerificationCodeResponse(
                address=messages.address(commands.send_code(conn, request.name, self._cipher, call), self._cipher)
            ),
        )

    async def VerifyAddress(self, request: pb.VerifyAddressRequest, call: Call) -> bytes:
        index = OneTimeCode.digest(ADDRESS.id(request.name), request.code, self._cipher)
        await self._db.write(lambda conn: commands.count_guess(conn, request.name, call))
        return await self._db.command(
            call,
            lambda conn: pb.VerifyAddressResponse(
                address=messages.address(commands.verify(conn, request.name, index, call), self._cipher)
            ),
        )

    async def ListAddresses(self, request: pb.ListAddressesRequest, call: Call) -> pb.ListAddressesResponse:
        addresses = await self._db.read(lambda conn: addresses_of(conn, call.caller.user))
        return pb.ListAddressesResponse(addresses=[messages.address(each, self._cipher) for each in addresses])

    async def DeleteAddress(self, request: pb.DeleteAddressRequest, call: Call) -> bytes:
        def delete(conn: Connection) -> pb.DeleteAddressResponse:
            commands.delete(conn, request.name, call)
            return pb.DeleteAddressResponse()

        return await self._db.command(call, delete)
