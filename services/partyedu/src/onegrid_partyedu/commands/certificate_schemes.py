"""Certificate schemes: defined, retired."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Connection

from onegrid_kit import codes
from onegrid_kit.callers import Call
from onegrid_kit.errors import Conflict, FieldViolation, InvalidRequest, NotFound
from onegrid_kit.etags import require_fresh
from onegrid_kit.names import code_in
from onegrid_kit.persons import require_nobody
from onegrid_partyedu.certificate import SCHEME, CertificateScheme
from onegrid_partyedu.commands.organizations import require_existing
from onegrid_partyedu.store import certificate_schemes as store
from onegrid_partyedu.store.known import known_cells

__all__ = ["DefineScheme", "define_scheme", "retire_scheme"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DefineScheme:
    """A scheme as it is to be."""

    id: str
    title: str
    statement: str
    issuer: str
    """The id of the issuing organization."""
    required: tuple[str, ...]
    yearly: bool
    validity_months: int
    etag: str


def define_scheme(conn: Connection, command: DefineScheme, call: Call) -> CertificateScheme:
    """Define a scheme, or make it what it is to be. Raises StaleEtag, NotFound, OrganizationDissolved or PersonInText;
    InvalidRequest for what is of another district.
    """
    texts = {"certificate_scheme.title": command.title, "certificate_scheme.statement": command.statement}
    require_nobody(partial(known_cells, conn), **texts)
    before = store.lock_scheme(conn, command.id)
    require_fresh(SCHEME.name(command.id), "" if before is None else before.etag, command.etag)
    _require_district(command)
    require_existing(conn, command.issuer)
    after = CertificateScheme(
        id=command.id,
        title=command.title,
        statement=command.statement,
        issuer=command.issuer,
        required=command.required,
        yearly=command.yearly,
        validity_months=command.validity_months,
        create_time=call.now,
        update_time=call.now,
    )
    if before is not None:
        unchanged = replace(after, version=before.version, create_time=before.create_time)
        if replace(unchanged, update_time=before.update_time) == before:
            return before
        after = replace(unchanged, version=before.version + 1)
    return _saved(conn, after)


def retire_scheme(conn: Connection, id_: str, etag: str, call: Call) -> CertificateScheme:
    """Have no more certificates issued by a scheme. Raises NotFound or StaleEtag."""
    before = store.lock_scheme(conn, id_)
    if before is None:
        raise NotFound(SCHEME.name(id_))
    require_fresh(before.name, before.etag, etag)
    if before.retire_time is not None:
        return before
    return _saved(conn, replace(before, version=before.version + 1, retire_time=call.now, update_time=call.now))


def _saved(conn: Connection, scheme: CertificateScheme) -> CertificateScheme:
    if not store.save_scheme(conn, scheme):
        raise Conflict
    return scheme


def _require_district(command: DefineScheme) -> None:
    district = codes.district_of(command.id)
    fields = {"issuer": command.issuer, **{f"required[{n}]": code_in(of) for n, of in enumerate(command.required)}}
    violations = [
        FieldViolation(f"certificate_scheme.{field}", "is of another district")
        for field, id_ in fields.items()
        if codes.district_of(id_) != district
    ]
    if violations:
        raise InvalidRequest(*violations)
