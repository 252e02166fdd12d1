"""Certificates: issued, revoked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from onegrid.partyedu.v1.certificates_pb2 import CertificateState
from onegrid_kit import ids, outbox
from onegrid_kit.callers import Call
from onegrid_kit.cipher import Cipher
from onegrid_kit.errors import Conflict, FieldViolation, InvalidRequest, NotFound
from onegrid_kit.persons import require_nobody
from onegrid_partyedu import certificate_messages as messages
from onegrid_partyedu.authority import require_certificate, require_member
from onegrid_partyedu.certificate import SCHEME, Certificate, CertificateScheme, Facts, earned, missing
from onegrid_partyedu.certificate_code import new_code
from onegrid_partyedu.completion import year_of
from onegrid_partyedu.errors import (
    CertificateRevoked,
    CertificateWrongState,
    MemberWrongState,
    RequirementsMissing,
    SchemeRetired,
)
from onegrid_partyedu.member import NAME_PURPOSE, Member
from onegrid_partyedu.store import certificate_schemes as schemes
from onegrid_partyedu.store import certificates as store
from onegrid_partyedu.store import completions, known, members, organizations

__all__ = ["IssueCertificate", "issue_certificate", "revoke_certificate"]

_VALID = CertificateState.CERTIFICATE_STATE_VALID
_REVOKED = CertificateState.CERTIFICATE_STATE_REVOKED


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueCertificate:
    """Who gets which certificate."""

    member: str
    """The member's id, or ``me``."""
    scheme: str
    """The scheme's id."""
    year: int


def issue_certificate(
    conn: Connection, command: IssueCertificate, cipher: Cipher, call: Call
) -> tuple[Certificate, Member]:
    """Issue a member's certificate, or give back the one that there is; and the member. Raises PermissionDenied,
    NotFound, MemberWrongState, SchemeRetired, RequirementsMissing or CertificateRevoked; InvalidRequest for the scheme
    or year.
    """
    member = require_member(conn, command.member, call)
    scheme = _require_scheme(conn, command, member, call)
    # Those who issue to the same member at the same moment come one after the other.
    locked = members.lock_member(conn, member.id)
    if locked is None:
        raise Conflict
    if locked.end_time is not None:
        raise MemberWrongState(locked.name, locked.state_name)
    last = store.find_last(conn, locked.id, scheme.id, command.year)
    if last is not None and last.stored_state == _REVOKED and not call.caller.may(call.permission, locked.office):
        raise CertificateRevoked(last.name)
    studied = completions.completions_of(conn, locked.id, scheme.required)
    items, expire_time = earned(scheme, studied, command.year, call.now)
    if lacking := missing(scheme, items):
        raise RequirementsMissing(scheme.name, lacking)
    issuer = organizations.find_organization(conn, scheme.issuer)
    facts = Facts(
        person_name=cipher.decrypt(locked.sealed_name, NAME_PURPOSE),
        title=scheme.title,
        statement=scheme.statement,
        issuer=scheme.issuer,
        issuer_name="" if issuer is None else issuer.display_name,
        items=items,
    )
    stands = last if last is not None and last.stored_state == _VALID else None
    if stands is not None and messages.opened_facts(stands, cipher) == facts and stands.expire_time == expire_time:
        return stands, locked
    id_, code = f"{locked.district}-{ids.new_id()}", new_code()
    new = Certificate(
        id=id_,
        member=locked.id,
        scheme=scheme.id,
        year=command.year,
        sealed_facts=messages.sealed_facts(id_, facts, cipher),
        sealed_code=messages.sealed_code(code, cipher),
        code_index=messages.code_index(code, cipher),
        issue_time=call.now,
        expire_time=expire_time,
    )
    if stands is not None:
        store.save_certificate(conn, stands.superseded(new.id, call.now))
    store.save_certificate(conn, new)
    outbox.append(conn, call, [(new.name, messages.certificate_issued(new, stands))])
    return new, locked


def revoke_certificate(conn: Connection, id_: str, reason: str, call: Call) -> tuple[Certificate, Member]:
    """Revoke a certificate; it, and its member. Raises PermissionDenied, NotFound, CertificateWrongState or
    PersonInText.
    """
    require_nobody(partial(known.known_cells, conn), reason=reason)
    before, _ = require_certificate(conn, id_, call)
    member = members.lock_member(conn, before.member)
    found = store.find_certificate(conn, id_)
    if member is None or found is None:
        raise Conflict
    if found.stored_state == _REVOKED:
        return found, member
    if found.stored_state != _VALID:
        raise CertificateWrongState(found.name, found.state_name(call.now))
    after = found.revoked(reason, call.now)
    store.save_certificate(conn, after)
    outbox.append(conn, call, [(after.name, messages.certificate_revoked(after))])
    return after, member


def _require_scheme(conn: Connection, command: IssueCertificate, member: Member, call: Call) -> CertificateScheme:
    scheme = schemes.find_scheme(conn, command.scheme)
    if scheme is None:
        raise NotFound(SCHEME.name(command.scheme))
    if scheme.district != member.district:
        raise InvalidRequest(FieldViolation("scheme", "is of another district"))
    if scheme.yearly != bool(command.year):
        raise InvalidRequest(FieldViolation("year", "is needed" if scheme.yearly else "must be 0: it is not yearly"))
    if command.year > year_of(call.now):
        raise InvalidRequest(FieldViolation("year", "is ahead"))
    if scheme.retire_time is not None:
        raise SchemeRetired(scheme.name)
    return scheme
