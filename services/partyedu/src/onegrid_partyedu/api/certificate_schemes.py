"""The methods on certificate schemes."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from onegrid.partyedu.v1 import certificate_methods_pb2 as pb
from onegrid_kit import codes
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound
from onegrid_kit.paging import Position
from onegrid_kit.runtime import Runtime
from onegrid_partyedu import certificate_messages as messages
from onegrid_partyedu.certificate import SCHEME, CertificateScheme
from onegrid_partyedu.commands import certificate_schemes as commands
from onegrid_partyedu.organization import ORGANIZATION
from onegrid_partyedu.settings import PartyeduSettings
from onegrid_partyedu.store import certificate_schemes as store

__all__ = ["CertificateSchemes"]


class CertificateSchemes:
    """The methods on certificate schemes."""

    def __init__(self, runtime: Runtime[PartyeduSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages

    async def DefineCertificateScheme(self, request: pb.DefineCertificateSchemeRequest, call: Call) -> bytes:
        asked = request.certificate_scheme
        command = commands.DefineScheme(
            id=SCHEME.id(asked.name),
            title=asked.title,
            statement=asked.statement,
            issuer=ORGANIZATION.id(asked.issuer),
            required=tuple(asked.required),
            yearly=asked.yearly,
            validity_months=asked.validity_months,
            etag=asked.etag,
        )
        return await self._db.command(
            call,
            lambda conn: pb.DefineCertificateSchemeResponse(
                certificate_scheme=messages.certificate_scheme(commands.define_scheme(conn, command, call))
            ),
        )

    async def RetireCertificateScheme(self, request: pb.RetireCertificateSchemeRequest, call: Call) -> bytes:
        id_ = SCHEME.id(request.name)
        return await self._db.command(
            call,
            lambda conn: pb.RetireCertificateSchemeResponse(
                certificate_scheme=messages.certificate_scheme(commands.retire_scheme(conn, id_, request.etag, call))
            ),
        )

    async def GetCertificateScheme(
        self, request: pb.GetCertificateSchemeRequest, call: Call
    ) -> pb.GetCertificateSchemeResponse:
        found = await self._db.read(lambda conn: store.find_scheme(conn, SCHEME.id(request.name)))
        if found is None or codes.district_of(found.id) != call.caller.district:
            raise NotFound(request.name)
        return pb.GetCertificateSchemeResponse(certificate_scheme=messages.certificate_scheme(found))

    async def ListCertificateSchemes(
        self, request: pb.ListCertificateSchemesRequest, call: Call
    ) -> pb.ListCertificateSchemesResponse:
        def schemes(conn: Connection, after: Position, limit: int) -> Sequence[CertificateScheme]:
            if codes.district_of(request.scope) != call.caller.district:
                return []
            return store.schemes_page(conn, request.scope, retired=request.show_retired, after=after, limit=limit)

        page = await self._pages.read(
            request,
            schemes,
            position=lambda scheme: (scheme.id,),
            message=messages.certificate_scheme,
        )
        return pb.ListCertificateSchemesResponse(certificate_schemes=page.items, next_page_token=page.next_token)
