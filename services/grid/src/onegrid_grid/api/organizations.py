"""The method on Party organizations."""

from __future__ import annotations

from onegrid.grid.v1 import organizations_pb2 as pb
from onegrid_grid import messages
from onegrid_grid.settings import GridSettings
from onegrid_grid.store import organizations as store
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime

__all__ = ["Organizations"]


class Organizations:
    """The method on Party organizations."""

    def __init__(self, runtime: Runtime[GridSettings]) -> None:
        self._pages = runtime.pages

    async def ListPartyOrganizations(
        self, request: pb.ListPartyOrganizationsRequest, call: Call
    ) -> pb.ListPartyOrganizationsResponse:
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.organizations_page(conn, request.parent, after, limit),
            position=lambda row: (row.id,),
            message=messages.party_organization,
        )
        return pb.ListPartyOrganizationsResponse(organizations=page.items, next_page_token=page.next_token)
