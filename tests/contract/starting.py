"""Starts the platform of these tests."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from onegrid_kit.embedded.children import lent

__all__ = ["start"]


def start(folder: Path, port: int, log: Path) -> subprocess.Popen[bytes]:
    """`serving.py` as a process of its own, which ends with the tests even if those are killed."""
    command = [sys.executable, str(Path(__file__).parent / "serving.py"), str(folder), str(port)]
    with log.open("wb") as out:
        return subprocess.Popen(lent(command, stop_with_us=signal.SIGKILL), stdout=out, stderr=subprocess.STDOUT)
