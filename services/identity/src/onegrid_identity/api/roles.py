"""Roles and grants."""

from __future__ import annotations

from sqlalchemy import Connection

from onegrid.identity.v1 import identity_service_pb2 as pb
from onegrid_identity import messages, store
from onegrid_identity.accounts import Role
from onegrid_identity.commands import roles, users
from onegrid_identity.settings import IdentitySettings
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound
from onegrid_kit.paging import page_size
from onegrid_kit.runtime import Runtime

__all__ = ["Roles"]


class Roles:
    """The methods on roles and grants."""

    def __init__(self, runtime: Runtime[IdentitySettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages

    async def CreateRole(self, request: pb.CreateRoleRequest, call: Call) -> bytes:
        new = Role(
            id=request.role_id,
            display_name=request.display_name,
            oa_level=request.oa_level,
            permissions=frozenset(request.permissions),
        )
        return await self._db.command(
            call,
            lambda conn: pb.CreateRoleResponse(role=messages.role(roles.create(conn, request.district, new, call))),
        )

    async def GetRole(self, request: pb.GetRoleRequest, call: Call) -> pb.GetRoleResponse:
        role_id = request.name.removeprefix("roles/")
        found = await self._db.read(lambda conn: store.roles_by_id(conn, [role_id]))
        if role_id not in found:
            raise NotFound(request.name)
        return pb.GetRoleResponse(role=messages.role(found[role_id]))

    async def ListRoles(self, request: pb.ListRolesRequest, call: Call) -> pb.ListRolesResponse:
        position = self._pages.open(request, request.page_token)
        after, size = str(position[0]) if position else "", page_size(request.page_size)
        found = await self._db.read(lambda conn: store.roles_page(conn, after, size + 1))
        return pb.ListRolesResponse(
            roles=[messages.role(each) for each in found[:size]],
            next_page_token=self._pages.make(request, [found[size - 1].id]) if len(found) > size else "",
        )

    async def GrantRole(self, request: pb.GrantRoleRequest, call: Call) -> bytes:
        command = roles.GrantRole(
            request.user.removeprefix("users/"),
            request.role.removeprefix("roles/"),
            request.scope,
            messages.period(request),
        )
        return await self._db.command(
            call,
            lambda conn: pb.GrantRoleResponse(grant=messages.grant(roles.grant_role(conn, command, call))),
        )

    async def RevokeRole(self, request: pb.RevokeRoleRequest, call: Call) -> bytes:
        _, user, _, grant_id = request.name.split("/")

        def run(conn: Connection) -> pb.RevokeRoleResponse:
            roles.revoke_role(conn, user, grant_id, call)
            return pb.RevokeRoleResponse()

        return await self._db.command(call, run)

    async def ListGrants(self, request: pb.ListGrantsRequest, call: Call) -> pb.ListGrantsResponse:
        user = request.user.removeprefix("users/")
        position = self._pages.open(request, request.page_token)
        after, size = str(position[0]) if position else "", page_size(request.page_size)

        def read(conn: Connection) -> pb.ListGrantsResponse:
            users.require_visible(conn, user, call)
            found = store.grants_page(conn, user, after, size + 1)
            return pb.ListGrantsResponse(
                grants=[messages.grant(each) for each in found[:size]],
                next_page_token=self._pages.make(request, [found[size - 1].id]) if len(found) > size else "",
            )

        return await self._db.read(read)
