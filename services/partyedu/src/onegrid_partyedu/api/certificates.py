"""The methods on certificates."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from onegrid.partyedu.v1 import certificate_methods_pb2 as pb
from onegrid.partyedu.v1 import certificates_pb2
from onegrid.partyedu.v1.certificates_pb2 import CertificateState
from onegrid_kit.callers import Call
from onegrid_kit.errors import PermissionDenied
from onegrid_kit.logs import log
from onegrid_kit.paging import Position
from onegrid_kit.runtime import Runtime
from onegrid_kit.visibility import visible_to
from onegrid_partyedu import certificate_messages as messages
from onegrid_partyedu.authority import IDENTIFY, require_certificate, require_member, viewer_of
from onegrid_partyedu.certificate import CERTIFICATE, SCHEME, Certificate
from onegrid_partyedu.commands import certificates as commands
from onegrid_partyedu.errors import CertificateWrongState
from onegrid_partyedu.member import MEMBER, Member
from onegrid_partyedu.printing import Printer
from onegrid_partyedu.settings import PartyeduSettings
from onegrid_partyedu.store import certificates as store
from onegrid_partyedu.verifying import verify

__all__ = ["Certificates"]


class Certificates:
    """The methods on certificates."""

    def __init__(self, runtime: Runtime[PartyeduSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages
        self._cipher = runtime.cipher
        self._http_url = runtime.settings.http_url
        self._printer = Printer()
        runtime.spawn("print certificates", self._printer.run)

    async def IssueCertificate(self, request: pb.IssueCertificateRequest, call: Call) -> bytes:
        command = commands.IssueCertificate(
            member=MEMBER.id(request.member), scheme=SCHEME.id(request.scheme), year=request.year
        )

        def issue(conn: Connection) -> pb.IssueCertificateResponse:
            issued, member = commands.issue_certificate(conn, command, self._cipher, call)
            return pb.IssueCertificateResponse(certificate=self._shown(issued, member, call))

        return await self._db.command(call, issue)

    async def RevokeCertificate(self, request: pb.RevokeCertificateRequest, call: Call) -> bytes:
        id_ = CERTIFICATE.id(request.name)

        def revoke(conn: Connection) -> pb.RevokeCertificateResponse:
            revoked, member = commands.revoke_certificate(conn, id_, request.reason, call)
            return pb.RevokeCertificateResponse(certificate=self._shown(revoked, member, call))

        return await self._db.command(call, revoke)

    async def GetCertificate(self, request: pb.GetCertificateRequest, call: Call) -> pb.GetCertificateResponse:
        found, member = await self._db.read(lambda conn: require_certificate(conn, CERTIFICATE.id(request.name), call))
        return pb.GetCertificateResponse(certificate=self._shown(found, member, call))

    async def ListCertificates(self, request: pb.ListCertificatesRequest, call: Call) -> pb.ListCertificatesResponse:
        def read(conn: Connection, after: Position, limit: int) -> Sequence[tuple[Certificate, Member]]:
            member = require_member(conn, MEMBER.id(request.member), call)
            return [(each, member) for each in store.certificates_page(conn, member.id, after, limit)]

        page = await self._pages.read(
            request,
            read,
            position=lambda each: (each[0].issue_time, each[0].id),
            message=lambda each: self._shown(*each, call),
        )
        return pb.ListCertificatesResponse(certificates=page.items, next_page_token=page.next_token)

    async def GetCertificateDocument(
        self, request: pb.GetCertificateDocumentRequest, call: Call
    ) -> pb.GetCertificateDocumentResponse:
        found, member = await self._db.read(lambda conn: require_certificate(conn, CERTIFICATE.id(request.name), call))
        viewer = viewer_of(call, member)
        if not viewer.owner and IDENTIFY not in viewer.permissions:
            raise PermissionDenied(IDENTIFY)
        if found.stored_state != CertificateState.CERTIFICATE_STATE_VALID:
            raise CertificateWrongState(found.name, found.state_name(call.now))
        document = await self._printer.print(messages.printed(found, self._cipher, self._http_url))
        if document.unprintable:
            log.warning("no font has some characters of a name", certificate=found.name)
        return pb.GetCertificateDocumentResponse(pdf=document.pdf, unprintable_characters=document.unprintable)

    async def GetVerifiedCertificate(
        self, request: pb.GetVerifiedCertificateRequest, call: Call
    ) -> pb.GetVerifiedCertificateResponse:
        found = await self._db.read(lambda conn: verify(conn, request.code, call.now, self._cipher))
        return pb.GetVerifiedCertificateResponse(certificate=found)

    def _shown(self, of: Certificate, member: Member, call: Call) -> certificates_pb2.Certificate:
        message = messages.certificate(of, call.now, self._cipher, self._http_url)
        return visible_to(viewer_of(call, member), message)
