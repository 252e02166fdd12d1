"""Rules and alerts: promtool takes them, tries them, and each alert has a runbook."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from promql_parser import parse

from onegrid.contracts import CONTRACTS, SERVICES
from onegrid_kit import metrics
from onegrid_observability import files, objectives
from onegrid_observability.metrics import NOT_ALWAYS
from onegrid_observability.per_release import ANY_BROKER, ANY_RELEASE, check, of_release, per_release
from onegrid_observability.rules import asked
from onegrid_observability.trials import IT

from .selectors_of import known_metrics, selected

ROOT = Path(__file__).resolve().parents[2]
MADE = files.write()
RULES = sorted((MADE / "rules").glob("*.yaml"))
TRIALS = sorted((MADE / "trials").glob("*.yaml"))
RUNBOOKS = ROOT / "docs" / "runbooks"
PROMISES = [objectives.read(path) for path in sorted((objectives.ROOT / "objectives").glob("*.yaml"))]
OWN = (IT["namespace"], IT["release"])
BUCKETS = {"latency": metrics.RPC_SECONDS, "freshness": metrics.CARRY_SECONDS}


def rules() -> Iterator[dict[str, Any]]:
    for path in RULES:
        for group in yaml.load(path.read_text(), yaml.CSafeLoader)["groups"]:
            yield from group["rules"]


def alerts() -> set[str]:
    return {rule["alert"] for rule in rules() if "alert" in rule}


def promtool(*command: str | Path) -> None:
    done = subprocess.run(["promtool", *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_the_rules() -> None:
    promtool("check", "rules", *RULES)
    assert len(RULES) == len(SERVICES) + 2


@pytest.mark.parametrize("trial", TRIALS, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should_and_only_then(trial: Path) -> None:
    promtool("test", "rules", trial)


def test_every_alert_is_tried_firing_and_quiet() -> None:
    tried = [
        each
        for path in TRIALS
        for test in yaml.load(path.read_text(), yaml.CSafeLoader)["tests"]
        for each in test["alert_rule_test"]
    ]
    assert {each["alertname"] for each in tried if each["exp_alerts"]} == alerts()
    assert {each["alertname"] for each in tried if not each["exp_alerts"]} == alerts() - {"OneGridWatchdog"}
    burns = {
        (firing["exp_labels"]["objective"], firing["exp_labels"]["service"], firing["exp_labels"]["burn"])
        for each in tried
        for firing in each["exp_alerts"]
        if "burn" in firing["exp_labels"]
    }
    assert len(burns) == 4 * sum(len(promises.objectives) for promises in PROMISES)


def releases(trial: dict[str, Any]) -> set[tuple[str, str]]:
    """Of what releases there are series."""
    return {
        match.groups()
        for each in trial["input_series"]
        for match in [re.search(r'namespace="(\w+)", release="(\w+)"}$', each["series"])]
        if match
    }


def test_every_alert_is_tried_where_other_releases_are_well_and_is_said_of_the_one_that_is_not() -> None:
    for path in TRIALS:
        for test in yaml.load(path.read_text(), yaml.CSafeLoader)["tests"]:
            tried = [each for each in test["alert_rule_test"] if each["alertname"] != "OneGridWatchdog"]
            others = {namespace for namespace, _ in releases(test) - {OWN}}
            assert others == ({"district", "street"} if tried else set()), (path, test["name"])
            for firing in (alert for each in tried for alert in each["exp_alerts"]):
                labels = firing["exp_labels"]
                whose = (labels["namespace"], labels.get("release", ""))
                # Of a broker that is gone, nobody knows the release.
                assert whose == OWN or (whose == (OWN[0], "") and test["name"] == "what is gone")
                assert firing["exp_annotations"]["summary"].startswith("/".join(filter(None, whose)) + ": ")


def test_what_is_gone_is_said_by_the_rules_of_the_release_itself() -> None:
    for promises in PROMISES:
        test, _ = yaml.load((MADE / f"trials/{promises.service}-gone.yaml").read_text(), yaml.CSafeLoader)["tests"]
        fire = {each["alertname"] for each in test["alert_rule_test"] if each["exp_alerts"]}
        senders = {"SenderDown"} if promises.sender else set()
        assert fire >= {"ApiDown", "WorkerDown", "RelayWithoutLeader", "MetricMissing"} | senders
        assert len(releases(test) - {OWN}) == len(releases(test)) == 2


@pytest.mark.parametrize("promises", PROMISES, ids=lambda promises: promises.service)
def test_every_metric_that_an_alert_asks_for_is_missed_unless_a_healthy_service_may_lack_it(
    promises: objectives.Promises,
) -> None:
    """Silence would look like health. Of RabbitMQ's, QueuesUnmeasured says it."""
    file = yaml.load((MADE / f"rules/{promises.service}.yaml").read_text(), yaml.CSafeLoader)
    alerts = dict(asked(file))
    missed = alerts.pop("MetricMissing")
    needed = {metric for metrics in alerts.values() for metric in metrics if metric.startswith("onegrid_")}
    assert needed - missed <= NOT_ALWAYS
    assert missed <= needed


def test_each_release_has_a_heartbeat_of_its_own_whether_anything_of_it_is_there_or_not() -> None:
    """Without labels nobody could tell whose is missing, and kube-prometheus-stack has a Watchdog, too."""
    for name, there in (("onegrid", "what fires"), ("onegrid-gone", "what is gone")):
        tests = yaml.load((MADE / f"trials/{name}.yaml").read_text(), yaml.CSafeLoader)["tests"]
        beats = [
            [(each["exp_labels"]["namespace"], each["exp_labels"]["release"]) for each in tried["exp_alerts"]]
            for test in tests
            if test["name"] == there
            for tried in test["alert_rule_test"]
            if tried["alertname"] == "OneGridWatchdog"
        ]
        assert beats == [[OWN]]


def test_alerts_that_ask_for_a_leader_are_apart_and_no_missing_metric_is_a_leaders_alone() -> None:
    """A tier, which stands by for its district, leaves that group out."""
    of_leaders = {"onegrid_relay_leader", "onegrid_job_last_success_timestamp_seconds", "onegrid_event_carry_seconds"}
    for service in SERVICES:
        file = yaml.load((MADE / f"rules/{service}.yaml").read_text(), yaml.CSafeLoader)
        groups = {group["name"]: {rule.get("alert") for rule in group["rules"]} for group in file["groups"]}
        leases = groups[f"onegrid-{service}-leases"]
        assert leases == {"RelayWithoutLeader", "JobOverdue"}
        asking = {alert for alert, metrics in asked(file).items() if metrics & of_leaders}
        # What no leader carries burns no budget, and both gauges are each process's from its start.
        assert asking - leases == {"EventsLate", "MetricMissing"}
        # Nor is one of a provider's, which a first installation may lack.
        assert not asked(file)["MetricMissing"] & {"onegrid_event_carry_seconds", "onegrid_sending_attempts_total"}


def test_no_rule_mixes_releases() -> None:
    for rule in rules():
        check(rule["expr"])


@pytest.mark.parametrize(
    "mixed",
    [
        'sum(x{namespace="a", release="b"})',
        'sum by (release) (x{namespace="a", release="b"})',
        'sum without (namespace) (x{namespace="a", release="b"})',
        'histogram_quantile(0.9, sum by (le) (rate(x{namespace="a", release="b"}[5m])))',
        'x{namespace="a", release="b"} / on (method) y{namespace="a", release="b"}',
        'x{namespace="a", release="b"} and ignoring (release) y{namespace="a", release="b"}',
        'rate(x{namespace="a"}[5m])',
        "absent(x)",
        'max by (namespace, release) (rabbitmq_queue_messages_ready{queue="q"})',
    ],
)
def test_an_expression_that_mixes_releases_is_refused(mixed: str) -> None:
    with pytest.raises(ValueError, match=r"mixes releases|joins releases|selects all releases"):
        check(mixed)


@pytest.mark.parametrize(
    ("written", "made"),
    [
        ("max(x) > 0", f"max by (namespace, release) (x{{{ANY_RELEASE}}}) > 0"),
        ('sum by (le) (rate(x{b="c"}[5m]))', f'sum by (namespace, release, le) (rate(x{{b="c",{ANY_RELEASE}}}[5m]))'),
        (
            "x * on (i) group_left (v) y",
            f"x{{{ANY_RELEASE}}} * on (namespace, release, i) group_left (v) y{{{ANY_RELEASE}}}",
        ),
        ("max(rabbitmq_x offset 5m)", f"max by (namespace, release) (rabbitmq_x{{{ANY_BROKER}}} offset 5m)"),
    ],
)
def test_expressions_get_namespace_and_release_wherever_they_need_them(written: str, made: str) -> None:
    assert " ".join(per_release(written).split()) == made
    check(of_release(made, "a", "b", broker="c"))


def test_every_alert_has_a_severity_and_a_runbook_and_every_runbook_an_alert() -> None:
    for rule in rules():
        if "alert" in rule:
            severities = ("none",) if rule["alert"] == "OneGridWatchdog" else ("page", "ticket")
            assert rule["labels"]["severity"] in severities
            assert rule["labels"]["audience"] in ("operators", "supervisors")
            assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{rule['alert']}.md"
            assert rule["annotations"]["description"].startswith(rule["annotations"]["summary"])
    assert {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"} == alerts()
    index = (RUNBOOKS / "README.md").read_text()
    assert set(re.findall(r"^\| \[(\w+)\]\(\1\.md\)", index, re.MULTILINE)) == alerts()


def test_rules_ask_only_for_metrics_that_there_are() -> None:
    known = known_metrics() | {rule["record"] for rule in rules() if "record" in rule}
    for rule in rules():
        assert selected(rule["expr"]) <= known, rule


def test_runbooks_have_the_four_sections_and_their_queries_evaluate() -> None:
    known = known_metrics() | {rule["record"] for rule in rules() if "record" in rule}
    for path in RUNBOOKS.glob("*.md"):
        if path.stem == "README":
            continue
        text = path.read_text()
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Meaning", "First look", "Mend", "Over when"], path
        queries = re.findall(r"```promql\n(.*?)```", text, re.DOTALL)
        assert queries, f"{path} asks Prometheus nothing"
        for query in queries:
            parse(query)
            assert selected(query) <= known, path


@pytest.mark.parametrize("promises", PROMISES, ids=lambda promises: promises.service)
def test_every_method_of_a_contract_is_promised_something(promises: objectives.Promises) -> None:
    contracts = [CONTRACTS[name] for name in SERVICES[promises.service]]
    listed = [method for methods in promises.methods.values() for method in methods]
    assert sorted(listed) == sorted(method.name for contract in contracts for method in contract.methods)
    promised = {method for objective in promises.objectives for method in objective.methods}
    assert promised == set(listed)
    assert {objective.kind for objective in promises.objectives} >= {"availability", "latency", "freshness", "handling"}


@pytest.mark.parametrize("promises", PROMISES, ids=lambda promises: promises.service)
def test_bounds_are_boundaries_of_buckets_and_budgets_can_burn(promises: objectives.Promises) -> None:
    for objective in promises.objectives:
        if objective.within:
            assert objective.within in BUCKETS[objective.kind]._kwargs["buckets"], objective
        # A page's threshold that is above 1 never fires.
        assert 0 < 14.4 * objective.budget < 1, objective
    assert len({objective.name for objective in promises.objectives}) == len(promises.objectives)


def test_alerts_on_data_stores_that_have_nothing_to_ask_are_told_of() -> None:
    """Those of a PostgreSQL without backups or replicas have nothing to ask for, and are right so."""
    optional = {
        "cnpg_pg_replication_slots_active",
        "cnpg_collector_last_available_backup_timestamp",
        "barman_cloud_cloudnative_pg_io_last_available_backup_timestamp",
    }
    for group in yaml.load((MADE / "rules/onegrid-data.yaml").read_text(), yaml.CSafeLoader)["groups"]:
        asked = {rule["alert"]: selected(rule["expr"]) for rule in group["rules"]}
        told = set().union(*(metrics for alert, metrics in asked.items() if alert.endswith(("Unmeasured", "Down"))))
        assert set().union(*asked.values()) - optional <= told, group["name"]
