"""One running platform for all tests of the contract."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import pytest

from onegrid_kit.embedded.ports import free_port
from onegrid_kit.testing.postgres import remove_data_below
from onegrid_kit.testing.waiting import HANG_S

from .calling import District
from .starting import start


@pytest.fixture(scope="package")
def district(tmp_path_factory: pytest.TempPathFactory) -> Iterator[District]:
    """The demonstration district, served by a process of its own; in the end it must have met no fault of its own."""
    folder = tmp_path_factory.mktemp("district")
    port, log = free_port(), folder / "log"
    process = start(folder, port, log)
    try:
        ready = folder / "callers.json"
        deadline = time.monotonic() + HANG_S
        while not ready.exists():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        running = District(port, json.loads(ready.read_text()), folder)
        yield running
        alive = process.poll() is None
        running.close()
    finally:
        process.terminate()
        code = process.wait(timeout=HANG_S)
        remove_data_below(folder)
    # gRPC itself logs a traceback for metadata that is not text.
    log_text = re.sub(
        r"grpc\._cython\.cygrpc: Invalid encoding on .*\n(?:Traceback|  |UnicodeDecodeError).*\n.*\n.*\n",
        "",
        log.read_text(),
    )
    assert alive, log_text
    assert code == 0, log_text
    # Faults of the platform are logged with tracebacks; so are errors within asyncio and gRPC.
    assert "Traceback" not in log_text, log_text
    assert "call failed" not in log_text, log_text
