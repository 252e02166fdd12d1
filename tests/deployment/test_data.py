"""The data stores by their operators: what their makers recommend for production, and what our alerts need of them."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from deploy.checks.tests.scraping import scraping
from tests.clients.node import NODE, installed
from tools import helm

from onegrid_checks.observability.prometheus import Prometheus
from onegrid_kit import topology
from onegrid_kit.testing.rabbitmq import RabbitServer

PRODUCTION = ["onegrid-data/values-operators.yaml"]
MONITORED = "--set=monitoring.operator=true"
BACKED_UP = "--set=postgresql.backup.destination=s3://backups/onegrid"
OPERATOR = Path(__file__).parent / "operator"


@pytest.fixture(scope="session", autouse=True)
def charts() -> None:
    helm.package()


def rendered(*more: str, release: str = "data", values: list[str] = PRODUCTION) -> list[dict[str, Any]]:
    return helm.objects(helm.render(release, "onegrid-data", values, *more))


def of_kind(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (found,) = (each for each in objects if each["kind"] == kind)
    return found


def given(tmp_path: Path, values: Mapping[str, Any]) -> str:
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    return f"--values={file}"


def configured(cluster: Mapping[str, Any]) -> dict[str, str]:
    """What a RabbitmqCluster adds to rabbitmq.conf; as there, the last of a name counts."""
    lines = cluster["spec"]["rabbitmq"]["additionalConfig"].splitlines()
    return dict(re.split(r"\s*=\s*", line, maxsplit=1) for line in lines if line and not line.startswith("#"))


def test_each_queue_of_the_brokers_operator_is_measured_under_the_name_that_alerts_ask_for(tmp_path: Path) -> None:
    """Scraped as the ServiceMonitor says, from a RabbitMQ that is configured as the operator does: by sums alone."""
    monitor = of_kind(rendered(MONITORED), "ServiceMonitor")
    settings = {}
    for endpoint in monitor["spec"]["endpoints"]:
        (job,) = (each["replacement"] for each in endpoint["relabelings"] if each["targetLabel"] == "job")
        settings[job] = {
            "metrics_path": endpoint.get("path", "/metrics"),
            "params": endpoint.get("params", {}),
            "metric_relabel_configs": [
                {re.sub("[A-Z]", lambda c: f"_{c[0].lower()}", key): value for key, value in each.items()}
                for each in endpoint["metricRelabelings"]
            ],
        }
    assert len(settings) == len(monitor["spec"]["endpoints"]), "two targets of the same labels are one"
    with RabbitServer(metrics=True) as server:
        server.control("eval", "application:set_env(rabbitmq_prometheus, return_per_object_metrics, false).")
        asyncio.run(topology.declare_consumer(server.url, "petition", ["onegrid.petition.v1.PetitionFiled"]))
        jobs = {job: [server.metrics_port] for job in settings}
        with scraping(tmp_path, tmp_path / "none.yaml", jobs, settings) as url:
            prometheus = Prometheus(url)
            for metric in ("messages_ready", "messages_unacked", "consumers"):
                found = asyncio.run(prometheus.values(f"rabbitmq_queue_{metric}"))
                assert sorted(labels.get("queue", "") for labels, _ in found) == [
                    "onegrid.petition",
                    "onegrid.unrouted",
                ]
            for metric in ("alarms_memory_used_watermark", "alarms_free_disk_space_watermark", "build_info"):
                assert len(asyncio.run(prometheus.values(f"rabbitmq_{metric}"))) == 1


def test_a_broker_without_the_operator_is_scraped_alike_as_the_docs_say() -> None:
    page = (helm.ROOT / "docs/operate.md").read_text()
    snippets = [yaml.load(block, yaml.CSafeLoader) for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    (documented,) = (
        job for each in snippets for job in each.get("scrape_configs", []) if job["job_name"] == "rabbitmq-queues"
    )
    _, ours = of_kind(rendered(MONITORED), "ServiceMonitor")["spec"]["endpoints"]
    assert (documented["metrics_path"], documented["params"]) == (ours["path"], ours["params"])
    spelt = {"source_labels": "sourceLabels", "target_label": "targetLabel"}
    assert [
        {spelt.get(key, key): value for key, value in each.items()} for each in documented["metric_relabel_configs"]
    ] == ours["metricRelabelings"]


@pytest.mark.parametrize("release", ["data", "city"])
def test_both_stores_are_scraped_by_the_names_that_alerts_know_whatever_the_release_is_called(release: str) -> None:
    objects = rendered(MONITORED, "--set=monitoring.labels.team=city", release=release)
    broker, database = of_kind(objects, "ServiceMonitor"), of_kind(objects, "PodMonitor")
    assert broker["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"] == f"{release}-rabbitmq"
    assert database["spec"]["selector"]["matchLabels"] == {"cnpg.io/cluster": f"{release}-postgresql"}
    endpoints = [*broker["spec"]["endpoints"], *database["spec"]["podMetricsEndpoints"]]
    named = [{one["targetLabel"]: one["replacement"] for one in each["relabelings"]} for each in endpoints]
    assert [each["job"] for each in named] == ["rabbitmq", "rabbitmq-queues", "postgresql"]
    assert {each["release"] for each in named} == {release}
    assert all(each["metadata"]["labels"]["team"] == "city" for each in (broker, database))


def test_the_monitor_of_postgresql_is_not_one_that_its_operator_removes() -> None:
    """CloudNativePG deletes a PodMonitor of a Cluster's name, unless it made it, which is deprecated."""
    objects = rendered(MONITORED)
    cluster = of_kind(objects, "Cluster")
    assert of_kind(objects, "PodMonitor")["metadata"]["name"] != cluster["metadata"]["name"]
    assert "enablePodMonitor" not in cluster["spec"].get("monitoring", {})


def test_monitors_are_as_the_prometheus_operator_understands_them() -> None:
    ours = [each for each in rendered(MONITORED) if each["apiVersion"].startswith("monitoring")]
    assert {each["kind"] for each in ours} >= {"ServiceMonitor", "PodMonitor"}
    done = subprocess.run(
        [NODE, "validate.js"],
        cwd=installed(OPERATOR),
        input=json.dumps(ours),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_without_the_prometheus_operator_nothing_asks_for_its_types() -> None:
    assert not [each for each in rendered() if each["apiVersion"].startswith("monitoring")]


def test_the_broker_is_as_its_makers_production_example() -> None:
    objects = rendered()
    cluster = of_kind(objects, "RabbitmqCluster")
    spec, pods = cluster["spec"], {"app.kubernetes.io/name": "data-rabbitmq"}
    config = configured(cluster)
    assert config["cluster_partition_handling"] == "pause_minority"
    (term,) = spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term == {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": pods}}
    template = spec["override"]["statefulSet"]["spec"]["template"]["spec"]
    assert template["containers"] == [], "the operator merges containers by name, and requires the list"
    assert template["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"] == pods
    budget = of_kind(objects, "PodDisruptionBudget")["spec"]
    assert budget == {"maxUnavailable": 1, "selector": {"matchLabels": pods}}
    assert not [each for each in rendered("--set=rabbitmq.replicas=1") if each["kind"] == "PodDisruptionBudget"]


def test_the_brokers_limits_fit_its_pod() -> None:
    spec = of_kind(rendered(), "RabbitmqCluster")["spec"]
    config = configured({"spec": spec})
    gibibyte = 1024**3
    limit = int(spec["resources"]["limits"]["memory"].removesuffix("Gi")) * gibibyte
    usable = limit - limit / 5  # The operator's headroom.
    alarm = usable * float(config["vm_memory_high_watermark.relative"])
    assert 3 * int(config["raft.wal_max_size_bytes"]) < alarm / 2
    disk = int(spec["persistence"]["storage"].removesuffix("Gi")) * gibibyte
    assert usable * float(config["disk_free_limit.relative"]) < disk / 4
    assert spec["resources"]["requests"] == spec["resources"]["limits"]


def test_plugins_and_settings_are_added_to_ours_by_operator_and_without() -> None:
    more = ("--set=rabbitmq.plugins={rabbitmq_mqtt}", "--set=rabbitmq.config=vm_memory_high_watermark.relative = 0.5")
    cluster = of_kind(rendered(*more), "RabbitmqCluster")
    assert cluster["spec"]["rabbitmq"]["additionalPlugins"] == ["rabbitmq_mqtt"]
    config = configured(cluster)
    assert config["mqtt.allow_anonymous"] == "false"
    assert config["vm_memory_high_watermark.relative"] == "0.5"
    assert config["cluster_partition_handling"] == "pause_minority"
    plain = rendered(*more, values=[])
    (files,) = (each["data"] for each in plain if each["kind"] == "ConfigMap" and "rabbitmq.conf" in each["data"])
    assert files["enabled_plugins"] == "[rabbitmq_prometheus,rabbitmq_mqtt]."
    assert "mqtt.allow_anonymous = false" in files["rabbitmq.conf"]
    (policy,) = (
        each for each in plain if each["kind"] == "NetworkPolicy" and each["metadata"]["name"] == "data-rabbitmq"
    )
    assert {"port": 1883} in policy["spec"]["ingress"][0]["ports"]
    assert "mqtt" not in helm.render("data", "onegrid-data", [])


def test_images_are_pinned() -> None:
    objects = rendered()
    images = [of_kind(objects, "Cluster")["spec"]["imageName"], of_kind(objects, "RabbitmqCluster")["spec"]["image"]]
    assert all(re.search(r":[0-9]+[.][0-9]+", image) for image in images), images


@pytest.mark.parametrize(("memory", "connections"), [("4Gi", 300), ("8192Mi", 600), ("16Gi", 1000)])
def test_postgresqls_memory_fits_its_pod(memory: str, connections: int) -> None:
    cluster = of_kind(
        rendered(f"--set=postgresql.resources.limits.memory={memory},postgresql.maxConnections={connections}"),
        "Cluster",
    )
    limit = int(memory[:-2]) * (1024 if memory.endswith("Gi") else 1)
    settings = cluster["spec"]["postgresql"]["parameters"]
    assert int(settings["max_connections"]) == connections
    assert settings["shared_buffers"] == f"{limit // 4}MB"
    assert settings["effective_cache_size"] == f"{limit * 3 // 4}MB"
    assert settings["maintenance_work_mem"] == f"{limit // 64}MB"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("postgresql.resources.limits.memory=4Gi", "1000 connections do not fit into 4Gi: a limit of 10666Mi"),
        ("postgresql.resources.limits.memory=4G", "give it as 4Gi or 4096Mi"),
        ("postgresql.recovery.server=old", "name the postgresql.backup.destination that the backups are in"),
        (
            "postgresql.backup.destination=s3://b,postgresql.recovery.server=data-postgresql",
            "would write its archive over the one that it reads",
        ),
        ("postgresql.backup.destination=b/x", "does not match pattern"),
        ("postgresql.backup.schedule=0 18 * * *", "does not match pattern"),
        ("postgresql.recovery.time=2026-03-01 14:30:00", "does not match pattern"),
        ("monitoring.disabledRules={BackupsOld}", "the data stores have no alert BackupsOld"),
        ("postgresql.backups=x", "additional properties 'backups' not allowed"),
    ],
)  # fmt: skip
def test_what_would_not_work_is_refused(wrong: str, message: str) -> None:
    with pytest.raises(SystemExit) as refused:
        rendered(f"--set={wrong}")
    assert message in str(refused.value)


def test_servers_of_postgresql_do_not_share_a_machine() -> None:
    spec = of_kind(rendered(), "Cluster")["spec"]
    assert spec["affinity"] == {
        "enablePodAntiAffinity": True,
        "podAntiAffinityType": "required",
        "topologyKey": "kubernetes.io/hostname",
    }
    (spread,) = spec["topologySpreadConstraints"]
    assert spread["labelSelector"]["matchLabels"] == {"cnpg.io/cluster": "data-postgresql"}


def test_statements_are_counted() -> None:
    """CloudNativePG loads the library, and creates the extension in every database, where a setting of it is set."""
    parameters = of_kind(rendered(), "Cluster")["spec"]["postgresql"]["parameters"]
    assert parameters["pg_stat_statements.track"] == "top"


def test_backups_are_made_by_the_plugin_and_the_log_is_archived() -> None:
    objects = rendered(BACKED_UP, "--set=postgresql.backup.endpoint=https://s3.example.cn")
    cluster, store = of_kind(objects, "Cluster"), of_kind(objects, "ObjectStore")
    (plugin,) = cluster["spec"]["plugins"]
    assert plugin["isWALArchiver"]
    assert plugin["parameters"] == {"barmanObjectName": store["metadata"]["name"]}
    assert "backup" not in cluster["spec"], "CloudNativePG's own object stores are deprecated"
    assert store["spec"]["retentionPolicy"] == "30d"
    where = store["spec"]["configuration"]
    assert (where["destinationPath"], where["endpointURL"]) == ("s3://backups/onegrid", "https://s3.example.cn")
    assert where["s3Credentials"]["accessKeyId"] == {"name": "onegrid-backup", "key": "access-key"}
    sidecar = store["spec"]["instanceSidecarConfiguration"]["resources"]
    assert sidecar["requests"] == sidecar["limits"], "the pod would no longer be of the class Guaranteed"
    scheduled = of_kind(objects, "ScheduledBackup")["spec"]
    assert scheduled["cluster"] == {"name": cluster["metadata"]["name"]}
    assert (scheduled["method"], scheduled["pluginConfiguration"]) == ("plugin", {"name": plugin["name"]})
    assert len(scheduled["schedule"].split()) == 6
    without = rendered()
    assert not {each["kind"] for each in without} & {"ObjectStore", "ScheduledBackup"}
    assert "plugins" not in of_kind(without, "Cluster")["spec"]


def test_a_cluster_begins_with_the_backup_of_another_as_of_a_moment() -> None:
    at = "2026-03-01T14:30:00+08:00"
    recovery = f"--set=postgresql.recovery.server=data-postgresql,postgresql.recovery.time={at}"
    spec = of_kind(rendered(BACKED_UP, recovery, release="restored"), "Cluster")["spec"]
    assert spec["bootstrap"] == {
        "recovery": {
            "source": "origin",
            "database": "onegrid",
            "owner": "onegrid",
            "recoveryTarget": {"targetTime": at},
        }
    }
    (origin,) = spec["externalClusters"]
    assert origin["name"] == "origin"
    assert origin["plugin"]["parameters"] == {
        "barmanObjectName": "restored-postgresql",
        "serverName": "data-postgresql",
    }
    assert spec["plugins"][0]["isWALArchiver"], "what is restored is backed up, too"


def test_uninstalling_the_chart_loses_nothing() -> None:
    for each in rendered(BACKED_UP):
        if each["kind"] in ("Cluster", "RabbitmqCluster", "ObjectStore", "ScheduledBackup"):
            assert each["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep", each["kind"]


def test_what_a_user_says_of_an_object_goes_before_ours_and_leaves_the_rest(tmp_path: Path) -> None:
    values = {
        "postgresql": {
            "cluster": {
                "priorityClassName": "databases",
                "affinity": {"enablePodAntiAffinity": False},
                "postgresql": {"parameters": {"work_mem": "16MB", "shared_buffers": "1GB"}},
            },
            "backup": {
                "destination": "s3://b",
                "secret": "",
                "store": {"configuration": {"s3Credentials": {"inheritFromIAMRole": True}}},
            },
        },
        "rabbitmq": {"cluster": {"tolerations": [{"key": "city"}], "persistence": {"storage": "50Gi"}}},
    }
    objects = rendered(given(tmp_path, values))
    cluster, broker = of_kind(objects, "Cluster")["spec"], of_kind(objects, "RabbitmqCluster")["spec"]
    assert cluster["priorityClassName"] == "databases"
    assert cluster["affinity"]["enablePodAntiAffinity"] is False
    assert cluster["affinity"]["podAntiAffinityType"] == "required"
    parameters = cluster["postgresql"]["parameters"]
    assert (parameters["work_mem"], parameters["shared_buffers"]) == ("16MB", "1GB")
    assert parameters["max_connections"] == "1000"
    where = of_kind(objects, "ObjectStore")["spec"]["configuration"]
    assert where["s3Credentials"] == {"inheritFromIAMRole": True}
    assert broker["tolerations"] == [{"key": "city"}]
    assert broker["persistence"] == {"storage": "50Gi"}
    assert broker["affinity"]


def test_the_sizes_in_the_docs_are_taken(tmp_path: Path) -> None:
    sizes = re.findall(
        r"^\| (\w+) \| (\d+) \| (\d) processors?, (\w+) \| (\w+) \| (\d) processors?, (\w+) \| (\w+) \|$",
        (helm.ROOT / "docs/operate.md").read_text(),
        re.MULTILINE,
    )
    assert [name for name, *_ in sizes] == ["community", "street", "district"]
    for name, connections, *size in sizes:
        keys = [f"{store}.{what}" for store in ("postgresql", "rabbitmq") for what in ("cpu", "memory", "storage")]
        of = dict(zip(keys, size, strict=True))
        values: dict[str, dict[str, Any]] = {
            store: {
                "storage": of[f"{store}.storage"],
                "resources": {
                    which: {"cpu": of[f"{store}.cpu"], "memory": of[f"{store}.memory"]}
                    for which in ("requests", "limits")
                },
            }
            for store in ("postgresql", "rabbitmq")
        }
        values["postgresql"]["maxConnections"] = int(connections)
        objects = rendered(given(tmp_path, values))
        if name == "district":
            assert objects == rendered()


def test_what_the_docs_say_of_restoring_is_what_is_tried() -> None:
    page = (helm.ROOT / "docs/operate.md").read_text()
    blocks = [yaml.load(block, yaml.CSafeLoader) for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    restoring = yaml.load((helm.CHARTS / "onegrid-data/ci/restore-values.yaml").read_text(), yaml.CSafeLoader)
    assert restoring in blocks


def test_images_that_run_are_kept_as_the_notes_say(tmp_path: Path) -> None:
    (snippet,) = re.findall(r"```yaml\n(.*?)```", (helm.CHARTS / "UPGRADING.md").read_text(), re.DOTALL)
    values = yaml.load(snippet, yaml.CSafeLoader)
    objects = rendered(given(tmp_path, values))
    assert of_kind(objects, "Cluster")["spec"]["imageName"] == values["postgresql"]["cluster"]["imageName"]
    assert of_kind(objects, "RabbitmqCluster")["spec"]["image"] == values["rabbitmq"]["cluster"]["image"]


def alerts_in(objects: list[dict[str, Any]]) -> dict[str, str]:
    """The rules of the operator's object, by alert."""
    found = [each for each in objects if each["kind"] == "PrometheusRule"]
    return {
        rule["alert"]: rule["expr"] for each in found for group in each["spec"]["groups"] for rule in group["rules"]
    }


def test_alerts_are_about_the_stores_that_operators_make_and_about_this_release(tmp_path: Path) -> None:
    both = alerts_in(rendered(MONITORED, release="city"))
    assert both.keys() >= {"DatabaseDown", "BackupOld", "VolumeNearlyFull", "BrokerDown", "BrokerNodeAway"}
    for name, expression in both.items():
        assert 'namespace="onegrid"' in expression, name
        assert 'release="city"' in expression, name
    database = alerts_in(rendered(MONITORED, "--set=rabbitmq.kind=none"))
    assert database.keys() == {name for name in both if not name.startswith("Broker")}
    broker = alerts_in(rendered(MONITORED, "--set=postgresql.kind=none"))
    assert broker.keys() == both.keys() - database.keys()
    assert alerts_in(rendered(MONITORED, values=[])) == {}
    fewer = alerts_in(rendered(MONITORED, "--set=monitoring.disabledRules={BackupOld}"))
    assert fewer.keys() == both.keys() - {"BackupOld"}
    where = "https://git.example.cn/docs/runbooks"
    rules = of_kind(rendered(MONITORED, f"--set=monitoring.runbooks={where}"), "PrometheusRule")
    urls = [rule["annotations"]["runbook_url"] for group in rules["spec"]["groups"] for rule in group["rules"]]
    assert all(url.startswith(f"{where}/") for url in urls)


def test_the_dashboard_comes_with_the_stores_that_it_shows() -> None:
    def dashboards(objects: list[dict[str, Any]]) -> list[str]:
        return [
            each["metadata"]["name"] for each in objects if "grafana_dashboard" in each["metadata"].get("labels", {})
        ]

    assert dashboards(rendered()) == ["data-stores-dashboard"]
    assert dashboards(rendered(values=[])) == []


def notes(*more: str, values: list[str] = PRODUCTION) -> str:
    files = [f"--values={helm.CHARTS / name}" for name in values]
    made = helm.helm(
        "install", "city", helm.CHARTS / "onegrid-data", "--namespace=here", "--dry-run=client", *files, *more
    )
    return made.partition("NOTES:\n")[2]


def test_after_an_installation_one_is_told_what_the_platform_takes_and_what_is_lacking() -> None:
    told = notes()
    platform = yaml.load(told[told.index("  global:") : told.index("Before")], yaml.CSafeLoader)["global"]["platform"]
    assert platform == {
        "database": {"host": "city-postgresql-rw", "secret": "city-postgresql-app"},
        "broker": {"host": "city-rabbitmq", "secret": "city-rabbitmq-default-user"},
    }
    assert "postgresql.backup.destination" in told
    assert "monitoring.operator" in told
    assert "Before it is for production" not in notes(BACKED_UP, MONITORED)
    assert "no backups is for a look" in notes(values=[])
