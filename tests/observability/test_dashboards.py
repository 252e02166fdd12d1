"""Dashboards: whatever they ask can be asked, and each shows what it promises to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from onegrid.contracts import SERVICES
from onegrid_observability import files

from .selectors_of import known_metrics, selected
from .test_rules import rules

BOARDS = sorted((files.write() / "dashboards").glob("*.json"))
VARIABLES = {"$__rate_interval": "5m", "$service": "petition"}


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for panel in board["panels"]:
        if panel["type"] == "row":
            yield from panel.get("panels", ())
        else:
            yield panel


def asked(expression: str) -> str:
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    return expression


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_a_dashboard_asks_only_for_what_there_is(path: Path) -> None:
    board = json.loads(path.read_text())
    known = known_metrics() | {rule["record"] for rule in rules() if "record" in rule} | {"ALERTS"}
    found = list(panels(board))
    assert len(found) >= 8
    assert len({panel["id"] for panel in found}) == len(found)
    titles = [panel["title"] for panel in found]
    assert len(set(titles)) >= len(titles) - 2, titles
    for panel in found:
        assert panel["datasource"]["uid"] == "${datasource}"
        for target in panel["targets"]:
            query = asked(target["expr"])
            assert "$" not in query
            assert selected(query) <= known, query
    assert next(variable["name"] for variable in board["templating"]["list"]) == "datasource"


def test_dashboards_have_distinct_names_and_the_command_centre_has_its_own() -> None:
    boards = [json.loads(path.read_text()) for path in BOARDS]
    assert len({board["uid"] for board in boards}) == len(boards) == len(SERVICES) + 4
    centre = next(board for board in boards if board["uid"] == "onegrid-command-centre")
    for panel in panels(centre):
        assert re.search(r"[\u4e00-\u9fff].* ?/ [A-Z]", panel["title"]), panel["title"]
