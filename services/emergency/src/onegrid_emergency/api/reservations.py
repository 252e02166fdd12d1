"""The methods on reservations."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from google.protobuf.message import Message
from sqlalchemy import Connection

from onegrid.emergency.v1 import relief_pb2 as pb
from onegrid_emergency import relief_messages
from onegrid_emergency.commands import reservations as commands
from onegrid_emergency.relief import HOLD, RESERVATION, Reservation
from onegrid_emergency.settings import EmergencySettings
from onegrid_emergency.store import reservations as store
from onegrid_kit.batches import VersionChanged
from onegrid_kit.callers import Call
from onegrid_kit.errors import Conflict, NotFound
from onegrid_kit.runtime import Runtime

__all__ = ["Reservations"]

_PATIENCE_S: Final = 5.0
"""How long a reservation that others were in the way of is tried again."""
_PAUSE_S: Final = 0.02


class Reservations:
    """The methods on reservations."""

    def __init__(self, runtime: Runtime[EmergencySettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages
        self._shares = runtime.db.batched(store.take_shares, name="reserve_resource")

    async def ReserveResource(self, request: pb.ReserveResourceRequest, call: Call) -> bytes:
        command = commands.ReserveResource(
            incident=request.incident,
            resource=request.resource,
            quantity=request.quantity or 1,
            hold=_hold(request.hold_minutes),
        )
        new = commands.new_reservation(command, call)
        if not new.exclusive:
            return await self._share(new, call)

        def reserve(conn: Connection) -> pb.ReserveResourceResponse:
            reserved = commands.reserve_exclusive(conn, new, call)
            return pb.ReserveResourceResponse(reservation=relief_messages.reservation(reserved))

        return await self._db.command(call, reserve)

    async def ConfirmReservation(self, request: pb.ConfirmReservationRequest, call: Call) -> bytes:
        return await self._step(
            call,
            pb.ConfirmReservationResponse,
            lambda conn: commands.confirm(conn, RESERVATION.id(request.name), request.etag, call),
        )

    async def ProlongReservation(self, request: pb.ProlongReservationRequest, call: Call) -> bytes:
        hold = _hold(request.hold_minutes)
        return await self._step(
            call,
            pb.ProlongReservationResponse,
            lambda conn: commands.prolong(conn, RESERVATION.id(request.name), hold, request.etag, call),
        )

    async def ReleaseReservation(self, request: pb.ReleaseReservationRequest, call: Call) -> bytes:
        return await self._step(
            call,
            pb.ReleaseReservationResponse,
            lambda conn: commands.release(conn, RESERVATION.id(request.name), request.etag, call),
        )

    async def GetReservation(self, request: pb.GetReservationRequest, call: Call) -> pb.GetReservationResponse:
        found = await self._db.read(lambda conn: store.find_reservation(conn, RESERVATION.id(request.name)))
        if found is None:
            raise NotFound(request.name)
        return pb.GetReservationResponse(reservation=relief_messages.reservation(found.at(call.now)))

    async def ListReservations(self, request: pb.ListReservationsRequest, call: Call) -> pb.ListReservationsResponse:
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.reservations_page(
                conn,
                request.office,
                call.now,
                after,
                limit,
                of_incident=request.incident,
                of_resource=request.resource,
                ended=request.show_ended,
            ),
            position=lambda each: (each.begin_time, each.id),
            message=lambda each: relief_messages.reservation(each.at(call.now)),
        )
        return pb.ListReservationsResponse(reservations=page.items, next_page_token=page.next_token)

    async def _share(self, new: Reservation, call: Call) -> bytes:
        """Reserve a part of a shelter or stock. What others were in the way of, or what has expired and is not given
        back yet, does not keep it from what is there.
        """
        item = commands.share(new, call)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _PATIENCE_S
        while True:
            try:
                return await self._shares.run(item)
            except VersionChanged:
                room = await self._db.read(lambda conn: commands.require_room(conn, new, call))
            if room.expired:
                await self._db.write(lambda conn: commands.expire(conn, call, new.resource))
            if loop.time() > deadline:
                raise Conflict
            await asyncio.sleep(_PAUSE_S)

    async def _step(
        self, call: Call, response: Callable[..., Message], step: Callable[[Connection], Reservation]
    ) -> bytes:
        return await self._db.command(call, lambda conn: response(reservation=relief_messages.reservation(step(conn))))


def _hold(minutes: int) -> timedelta:
    return timedelta(minutes=minutes) if minutes else HOLD
