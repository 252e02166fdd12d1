"""The platform as it runs: a real Prometheus gets what rules and dashboards ask for, and spans are those listed."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import aiohttp
import pytest
from deploy.checks.tests.scraping import scraping
from tests.system.collector import Collector, collecting
from tests.system.fleet import SERVICES, Fleet, FleetClient, roles_of

from onegrid.contracts import CONTRACTS
from onegrid.grid.v1 import grid_service_pb2 as grid_pb
from onegrid.options.v1 import options_pb2
from onegrid.petition.v1 import petition_service_pb2 as pb
from onegrid.petition.v1.resources_pb2 import Kind
from onegrid_checks.checklist import Checklist
from onegrid_checks.observability import dashboards, rules
from onegrid_checks.observability.prometheus import Prometheus
from onegrid_demo import case, district, fire, party, patrol, policy, study, voice
from onegrid_demo.loading import CELL
from onegrid_kit.clock import SettableClock
from onegrid_kit.service import installed
from onegrid_kit.testing.waiting import HANG_S, eventually
from onegrid_observability import files, objectives

from .selectors_of import listed_series, matched

MADE = files.write()


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Fleet]:
    started = Fleet(tmp_path_factory.mktemp("fleet"), collector.endpoint)
    try:
        started.start()
        yield started
    finally:
        started.close()


@pytest.fixture(scope="module")
def at_rest(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """One that scrapes the platform since its start."""
    jobs = {f"onegrid-{service}": fleet.metrics_ports(service) for service in SERVICES}
    jobs["rabbitmq"] = [fleet.broker_metrics_port]
    with scraping(tmp_path_factory.mktemp("prometheus"), MADE / "rules" / "*.yaml", jobs) as url:
        yield Prometheus(url)


@pytest.fixture(scope="module")
def prometheus(at_rest: Prometheus, fleet: Fleet) -> Prometheus:
    """It scraped the platform while the reference case was lived through, and a trace was made."""
    asyncio.run(live(fleet))
    return at_rest


TRACE = secrets.token_hex(16)


async def live(fleet: Fleet) -> None:
    client = FleetClient(fleet)
    try:
        assert case.succeeded(await case.replay(client, SettableClock(), fleet.accounts))
        assert policy.succeeded(await policy.replay(client, None, fleet.accounts))
        accounts = {**fleet.accounts, "sensors": await fire.connect_sensors(client, fleet.accounts)}
        assert fire.succeeded(await fire.replay(client, None, accounts))
        assert patrol.succeeded(await patrol.replay(client, None, accounts))
        assert party.succeeded(await party.replay(client, None, accounts))
        assert study.succeeded(await study.replay(client, None, accounts))
        assert voice.succeeded(await voice.replay(client, None, accounts))
        staff = await client.staff("commander", fleet.accounts["commander"]["password"])
        traced = (*staff, ("traceparent", f"00-{TRACE}-{secrets.token_hex(8)}-01"))
        filing = pb.FilePetitionRequest(district=district.CODE, kind=Kind.KIND_HELP, place=CELL, text="路灯不亮")
        link = f"{fleet.http_url('notify')}/v1/unsubscribe/none"
        async with aiohttp.ClientSession() as http, http.get(link, headers=dict(traced[-1:])) as answer:
            assert answer.status == 404
        citizen = await client.public(fleet.accounts["citizen"]["phone"], district.CODE)
        await client.petition.FilePetition(filing, metadata=(*citizen, traced[-1]), timeout=HANG_S)
        for _ in range(10):
            await client.grid.GetCell(grid_pb.GetCellRequest(name=f"cells/{CELL}"), metadata=traced, timeout=HANG_S)
            await asyncio.sleep(0.3)
    finally:
        await client.close()


def settle(happens: Any, describe: Any = str) -> None:
    eventually(happens, describe)


def ask(prometheus: Prometheus, path: str, **fields: str) -> Any:
    with urllib.request.urlopen(f"{prometheus.url}{path}?{urllib.parse.urlencode(fields)}", timeout=HANG_S) as answer:  # noqa: S310
        return json.load(answer)["data"]


def test_no_metric_that_alerts_ask_for_waits_for_something_to_happen(at_rest: Prometheus) -> None:
    """First of all, while nothing has."""
    found = [rule for of_file in rules.read(MADE / "rules").values() for rule in of_file]
    asked = [rule.expression for rule in found if rule.name == "MetricMissing"]
    assert len(asked) == len(SERVICES)

    def missing() -> list[str]:
        answers = (asyncio.run(at_rest.values(each)) for each in asked)
        return [labels["metric"] for answer in answers for labels, _ in answer]

    settle(lambda: not missing(), missing)


def test_everything_is_scraped(prometheus: Prometheus) -> None:
    up = asyncio.run(prometheus.values("up == 1"))
    jobs = sorted(labels["job"] for labels, _ in up)
    assert jobs == sorted(
        ["prometheus", "rabbitmq", *(f"onegrid-{service}" for service in SERVICES for _ in roles_of(service))]
    )


def test_every_listed_metric_is_exported(prometheus: Prometheus) -> None:
    """But for what there is with TLS alone: the fleet speaks plain text."""
    with_tls = {"onegrid_certificate_expiry_timestamp_seconds"}

    def missing() -> set[str]:
        return listed_series() - with_tls - set(ask(prometheus, "/api/v1/label/__name__/values"))

    settle(lambda: not missing(), missing)


def test_every_exported_metric_is_listed(prometheus: Prometheus) -> None:
    names = {name for name in ask(prometheus, "/api/v1/label/__name__/values") if name.startswith("onegrid_")}
    assert len(names) > 30
    assert names <= listed_series()


def test_every_role_exports_the_use_of_its_connections(prometheus: Prometheus) -> None:
    pools_in_use = asyncio.run(prometheus.values("count by (service, pool) (onegrid_database_connections_max > 0)"))
    pools = {(labels["service"], labels["pool"]) for labels, _ in pools_in_use}
    assert pools >= {(service, pool) for service in SERVICES for pool in ("read", "write", "worker", "relay")}


def test_every_rule_has_data(prometheus: Prometheus) -> None:
    found = [rule for of_file in rules.read(MADE / "rules").values() for rule in of_file]
    records = [rule for rule in found if rule.records]
    assert len(records) > 200

    def missing() -> list[str]:
        return [rule.recorded for rule in records if not asyncio.run(prometheus.has_data(rule.recorded))]

    settle(lambda: not missing(), missing)
    for rule in asyncio.run(prometheus.rules()):
        assert rule["health"] == "ok", rule


def test_own_alerts_ask_for_label_values_that_are_exported(prometheus: Prometheus) -> None:
    """One that asks for a state by a name that it does not have would never fire."""
    promises = [objectives.read(path) for path in sorted((objectives.ROOT / "objectives").glob("*.yaml"))]
    wanted = {
        f'{metric}{{service="{each.service}", {label}="{value}"}}'
        for each in promises
        for alert in each.alerts
        for metric, label, values in matched(alert["expr"])
        for value in values.split("|")
        if metric.startswith("onegrid_") and label != "service"
    }
    assert len(wanted) > 8

    def missing() -> set[str]:
        return {each for each in wanted if not asyncio.run(prometheus.has_data(each))}

    settle(lambda: not missing(), missing)


def test_every_panel_shows_data_unless_it_is_marked_as_possibly_empty(prometheus: Prometheus) -> None:
    checklist = Checklist("dashboards")
    # Data stores as operators make them are not here.
    of_stores = json.loads((MADE / "dashboards" / f"{files.DATA}.json").read_text())["title"]
    boards = [board for board in dashboards.read(MADE / "dashboards") if board.title != of_stores]
    assert sum(not query.may_be_empty for board in boards for query in board.queries) > 60
    asyncio.run(dashboards.check(boards, prometheus, time.monotonic() + HANG_S, checklist))
    assert not checklist.failed, checklist.failed


def test_durations_lead_to_the_trace_of_a_call(prometheus: Prometheus) -> None:
    def traces(metric: str) -> set[str]:
        window = {"start": str(time.time() - 600), "end": str(time.time())}
        found = ask(prometheus, "/api/v1/query_exemplars", query=metric, **window)
        return {each["labels"]["trace_id"] for series in found for each in series["exemplars"]}

    for metric in (
        'onegrid_rpc_duration_seconds_bucket{method="FilePetition"}',
        "onegrid_event_carry_seconds_bucket",
        'onegrid_handler_duration_seconds_bucket{handler="index_words"}',
    ):
        settle(lambda metric=metric: TRACE in traces(metric), lambda metric=metric: (metric, traces(metric)))


def test_spans_are_those_that_are_listed(prometheus: Prometheus, collector: Collector) -> None:
    """By docs/metrics.md: a full method, an HTTP method and route, or an event's type and what is done with it."""
    calls = {f"{contract.full_name}.{method.name}" for contract in CONTRACTS.values() for method in contract.methods}
    messages = [
        message
        for name in CONTRACTS
        for message in import_module(f"onegrid.{name}.v1.events_pb2").DESCRIPTOR.message_types_by_name.values()
        if message.GetOptions().HasExtension(options_pb2.event)
    ]
    events = {f"{message.full_name} {done}" for message in messages for done in ("publish", "handle")}
    filed = "onegrid.petition.v1.PetitionFiled"
    requests = {route.name for service in installed() for each in service.served for route in each.load_routes()}
    wanted = {
        "GET /v1/unsubscribe/{token}",
        "onegrid.petition.v1.PetitionService.FilePetition",
        f"{filed} publish",
        f"{filed} handle",
    }

    def names() -> set[str]:
        return {span.name for span in collector.of_trace(TRACE)}

    settle(lambda: wanted <= names(), names)
    assert names() <= calls | events | requests
