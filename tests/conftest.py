"""How tests are spread over processes, and in which order they run."""

from __future__ import annotations

from collections import Counter

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling
from xdist.scheduler.protocol import Scheduling

PLATFORMS = ("tests/contract", "tests/system")
"""Tests of a running platform, which is dear to start and to keep."""
LAST = "tests/contract/test_hostile.py"
"""What it leaves behind makes lists long."""


def unit(nodeid: str) -> str:
    """What is one process's: a file, or all tests of a platform."""
    return next((each for each in PLATFORMS if nodeid.startswith(f"{each}/")), nodeid.partition("::")[0])


class _ByUnit(LoadFileScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return unit(nodeid)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long ones first, so that processes end together: platforms, then files of few tests, since many are quick."""
    tests = Counter(unit(item.nodeid) for item in items)

    def key(item: pytest.Item) -> tuple[bool, int, str, bool]:
        of = unit(item.nodeid)
        return of not in PLATFORMS, tests[of], of, item.nodeid.startswith(LAST)

    items.sort(key=key)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    """Only instead of `--dist loadfile`."""
    if config.getvalue("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False
    return _ByUnit(config, log)
