"""How soon an api and the whole demonstration serve, and what they hold in memory then."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.comparing import Figure
from benchmarks.machine import proportional_memory
from benchmarks.platform import Platform, process, wait_until_serving
from onegrid_kit.embedded.ports import free_port


def measure(platform: Platform) -> Iterator[Figure]:
    """An api's own start, and the demonstration's second."""
    _ = platform.petition  # its database
    runs = []
    for _ in range(3):
        port, began = free_port(), time.monotonic()
        with platform.api("petition", "petition", port) as started:
            wait_until_serving(port)
            took = time.monotonic() - began
            time.sleep(2)
            runs.append((took, proportional_memory(started.pid) / 2**20))
    took, memory = (statistics.median(each) for each in zip(*runs, strict=True))
    yield Figure("starts.api_s", round(took, 2), 2, least=False)
    yield Figure("starts.api_mib", round(memory), 120, least=False)
    with tempfile.TemporaryDirectory(prefix="onegrid-bench-", dir="/var/tmp", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        port = free_port()
        command = [sys.executable, "-m", "onegrid_demo", "--data", f"{name}/data", "--port", str(port)]
        subprocess.run([*command, "--once"], check=True, stdout=subprocess.DEVNULL)
        began = time.monotonic()
        with process(command, quiet=True) as demo:
            wait_until_serving(port)
            yield Figure("starts.demonstration_s", round(time.monotonic() - began, 2), 10, least=False)
            time.sleep(5)  # the case is over by then
            memory = proportional_memory(demo.pid) / 2**20
    yield Figure("starts.demonstration_mib", round(memory), 500, least=False)
