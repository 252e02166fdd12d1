"""The methods on units."""

from __future__ import annotations

from datetime import timedelta

from onegrid.border.v1 import border_service_pb2 as pb
from onegrid_border import messages
from onegrid_border.commands import units as commands
from onegrid_border.store import units as store
from onegrid_border.unit import UNIT
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound
from onegrid_kit.runtime import Runtime
from onegrid_kit.settings import ServiceSettings

__all__ = ["Units"]


class Units:
    """The methods on units."""

    def __init__(self, runtime: Runtime[ServiceSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages

    async def DefineUnit(self, request: pb.DefineUnitRequest, call: Call) -> bytes:
        asked = request.unit
        command = commands.DefineUnit(
            id=UNIT.id(asked.name),
            display_name=asked.display_name,
            roster=asked.roster,
            lone=asked.lone,
            shift_route=asked.shift_route,
            shift_start=timedelta(minutes=asked.shift_start_minutes),
            alarm_roster=asked.alarm_roster,
            etag=asked.etag,
        )
        return await self._db.command(
            call, lambda conn: pb.DefineUnitResponse(unit=messages.unit(commands.define_unit(conn, command, call)))
        )

    async def RetireUnit(self, request: pb.RetireUnitRequest, call: Call) -> bytes:
        unit = UNIT.id(request.name)
        return await self._db.command(
            call,
            lambda conn: pb.RetireUnitResponse(
                unit=messages.unit(commands.retire_unit(conn, unit, request.etag, call))
            ),
        )

    async def GetUnit(self, request: pb.GetUnitRequest, call: Call) -> pb.GetUnitResponse:
        found = await self._db.read(lambda conn: store.find_unit(conn, UNIT.id(request.name)))
        if found is None:
            raise NotFound(request.name)
        return pb.GetUnitResponse(unit=messages.unit(found))

    async def ListUnits(self, request: pb.ListUnitsRequest, call: Call) -> pb.ListUnitsResponse:
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.units_page(conn, request.scope, after, limit),
            position=lambda unit: (unit.id,),
            message=messages.unit,
        )
        return pb.ListUnitsResponse(units=page.items, next_page_token=page.next_token)
