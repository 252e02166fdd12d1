"""Departments."""

from __future__ import annotations

from onegrid.identity.v1 import identity_service_pb2 as pb
from onegrid_identity import messages, store
from onegrid_identity.accounts import DEPARTMENT
from onegrid_identity.commands import departments
from onegrid_identity.settings import IdentitySettings
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound
from onegrid_kit.runtime import Runtime

__all__ = ["Departments"]


class Departments:
    """The methods on departments."""

    def __init__(self, runtime: Runtime[IdentitySettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages

    async def CreateDepartment(self, request: pb.CreateDepartmentRequest, call: Call) -> bytes:
        return await self._db.command(
            call,
            lambda conn: pb.CreateDepartmentResponse(
                department=messages.department(departments.create(conn, request.code, request.display_name, call))
            ),
        )

    async def UpdateDepartment(self, request: pb.UpdateDepartmentRequest, call: Call) -> bytes:
        code = DEPARTMENT.id(request.name)
        return await self._db.command(
            call,
            lambda conn: pb.UpdateDepartmentResponse(
                department=messages.department(departments.rename(conn, code, request.display_name, request.etag, call))
            ),
        )

    async def GetDepartment(self, request: pb.GetDepartmentRequest, call: Call) -> pb.GetDepartmentResponse:
        found = await self._db.read(lambda conn: store.find_department(conn, DEPARTMENT.id(request.name)))
        if found is None:
            raise NotFound(request.name)
        return pb.GetDepartmentResponse(department=messages.department(found))

    async def ListDepartments(self, request: pb.ListDepartmentsRequest, call: Call) -> pb.ListDepartmentsResponse:
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.departments_page(conn, request.district, after, limit),
            position=lambda department: (department.code,),
            message=messages.department,
        )
        return pb.ListDepartmentsResponse(departments=page.items, next_page_token=page.next_token)
