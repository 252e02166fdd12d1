"""What a reader's calls cost: one statement a read, three an acknowledgement, however many items there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event

from onegrid.notify.v1.resources_pb2 import Acknowledgement
from onegrid_kit.database import DedicatedConnection
from onegrid_kit.testing.api import Serving
from onegrid_notify.store import inboxes

from .people import CITIZEN, COMMUNITY
from .stored import Stored

pytestmark = pytest.mark.asyncio


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Those over inboxes, of pools and of dedicated connections."""
    found: list[str] = []
    fetch = DedicatedConnection.fetch

    async def fetching(self: DedicatedConnection, statement: str, *arguments: object, repeatable: bool) -> Any:
        found.append(statement)
        return await fetch(self, statement, *arguments, repeatable=repeatable)

    def executing(_: object, __: object, statement: str, *___: object) -> None:
        if "item_state" in statement:
            found.append("read")

    monkeypatch.setattr(DedicatedConnection, "fetch", fetching)
    event.listen(Engine, "before_cursor_execute", executing)
    yield found
    event.remove(Engine, "before_cursor_execute", executing)


async def test_a_read_takes_one_statement_and_an_acknowledgement_two(
    api: Serving, stored: Stored, statements: list[str]
) -> None:
    stored.member(CITIZEN, COMMUNITY)
    items = [{"name": f"inboxItems/{stored.notice()}"} for _ in range(90)]
    statements.clear()
    await api.call(CITIZEN, "ListInboxItems", page_size=50)
    await api.call(CITIZEN, "CountInboxItems")
    assert statements == ["read", "read"]
    statements.clear()
    await api.call(CITIZEN, "AcknowledgeInboxItems", items=items, acknowledgement=Acknowledgement.ACKNOWLEDGEMENT_READ)
    assert statements == [inboxes.known_items.sql, inboxes.acknowledge_items.sql]
