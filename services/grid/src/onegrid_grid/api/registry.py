"""The methods on divisions, cells and appointments."""

from __future__ import annotations

import asyncio

from sqlalchemy import Connection

from onegrid.grid.v1 import grid_service_pb2 as pb
from onegrid_grid import messages
from onegrid_grid.commands import registry as commands
from onegrid_grid.errors import PointOutside
from onegrid_grid.locating import Locator
from onegrid_grid.registry import APPOINTMENT, CELL, DIVISION, Cell, read_divisions
from onegrid_grid.settings import GridSettings
from onegrid_grid.store import registry as store
from onegrid_kit import codes
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound
from onegrid_kit.runtime import Runtime

__all__ = ["Registry"]


class Registry:
    """The methods on divisions, cells and appointments."""

    def __init__(self, runtime: Runtime[GridSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages
        self._locator = Locator(runtime.db)

    async def ImportDivisions(self, request: pb.ImportDivisionsRequest, call: Call) -> bytes:
        # A long table takes half a second, which other calls do not wait for.
        table = await asyncio.to_thread(read_divisions, request.district, request.csv)

        def run(conn: Connection) -> pb.ImportDivisionsResponse:
            done = commands.import_divisions(conn, request.district, table, call)
            return pb.ImportDivisionsResponse(created=done.created, updated=done.updated, unchanged=done.unchanged)

        return await self._db.command(call, run)

    async def GetDivision(self, request: pb.GetDivisionRequest, call: Call) -> pb.GetDivisionResponse:
        code = DIVISION.id(request.name)
        found = await self._db.read(lambda conn: store.divisions_by_code(conn, codes.district_of(code), [code]))
        if code not in found:
            raise NotFound(request.name)
        return pb.GetDivisionResponse(division=messages.division(found[code]))

    async def ListDivisions(self, request: pb.ListDivisionsRequest, call: Call) -> pb.ListDivisionsResponse:
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.divisions_page(conn, request.parent, request.level, after, limit),
            position=lambda division: (division.code,),
            message=messages.division,
        )
        return pb.ListDivisionsResponse(divisions=page.items, next_page_token=page.next_token)

    async def BatchCreateCells(self, request: pb.BatchCreateCellsRequest, call: Call) -> bytes:
        new = [commands.NewCell(each.code, each.display_name, messages.ring(each.boundary)) for each in request.cells]
        return await self._db.command(
            call,
            lambda conn: pb.BatchCreateCellsResponse(created=commands.create_cells(conn, request.parent, new, call)),
        )

    async def UpdateCell(self, request: pb.UpdateCellRequest, call: Call) -> bytes:
        paths = request.update_mask.paths
        command = commands.UpdateCell(
            code=CELL.id(request.cell.name),
            display_name=request.cell.display_name if "display_name" in paths else None,
            boundary=messages.ring(request.cell.boundary) if "boundary" in paths else None,
            etag=request.cell.etag,
        )
        return await self._db.command(
            call,
            lambda conn: pb.UpdateCellResponse(cell=messages.cell(commands.update_cell(conn, command, call))),
        )

    async def GetCell(self, request: pb.GetCellRequest, call: Call) -> pb.GetCellResponse:
        return pb.GetCellResponse(cell=messages.cell(await self._cell(CELL.id(request.name))))

    async def ListCells(self, request: pb.ListCellsRequest, call: Call) -> pb.ListCellsResponse:
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.cells(conn, request.parent, after, limit),
            position=lambda cell: (cell.code,),
            message=messages.cell,
        )
        return pb.ListCellsResponse(cells=page.items, next_page_token=page.next_token)

    async def LocateCell(self, request: pb.LocateCellRequest, call: Call) -> pb.LocateCellResponse:
        code = await self._locator.locate(request.district, request.point.longitude, request.point.latitude)
        if code is None:
            raise PointOutside
        return pb.LocateCellResponse(cell=messages.cell(await self._cell(code)))

    async def AppointWorker(self, request: pb.AppointWorkerRequest, call: Call) -> bytes:
        command = commands.AppointWorker(CELL.id(request.cell), request.user, request.post)
        return await self._db.command(
            call,
            lambda conn: pb.AppointWorkerResponse(
                appointment=messages.appointment(commands.appoint_worker(conn, command, call))
            ),
        )

    async def EndAppointment(self, request: pb.EndAppointmentRequest, call: Call) -> bytes:
        cell, appointment_id = APPOINTMENT.ids(request.name)
        return await self._db.command(
            call,
            lambda conn: pb.EndAppointmentResponse(
                appointment=messages.appointment(commands.end_appointment(conn, cell, appointment_id, call))
            ),
        )

    async def ListAppointments(self, request: pb.ListAppointmentsRequest, call: Call) -> pb.ListAppointmentsResponse:
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.appointments_page(conn, request.parent, request.show_ended, after, limit),
            position=lambda appointment: (appointment.cell, appointment.start_time, appointment.id),
            message=messages.appointment,
        )
        return pb.ListAppointmentsResponse(appointments=page.items, next_page_token=page.next_token)

    async def _cell(self, code: str) -> Cell:
        found = await self._db.read(lambda conn: store.cells(conn, code))
        if not found:
            raise NotFound(CELL.name(code))
        return found[0]
