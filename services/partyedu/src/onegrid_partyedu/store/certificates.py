"""The statements over certificates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from onegrid.partyedu.v1.certificates_pb2 import CertificateState
from onegrid_kit import codes
from onegrid_kit.paging import Position, behind
from onegrid_partyedu.certificate import Certificate
from onegrid_partyedu.tables import certificate

__all__ = [
    "certificates_page",
    "find_by_code",
    "find_certificate",
    "find_last",
    "save_certificate",
]

_CHANGES: Final = ("state", "superseded_by", "end_time", "revoke_reason")


def find_certificate(conn: Connection, id_: str) -> Certificate | None:
    """The certificate of that id."""
    c = certificate.c
    row = conn.execute(select(certificate).where(c.district == codes.district_of(id_), c.id == id_)).one_or_none()
    return None if row is None else _certificate(row)


def find_by_code(conn: Connection, code_index: bytes) -> Certificate | None:
    """The certificate of the code with that index."""
    row = conn.execute(select(certificate).where(certificate.c.code_index == code_index)).one_or_none()
    return None if row is None else _certificate(row)


def find_last(conn: Connection, member: str, scheme: str, year: int) -> Certificate | None:
    """The last certificate that was issued to the member by the scheme for the year; one that stands comes first."""
    c = certificate.c
    query = select(certificate).where(
        c.district == codes.district_of(member), c.member == member, c.scheme == scheme, c.year == year
    )
    stands = c.state == CertificateState.CERTIFICATE_STATE_VALID
    ordered = query.order_by(stands.desc(), c.issue_time.desc(), c.id.desc()).limit(1)
    row = conn.execute(ordered).one_or_none()
    return None if row is None else _certificate(row)


def save_certificate(conn: Connection, of: Certificate) -> None:
    """Enter a certificate, or store what became of it."""
    statement = insert(certificate).values(
        district=of.district,
        id=of.id,
        member=of.member,
        scheme=of.scheme,
        year=of.year,
        sealed_facts=of.sealed_facts,
        sealed_code=of.sealed_code,
        code_index=of.code_index,
        state=of.stored_state,
        superseded_by=of.superseded_by,
        issue_time=of.issue_time,
        expire_time=of.expire_time,
        end_time=of.end_time,
        revoke_reason=of.revoke_reason,
    )
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=list(certificate.primary_key), set_={name: statement.excluded[name] for name in _CHANGES}
        )
    )


def certificates_page(conn: Connection, member: str, after: Position, limit: int) -> Sequence[Certificate]:
    """The certificates of a member, the latest first."""
    c = certificate.c
    query = select(certificate).where(
        c.district == codes.district_of(member),
        c.member == member,
        behind(after, c.issue_time, c.id, descending=True),
    )
    ordered = query.order_by(c.issue_time.desc(), c.id.desc()).limit(limit)
    return [_certificate(row) for row in conn.execute(ordered)]


def _certificate(row: Any) -> Certificate:
    return Certificate(
        id=row.id,
        member=row.member,
        scheme=row.scheme,
        year=row.year,
        sealed_facts=bytes(row.sealed_facts),
        sealed_code=bytes(row.sealed_code),
        code_index=bytes(row.code_index),
        stored_state=row.state,
        superseded_by=row.superseded_by,
        issue_time=row.issue_time,
        expire_time=row.expire_time,
        end_time=row.end_time,
        revoke_reason=row.revoke_reason,
    )
