"""Roles and grants."""

from __future__ import annotations

from sqlalchemy import Connection

from onegrid.identity.v1 import identity_service_pb2 as pb
from onegrid_identity import messages, store
from onegrid_identity.accounts import GRANT, ROLE, USER, Role
from onegrid_identity.commands import roles, users
from onegrid_identity.settings import IdentitySettings
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound
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
        role_id = ROLE.id(request.name)
        found = await self._db.read(lambda conn: store.roles_by_id(conn, [role_id]))
        if role_id not in found:
            raise NotFound(request.name)
        return pb.GetRoleResponse(role=messages.role(found[role_id]))

    async def ListRoles(self, request: pb.ListRolesRequest, call: Call) -> pb.ListRolesResponse:
        page = await self._pages.read(
            request, store.roles_page, position=lambda role: (role.id,), message=messages.role
        )
        return pb.ListRolesResponse(roles=page.items, next_page_token=page.next_token)

    async def GrantRole(self, request: pb.GrantRoleRequest, call: Call) -> bytes:
        command = roles.GrantRole(
            USER.id(request.user),
            ROLE.id(request.role),
            request.scope,
            messages.period(request),
        )
        return await self._db.command(
            call,
            lambda conn: pb.GrantRoleResponse(grant=messages.grant(roles.grant_role(conn, command, call))),
        )

    async def RevokeRole(self, request: pb.RevokeRoleRequest, call: Call) -> bytes:
        user, grant_id = GRANT.ids(request.name)

        def run(conn: Connection) -> pb.RevokeRoleResponse:
            roles.revoke_role(conn, user, grant_id, call)
            return pb.RevokeRoleResponse()

        return await self._db.command(call, run)

    async def ListGrants(self, request: pb.ListGrantsRequest, call: Call) -> pb.ListGrantsResponse:
        user = USER.id(request.user)
        await self._db.read(lambda conn: users.require_visible(conn, user, call))
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.grants_page(conn, user, after, limit),
            position=lambda grant: (grant.id,),
            message=messages.grant,
        )
        return pb.ListGrantsResponse(grants=page.items, next_page_token=page.next_token)
