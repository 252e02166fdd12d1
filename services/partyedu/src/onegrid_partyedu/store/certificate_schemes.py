"""The statements over certificate schemes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from onegrid_kit import codes
from onegrid_kit.paging import Position, behind
from onegrid_partyedu.certificate import CertificateScheme
from onegrid_partyedu.tables import certificate_scheme

__all__ = ["find_scheme", "lock_scheme", "save_scheme", "schemes_page"]


def find_scheme(conn: Connection, id_: str) -> CertificateScheme | None:
    """The scheme of that id."""
    s = certificate_scheme.c
    query = select(certificate_scheme).where(s.district == codes.district_of(id_), s.id == id_)
    row = conn.execute(query).one_or_none()
    return None if row is None else _scheme(row)


def lock_scheme(conn: Connection, id_: str) -> CertificateScheme | None:
    """The scheme of that id, which nobody else changes until the transaction ends."""
    s = certificate_scheme.c
    query = select(certificate_scheme).where(s.district == codes.district_of(id_), s.id == id_)
    row = conn.execute(query.with_for_update()).one_or_none()
    return None if row is None else _scheme(row)


def save_scheme(conn: Connection, changed: CertificateScheme) -> bool:
    """Store a scheme as it is now; False if somebody else defined it at the same moment."""
    values = {**asdict(changed), "district": changed.district, "required": list(changed.required)}
    statement = insert(certificate_scheme).values(values)
    stored = conn.execute(
        statement.on_conflict_do_update(
            index_elements=list(certificate_scheme.primary_key),
            set_={name: statement.excluded[name] for name in values if name not in ("district", "id")},
            where=certificate_scheme.c.version == changed.version - 1,
        )
    )
    return stored.rowcount == 1


def schemes_page(
    conn: Connection, scope: str, *, retired: bool, after: Position, limit: int
) -> list[CertificateScheme]:
    """The schemes of a place or department and of those inside it, by id."""
    s = certificate_scheme.c
    query = select(certificate_scheme).where(
        s.district == codes.district_of(scope), s.id.startswith(scope), behind(after, s.id)
    )
    if not retired:
        query = query.where(s.retire_time.is_(None))
    return [_scheme(row) for row in conn.execute(query.order_by(s.id).limit(limit))]


def _scheme(row: Any) -> CertificateScheme:
    return CertificateScheme(
        id=row.id,
        version=row.version,
        title=row.title,
        statement=row.statement,
        issuer=row.issuer,
        required=tuple(row.required),
        yearly=row.yearly,
        validity_months=row.validity_months,
        retire_time=row.retire_time,
        create_time=row.create_time,
        update_time=row.update_time,
    )
