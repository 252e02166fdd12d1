"""Every test of grid finds a few users who can be appointed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from onegrid.identity.v1.resources_pb2 import UserState
from onegrid_grid import store

DISTRICT = "210602"
USERS = tuple(f"users/{name}" for name in ("00worker", "00leader", "00second", "000first", "00others")) + tuple(
    f"users/0000000{number}" for number in range(4)
)


@pytest.fixture
def initial_data() -> Callable[[Connection], None]:
    return some_users


def some_users(conn: Connection) -> None:
    for user in USERS:
        store.keep_user(conn, DISTRICT, user, UserState.USER_STATE_ACTIVE, 1)
