"""The checks as `helm test` runs them, against every process of the platform; and how they fail when they should."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from fleet import SERVICES, Fleet, eventually
from scraping import await_scrapes, reload, scraping

from onegrid_checks.load.profile import METHODS
from onegrid_checks.sink import Sink, serving

pytestmark = pytest.mark.timeout(300)


class Checks:
    """A fleet that sends its codes and traces to a sink, and the checks of it."""

    def __init__(self, fleet: Fleet, sink: str) -> None:
        self.fleet = fleet
        self._environ = {
            "CHECKS_SINK": sink,
            "CHECKS_ADMIN_PASSWORD": fleet.admin_password,
            **{f"CHECKS_{service.upper()}_TARGET": fleet.target(service) for service in SERVICES},
        }

    def run(self, check: str, **environ: object) -> tuple[int, str]:
        """The exit code, and what was printed."""
        given = {name: str(value) for name, value in environ.items()}
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "onegrid_checks", check],
            env={**os.environ, **self._environ, **given},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def checks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checks]:
    with serving(Sink()) as port:
        sink = f"http://127.0.0.1:{port}"
        fleet = Fleet(
            tmp_path_factory.mktemp("fleet"),
            f"{sink}/v1/traces",
            CODE_SENDER="onegrid_identity.senders:WebhookSender",
            CODE_WEBHOOK_URL=f"{sink}/codes",
        )
        try:
            fleet.start_empty()
            yield Checks(fleet, sink)
        finally:
            fleet.close()


def test_smoke_holds(checks: Checks) -> None:
    code, said = checks.run("smoke")
    assert code == 0, said
    assert "smoke passed" in said


def test_smoke_names_the_service_that_is_not_what_it_should_be(checks: Checks) -> None:
    code, said = checks.run("smoke", CHECKS_GRID_TARGET="127.0.0.1:9")
    assert code == 1
    assert "FAIL  expected: grid: onegrid.grid.v1.GridService is SERVING at 127.0.0.1:9" in said
    assert "seen: UNAVAILABLE" in said
    assert "look: kubectl get pods -l app.kubernetes.io/name=grid" in said
    assert "expected: petition" not in said

    code, said = checks.run("smoke", CHECKS_GRID_TARGET=checks.fleet.target("identity"))
    assert code == 1
    assert "FAIL  expected: grid: onegrid.grid.v1.GridService is SERVING" in said


async def test_the_loop_holds_on_an_empty_platform_for_two_that_come_at_once_and_for_the_next(checks: Checks) -> None:
    runs = [*await asyncio.gather(*(asyncio.to_thread(checks.run, "loop") for _ in range(2))), checks.run("loop")]
    for code, said in runs:
        assert code == 0, said
        assert "VERIFY_SOLVED" in said
    assert checks.fleet.count("identity", "department") == 34


def profile(folder: Path, **changed: object) -> Path:
    """A load of a few seconds, of everything there is."""
    written: dict[str, Any] = {
        "name": "test",
        "connections": 2,
        "watchers": 10,
        "phases": [{"name": "ramp", "seconds": 2, "from": 5, "to": 40}, {"name": "steady", "seconds": 6, "rate": 40}],
        "mix": dict.fromkeys(METHODS, 1),
        "objectives": {
            "errors": 0,
            # Other tests may have the machine's processors: of time, nothing is asked.
            "made": 0.5,
            "latency_ms": {method: {"p50": 60_000, "p99": 60_000} for method in METHODS},
        },
        **changed,
    }
    path = folder / "profile.yaml"
    path.write_text(yaml.safe_dump(written))
    return path


def test_a_rolling_restart_under_load_loses_nothing(checks: Checks, tmp_path: Path) -> None:
    first = checks.fleet.parts["petition", "api"]
    try:
        with checks.fleet.second_api("petition"), ThreadPoolExecutor() as pool:
            running = pool.submit(checks.run, "load", CHECKS_PROFILE=profile(tmp_path))
            eventually(lambda: running.done() or first.metric("onegrid_streams", service="petition") >= 3)
            first.ask_to_stop()
            assert first.await_end(30) == 0
            code, said = running.result()
    finally:
        checks.fleet.mend()
    assert code == 0, said
    assert "ok    at most 0 calls fail" in said
    assert int(re.search(r"cut and went on (\d+) times", said)[1]) >= 3  # type: ignore[index]


def test_a_missed_objective_fails_the_load(checks: Checks, tmp_path: Path) -> None:
    hard = {"errors": 0, "made": 0.5, "latency_ms": {"GetPetition": {"p50": 1, "p99": 1}}}
    steady = [{"name": "steady", "seconds": 4, "rate": 30}]
    code, said = checks.run("load", CHECKS_PROFILE=profile(tmp_path, objectives=hard, phases=steady))
    assert code == 1, said
    assert "FAIL  expected: steady: p50 and p99 of every method are within their objectives" in said
    assert "p50 of GetPetition" in said


def test_calls_that_fail_fail_the_load(checks: Checks, tmp_path: Path) -> None:
    grid = checks.fleet.parts["grid", "api"]
    running = threading.Thread(target=lambda: (time.sleep(3), grid.kill()))
    running.start()
    try:
        code, said = checks.run("load", CHECKS_PROFILE=profile(tmp_path))
    finally:
        running.join()
        checks.fleet.mend()
    assert code == 1, said
    assert "FAIL  expected: at most 0 calls fail" in said
    assert "LocateCell: UNAVAILABLE" in said


def test_a_profile_that_cannot_be_used_is_told(checks: Checks, tmp_path: Path) -> None:
    code, said = checks.run("load", CHECKS_PROFILE=profile(tmp_path, watchers=-1))
    assert code == 2
    assert "watchers: takes a whole number, at least 0, not -1" in said


RULES = """
groups:
  - name: test
    rules:
      - {record: "service:calls:rate1m", expr: "sum by (service) (rate(onegrid_rpc_duration_seconds_count[1m]))"}
      - {record: "service:errors:burn_rate1m", expr: "0 * service:calls:rate1m", labels: {window: 1m}}
      - {alert: Watchdog, expr: "vector(1)", labels: {severity: none}}
      - {alert: NobodyServes, expr: "absent(onegrid_rpc_duration_seconds_count)", labels: {severity: page}}
"""
VARIABLES = [
    {"name": "source", "type": "datasource", "query": "prometheus"},
    {
        "name": "service",
        "type": "query",
        "query": {"query": "label_values(onegrid_rpc_duration_seconds_count, service)"},
        "includeAll": True,
    },
    {"name": "share", "type": "custom", "query": "0.5,0.99"},
]
LATENCY = (
    "histogram_quantile($share, sum by (le) "
    '(rate(onegrid_rpc_duration_seconds_bucket{service=~"$service"}[$__rate_interval])))'
)


@dataclass
class Scraped:
    """A fleet whose metrics are scraped, and what operators would look at."""

    checks: Checks
    prometheus: str
    rules: Path
    dashboards: Path

    def run(self, patience_s: float = 30) -> tuple[int, str]:
        """The exit code of observability, and what it printed."""
        return self.checks.run(
            "observability",
            CHECKS_PROMETHEUS=self.prometheus,
            CHECKS_RULES=self.rules,
            CHECKS_DASHBOARDS=self.dashboards,
            CHECKS_PATIENCE=patience_s,
        )

    def show(self, **panel: object) -> None:
        """Let the dashboard have one more panel, of this."""
        panels = [{"id": 1, "title": "Latency", "targets": [{"expr": LATENCY}]}, {"id": 2, **panel}]
        board = {"title": "Test", "templating": {"list": VARIABLES}, "panels": panels[: 1 + bool(panel)]}
        (self.dashboards / "test.json").write_text(json.dumps(board))

    def rule(self, old: str = "", new: str = "") -> None:
        """Let the rules be these, with something else in a place."""
        (self.rules / "test.yaml").write_text(RULES.replace(old, new))
        reload(self.prometheus)


@pytest.fixture(scope="module")
def scraped(checks: Checks, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    folder = tmp_path_factory.mktemp("scraped")
    for name in ("rules", "dashboards"):
        (folder / name).mkdir()
    jobs = {f"onegrid-{service}": checks.fleet.metrics_ports(service) for service in SERVICES}
    with scraping(folder, folder / "rules", jobs) as url:
        # What happened before the first scrape is not seen as having happened.
        await_scrapes(url, of=sum(map(len, jobs.values())))
        yield Scraped(checks, url, folder / "rules", folder / "dashboards")


def test_observability_holds(scraped: Scraped) -> None:
    scraped.rule()
    scraped.show()
    code, said = scraped.run()
    assert code == 0, said
    assert "observability passed: 7 of 7" in said


@pytest.mark.parametrize(
    ("old", "new", "expected", "seen"),
    [
        (
            "sum by (service)",
            "sum by (service) (nothing) * ",
            "test.yaml: each of 2 recording rules has data",
            "rate1m",
        ),
        ("0 * service", "7 + service", "no objective is burnt: 1 burn rates are below 1", "service:errors:burn_rate1m"),
        ("burn_rate1m", "burning1m", "no objective is burnt", "no recording rule with burn_rate in its name"),
        ("absent(", "sum(", "no alert fires but Watchdog", "NobodyServes"),
        ("vector(1)", "vector(1) > 1", "no alert fires but Watchdog", "none"),
        ("absent(", "onegrid_streams + on() (", "test.yaml: each of 2 alert expressions evaluates", "many-to-many"),
    ],
)
def test_rules_that_do_not_hold_fail_observability(
    scraped: Scraped, old: str, new: str, expected: str, seen: str
) -> None:
    scraped.rule(old, new)
    scraped.show()
    # Long enough for Prometheus to evaluate them, and no longer.
    code, said = scraped.run(patience_s=3)
    assert code == 1, said
    assert re.search(rf"FAIL  expected: .*{re.escape(expected)}.*\n      seen: .*{re.escape(seen)}", said), said


def test_rules_that_are_not_loaded_fail_observability(scraped: Scraped) -> None:
    scraped.rule()
    scraped.show()
    (scraped.rules / "test.yaml").write_text(RULES.replace("NobodyServes", "NobodyServesAnybody"))
    code, said = scraped.run(patience_s=1)
    assert code == 1, said
    assert "seen: NobodyServesAnybody is not loaded" in said


def test_a_panel_without_data_fails_observability_unless_it_says_so(scraped: Scraped) -> None:
    scraped.rule()
    empty = {"title": "Parked", "targets": [{"expr": 'onegrid_parked_events{service=~"$service"} > 1000'}]}
    scraped.show(**empty)
    code, said = scraped.run(patience_s=3)
    assert code == 1, said
    assert "FAIL  expected: dashboard Test: each of 2 panels shows data\n      seen: Parked has none" in said
    scraped.show(**empty, description="May be empty: where nothing is parked.")
    code, said = scraped.run()
    assert code == 0, said
    scraped.show(title="Wrong", description="May be empty", targets=[{"expr": "sum("}])
    code, said = scraped.run(patience_s=1)
    assert code == 1, said
    assert "seen: Wrong: invalid parameter" in said


def test_a_trace_that_does_not_reach_the_worker_fails_observability(scraped: Scraped) -> None:
    scraped.rule()
    scraped.show()
    worker = scraped.checks.fleet.parts["petition", "worker"]
    worker.kill()
    try:
        code, said = scraped.run(patience_s=5)
    finally:
        scraped.checks.fleet.mend()
    assert code == 1, said
    assert re.search(r"FAIL  expected: one trace spans .*\n      seen: .*PetitionFiled handle' of the worker", said), (
        said
    )


def test_a_prometheus_that_is_away_fails_observability(scraped: Scraped) -> None:
    code, said = replace(scraped, prometheus="http://127.0.0.1:9").run(patience_s=0)
    assert code == 1
    assert "http://127.0.0.1:9/api/v1/rules? does not answer" in said


def test_the_loop_names_the_step_that_it_did_not_get_through(checks: Checks) -> None:
    code, said = checks.run("loop", CHECKS_ADMIN_PASSWORD="not the administrator's")
    assert code == 1
    assert "FAIL  expected: the demonstration district is loaded\n      seen: UNAUTHENTICATED" in said
    # Its code is never used: whoever comes next has to wait for a minute. So this is the last test here.
    code, said = checks.run("loop", CHECKS_SINK="http://127.0.0.1:9")
    assert code == 1
    assert "FAIL  expected: the reference case" in said
