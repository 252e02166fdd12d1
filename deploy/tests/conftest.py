"""One installation for all tests, made by README's steps: the data stores, then the platform."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from installation import NAMESPACE, ROOT, SECRETS, sized, stores

from onegrid_runner.cluster import Cluster


@pytest.fixture(scope="session")
def charts() -> None:
    """The charts, each with what it depends on."""
    subprocess.run([sys.executable, ROOT / "tools" / "helm.py", "package"], check=True)


@pytest.fixture(scope="session")
def cluster(charts: None) -> Iterator[Cluster]:
    """Everything installed and ready."""
    with Cluster(NAMESPACE) as cluster:
        cluster.apply(SECRETS)
        cluster.install("data", stores())
        cluster.install(NAMESPACE, sized("community"))
        yield cluster
