"""The platform of these tests leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from onegrid_kit.embedded.ports import free_port
from onegrid_kit.testing.processes import command_of
from onegrid_kit.testing.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
STARTER = """
import sys, time
from pathlib import Path
from tests.contract.starting import start
folder = Path(sys.argv[1])
print(start(folder, int(sys.argv[2]), folder / "log").pid, flush=True)
time.sleep(600)
"""


def test_the_platform_ends_with_tests_that_are_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STARTER, str(tmp_path), str(free_port())]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as tests:
        assert tests.stdout is not None
        platform = int(tests.stdout.readline())
        eventually(lambda: b"serving.py" in command_of(platform))
        tests.kill()
    eventually(lambda: not command_of(platform))
