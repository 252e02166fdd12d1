"""One installation for all tests, made by README's steps: the data stores, then the platform."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Iterator

import pytest
from installation import ADMIN_PASSWORD, DATA_IMAGES, NAMESPACE, ROOT, render, secret, sized

from onegrid_runner.cluster import Cluster


@pytest.fixture(scope="session")
def charts() -> None:
    """The charts, each with what it depends on."""
    subprocess.run([sys.executable, ROOT / "tools" / "helm.py", "package"], check=True)


@pytest.fixture(scope="session")
def cluster(charts: None) -> Iterator[Cluster]:
    """Everything installed and ready."""
    with Cluster(NAMESPACE) as cluster:
        cluster.apply(
            [
                secret("onegrid-data", postgresql_password=secrets.token_hex(), rabbitmq_password=secrets.token_hex()),
                secret(
                    "onegrid-keys",
                    page_token_key=secrets.token_hex(),
                    cipher_keys=f"k1:{secrets.token_hex(32)}",
                    admin_password=ADMIN_PASSWORD,
                ),
            ]
        )
        cluster.install("data", render("data", "onegrid-data", *DATA_IMAGES))
        cluster.install(NAMESPACE, sized("community"))
        yield cluster
