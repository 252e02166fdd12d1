"""Between the contract's messages and certificates, which hold their facts sealed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson

from onegrid.partyedu.v1 import certificates_pb2 as pb
from onegrid.partyedu.v1 import events_pb2
from onegrid_kit.cipher import Cipher, CipherError
from onegrid_kit.timestamps import timestamp
from onegrid_partyedu.certificate import (
    CERTIFICATE,
    CODE_PURPOSE,
    FACTS_PURPOSE,
    SCHEME,
    Certificate,
    CertificateScheme,
    Facts,
    Item,
)
from onegrid_partyedu.certificate_code import grouped
from onegrid_partyedu.member import MEMBER
from onegrid_partyedu.organization import ORGANIZATION
from onegrid_partyedu.printed import Printed

__all__ = [
    "PATH",
    "certificate",
    "certificate_issued",
    "certificate_revoked",
    "certificate_scheme",
    "code_index",
    "opened_facts",
    "printed",
    "sealed_code",
    "sealed_facts",
    "verified",
]

PATH = "/v1/certificates"
"""Where certificates are verified, below the address of the HTTP routes."""


def certificate_scheme(of: CertificateScheme) -> pb.CertificateScheme:
    """The scheme as a message."""
    return pb.CertificateScheme(
        name=of.name,
        title=of.title,
        statement=of.statement,
        issuer=ORGANIZATION.name(of.issuer),
        required=of.required,
        yearly=of.yearly,
        validity_months=of.validity_months,
        retire_time=timestamp(of.retire_time),
        create_time=timestamp(of.create_time),
        update_time=timestamp(of.update_time),
        etag=of.etag,
    )


def certificate(of: Certificate, now: datetime, cipher: Cipher, http_url: str) -> pb.Certificate:
    """The certificate as a message, with name and code. Raises CipherError."""
    facts, code = opened_facts(of, cipher), opened_code(of, cipher)
    return pb.Certificate(
        name=of.name,
        code=grouped(code),
        verification_url=verification_url(http_url, code),
        scheme=SCHEME.name(of.scheme),
        year=of.year,
        member=MEMBER.name(of.member),
        person_name=facts.person_name,
        title=facts.title,
        statement=facts.statement,
        issuer=ORGANIZATION.name(facts.issuer),
        issuer_name=facts.issuer_name,
        items=map(_item, facts.items),
        state=of.state(now),
        issue_time=timestamp(of.issue_time),
        expire_time=timestamp(of.expire_time),
        superseded_by=CERTIFICATE.name(of.superseded_by) if of.superseded_by else "",
        end_time=timestamp(of.end_time),
        revoke_reason=of.revoke_reason,
    )


def printed(of: Certificate, cipher: Cipher, http_url: str) -> Printed:
    """The certificate as it is printed. Raises CipherError."""
    facts, code = opened_facts(of, cipher), opened_code(of, cipher)
    return Printed(
        title=facts.title,
        person_name=facts.person_name,
        statement=facts.statement,
        year=of.year,
        minutes=facts.minutes,
        issuer_name=facts.issuer_name,
        issue_time=of.issue_time,
        expire_time=of.expire_time,
        code=grouped(code),
        url=verification_url(http_url, code),
    )


def verified(of: Certificate, successor: Certificate | None, now: datetime, cipher: Cipher) -> pb.VerifiedCertificate:
    """The certificate as whoever has its code sees it. Raises CipherError."""
    facts = opened_facts(of, cipher)
    return pb.VerifiedCertificate(
        code=grouped(opened_code(of, cipher)),
        state=of.state(now),
        person_name=facts.person_name,
        title=facts.title,
        statement=facts.statement,
        issuer_name=facts.issuer_name,
        year=of.year,
        minutes=facts.minutes,
        issue_time=timestamp(of.issue_time),
        expire_time=timestamp(of.expire_time),
        superseded_by="" if successor is None else grouped(opened_code(successor, cipher)),
        end_time=timestamp(of.end_time),
    )


def certificate_issued(of: Certificate, supersedes: Certificate | None) -> events_pb2.CertificateIssued:
    """That it was issued, as others hear of it: without name and code."""
    return events_pb2.CertificateIssued(
        certificate=of.name,
        member=MEMBER.name(of.member),
        scheme=SCHEME.name(of.scheme),
        year=of.year,
        issue_time=timestamp(of.issue_time),
        expire_time=timestamp(of.expire_time),
        supersedes="" if supersedes is None else supersedes.name,
    )


def certificate_revoked(of: Certificate) -> events_pb2.CertificateRevoked:
    """That it was revoked, as others hear of it."""
    return events_pb2.CertificateRevoked(
        certificate=of.name, member=MEMBER.name(of.member), revoke_time=timestamp(of.end_time)
    )


def verification_url(http_url: str, code: str) -> str:
    """Where the certificate of the code is verified; empty if that is nowhere to be reached."""
    return f"{http_url.rstrip('/')}{PATH}/{grouped(code)}" if http_url else ""


def code_index(code: str, cipher: Cipher) -> bytes:
    """What finds a certificate by its code."""
    return cipher.blind_index(code, CODE_PURPOSE)


def sealed_code(code: str, cipher: Cipher) -> bytes:
    """The code as it is stored."""
    return cipher.encrypt(code, CODE_PURPOSE)


def opened_code(of: Certificate, cipher: Cipher) -> str:
    """The certificate's code. Raises CipherError."""
    return cipher.decrypt(of.sealed_code, CODE_PURPOSE)


def sealed_facts(id_: str, facts: Facts, cipher: Cipher) -> bytes:
    """What the certificate of that id certifies, as it is stored: for this certificate and no other."""
    return cipher.seal(orjson.dumps({"certificate": id_, "facts": facts}), FACTS_PURPOSE)


def opened_facts(of: Certificate, cipher: Cipher) -> Facts:
    """What the certificate certifies. Raises CipherError, also for the facts of another one."""
    stored: dict[str, Any] = orjson.loads(cipher.open(of.sealed_facts, FACTS_PURPOSE))
    if stored["certificate"] != of.id:
        raise CipherError(f"the facts of {of.name} are those of another certificate")
    facts = stored["facts"]
    return Facts(**{**facts, "items": tuple(_opened_item(each) for each in facts["items"])})


def _opened_item(stored: dict[str, Any]) -> Item:
    moment = datetime.fromisoformat(stored["complete_time"]).astimezone(UTC)
    return Item(**{**stored, "complete_time": moment})


def _item(of: Item) -> pb.CertifiedItem:
    return pb.CertifiedItem(
        subject=of.subject,
        kind=of.kind,
        minutes=of.minutes,
        percent=of.percent,
        complete_time=timestamp(of.complete_time),
    )
