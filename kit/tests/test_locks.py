"""One process at a time makes what several ask for, and one that is killed leaves it to the next."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from onegrid_kit.testing.locks import alone
from onegrid_kit.testing.waiting import HANG_S

COUNTS = """
import sys, time
from pathlib import Path
from onegrid_kit.testing.locks import alone

made = Path(sys.argv[1])
for _ in range(20):
    with alone(made):
        before = int(made.read_text()) if made.exists() else 0
        time.sleep(0.001)
        made.write_text(str(before + 1))
"""
HOLDS = """
import sys
from pathlib import Path
from onegrid_kit.testing.locks import alone

with alone(Path(sys.argv[1])):
    print("making", flush=True)
    sys.stdin.read()
"""


def test_makers_take_turns(tmp_path: Path) -> None:
    made = tmp_path / "folder" / "made"
    makers = [subprocess.Popen([sys.executable, "-c", COUNTS, str(made)]) for _ in range(4)]
    assert [each.wait(timeout=HANG_S) for each in makers] == [0] * 4
    assert made.read_text() == "80"


def test_a_killed_maker_leaves_it_to_the_next(tmp_path: Path) -> None:
    made = tmp_path / "made"
    command = [sys.executable, "-c", HOLDS, str(made)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as maker:
        assert maker.stdout is not None
        assert maker.stdout.readline() == "making\n"
        maker.kill()
    with alone(made):
        pass
