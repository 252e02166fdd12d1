"""Certificate schemes and certificates."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from onegrid.partyedu.v1 import certificate_methods_pb2 as pb
from onegrid.partyedu.v1 import completion_methods_pb2
from onegrid.partyedu.v1.certificates_pb2 import Certificate, CertificateScheme
from onegrid_demo.loading import STREET

from ..acting import DISTRICT
from ..calling import District
from .completions import training
from .organizations import member, organization

__all__ = ["CHANGES", "PREPARE", "elsewhere", "lists"]

_numbers = itertools.count(1)


def a_scheme(issuer: str, required: str, office: str = DISTRICT) -> CertificateScheme:
    """One that is not defined yet."""
    return CertificateScheme(
        name=f"certificateSchemes/{office}-s{next(_numbers)}",
        title="结业证书",
        statement="准予结业。",
        issuer=issuer,
        required=[required],
    )


def scheme(district: District, required: str, office: str = DISTRICT) -> CertificateScheme:
    """A new one."""
    of = a_scheme(organization(district, office).name, required, office)
    request = pb.DefineCertificateSchemeRequest(certificate_scheme=of)
    return district.do(request, "admin", pb.DefineCertificateSchemeResponse).certificate_scheme


def an_issue(district: District, of: str = "", office: str = DISTRICT) -> pb.IssueCertificateRequest:
    """A certificate that is not issued yet, of a member, who is a new one if none is given."""
    of = of or member(district, organization(district, office).name).name
    studied = training(district, office).name
    completed = completion_methods_pb2.RecordCompletionRequest(
        member=of, training=studied, complete_time=Timestamp(seconds=int(time.time()) - 60)
    )
    district.do(completed, "admin", completion_methods_pb2.RecordCompletionResponse)
    return pb.IssueCertificateRequest(member=of, scheme=scheme(district, studied, office).name)


def certificate(district: District, of: str = "", office: str = DISTRICT) -> Certificate:
    """A new one."""
    return district.do(an_issue(district, of, office), "admin", pb.IssueCertificateResponse).certificate


def elsewhere(district: District, place: str, *, there: bool) -> Iterator[Message]:
    """A request of every method that needs a permission, about something in the place, which exists or not."""
    of = a_scheme(f"organizations/{place}-none", f"trainings/{place}-none", place)
    who, name = f"members/{DISTRICT}-{'0' * 20}", f"certificates/{DISTRICT}-{'0' * 20}"
    if there:
        issued = certificate(district, office=place)
        who, name, of.name = issued.member, issued.name, issued.scheme
    yield pb.DefineCertificateSchemeRequest(certificate_scheme=of)
    yield pb.RetireCertificateSchemeRequest(name=of.name)
    yield pb.IssueCertificateRequest(member=who, scheme=of.name)
    yield pb.RevokeCertificateRequest(name=name, reason="x")
    yield pb.GetCertificateRequest(name=name)
    yield pb.ListCertificatesRequest(member=who)
    yield pb.GetCertificateDocumentRequest(name=name)


def lists(district: District) -> Mapping[str, tuple[Message, Message]]:
    """For each list a query of several pages, and another query of the same method."""
    first, second = (member(district, organization(district, STREET).name).name for _ in range(2))
    for of in (first, first, first, first, second):
        certificate(district, of, STREET)
    return {
        "ListCertificateSchemes": (
            pb.ListCertificateSchemesRequest(scope=DISTRICT),
            pb.ListCertificateSchemesRequest(scope=STREET),
        ),
        "ListCertificates": (pb.ListCertificatesRequest(member=first), pb.ListCertificatesRequest(member=second)),
    }


def defining(district: District) -> tuple[str, Message]:
    of = a_scheme(organization(district).name, f"trainings/{DISTRICT}-any")
    return "admin", pb.DefineCertificateSchemeRequest(certificate_scheme=of)


def retiring(district: District) -> tuple[str, Message]:
    of = scheme(district, f"trainings/{DISTRICT}-any")
    return "admin", pb.RetireCertificateSchemeRequest(name=of.name, etag=of.etag)


PREPARE: Mapping[str, Callable[[District], tuple[str, Message]]] = {
    "DefineCertificateScheme": defining,
    "RetireCertificateScheme": retiring,
    "IssueCertificate": lambda district: ("admin", an_issue(district)),
    "RevokeCertificate": lambda district: (
        "admin",
        pb.RevokeCertificateRequest(name=certificate(district).name, reason="材料不实"),
    ),
}
"""A request that can be made once, and by whom."""
CHANGES: Mapping[str, Callable[[Message], None]] = {
    "DefineCertificateScheme": lambda request: setattr(request.certificate_scheme, "title", "别的"),  # type: ignore[attr-defined]
    "RetireCertificateScheme": lambda request: setattr(request, "etag", "other"),
    "IssueCertificate": lambda request: setattr(request, "scheme", request.scheme + "x"),  # type: ignore[attr-defined]
    "RevokeCertificate": lambda request: setattr(request, "reason", "别的"),
}
"""Something of each request that can be other without breaking its rules."""
