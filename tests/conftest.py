"""How tests are spread over processes."""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling
from xdist.scheduler.protocol import Scheduling

SYSTEM = "tests/system"


class _ByFile(LoadFileScheduling):
    """A file's tests are one process's, and so are those of the running system, which is dear to start and to keep."""

    def _split_scope(self, nodeid: str) -> str:
        return SYSTEM if nodeid.startswith(f"{SYSTEM}/") else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    """Only instead of `--dist loadfile`."""
    return _ByFile(config, log) if config.getvalue("dist") == "loadfile" else None
