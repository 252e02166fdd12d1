"""Rules and dashboards checked against a real Prometheus, which scrapes itself."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from onegrid_checks.checklist import Checklist
from onegrid_checks.observability import dashboards, rules
from onegrid_checks.observability.prometheus import Prometheus
from onegrid_kit.testing.waiting import HANG_S, eventually_async

from .scraping import reload, scraping

GOOD = """
groups:
  - name: good
    rules:
      - {record: "job:requests:rate1m", expr: "sum by (job) (rate(prometheus_http_requests_total[1m]))"}
      - {record: "job:errors:burn_rate", expr: "0 * up", labels: {window: 1m}}
      - {record: "job:errors:burn_rate", expr: "0.99 * up", labels: {window: 5m}}
      - {alert: OneGridWatchdog, expr: "vector(1)", labels: {severity: none}}
      - {alert: Down, expr: "up == 0", labels: {severity: page}}
"""
BAD = """
groups:
  - name: bad
    rules:
      - {record: "job:nothing:rate1m", expr: "rate(nothing[1m])"}
      - {record: "job:quotient:rate1m", expr: "up * 0 / 0"}
      - {record: "job:latency:burn_rate", expr: "14.5 * up"}
      - {record: "job:slow:burn_rate", expr: "1.5 * up", labels: {kind: latency}}
      - {alert: Up, expr: "up == 1", labels: {severity: page}}
      - {alert: Late, expr: "up == 1", labels: {severity: page, kind: freshness}}
      - {alert: Ambiguous, expr: "up * on () prometheus_http_requests_total"}
      - {alert: OneGridWatchdog, expr: "vector(1) > 1", labels: {severity: none}}
"""
VARIABLES = [
    {"name": "source", "type": "datasource", "query": "prometheus"},
    {"name": "job", "type": "query", "query": {"query": "label_values(up, job)"}, "includeAll": True},
    {"name": "share", "type": "custom", "query": "0.5,0.99"},
]
LATENCY = (
    "histogram_quantile($share, sum by (le) "
    '(rate(prometheus_http_request_duration_seconds_bucket{job=~"$job"}[$__rate_interval])))'
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prometheus")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[str]:
    (folder / "rules.yaml").write_text(GOOD)
    with scraping(folder, folder / "rules.yaml", {}) as url:
        yield url


async def said_of_rules(folder: Path, server: str, capsys: pytest.CaptureFixture[str], patience_s: float) -> list[str]:
    """What did not hold."""
    checklist = Checklist("observability")
    await rules.check(rules.read(folder), Prometheus(server), time.monotonic() + patience_s, checklist)
    output = capsys.readouterr().out
    actual = [line.removeprefix("      actual: ") for line in output.splitlines() if "actual: " in line]
    return [f"{failed} | {each}" for failed, each in zip(checklist.failed, actual, strict=True)]


async def said_of_panel(
    folder: Path,
    server: str,
    variables: list[dict[str, Any]] = VARIABLES,
    *,
    patience_s: float = HANG_S,
    **panel: object,
) -> str:
    """The failed expectations, each with what is there instead."""
    board = {"title": "Test", "templating": {"list": variables}, "panels": [{"id": 1, "title": "Panel", **panel}]}
    (folder / "board.json").write_text(json.dumps(board))
    checklist = Checklist("observability")
    await dashboards.check(dashboards.read(folder), Prometheus(server), time.monotonic() + patience_s, checklist)
    return "; ".join(checklist.failed)


async def test_good_rules_hold(folder: Path, server: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert not await said_of_rules(folder, server, capsys, patience_s=HANG_S)


async def test_each_bad_rule_is_named(folder: Path, server: str, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "rules.yaml").write_text(BAD)
    [not_loaded, *_] = await said_of_rules(folder, server, capsys, patience_s=0)
    assert "job:nothing:rate1m is not loaded" in not_loaded

    reload(server)
    found: list[str] = []

    async def were_evaluated() -> bool:
        found[:] = await said_of_rules(folder, server, capsys, patience_s=0)
        evaluated = len(found) == 7 and "many-to-many" in found[0] and "| Up " in found[3] and "| Late " in found[5]
        return evaluated and "burn_rate" not in found[1]

    await eventually_async(were_evaluated, lambda: found)
    loaded, fed, evaluable, quiet, unburnt, timely, fast = found
    assert "evaluates them | Ambiguous: " in loaded
    assert "many-to-many" in loaded
    assert fed.endswith("| job:nothing:rate1m has none; job:quotient:rate1m has none")
    assert "| Ambiguous: " in evaluable
    assert "| Up " in quiet
    assert "no alert fires but OneGridWatchdog" in quiet
    assert "1 burn rates are below 1 | job:latency:burn_rate 14.50" in unburnt
    assert timely.startswith("no alert of speed fires | Late ")
    assert '1 burn rates are below 1 | job:slow:burn_rate{kind="latency"} 1.50' in fast


async def test_rules_without_a_burn_rate_watch_over_no_objective(
    folder: Path, server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "rules.yaml").write_text('groups: [{name: g, rules: [{record: "a:b:c", expr: up}]}]')
    reload(server)
    *_, unburnt = await said_of_rules(folder, server, capsys, patience_s=5)
    assert unburnt.endswith("no recording rule with burn_rate in its name")


async def test_a_panel_with_data_holds(folder: Path, server: str) -> None:
    assert not await said_of_panel(folder, server, targets=[{"expr": LATENCY}, {"expr": "up"}])


@pytest.mark.parametrize(
    ("panel", "variables", "actual"),
    [
        ({"targets": [{"expr": "up"}, {"expr": "up > 7"}]}, VARIABLES, "Panel has none: up > 7"),
        ({"targets": [{"expr": "up * 0 / 0"}]}, VARIABLES, "Panel has none: up * 0 / 0"),
        ({"targets": [{"expr": "sum("}], "description": "May be empty"}, VARIABLES, "Panel: "),
        ({"targets": [{"expr": "up{job='$where'}"}]}, VARIABLES, "there is no variable 'where'"),
        ({}, VARIABLES, "no panel that asks anything"),
        (
            {"targets": [{"expr": "up"}]},
            [{"name": "x", "type": "query", "query": "label_values(nothing, job)"}],
            "the variable x has nothing to choose from",
        ),
        (
            {"targets": [{"expr": "up"}]},
            [{"name": "x", "type": "query", "query": "query_result(up)"}],
            "the variable x asks 'query_result(up)'; only label_values(…) is understood",
        ),
        ({"targets": [{"expr": "up"}]}, [{"name": "x", "type": "adhoc"}], "of a type that is not understood: adhoc"),
    ],
)
async def test_a_panel_that_shows_nothing_is_named(
    folder: Path,
    server: str,
    capsys: pytest.CaptureFixture[str],
    panel: dict[str, Any],
    variables: list[dict[str, Any]],
    actual: str,
) -> None:
    assert await said_of_panel(folder, server, variables, patience_s=0, **panel)
    assert actual in capsys.readouterr().out


async def test_a_panel_marked_so_may_be_empty(folder: Path, server: str) -> None:
    note = "Events that are set aside.\nMay be empty: none is best."
    assert not await said_of_panel(folder, server, targets=[{"expr": "up > 7"}], description=note)


async def test_an_unreachable_prometheus_is_reported(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    faults = await said_of_rules(folder, "http://127.0.0.1:9", capsys, patience_s=0)
    assert "http://127.0.0.1:9/api/v1/rules? does not answer" in faults[0]
