"""Servers that the adapters meet."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from onegrid_kit.testing.certificates import Authority

from .attempts import Server, serving


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as served:
        yield served


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))
