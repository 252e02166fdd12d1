"""A service that nobody lists is found by everything: the one of docs/new-service.md, in a copy of the repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from tools import helm

from onegrid_kit.testing.postgres import remove_data_below

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs/new-service.md").read_text()
FILES = dict(re.findall(r"^`([\w./-]+)`\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
SERVE = """
import asyncio, sys
from pathlib import Path
from grpc_health.v1 import health_pb2, health_pb2_grpc
from onegrid_demo.client import connect
from onegrid_demo.platform import Platform

async def serve(platform):
    port = await platform.start()
    async with connect(f"127.0.0.1:{port}") as channel:
        request = health_pb2.HealthCheckRequest(service="onegrid.lamp.v1.LampService")
        async for answer in health_pb2_grpc.HealthStub(channel).Watch(request, timeout=600):
            if answer.status == health_pb2.HealthCheckResponse.SERVING:
                print("lamp serves")
                break
    await platform.stop()

platform = Platform(Path(sys.argv[1]), "127.0.0.1:0")
try:
    platform.open_database()
    asyncio.run(serve(platform))
finally:
    platform.close_database()
"""


class Copy:
    """The repository with one more service, and an environment that puts its packages before this one's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / ".venv/bin/python"
        listed = subprocess.run(
            ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True
        )
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        for name, content in FILES.items():
            assert not (folder / name).exists(), f"{name} is there already"
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content)
        helm.fetch()
        if (ROOT / ".mypy_cache").exists():
            shutil.copytree(ROOT / ".mypy_cache", folder / ".mypy_cache")
        (folder / "build").mkdir()
        (folder / "build/bin").symlink_to(ROOT / "build/bin")
        self._environment()

    def run(self, *command: str | Path) -> str:
        """What the command prints; it must end well."""
        done = subprocess.run(
            [str(word) for word in command],
            cwd=self.folder,
            env={name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")},
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _environment(self) -> None:
        """The locked packages are those of this environment; only OneGrid's own are installed anew."""
        here, there = Path(sys.prefix), self.folder / ".venv"
        self.run(sys.executable, "-m", "venv", "--without-pip", there)
        packages = there / Path(sysconfig.get_path("purelib")).relative_to(here)
        (packages / "zz_locked.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
        for program in (here / "bin").iterdir():
            linked = there / "bin" / program.name
            if program.name.startswith(("python", "activate", "Activate")):
                continue
            if program.read_bytes()[:2] == b"#!":
                linked.write_text(program.read_text().replace(f"#!{here}", f"#!{there}", 1))
                linked.chmod(0o755)
            else:
                linked.symlink_to(program)
        (there / ".locked").touch()


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    copy = Copy(tmp_path_factory.mktemp("copy"))
    copy.run("make", "setup")
    return copy


def test_its_lists_are_written_and_nothing_else_is_to_be_done(copy: Copy) -> None:
    before = {path: path.read_bytes() for path in copy.folder.rglob("*.py") if ".venv" not in path.parts}
    copy.run("make", "format")
    copy.run("make", "lint")
    assert {path: path.read_bytes() for path in before} == before, "the page's files are formatted"
    for path in ("README.md", "README.zh-CN.md", "docs/permissions.md", "deploy/helm/onegrid/Chart.yaml"):
        assert "lamp" in (copy.folder / path).read_text()
    permissions = (copy.folder / "docs/permissions.md").read_text()
    assert "| LampService.ReportLamp | `lamp.lamps.report` | cell |  | administrator, grid-worker |" in permissions
    examples = copy.folder / "deploy/helm/examples"
    rendered = helm.objects((examples / "community.yaml").read_text())
    names = {each["metadata"]["name"] for each in rendered}
    assert names >= {"onegrid-lamp-api", "onegrid-lamp-worker", "onegrid-lamp-relay", "onegrid-lamp-migrate"}
    (smoke,) = (each for each in rendered if each["metadata"]["name"] == "onegrid-checks-smoke")
    assert "CHECKS_LAMP_TARGET" in {each["name"] for each in smoke["spec"]["containers"][0]["env"]}
    assert "grid identity lamp notify partyedu petition" in (examples / "data.yaml").read_text()
    for folder in ("rules/lamp.yaml", "trials/lamp.yaml", "dashboards/lamp.json"):
        assert (copy.folder / "build/observability" / folder).exists()


def test_it_serves_with_the_others(copy: Copy, tmp_path: Path) -> None:
    # Other threads write log lines in between.
    assert "lamp serves" in copy.run(copy.python, "-c", SERVE, tmp_path / "data")
    remove_data_below(tmp_path)


def test_its_tests_pass_and_those_that_every_contract_must_pass(copy: Copy) -> None:
    tests = ("services/lamp", "tests/contract/test_descriptors.py", "tests/observability/test_rules.py")
    copy.run(copy.python, "-m", "pytest", *tests, "-k", "lamp")
