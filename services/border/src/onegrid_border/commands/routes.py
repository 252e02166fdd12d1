"""Routes: defined, retired."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from onegrid_border import messages
from onegrid_border.commands.looking import look_soon
from onegrid_border.errors import CourseInvalid
from onegrid_border.route import ROUTE, Course, Route, faults_of
from onegrid_border.store import patrols
from onegrid_border.store import routes as store
from onegrid_kit import outbox
from onegrid_kit.callers import Call
from onegrid_kit.clock import CLOCKS_DIFFER
from onegrid_kit.errors import FieldViolation, InvalidRequest, NotFound
from onegrid_kit.etags import require_fresh

__all__ = ["DefineRoute", "define_route", "retire_route"]

_FURTHEST: Final = timedelta(days=366)


@dataclass(frozen=True, slots=True, kw_only=True)
class DefineRoute:
    """A route as it is to be."""

    id: str
    course: Course
    effective_time: datetime | None
    """None: from now on."""
    etag: str


def define_route(conn: Connection, command: DefineRoute, call: Call) -> Route:
    """Enter a route, or give it another revision. Raises CourseInvalid, StaleEtag, or InvalidRequest for the time from
    which it is to be in effect.
    """
    name = ROUTE.name(command.id)
    faults = list(faults_of(command.course.checkpoints))
    if faults:
        raise CourseInvalid(name, faults)
    effective_time = command.effective_time or call.now
    if not call.now - CLOCKS_DIFFER <= effective_time <= call.now + _FURTHEST:
        raise InvalidRequest(FieldViolation("route.effective_time", "is past, or more than a year ahead"))
    before = store.lock_route(conn, command.id)
    require_fresh(name, "" if before is None else before.etag, command.etag)
    if before is not None and _is_same(before, command):
        return before
    after = Route(
        id=command.id,
        version=1 if before is None else before.version + 1,
        revision=1 if before is None else before.revision + 1,
        course=command.course,
        effective_time=effective_time,
        create_time=call.now,
    )
    store.insert_revision(conn, after)
    look_soon(conn, patrols.planned_on(conn, after.district, after.id, effective_time), call.now)
    return _announced(conn, after, call)


def retire_route(conn: Connection, route: str, etag: str, call: Call) -> Route:
    """Retire a route. Raises NotFound or StaleEtag."""
    before = store.lock_route(conn, route)
    if before is None:
        raise NotFound(ROUTE.name(route))
    require_fresh(before.name, before.etag, etag)
    if before.retire_time is not None:
        return before
    after = replace(before, version=before.version + 1, retire_time=call.now)
    store.retire_route(conn, after)
    return _announced(conn, after, call)


def _is_same(before: Route, command: DefineRoute) -> bool:
    same_time = command.effective_time in (None, before.effective_time)
    return before.retire_time is None and before.course == command.course and same_time


def _announced(conn: Connection, route: Route, call: Call) -> Route:
    outbox.append(conn, call, [(route.name, messages.route_defined(route))])
    return route
