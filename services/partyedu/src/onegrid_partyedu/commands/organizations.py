"""Organizations: defined, dissolved; who is elected, and who joins them within a term."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from onegrid.partyedu.v1.members_pb2 import MemberState
from onegrid.partyedu.v1.organizations_pb2 import OrganizationForm, OrganizationKind
from onegrid_kit import codes, outbox
from onegrid_kit.callers import Call
from onegrid_kit.clock import CLOCKS_DIFFER
from onegrid_kit.errors import FieldViolation, InvalidRequest, NotFound
from onegrid_kit.etags import require_fresh
from onegrid_kit.locations import Location
from onegrid_kit.persons import require_nobody
from onegrid_partyedu import messages
from onegrid_partyedu.errors import (
    CellUnknown,
    MemberNotEligible,
    NoTerm,
    OfficerLimitReached,
    OrganizationDissolved,
    OrganizationInUse,
)
from onegrid_partyedu.member import MEMBER
from onegrid_partyedu.organization import (
    DEEPEST,
    MOST_OFFICERS,
    ORGANIZATION,
    Elected,
    Officer,
    Organization,
    Term,
    kept_posts,
    term_end,
    term_years_of,
    violations_of,
)
from onegrid_partyedu.store import known, members, transfers
from onegrid_partyedu.store import organizations as store

__all__ = [
    "DefineOrganization",
    "RecordElection",
    "change_officers",
    "define_organization",
    "end_organization",
    "end_posts",
    "record_election",
    "require_existing",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class DefineOrganization:
    """An organization as it is to be."""

    id: str
    display_name: str
    kind: OrganizationKind
    form: OrganizationForm
    parent: str
    """The id of the one above it; empty: none is."""
    location: Location | None
    cells: tuple[str, ...]
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordElection:
    """Who was elected, and when."""

    organization: str
    begin_time: datetime
    years: int
    """0: as many as such an organization has."""
    elected: tuple[Elected, ...]
    etag: str


def define_organization(conn: Connection, command: DefineOrganization, call: Call) -> Organization:
    """Enter an organization, or make it what it is to be.

    Raises StaleEtag, NotFound, PermissionDenied, OrganizationDissolved, CellUnknown or PersonInText; InvalidRequest for
    its parent or cells.
    """
    require_nobody(partial(known.known_cells, conn), **{"organization.display_name": command.display_name})
    store.lock_line(conn, codes.district_of(command.id))
    before = store.find_organization(conn, command.id)
    require_fresh(ORGANIZATION.name(command.id), "" if before is None else before.etag, command.etag)
    _require_cells(conn, command)
    _require_parent(conn, command, call)
    cells = tuple(sorted(command.cells))
    if before is None:
        after = Organization(
            id=command.id,
            display_name=command.display_name,
            kind=command.kind,
            form=command.form,
            parent=command.parent,
            location=command.location,
            cells=cells,
            create_time=call.now,
            update_time=call.now,
        )
        return _saved(conn, after, call)
    after = replace(
        before,
        display_name=command.display_name,
        kind=command.kind,
        form=command.form,
        parent=command.parent,
        location=command.location,
        cells=cells,
        dissolve_time=None,
        term=None if before.dissolve_time else before.term,
    )
    if after == before:
        return before
    former = store.line_of(conn, before.id)[1:] if after.parent != before.parent else []
    saved = _saved(conn, _next(after, call), call)
    _end_posts_above(conn, former, call)
    return saved


def end_organization(conn: Connection, id_: str, etag: str, call: Call) -> Organization:
    """End an organization and its term. Raises NotFound, StaleEtag or OrganizationInUse."""
    store.lock_line(conn, codes.district_of(id_))
    before = _require(conn, id_)
    require_fresh(before.name, before.etag, etag)
    if before.dissolve_time is not None:
        return before
    counts = {
        "members": members.count_members(conn, id_),
        "transfers": transfers.count_waiting(conn, id_, call.now),
        "organizations": store.count_below(conn, id_),
    }
    if any(counts.values()):
        raise OrganizationInUse(before.name, **counts)
    ended = None if before.term is None else _ended(before.term, call.now)
    if ended is not None:
        store.save_term(conn, ended)
    return _saved(conn, _next(replace(before, term=ended, dissolve_time=call.now), call), call)


def record_election(conn: Connection, command: RecordElection, call: Call) -> Organization:
    """Begin a new term. Raises NotFound, StaleEtag, OrganizationDissolved or MemberNotEligible; InvalidRequest for
    its time or posts.
    """
    before = _locked(conn, command.organization, command.etag)
    last = store.terms_page(conn, before.id, (), 1)
    if command.begin_time > call.now + CLOCKS_DIFFER:
        raise InvalidRequest(FieldViolation("begin_time", "is ahead"))
    if last and command.begin_time <= last[0].begin_time:
        raise InvalidRequest(FieldViolation("begin_time", "is not after the beginning of the term before"))
    _require_eligible(conn, before, command.elected)
    if before.term is not None:
        store.save_term(conn, _ended(before.term, command.begin_time))
    new = Term(
        organization=before.id,
        number=last[0].number + 1 if last else 1,
        begin_time=command.begin_time,
        due_time=term_end(command.begin_time, command.years or term_years_of(before)),
    )
    new = replace(new, officers=kept_posts(new, command.elected, command.begin_time))
    store.save_term(conn, new)
    return _saved(conn, _next(replace(before, term=new), call), call)


def change_officers(
    conn: Connection, organization: str, elected: Sequence[Elected], etag: str, call: Call
) -> Organization:
    """Have these hold the posts from now on. Raises NotFound, StaleEtag, OrganizationDissolved, NoTerm,
    MemberNotEligible or OfficerLimitReached; InvalidRequest for the posts.
    """
    before = _locked(conn, organization, etag)
    if before.term is None:
        raise NoTerm(before.name)
    _require_eligible(conn, before, elected)
    after = replace(before, term=replace(before.term, officers=kept_posts(before.term, elected, call.now)))
    if after == before:
        return before
    if after.term is not None and len(after.term.officers) > MOST_OFFICERS:
        raise OfficerLimitReached(before.name, MOST_OFFICERS)
    return _with_term_saved(conn, after, call)


def end_posts(conn: Connection, member: str, remaining: Collection[str], call: Call) -> None:
    """End the posts of a member in all organizations but these, given by their ids. The line is locked."""
    for id_ in store.organizations_held_by(conn, member):
        if id_ not in remaining:
            _keep_officers(conn, id_, lambda each: each.member != member, call)


def require_existing(conn: Connection, id_: str) -> Organization:
    """The organization, which is not dissolved. Raises NotFound or OrganizationDissolved."""
    found = _require(conn, id_)
    if found.dissolve_time is not None:
        raise OrganizationDissolved(found.name)
    return found


def _end_posts_above(conn: Connection, former: Sequence[str], call: Call) -> None:
    """End the posts in organizations, given by their ids, of who belongs to none at or below them any more."""
    for id_ in former:
        _keep_officers(conn, id_, partial(_belongs_below, conn, id_), call)


def _belongs_below(conn: Connection, id_: str, officer: Officer) -> bool:
    of = members.find_member(conn, officer.member)
    return of is not None and id_ in store.line_of(conn, of.organization)


def _keep_officers(conn: Connection, id_: str, stays: Callable[[Officer], bool], call: Call) -> None:
    """End the posts of those officers who do not stay."""
    held_in = _require(conn, id_)
    if held_in.term is None:
        return
    of_now = [each for each in held_in.term.officers if each.end_time is None]
    staying = [Elected(each.post, each.member) for each in of_now if stays(each)]
    if len(staying) < len(of_now):
        term = replace(held_in.term, officers=kept_posts(held_in.term, staying, call.now))
        _with_term_saved(conn, replace(held_in, term=term), call)


def _require(conn: Connection, id_: str) -> Organization:
    found = store.find_organization(conn, id_)
    if found is None:
        raise NotFound(ORGANIZATION.name(id_))
    return found


def _locked(conn: Connection, id_: str, etag: str) -> Organization:
    store.lock_line(conn, codes.district_of(id_))
    found = require_existing(conn, id_)
    require_fresh(found.name, found.etag, etag)
    return found


def _require_cells(conn: Connection, command: DefineOrganization) -> None:
    office = codes.office_of(command.id)
    ground = codes.district_of(office) if codes.is_department(office) else office
    wrong = [
        FieldViolation(f"organization.cells[{position}]", "is no cell of the place that the organization belongs to")
        for position, cell in enumerate(command.cells)
        if not cell.startswith(ground)
    ]
    if wrong:
        raise InvalidRequest(*wrong)
    if unknown := set(command.cells) - known.known_cells(conn, command.cells):
        raise CellUnknown(unknown)


def _require_parent(conn: Connection, command: DefineOrganization, call: Call) -> None:
    if not command.parent:
        return
    if codes.district_of(command.parent) != codes.district_of(command.id):
        raise InvalidRequest(FieldViolation("organization.parent", "is of another district"))
    # A line goes up by itself; into one of another place its office has to let it.
    if not codes.contains(codes.office_of(command.parent), codes.office_of(command.id)):
        call.caller.require(call.permission, codes.office_of(command.parent))
    above = require_existing(conn, command.parent)
    line = store.line_of(conn, above.id)
    if command.id in line:
        raise InvalidRequest(FieldViolation("organization.parent", "is the organization itself, or below it"))
    if len(line) + max(1, store.height_below(conn, command.id)) > DEEPEST:
        raise InvalidRequest(
            FieldViolation("organization.parent", f"makes a line of more than {DEEPEST} organizations")
        )


def _require_eligible(conn: Connection, organization: Organization, elected: Sequence[Elected]) -> None:
    wrong = [FieldViolation(f"officers[{position}]", what) for position, what in violations_of(elected)]
    if wrong:
        raise InvalidRequest(*wrong)
    found = members.find_members(conn, {each.member for each in elected})
    for id_ in sorted({each.member for each in elected}):
        if id_ not in found:
            raise NotFound(MEMBER.name(id_))
        of = found[id_]
        full = of.state == MemberState.MEMBER_STATE_FULL
        if not full or organization.id not in store.line_of(conn, of.organization):
            raise MemberNotEligible(of.name)


def _ended(term: Term, at: datetime) -> Term:
    """The term, and what posts of it go on, once it is over."""
    officers = tuple(
        each if each.end_time is not None else replace(each, end_time=max(at, each.begin_time))
        for each in term.officers
    )
    return replace(term, end_time=at, officers=officers)


def _next(organization: Organization, call: Call) -> Organization:
    return replace(organization, version=organization.version + 1, update_time=call.now)


def _with_term_saved(conn: Connection, organization: Organization, call: Call) -> Organization:
    if organization.term is not None:
        store.save_term(conn, organization.term)
    return _saved(conn, _next(organization, call), call)


def _saved(conn: Connection, organization: Organization, call: Call) -> Organization:
    store.save_organization(conn, organization)
    outbox.append(conn, call, [(organization.name, messages.organization_defined(organization))])
    return organization
