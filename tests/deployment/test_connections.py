"""docs/operate.md says how many connections to PostgreSQL each process takes, and an installation of each size."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from onegrid_demo.platform import SERVICES
from onegrid_kit.service import Service
from onegrid_kit.testing.api import Serving

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/operate.md").read_text()
UPGRADE = 1
"""The pods that a deployment has in excess while a release is rolled out (maxSurge)."""


def of_a_process() -> dict[str, dict[str, int]]:
    """What an api takes beside its pools, a worker, a relay and a sender, by service."""
    found = re.search(
        r"reads \+ (\d+)` connections \(petition and notify \+ (\d+), emergency \+ (\d+), partyedu \+ (\d+)\), "
        r"a worker (\d+) \(one more if .*?\), a relay (\d+), a sender (\d+)",
        PAGE,
    )
    assert found
    other, batching, emergency, partyedu, worker, relay, sender = map(int, found.groups())
    api = {"petition": batching, "notify": batching, "emergency": emergency, "partyedu": partyedu}
    return {
        service.name: {
            "api": api.get(service.name, other),
            "worker": worker + bool(service.steps) + bool(service.ladders),
            "relay": relay,
            "sender": sender,
        }
        for service in SERVICES
    }


@pytest.fixture(params=SERVICES, ids=[service.name for service in SERVICES])
def service(request: pytest.FixtureRequest) -> Service:
    found: Service = request.param
    return found


@pytest.fixture
def api_settings() -> Mapping[str, Any]:
    return {"database_pool": 3, "database_read_pool": 2}


async def test_an_api_takes_as_many_as_the_page_says(api: Serving) -> None:
    name = api.runtime.service.name
    pools = {
        pool: REGISTRY.get_sample_value("onegrid_database_connections_max", {"service": name, "pool": pool})
        for pool in ("write", "read", "line")
    }
    assert pools == {"write": 3, "read": 2, "line": of_a_process()[name]["api"]}


@pytest.mark.parametrize("size", ["community", "street", "district"])
def test_an_installation_takes_no_more_than_the_page_says_and_not_much_less(size: str) -> None:
    values = yaml.load((ROOT / f"deploy/helm/onegrid/values-{size}.yaml").read_text(), yaml.CSafeLoader)
    each = of_a_process()
    most = 0
    for service in SERVICES:
        chosen, takes = values[service.name]["service"], each[service.name]
        pools = chosen["databasePool"]["commands"] + chosen["databasePool"]["reads"]
        most += (_pods(chosen["api"]) + UPGRADE) * (pools + takes["api"])
        most += (_pods(chosen["worker"]) + UPGRADE) * takes["worker"]
        most += (chosen["relay"]["replicas"] + UPGRADE) * takes["relay"]
        if "sender" in chosen:
            most += (chosen["sender"]["replicas"] + UPGRADE) * takes["sender"]
    documented = re.search(rf"values-{size}\.yaml\)[^|]*\|[^|]*\|[^|]*\| (\d+) \|", PAGE)
    assert documented
    assert most <= int(documented[1]) < most * 1.1


def test_the_data_stores_admit_as_many_as_the_sizes_take() -> None:
    """Three of PostgreSQL's connections are its superusers', and whoever watches it takes some."""
    others = 20
    for size, values in {"community": "values.yaml", "district": "values-operators.yaml"}.items():
        admitted = yaml.load((ROOT / "deploy/helm/onegrid-data" / values).read_text(), yaml.CSafeLoader)
        documented = re.search(rf"values-{size}\.yaml\)[^|]*\|[^|]*\|[^|]*\| (\d+) \|", PAGE)
        assert documented
        assert int(documented[1]) + others <= admitted["postgresql"]["maxConnections"], size


def _pods(of: Mapping[str, Any]) -> int:
    scaling = of["autoscaling"]
    return int(scaling["max"] if scaling["enabled"] else of["replicas"])
