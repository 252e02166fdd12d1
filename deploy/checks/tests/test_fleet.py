"""The checks as `helm test` runs them, against every process of the platform; and how they fail when they should."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tests/system"))

from fleet import SERVICES, Fleet

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


def test_the_loop_names_the_step_that_it_did_not_get_through(checks: Checks) -> None:
    code, said = checks.run("loop", CHECKS_ADMIN_PASSWORD="not the administrator's")
    assert code == 1
    assert "FAIL  expected: the demonstration district is loaded\n      seen: UNAUTHENTICATED" in said
    code, said = checks.run("loop", CHECKS_SINK="http://127.0.0.1:9")
    assert code == 1
    assert "FAIL  expected: the reference case" in said
