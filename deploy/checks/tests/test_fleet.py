"""The checks as `helm test` runs them, against every process of the platform; and how they fail when they should."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.system.fleet import SERVICES, Fleet

from onegrid_checks.load.profile import METHODS
from onegrid_checks.sink import Sink, serving
from onegrid_kit.testing.waiting import HANG_S, eventually

from .scraping import scraping


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
            timeout=HANG_S,
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
    code, output = checks.run("smoke")
    assert code == 0, output
    assert "smoke passed" in output


def test_smoke_names_the_service_that_is_not_what_it_should_be(checks: Checks) -> None:
    code, output = checks.run("smoke", CHECKS_GRID_TARGET="127.0.0.1:9")
    assert code == 1
    assert "FAIL  expected: grid: onegrid.grid.v1.GridService is SERVING at 127.0.0.1:9" in output
    assert "actual: UNAVAILABLE" in output
    assert "look: kubectl get pods -l app.kubernetes.io/name=grid" in output
    assert "expected: petition" not in output

    code, output = checks.run("smoke", CHECKS_GRID_TARGET=checks.fleet.target("identity"))
    assert code == 1
    assert "FAIL  expected: grid: onegrid.grid.v1.GridService is SERVING" in output


def test_smoke_asks_the_services_that_a_release_contains_and_no_others(checks: Checks) -> None:
    others = {f"CHECKS_{service.upper()}_TARGET": "" for service in SERVICES if service != "petition"}
    code, output = checks.run("smoke", **others)
    assert code == 0, output
    assert {line.split()[1] for line in output.splitlines() if line.startswith("ok ")} == {"petition:"}

    code, output = checks.run("smoke", **others, CHECKS_PETITION_TARGET="")
    assert code == 2
    assert "no service to check" in output

    code, output = checks.run("loop", CHECKS_GRID_TARGET="")
    assert code == 2
    assert "CHECKS_GRID_TARGET is not set" in output


async def test_the_loop_holds_on_an_empty_platform_for_two_that_come_at_once_and_for_the_next(checks: Checks) -> None:
    runs = [*await asyncio.gather(*(asyncio.to_thread(checks.run, "loop") for _ in range(2))), checks.run("loop")]
    for code, output in runs:
        assert code == 0, output
        assert "VERIFY_SOLVED" in output
        assert "ok    the petitioner finds a message of each step in the inbox" in output
        assert "ok    a policy for one street is read by a resident there" in output
    assert checks.fleet.count("identity", "department") == 34


def profile(folder: Path, **changed: object) -> Path:
    """A load of a few seconds, of everything there is."""
    written: dict[str, Any] = {
        "name": "test",
        "connections": 2,
        "watchers": 10,
        "phases": [{"name": "ramp", "seconds": 1, "from": 5, "to": 40}, {"name": "steady", "seconds": 4, "rate": 40}],
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


def rolled(checks: Checks, dealt: Path) -> str:
    """What a load says during which an api of petition and one of partyedu end, and a second one of each goes on."""
    first, studied = (checks.fleet.parts[service, "api"] for service in ("petition", "partyedu"))
    try:
        with (
            checks.fleet.second_api("petition"),
            checks.fleet.second_api("partyedu"),
            ThreadPoolExecutor() as pool,
        ):
            running = pool.submit(checks.run, "load", CHECKS_PROFILE=dealt)
            eventually(lambda: running.done() or first.metric("onegrid_streams", service="petition") >= 2)
            # gRPC itself reopens a stream that has received nothing yet, and does not count that.
            time.sleep(1)
            for stopping in (first, studied):
                stopping.ask_to_stop()
                assert stopping.await_end(HANG_S) == 0
            code, output = running.result()
    finally:
        checks.fleet.mend()
    assert code == 0, output
    return output


def test_a_rolling_restart_under_load_loses_nothing(checks: Checks, tmp_path: Path) -> None:
    # The kernel deals connections out among the two: with a dozen, some are with the first.
    dealt = profile(tmp_path, connections=12, watchers=24)
    uncut = "cut and went on 0 times"
    # All watchers of the first may just have seen the last step of what they watch.
    output = next((output for output in (rolled(checks, dealt) for _ in range(5)) if uncut not in output), uncut)
    assert uncut not in output
    assert "ok    at most 0 calls fail" in output
    assert re.search(r"ok    each of the \d\d+ entries that telephones of patrols sent, .* is there once", output)
    assert "ok    each of the 4 patrols is judged by all of its entries" in output
    assert re.search(
        r"ok    each of the \d+ answers that members saved, repeatedly and out of order, is on record", output
    )
    assert re.search(r"ok    each of the \d+ attempts has the score of its answers", output)
    assert re.search(r"ok    each of the \d+ quizzes that a member passed is completed once", output)
    assert re.search(r"ok    each of the \d+ statements that were posted, some of them repeatedly, is there", output)


async def test_the_load_holds_for_two_that_come_at_once(checks: Checks, tmp_path: Path) -> None:
    path = profile(tmp_path)
    runs = (asyncio.to_thread(checks.run, "load", CHECKS_PROFILE=path) for _ in range(2))
    for code, output in await asyncio.gather(*runs):
        assert code == 0, output
        assert "ok    members' study time grew by as long as they studied" in output


LACKING = {f"CHECKS_{service}_TARGET": "" for service in ("EMERGENCY", "BORDER", "PARTYEDU")}


def test_the_loop_leaves_out_what_a_release_lacks(checks: Checks) -> None:
    code, output = checks.run("loop", **LACKING)
    assert code == 0, output
    assert "loop passed: 4 of 4" in output


def test_the_load_leaves_out_what_a_release_lacks(checks: Checks, tmp_path: Path) -> None:
    code, output = checks.run("load", CHECKS_PROFILE=profile(tmp_path), **LACKING)
    assert code == 0, output
    called = {line.split()[1] for line in output.splitlines() if line.startswith("steady ")}
    assert called & set(METHODS) == {
        each for each, service in METHODS.items() if service not in ("emergency", "border", "partyedu")
    }


def test_a_missed_objective_fails_the_load(checks: Checks, tmp_path: Path) -> None:
    # Of all methods: a fast machine answers one or the other within a millisecond.
    hard = {"errors": 0, "made": 0.5, "latency_ms": {method: {"p50": 1, "p99": 1} for method in METHODS}}
    steady = [{"name": "steady", "seconds": 2, "rate": 30}]
    code, output = checks.run("load", CHECKS_PROFILE=profile(tmp_path, objectives=hard, phases=steady))
    assert code == 1, output
    assert "FAIL  expected: steady: p50 and p99 of every method are within their objectives" in output
    assert "p50 of GetPetition" in output


def test_calls_that_fail_fail_the_load(checks: Checks, tmp_path: Path) -> None:
    petition, grid = (checks.fleet.parts[service, "api"] for service in ("petition", "grid"))
    try:
        with ThreadPoolExecutor() as pool:
            running = pool.submit(checks.run, "load", CHECKS_PROFILE=profile(tmp_path))
            # Its watchers watch once the district is loaded and calls are made.
            eventually(lambda: running.done() or petition.metric("onegrid_streams", service="petition") >= 1)
            grid.kill()
            code, output = running.result()
    finally:
        checks.fleet.mend()
    assert code == 1, output
    assert "FAIL  expected: at most 0 calls fail" in output
    assert "LocateCell: UNAVAILABLE" in output


def test_an_invalid_profile_is_reported(checks: Checks, tmp_path: Path) -> None:
    code, output = checks.run("load", CHECKS_PROFILE=profile(tmp_path, watchers=-1))
    assert code == 2
    assert "watchers: takes a whole number, at least 0, not -1" in output


RULES = """
groups:
  - name: test
    rules:
      - {record: "service:calls:rate1m", expr: "sum by (service) (rate(onegrid_rpc_duration_seconds_count[1m]))"}
      - {record: "service:errors:burn_rate1m", expr: "0 * service:calls:rate1m"}
      - {alert: NobodyServes, expr: "absent(onegrid_rpc_duration_seconds_count)"}
"""
BOARD = {
    "title": "Calls",
    "templating": {
        "list": [
            {
                "name": "service",
                "type": "query",
                "query": {"query": "label_values(onegrid_rpc_duration_seconds_count, service)"},
                "includeAll": True,
            }
        ]
    },
    "panels": [
        {
            "id": 1,
            "title": "Rate",
            "targets": [{"expr": 'rate(onegrid_rpc_duration_seconds_count{service=~"$service"}[$__rate_interval])'}],
        }
    ],
}


def test_observability_holds_and_fails_where_a_trace_does_not_reach_the_worker(checks: Checks, tmp_path: Path) -> None:
    (tmp_path / "test.yaml").write_text(RULES)
    (tmp_path / "test.json").write_text(json.dumps(BOARD))
    jobs = {f"onegrid-{service}": checks.fleet.metrics_ports(service) for service in SERVICES}
    with scraping(tmp_path, tmp_path / "test.yaml", jobs) as prometheus:
        environment = {"CHECKS_PROMETHEUS": prometheus, "CHECKS_RULES": tmp_path, "CHECKS_DASHBOARDS": tmp_path}
        code, output = checks.run("observability", **environment, CHECKS_PATIENCE=HANG_S // 2)
        assert code == 0, output
        assert "observability passed: 7 of 7" in output

        for service in ("petition", "notify", "grid", "border"):
            checks.fleet.parts[service, "worker"].kill()
        try:
            # As long as api and relay may need to export what they have of the trace.
            code, output = checks.run("observability", **environment, CHECKS_PATIENCE=20)
        finally:
            checks.fleet.mend()
        assert code == 1, output
        assert re.search(
            r"expected: one trace spans .*\n      actual: .*PetitionFiled handle' of the worker", output
        ), output


def test_the_loop_names_the_step_that_it_did_not_get_through(checks: Checks) -> None:
    code, output = checks.run("loop", CHECKS_ADMIN_PASSWORD="not the administrator's")
    assert code == 1
    assert "FAIL  expected: the demonstration district is loaded\n      actual: UNAUTHENTICATED" in output
    # The code of this run is never used, and the next one has to wait for a minute: so this is the last test here.
    code, output = checks.run("loop", CHECKS_SINK="http://127.0.0.1:9")
    assert code == 1
    assert "FAIL  expected: the reference case" in output
