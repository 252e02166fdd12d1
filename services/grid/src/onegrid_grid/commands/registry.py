"""The registry: divisions, cells, appointments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from onegrid.grid.v1.resources_pb2 import Post
from onegrid.identity.v1.resources_pb2 import UserState
from onegrid_grid import messages
from onegrid_grid.errors import (
    AppointmentLimitReached,
    BoundaryInvalid,
    BoundaryOverlaps,
    ParentUnknown,
    PostTaken,
)
from onegrid_grid.registry import APPOINTMENT, CELL, Appointment, Cell, Division, User
from onegrid_grid.store import registry as store
from onegrid_kit import codes, geometry, ids, outbox
from onegrid_kit.callers import Call
from onegrid_kit.errors import AlreadyExists, FieldViolation, InvalidRequest, NotFound
from onegrid_kit.etags import require_fresh
from onegrid_kit.geometry import CellIndex, Ring

__all__ = [
    "AppointWorker",
    "Imported",
    "NewCell",
    "UpdateCell",
    "appoint_worker",
    "create_cells",
    "end_appointment",
    "end_posts",
    "import_divisions",
    "keep_user",
    "update_cell",
]

_TOLERANCE_M2 = 1.0
_MAX_APPOINTMENTS = 100
"""How many people look after a cell at most: each answer and event of a cell holds them all."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did."""

    created: int
    updated: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class NewCell:
    """A cell to enter."""

    code: str
    display_name: str
    boundary: Ring


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateCell:
    """A cell's new name or ground; None leaves it as it is."""

    code: str
    display_name: str | None
    boundary: Ring | None
    etag: str


@dataclass(frozen=True, slots=True)
class AppointWorker:
    """Whom to appoint where."""

    cell: str
    user: str
    post: Post


def import_divisions(conn: Connection, district: str, table: Sequence[Division], call: Call) -> Imported:
    """Enter or rename divisions, which come parents first. Raises ParentUnknown."""
    store.lock_ground(conn, district)
    parents = {codes.parent_of(each.code) for each in table} - {""}
    known = store.divisions_by_code(conn, district, sorted(parents | {each.code for each in table}))
    changed: list[Division] = []
    created = 0
    for each in table:
        parent = codes.parent_of(each.code)
        if parent and parent not in known:
            raise ParentUnknown(parent)
        before = known.get(each.code)
        if before is None:
            created += 1
            changed.append(each)
        elif before.display_name != each.display_name:
            changed.append(replace(each, version=before.version + 1))
        known[each.code] = each
    if changed:
        store.upsert_divisions(conn, district, changed, call.now)
        outbox.append(conn, call, [(each.name, messages.division_defined(each)) for each in changed])
    return Imported(created, len(changed) - created, len(table) - len(changed))


def create_cells(conn: Connection, parent: str, new: Sequence[NewCell], call: Call) -> int:
    """Enter cells, all or none; how many. Raises AlreadyExists, ParentUnknown, BoundaryInvalid or BoundaryOverlaps."""
    for index, each in enumerate(new):
        if not codes.contains(parent, each.code):
            raise InvalidRequest(FieldViolation(f"cells[{index}].code", f"lies outside of {parent}"))
        problem = geometry.problem_of(each.boundary)
        if problem:
            raise BoundaryInvalid(f"cells[{index}].boundary", each.code, problem)
    if len({each.code for each in new}) != len(new):
        raise InvalidRequest(FieldViolation("cells", "names a cell twice"))
    district = codes.district_of(parent)
    store.lock_ground(conn, district)
    communities = {codes.parent_of(each.code) for each in new}
    known = store.divisions_by_code(conn, district, sorted(communities))
    for community in sorted(communities):
        if community not in known:
            raise ParentUnknown(community)
    _require_apart(conn, [(each.code, each.boundary) for each in new])
    cells = [
        Cell(
            code=each.code,
            display_name=each.display_name,
            boundary=each.boundary,
            area_m2=geometry.area_m2(each.boundary),
            version=1,
            create_time=call.now,
            update_time=call.now,
        )
        for each in new
    ]
    inserted = store.insert_cells(conn, cells)
    for cell in cells:
        if cell.code not in inserted:
            raise AlreadyExists(cell.name)
    outbox.append(conn, call, [(cell.name, messages.cell_defined(cell)) for cell in cells])
    return len(cells)


def update_cell(conn: Connection, command: UpdateCell, call: Call) -> Cell:
    """Rename a cell or move its boundary. Raises NotFound, StaleEtag, BoundaryInvalid or BoundaryOverlaps."""
    if command.boundary is not None:
        problem = geometry.problem_of(command.boundary)
        if problem:
            raise BoundaryInvalid("cell.boundary", command.code, problem)
        store.lock_ground(conn, codes.district_of(command.code))
    before = _lock(conn, command.code)
    require_fresh(before.name, str(before.version), command.etag)
    after = before
    if command.display_name is not None:
        after = replace(after, display_name=command.display_name)
    if command.boundary is not None:
        _require_apart(conn, [(command.code, command.boundary)])
        after = replace(after, boundary=command.boundary, area_m2=geometry.area_m2(command.boundary))
    return _announce(conn, after, call)


def appoint_worker(conn: Connection, command: AppointWorker, call: Call) -> Appointment:
    """Appoint a user to a cell. Raises UserUnknown, UserNotActive, NotFound or PostTaken."""
    # Before the cell, as `keep_user` does: a user who is disabled meanwhile loses this appointment too.
    store.require_active(conn, codes.district_of(command.cell), command.user)
    before = _lock(conn, command.cell)
    for held in before.appointments:
        same = held.user == command.user and held.post == command.post
        if same or Post.POST_LEADER == held.post == command.post:
            raise PostTaken(before.name, held.user)
    if len(before.appointments) >= _MAX_APPOINTMENTS:
        raise AppointmentLimitReached(before.name, _MAX_APPOINTMENTS)
    new = Appointment(id=ids.new_id(), cell=command.cell, user=command.user, post=command.post, start_time=call.now)
    store.insert_appointment(conn, new)
    people = sorted((*before.appointments, new), key=lambda a: (a.post, a.start_time, a.id))
    _announce(conn, replace(before, appointments=tuple(people)), call)
    return new


def end_appointment(conn: Connection, cell: str, appointment_id: str, call: Call) -> Appointment:
    """End an appointment; one that has ended stays as it is. Raises NotFound."""
    before = _lock(conn, cell)
    found = store.find_appointment(conn, cell, appointment_id)
    if found is None:
        raise NotFound(APPOINTMENT.name(cell, appointment_id))
    if found.end_time is not None:
        return found
    ended = replace(found, end_time=max(found.start_time, call.now))
    store.end_appointment(conn, ended)
    people = tuple(each for each in before.appointments if each.id != appointment_id)
    outbox.append(conn, call, [(ended.name, messages.appointment_ended(ended, before.display_name))])
    _announce(conn, replace(before, appointments=people), call)
    return ended


def keep_user(conn: Connection, user: User, call: Call) -> None:
    """Keep what was announced of a user, and end the posts of one who is disabled: also those that were given while
    grid had not heard of it.
    """
    newest = store.keep_user(conn, user.district, user.name, user.state, user.version)
    if user.state == UserState.USER_STATE_DISABLED:
        if newest:
            _end(conn, store.posts_of(conn, user.name), call)
        else:
            end_posts(conn, user.name, call)


def end_posts(conn: Connection, user: str, call: Call) -> None:
    """End the posts that a disabled user held at the call's time. It may lie in the past: an event that
    failed comes late, and its user may be admitted and appointed again by then.
    """
    _end(conn, [held for held in store.posts_of(conn, user) if held.start_time <= call.now], call)


def _end(conn: Connection, held_then: Sequence[Appointment], call: Call) -> None:
    for held in sorted(held_then, key=lambda held: held.cell):
        end_appointment(conn, held.cell, held.id, call)


def _lock(conn: Connection, code: str) -> Cell:
    found = store.cells(conn, code, lock=True)
    if not found:
        raise NotFound(CELL.name(code))
    return found[0]


def _announce(conn: Connection, after: Cell, call: Call) -> Cell:
    # A late event's time lies behind that of the last change.
    after = replace(after, version=after.version + 1, update_time=max(after.update_time, call.now))
    store.save_cell(conn, after)
    outbox.append(conn, call, [(after.name, messages.cell_defined(after))])
    return after


def _require_apart(conn: Connection, new: Sequence[tuple[str, Ring]]) -> None:
    """Raise BoundaryOverlaps if one of these shares ground with another, or with a cell of any district."""
    replaced = {code for code, _ in new}
    corners = [corner for _, ring in new for corner in ring]
    there = [(code, ring) for code, ring in store.boundaries_near(conn, corners) if code not in replaced]
    index = CellIndex([*there, *new])
    for code, boundary in new:
        for other in index.overlapping(boundary, _TOLERANCE_M2):
            if other != code:
                raise BoundaryOverlaps(code, other)
