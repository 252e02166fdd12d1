"""Staff that identity has announced."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from onegrid_duty.roster import Person
from onegrid_duty.store.people import keep_person

STAFF = ("wang", "li", "zhang", "zhao")


def staff_name(name: str) -> str:
    return f"users/{name:0>8}"


def _announced(conn: Connection) -> None:
    for name in (*STAFF, "boss"):
        keep_person(conn, staff_name(name), 1, Person(staff=True, active=True, reachable=True))
    keep_person(conn, staff_name("gone"), 1, Person(staff=True, active=False, reachable=True))
    keep_person(conn, staff_name("citizen"), 1, Person(staff=False, active=True, reachable=True))


@pytest.fixture
def initial_data() -> Callable[[Connection], None]:
    return _announced
