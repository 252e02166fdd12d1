"""The methods on suppressions."""

from __future__ import annotations

from onegrid.notify.v1 import notify_service_pb2 as pb
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime
from onegrid_notify import messages
from onegrid_notify.address import Destination
from onegrid_notify.commands import suppressions as commands
from onegrid_notify.settings import NotifySettings
from onegrid_notify.store import suppressions as store

__all__ = ["Suppressions"]


class Suppressions:
    """The methods on suppressions."""

    def __init__(self, runtime: Runtime[NotifySettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages
        self._cipher = runtime.cipher

    async def SuppressAddress(self, request: pb.SuppressAddressRequest, call: Call) -> bytes:
        destination = _destination(request)
        return await self._db.command(
            call,
            lambda conn: pb.SuppressAddressResponse(
                suppression=messages.suppression(
                    commands.suppress(conn, request.district, destination, request.note, self._cipher, call)
                )
            ),
        )

    async def LiftSuppression(self, request: pb.LiftSuppressionRequest, call: Call) -> bytes:
        destination = _destination(request)
        return await self._db.command(
            call,
            lambda conn: pb.LiftSuppressionResponse(
                suppression=messages.suppression(commands.lift(conn, request.district, destination, self._cipher))
            ),
        )

    async def ListSuppressions(self, request: pb.ListSuppressionsRequest, call: Call) -> pb.ListSuppressionsResponse:
        index = _destination(request).index(self._cipher) if request.WhichOneof("destination") else None
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.suppressions_page(conn, request.district, index, after, limit),
            position=lambda each: (each.create_time, each.value_index.hex()),
            message=messages.suppression,
        )
        return pb.ListSuppressionsResponse(suppressions=page.items, next_page_token=page.next_token)


def _destination(
    request: pb.SuppressAddressRequest | pb.LiftSuppressionRequest | pb.ListSuppressionsRequest,
) -> Destination:
    """The address that the request names. Raises InvalidRequest."""
    if request.WhichOneof("destination") == "email":
        return Destination.of_email(request.email)
    return Destination.of_phone(request.phone, "phone")
