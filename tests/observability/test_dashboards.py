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
from onegrid_observability.metrics import family
from onegrid_observability.per_release import check, selectors

from .selectors_of import known_metrics, selected
from .test_rules import rules

BOARDS = sorted((files.write() / "dashboards").glob("*.json"))
VARIABLES = {"$__rate_interval": "5m", "$service": "petition", "$namespace": "a", "$release": "b", "$broker": "c"}


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
    variables = [variable["name"] for variable in board["templating"]["list"]]
    assert variables[:3] == ["datasource", "namespace", "release"]


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_a_panel_is_about_the_chosen_releases_and_does_not_mix_them(path: Path) -> None:
    board = json.loads(path.read_text())
    chosen = {each["name"]: each for each in board["templating"]["list"]}
    several = chosen["release"]["multi"]
    assert chosen["namespace"]["multi"] == several == (path.stem == "overview")
    for panel in panels(board):
        for target in panel["targets"]:
            for selector in selectors(asked(target["expr"])):
                matched = {matcher.name: matcher.value for matcher in selector.matchers.matchers}
                if selector.name.startswith("rabbitmq_"):
                    assert matched["namespace"] == "c"
                elif selector.name.startswith("kubelet_"):
                    assert matched["namespace"] == "a"
                    assert matched["persistentvolumeclaim"].startswith("b-")
                else:
                    assert (matched["namespace"], matched["release"]) == ("a", "b"), target["expr"]
            if several:
                check(asked(target["expr"]))
                assert target["legendFormat"].startswith("{{namespace}}/{{release}}")


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_a_panel_says_where_its_numbers_come_from_and_leads_to_runbooks(path: Path) -> None:
    known = {rule["alert"] for rule in rules() if "alert" in rule}
    linked = set()
    for panel in panels(json.loads(path.read_text())):
        for target in panel["targets"]:
            for metric in selected(asked(target["expr"])):
                assert f"`{family(metric)}`: " in panel["description"], panel["title"]
        for link in panel.get("links", ()):
            linked.add(link["url"].removeprefix("docs/runbooks/").removesuffix(".md"))
            assert link["title"].endswith(link["url"].split("/")[-1].removesuffix(".md"))
    assert linked
    assert linked <= known


def test_dashboards_have_distinct_names_and_the_command_centre_has_its_own() -> None:
    boards = [json.loads(path.read_text()) for path in BOARDS]
    assert len({board["uid"] for board in boards}) == len(boards) == len(SERVICES) + 5
    centre = next(board for board in boards if board["uid"] == "onegrid-command-centre")
    for panel in panels(centre):
        assert re.search(r"[\u4e00-\u9fff].* ?/ [A-Z]", panel["title"]), panel["title"]
