"""docs/by-hand.md leads to a running platform, followed as it stands there."""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from onegrid.contracts import SERVICES
from onegrid_kit.embedded.ports import free_range
from onegrid_kit.testing.postgres import TestPostgres
from onegrid_kit.testing.rabbitmq import RabbitServer
from onegrid_kit.testing.waiting import HANG_S

ROOT = Path(__file__).resolve().parent.parent
PORTS = {8081: 7, 50051: 7, 9101: 23}
"""The ports of the page: the first one, and how many there are in a row."""
DIVISIONS = ROOT / "demo/src/onegrid_demo/data/divisions-210602.csv"


def with_free_ports(page: str) -> str:
    """The page with ports that are free here."""
    for first, count in PORTS.items():
        free = free_range(count)
        for number in range(count):
            page = re.sub(rf"\b{first + number}\b", str(free + number), page)
    return page


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """Empty data stores, and the programs of their administrators."""
    with TestPostgres() as postgres, RabbitServer() as broker:
        programs = (Path(sys.executable).parent, postgres.server.binaries, Path("/usr/lib/rabbitmq/bin"))
        yield {
            **os.environ,
            **broker.administration,
            "PATH": os.pathsep.join([*map(str, programs), os.environ["PATH"]]),
            "PGHOST": "127.0.0.1",
            "PGPORT": str(postgres.server.port),
            "PGUSER": "onegrid",
            "BROKER": broker.url.split("@")[1].rstrip("/"),
            "ADMIN_PASSWORD": secrets.token_urlsafe(16),
        }


def test_the_page_leads_to_a_running_platform(environment: dict[str, str], tmp_path: Path) -> None:
    page = with_free_ports((ROOT / "docs/by-hand.md").read_text())
    lists = [set(names.split()) for names in re.findall(r"for service in ([a-z ]+);", page)]
    assert lists == [set(SERVICES)] * len(lists)
    script = ["set -euo pipefail"]
    for language, block in re.findall(r"```(\w+)\n(.*?)```", page, re.DOTALL):
        if language == "python":
            constants = f"ADMIN_PASSWORD = {environment['ADMIN_PASSWORD']!r}\nDIVISIONS = {str(DIVISIONS)!r}\n"
            (tmp_path / "load.py").write_text(constants + block)
            script.append("python load.py")
        else:
            script.append(block)
    script.append("started=$(jobs -p); kill $started; for each in $started; do wait $each; done; echo ended in order")
    output = tmp_path / "output"
    with output.open("wb") as out:
        process = subprocess.Popen(
            ["bash", "-c", "\n".join(script)],
            cwd=tmp_path,
            env=environment,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
        try:
            # It starts seventy processes, most of them one after the other.
            code = process.wait(2 * HANG_S)
        finally:
            if process.returncode != 0:
                os.killpg(process.pid, signal.SIGKILL)
    printed = output.read_text()
    logs = "".join(f"\n{log.name}:\n{log.read_text()[-2000:]}" for log in tmp_path.glob("*.log"))
    assert code == 0, printed + logs
    assert "55 divisions" in printed, printed
    assert printed.endswith("ended in order\n"), printed
