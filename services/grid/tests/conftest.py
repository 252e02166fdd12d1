"""Every test of grid finds a few users who can be appointed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from onegrid.identity.v1.resources_pb2 import UserState
from onegrid_grid.store import registry as store

DISTRICT = "210602"
NAMES = (
    *("00worker", "00leader", "00second", "000first", "00others", "onetoomany"),
    *(f"0000000{number}" for number in range(4)),
    *(f"worker{number:03}" for number in range(100)),
)


@pytest.fixture
def initial_data() -> Callable[[Connection], None]:
    return some_users


def some_users(conn: Connection) -> None:
    for name in NAMES:
        store.keep_user(conn, DISTRICT, f"users/{name}", UserState.USER_STATE_ACTIVE, 1)
