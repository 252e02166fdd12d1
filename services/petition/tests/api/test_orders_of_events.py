"""Whatever order emergency's events come in, and however often, petitions end with the same links and timelines."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from onegrid_kit.testing.incidents import handle_all, history
from onegrid_petition import store
from onegrid_petition.main import SERVICE
from onegrid_petition.petition import PETITION

from .desk import Desk


@pytest.fixture
async def petitions(desk: Desk) -> list[str]:
    """The names of some."""
    return [(await desk.file()).name for _ in range(4)]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_order_of_emergencys_events_ends_with_the_same_links_and_timelines(
    petitions: list[str], engine: Engine, data: st.DataObject
) -> None:
    made = history(data, petitions)
    again = data.draw(st.lists(st.sampled_from(made.events), max_size=5))
    with engine.connect() as conn:
        handle_all(SERVICE, conn, data.draw(st.permutations([*made.events, *again])))
        found: dict[str, Any] = store.petitions_by_id(conn, [PETITION.id(name) for name in petitions])
        assert {each.name: each.incident for each in found.values()} == made.links()
        noted = Counter(
            (name, entry.incident.name, entry.incident.state, entry.incident.level)
            for name in petitions
            for entry in store.entries(conn, PETITION.id(name), (), 500, internal=True)
            if entry.incident
        )
        assert noted == made.noted
        conn.rollback()
