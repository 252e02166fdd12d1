"""Departments: entered and renamed."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from onegrid_identity import messages, store
from onegrid_identity.accounts import DEPARTMENT, Department
from onegrid_kit import outbox
from onegrid_kit.callers import Call
from onegrid_kit.errors import AlreadyExists, NotFound
from onegrid_kit.etags import require_fresh

__all__ = ["create", "rename"]


def create(conn: Connection, code: str, display_name: str, call: Call) -> Department:
    """Enter a department. Raises AlreadyExists."""
    new = Department(code=code, display_name=display_name, create_time=call.now, update_time=call.now)
    if not store.insert_department(conn, new):
        raise AlreadyExists(new.name)
    return _announce(conn, new, call)


def rename(conn: Connection, code: str, display_name: str, etag: str, call: Call) -> Department:
    """Give a department its new name. Raises NotFound or StaleEtag."""
    before = store.find_department(conn, code, lock=True)
    if before is None:
        raise NotFound(DEPARTMENT.name(code))
    require_fresh(before.name, str(before.version), etag)
    after = replace(before, display_name=display_name, version=before.version + 1, update_time=call.now)
    store.save_department(conn, after)
    return _announce(conn, after, call)


def _announce(conn: Connection, department: Department, call: Call) -> Department:
    outbox.append(conn, call, [(department.name, messages.department_defined(department))])
    return department
