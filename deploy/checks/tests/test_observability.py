"""What is read from rules, dashboards and traces."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from onegrid_checks.observability import dashboards, rules
from onegrid_checks.observability.dashboards import substituted
from onegrid_checks.observability.rules import Rule
from onegrid_checks.observability.trace import Span, broken, spans
from onegrid_checks.settings import SettingsError

CALL = "onegrid.petition.v1.PetitionService.FilePetition"
EVENT = "onegrid.petition.v1.PetitionFiled"


def test_rules_are_read_with_what_finds_their_series(tmp_path: Path) -> None:
    (tmp_path / "petition.yaml").write_text(
        "groups: [{name: g, rules: [{record: 'a:b:rate5m', expr: up, labels: {window: 5m, service: petition}},"
        " {alert: A, expr: up == 0}]}]"
    )
    records, alerts = rules.read(tmp_path)["petition.yaml"]
    assert records.recorded == 'a:b:rate5m{service="petition",window="5m"}'
    assert alerts == Rule("A", "up == 0", records=False, labels={})


@pytest.mark.parametrize("text", ["", "groups: 3", "groups: [{name: g}]", "groups: [{rules: [{expr: up}]}]", "{"])
def test_a_file_that_holds_no_rules_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "petition.yaml").write_text(text)
    with pytest.raises(SettingsError, match=r"petition\.yaml is no file of Prometheus rules"):
        rules.read(tmp_path)


def test_empty_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="CHECKS_RULES"):
        rules.read(tmp_path)
    with pytest.raises(SettingsError, match="CHECKS_DASHBOARDS"):
        dashboards.read(tmp_path)


def test_panels_in_rows_are_read_with_whether_they_may_be_empty(tmp_path: Path) -> None:
    inner = {
        "id": 2,
        "title": "Errors",
        "description": "By code.\nMay be empty: none is best.",
        "targets": [{"expr": "e"}],
    }
    board = {
        "title": "Petition",
        "panels": [
            {"id": 1, "type": "row", "title": "Calls", "panels": [inner]},
            {"id": 3, "title": "Rate", "description": "This may be empty", "targets": [{"expr": "r"}, {"expr": "s"}]},
            {"id": 4, "type": "text", "title": "Read me"},
        ],
    }
    (tmp_path / "petition.json").write_text(json.dumps(board))
    [read] = dashboards.read(tmp_path)
    found = [(query.panel, query.expression, query.may_be_empty) for query in read.queries]
    assert found == [("Errors", "e", True), ("Rate", "r", False), ("Rate", "s", False)]


@pytest.mark.parametrize("text", ["", "[]", '{"panels": []}', '{"title": "t", "panels": [{"id": 1, "targets": [{}]}]}'])
def test_a_file_that_is_no_dashboard_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "petition.json").write_text(text)
    with pytest.raises(SettingsError, match=r"petition\.json is no dashboard"):
        dashboards.read(tmp_path)


def test_variables_are_put_in_however_they_are_written() -> None:
    values = {"service": "(petition|grid)", "__rate_interval": "5m", "serviceable": "yes"}
    asked = 'rate(x{service=~"$service", y="${service:regex}", z="[[service]]"}[$__rate_interval]) $serviceable'
    wanted = 'rate(x{service=~"(petition|grid)", y="(petition|grid)", z="(petition|grid)"}[5m]) yes'
    assert substituted(asked, values) == wanted
    with pytest.raises(KeyError):
        substituted("$unknown", values)


def test_a_complete_chain_passes_and_the_first_missing_link_is_named() -> None:
    call = Span("onegrid-petition", CALL, "c", "begun")
    publish = Span("onegrid-petition", f"{EVENT} publish", "p", "c")
    handle = Span("onegrid-petition", f"{EVENT} handle", "h", "p")
    assert not broken([handle, call, publish], "begun")
    for found, missing in (
        ([], f"no span '{CALL}' of the api below begun; there is nothing"),
        ([call, handle], f"no span '{EVENT} publish' of the relay below c"),
        ([call, publish], f"no span '{EVENT} handle' of the worker below p"),
        ([call, publish, Span("x", f"{EVENT} handle", "h", "c")], "of the worker below p"),
        ([Span("x", CALL, "c", ""), publish, handle], "of the api below begun"),
    ):
        [fault] = broken(found, "begun")
        assert missing in fault


def test_spans_are_read_from_jaegers_answer() -> None:
    parent = {"refType": "CHILD_OF", "traceID": "t", "spanID": "p"}
    link = {"refType": "FOLLOWS_FROM", "traceID": "t", "spanID": "l"}
    found = {
        "spans": [
            {"spanID": "s", "operationName": "o", "references": [link, parent], "processID": "p1"},
            {"spanID": "r", "operationName": "o", "references": [], "processID": "p1"},
        ],
        "processes": {"p1": {"serviceName": "onegrid-grid"}},
    }
    assert spans({"data": [found]}) == [Span("onegrid-grid", "o", "s", "p"), Span("onegrid-grid", "o", "r", "")]
