"""The charts say what Kubernetes understands, in every combination of values that they offer, and refuse the rest."""

from __future__ import annotations

import functools
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from tests.clients.node import NODE, installed
from tools import helm

from onegrid.contracts import SERVICES
from onegrid_kit.service import installed as installed_services
from onegrid_observability import objectives
from onegrid_runner.manifests import parse

OBJECTIVES = sorted((objectives.ROOT / "objectives").glob("*.yaml"))
OPERATOR = Path(__file__).parent / "operator"
UMBRELLA = helm.CHARTS / "onegrid"
SIZES = ("community", "street", "district", "evaluation")
FEATURES = sorted(path.stem.removesuffix("-values") for path in (UMBRELLA / "ci").glob("*-values.yaml"))
# The oldest Kubernetes that the charts say they suit, and the newest that is known.
KUBERNETES = ("1.27.1", kubernetes_validate.latest_version())
NOT_KUBERNETES = (
    "monitoring.coreos.com",
    "cert-manager.io",
    "postgresql.cnpg.io",
    "barmancloud.cnpg.io",
    "rabbitmq.com",
    "gateway.networking.k8s.io",
)
# The Secrets that operators create before the installation; README and docs/install.md name them.
GIVEN = {
    *("onegrid-keys", "onegrid-database", "onegrid-broker", "onegrid-data", "onegrid-tls", "onegrid-providers"),
    *("data-postgresql-app", "data-postgresql-ca", "data-rabbitmq-default-user"),
    "onegrid-providers",
}
COMBINATIONS = [
    *(
        (f"{size} {feature}", "onegrid", (f"values-{size}.yaml", f"ci/{feature}-values.yaml"))
        for size in SIZES
        for feature in FEATURES
    ),
    *((service, service, ()) for service in SERVICES),
    ("data", "onegrid-data", ()),
    *(
        (f"data by operators {feature}", "onegrid-data", ("values-operators.yaml", f"ci/{feature}-values.yaml"))
        for feature in ("backup", "restore")
    ),
]


@pytest.fixture(scope="session", autouse=True)
def charts() -> None:
    """Each with what it depends on."""
    helm.package()


@pytest.fixture(scope="module", params=COMBINATIONS, ids=[name for name, _, _ in COMBINATIONS])
def rendered(request: pytest.FixtureRequest) -> str:
    """One combination of values."""
    _, chart, values = request.param
    return helm.render("onegrid", chart, [f"{chart}/{name}" for name in values])


@pytest.fixture(scope="module")
def objects(rendered: str) -> list[dict[str, Any]]:
    """What is in it."""
    return helm.objects(rendered)


def pods(objects: list[dict[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """The name, metadata and spec of everything that makes pods."""
    for each in objects:
        if each["kind"] == "Pod":
            yield each["metadata"]["name"], each["metadata"], each["spec"]
        elif each["kind"] in ("Deployment", "StatefulSet", "Job"):
            template = each["spec"]["template"]
            yield each["metadata"]["name"], template["metadata"], template["spec"]


def of_operator(each: Mapping[str, Any]) -> Mapping[str, str]:
    """The labels that an operator gives the pods of what it is asked for."""
    name = each["metadata"]["name"]
    return {"cnpg.io/cluster": name} if each["kind"] == "Cluster" else {"app.kubernetes.io/name": name}


def containers(spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """All of a pod's."""
    return [*spec.get("initContainers", []), *spec["containers"]]


def projected(spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What a pod's volumes are put together from."""
    return [each for volume in spec.get("volumes", []) for each in volume.get("projected", {}).get("sources", [])]


@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_understands_every_field(objects: list[dict[str, Any]], version: str) -> None:
    for each in objects:
        if not each["apiVersion"].startswith(NOT_KUBERNETES):
            understand(json.dumps(each, sort_keys=True), version)


@functools.cache
def understand(rendered: str, version: str) -> None:
    """Most objects are the same in many combinations, and a schema takes long."""
    kubernetes_validate.validate(json.loads(rendered), version, strict=True)


def test_the_runner_understands_it_too(rendered: str) -> None:
    if not any(f"apiVersion: {group}" in rendered for group in NOT_KUBERNETES[1:]):
        assert parse(rendered)


def test_every_pod_is_restricted(objects: list[dict[str, Any]]) -> None:
    """Kubernetes' Pod Security Standards, level restricted, and a read-only root besides."""
    for name, _, spec in pods(objects):
        assert spec["automountServiceAccountToken"] is False, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys(), name
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["runAsUser"] > 0, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        volumes = {kind for volume in spec.get("volumes", []) for kind in volume if kind != "name"}
        assert volumes <= {"configMap", "secret", "emptyDir", "projected"}, name
        for container in containers(spec):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, (name, container["name"])
            assert not any("hostPort" in port for port in container.get("ports", [])), name
            assert container["resources"]["limits"]["memory"], (name, container["name"])


def test_every_secret_that_is_named_is_given_or_made(objects: list[dict[str, Any]]) -> None:
    made = {each["spec"]["secretName"] for each in objects if each["kind"] == "Certificate"}
    named = set()
    for _, _, spec in pods(objects):
        named |= {volume["secret"]["secretName"] for volume in spec.get("volumes", []) if "secret" in volume}
        named |= {each["secret"]["name"] for each in projected(spec) if "secret" in each}
        for container in containers(spec):
            sources = [each.get("valueFrom", {}) for each in container.get("env", [])]
            named |= {source["secretKeyRef"]["name"] for source in sources if "secretKeyRef" in source}
    assert named <= GIVEN | made
    assert not [each for each in objects if each["kind"] == "Secret"], "secrets are never made of values"


def test_every_configmap_that_is_named_is_there(objects: list[dict[str, Any]]) -> None:
    there = {each["metadata"]["name"] for each in objects if each["kind"] == "ConfigMap"}
    for name, _, spec in pods(objects):
        sources = [volume.get("configMap", {}) for volume in spec.get("volumes", [])]
        sources += [each.get("configMap", {}) for each in projected(spec)]
        sources += [each["configMapRef"] for c in containers(spec) for each in c.get("envFrom", [])]
        assert {each["name"] for each in sources if each and not each.get("optional")} <= there, name


def test_every_selector_selects_a_pod(objects: list[dict[str, Any]]) -> None:
    labels = [metadata["labels"] for _, metadata, _ in pods(objects)]
    labels += [of_operator(each) for each in objects if each["kind"] in ("Cluster", "RabbitmqCluster")]
    for each in objects:
        if each["kind"] in ("Service", "PodDisruptionBudget", "NetworkPolicy", "PodMonitor"):
            spec = each["spec"]
            selector = spec.get("selector") or spec["podSelector"]
            wanted = selector.get("matchLabels", selector)
            assert any(wanted.items() <= found.items() for found in labels), each["metadata"]["name"]


def test_every_deployment_can_be_disrupted_probed_and_ended_in_order(objects: list[dict[str, Any]]) -> None:
    budgets = [each["spec"]["selector"]["matchLabels"] for each in objects if each["kind"] == "PodDisruptionBudget"]
    for each in objects:
        labels = each["metadata"].get("labels", {})
        if each["kind"] != "Deployment" or labels["app.kubernetes.io/component"] not in (
            "api",
            "worker",
            "relay",
            "sender",
        ):
            continue
        name, spec = each["metadata"]["name"], each["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys(), name
        assert any(budget.items() <= labels.items() for budget in budgets), name
        assert spec["topologySpreadConstraints"], name
        settings = next(
            e["data"]
            for e in objects
            if e["kind"] == "ConfigMap" and e["metadata"]["name"] == container["envFrom"][0]["configMapRef"]["name"]
        )
        drain = float(settings["ONEGRID_DRAIN_PAUSE_S"]) + float(settings["ONEGRID_DRAIN_GRACE_S"])
        assert spec["terminationGracePeriodSeconds"] > drain, name
        assert "checksum/config" in each["spec"]["template"]["metadata"]["annotations"], name


def test_the_operator_understands_its_resources() -> None:
    """Checked against the schemas of the Prometheus operator's own types, and of the Gateway API's."""
    folder = installed(OPERATOR)
    rendered = helm.render("onegrid", "onegrid", ["onegrid/ci/operators-values.yaml", "onegrid/ci/outside-values.yaml"])
    tls = "service.platform.tls.secret=x,service.platform.tls.enabled=true,service.platform.tls.domains={d.example}"
    gateway = "service.platform.gateway.parents[0].name=g,service.platform.gateway.caConfigMap=ca"
    for more in ("service.http.route.host=h", "service.platform.gateway.passthrough=true"):
        rendered += "\n---\n" + helm.render("onegrid", "notify", [], f"--set={tls},{gateway},{more}")
    groups = ("monitoring", "gateway")
    ours = [each for each in helm.objects(rendered) if each["apiVersion"].startswith(groups)]
    assert {each["kind"] for each in ours} == {
        *("ServiceMonitor", "PodMonitor", "PrometheusRule"),
        *("GRPCRoute", "HTTPRoute", "TLSRoute", "BackendTLSPolicy"),
    }

    def validate(resources: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [NODE, "validate.js"], cwd=folder, input=json.dumps(resources), capture_output=True, text=True, check=False
        )

    done = validate(ours)
    assert done.returncode == 0, done.stderr
    for each in {each["kind"]: each for each in ours}.values():
        assert validate([{**each, "spec": dict.fromkeys(each["spec"], 1)}]).returncode == 1, each["kind"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("petition.service.api.replicas=none", "at '/api/replicas': got string, want integer"),
        ("petition.service.api.replica=3", "at '/api': additional properties 'replica' not allowed"),
        ("petition.replicas=3", "at '/petition': additional properties 'replicas' not allowed"),
        ("global.platform.database.port=70000", "/platform/database/port': maximum: got 70,000, want 65,535"),
        ("global.platform.image.pullPolicy=Sometimes", "value must be one of 'Always', 'IfNotPresent', 'Never'"),
        ("petition.service.env.PASSWORD=x", "'PASSWORD' does not match pattern"),
        ("administrator.district=元宝区", "does not match pattern"),
        ("tests.suites={soak}", "value must be one of 'smoke', 'loop', 'load', 'observability'"),
        ("global.platform.tls.enabled=true", "name an existing secret (tls.secret) or a cert-manager issuer"),
        (
            "petition.service.api.autoscaling.enabled=true,petition.service.api.autoscaling.max=1",
            "fewer than its 2 replicas",
        ),
        ("petition.service.env.ONEGRID_AMQP_URL=amqp://x", "the Secrets of platform.database, platform.broker"),
        (
            "petition.service.secretEnv.ONEGRID_CIPHER_KEYS.secret=s,petition.service.secretEnv.ONEGRID_CIPHER_KEYS.key=k",
            "the Secrets of platform.database, platform.broker",
        ),
        (
            "petition.service.secretEnv.ONEGRID_LOG_LEVEL.secret=s,petition.service.secretEnv.ONEGRID_LOG_LEVEL.key=k",
            "ONEGRID_LOG_LEVEL is given twice",
        ),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_with_its_path_and_the_reason(wrong: str, message: str) -> None:
    with pytest.raises(SystemExit) as refused:
        helm.render("onegrid", "onegrid", [], "--set", wrong)
    assert message in str(refused.value)


def test_how_many_pods_there_are_is_the_autoscalers_affair_alone() -> None:
    text = helm.render("onegrid", "onegrid", ["onegrid/values-district.yaml"])
    rendered = helm.objects(text)
    scaled = {each["spec"]["scaleTargetRef"]["name"] for each in rendered if each["kind"] == "HorizontalPodAutoscaler"}
    counted = {each["metadata"]["name"] for each in rendered if "replicas" in each.get("spec", {})}
    assert scaled
    assert not scaled & counted


def test_a_release_name_is_refused_that_makes_names_too_long() -> None:
    with pytest.raises(SystemExit, match="more than 63 characters; choose a shorter release name"):
        helm.render("o" * 47, "petition", [])
    assert helm.render("o" * 46, "petition", [])


def test_certificates_hold_the_names_that_callers_use() -> None:
    rendered = helm.render("onegrid", "onegrid", ["onegrid/ci/tls-issuer-values.yaml"])
    names = {
        each["metadata"]["name"]: each["spec"]["dnsNames"]
        for each in helm.objects(rendered)
        if each["kind"] == "Certificate"
    }
    assert set(names["onegrid-petition"]) >= {
        "onegrid-petition",
        "onegrid-petition.onegrid.svc.cluster.local",
        "petition.onegrid.zhenxing.example",
    }


def test_the_suites_of_a_release_ask_what_it_contains() -> None:
    """A tier has petition alone: its smoke suite must not call the services of other releases."""
    rendered = helm.render("street", "onegrid", ["onegrid/ci/tier-values.yaml"])
    (smoke,) = (spec for name, _, spec in pods(helm.objects(rendered)) if name.startswith("street-checks"))
    targets = {each["name"]: each["value"] for each in smoke["containers"][0]["env"] if "TARGET" in each["name"]}
    assert targets == {"CHECKS_PETITION_TARGET": "dns:///street-petition:50051"}
    with pytest.raises(SystemExit, match="loop lives through the reference case, which needs identity in this release"):
        helm.render("street", "onegrid", ["onegrid/ci/tier-values.yaml"], "--set", "tests.suites={smoke,loop}")


def test_the_release_contains_every_service_of_the_contracts() -> None:
    rendered = helm.objects(helm.render("onegrid", "onegrid", []))
    apis = {each["metadata"]["name"] for each in rendered if each["kind"] == "Deployment"}
    assert {name.removesuffix("-api") for name in apis if name.endswith("-api")} == {
        f"onegrid-{name}" for name in SERVICES
    }


def test_services_that_have_a_sender_are_deployed_with_it() -> None:
    rendered = helm.objects(helm.render("onegrid", "onegrid", []))
    names = {each["metadata"]["name"] for each in rendered if each["kind"] == "Deployment"}
    assert {name.removesuffix("-sender") for name in names if name.endswith("-sender")} == {
        f"onegrid-{service.name}" for service in installed_services() if service.sender
    }
    watched = {promises.service for path in OBJECTIVES if (promises := objectives.read(path)).sender}
    assert watched == {service.name for service in installed_services() if service.sender}


def http_of(rendered: str, service: str) -> dict[str, Any]:
    """What a chart says about HTTP: Service, Ingress, settings, the port `http` of the api, and its `clients`."""
    found: dict[str, Any] = {}
    for each in helm.objects(rendered):
        match each["kind"], each["metadata"]["name"]:
            case "Service", name if name == f"onegrid-{service}-http":
                found["Service"] = each["spec"]
            case "Ingress", name if name == f"onegrid-{service}":
                found["Ingress"] = each["spec"]
            case "NetworkPolicy", name if name == f"onegrid-{service}-api":
                for rule in each["spec"]["ingress"]:
                    if rule["ports"] == [{"port": "http"}]:
                        found["clients"] = rule["from"]
            case "ConfigMap", name if name == f"onegrid-{service}":
                found |= {key: value for key, value in each["data"].items() if key.startswith("ONEGRID_HTTP")}
            case "Deployment", name if name == f"onegrid-{service}-api":
                (container,) = each["spec"]["template"]["spec"]["containers"]
                found |= {name: port for port in container["ports"] if (name := port["name"]) == "http"}
    return found


def test_a_service_with_http_routes_has_a_port_for_them_which_can_be_switched_off() -> None:
    rendered = helm.render("onegrid", "onegrid", [])
    for service in installed_services():
        found = http_of(rendered, service.name)
        assert found.keys() == ({"Service", "clients", "http", "ONEGRID_HTTP_LISTEN"} if service.http else set())
    assert http_of(helm.render("onegrid", "onegrid", [], "--set", "notify.service.http.enabled=false"), "notify") == {}


def test_an_ingress_leads_to_the_http_port_and_links_lead_to_the_ingress() -> None:
    found = http_of(helm.render("onegrid", "onegrid", ["onegrid/ci/http-values.yaml"]), "notify")
    assert found["ONEGRID_HTTP_URL"] == "https://push.example.cn"
    assert found["ONEGRID_HTTP_FORWARDING_PROXIES"] == "1"
    assert found["Ingress"]["ingressClassName"] == "nginx"
    assert found["Ingress"]["tls"] == [{"hosts": ["push.example.cn"], "secretName": "push-tls"}]
    ((rule,),) = ([path["backend"] for path in each["http"]["paths"]] for each in found["Ingress"]["rules"])
    assert rule == {"service": {"name": "onegrid-notify-http", "port": {"name": "http"}}}
    assert {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}} in found["clients"]


def test_a_setting_that_is_secret_reaches_every_role_from_its_secret() -> None:
    rendered = helm.render("onegrid", "onegrid", ["onegrid/ci/operators-values.yaml"])
    given = {"secretKeyRef": {"name": "onegrid-providers", "key": "providers"}}
    roles = {}
    for each in helm.objects(rendered):
        if each["kind"] in ("Deployment", "Job") and each["metadata"]["labels"]["app.kubernetes.io/name"] == "notify":
            (container,) = each["spec"]["template"]["spec"]["containers"]
            roles[container["name"]] = {one["name"]: one.get("valueFrom") for one in container["env"]}
    assert {"api", "worker", "relay", "migrate"} <= roles.keys()
    assert all(env["ONEGRID_PROVIDERS"] == given for env in roles.values())


def test_a_service_needs_a_chart_of_few_lines() -> None:
    """So that the next one does, too."""
    for service in SERVICES:
        chart = helm.CHARTS / service
        written = [
            path
            for path in chart.rglob("*")
            if path.is_file() and {"files", "charts", "README.md"}.isdisjoint(path.parts)
        ]
        assert sum(len(path.read_text().splitlines()) for path in written) < 40, service


@pytest.mark.parametrize("size", SIZES)
def test_helm_3_renders_the_same(size: str) -> None:
    values = f"--values={UMBRELLA}/values-{size}.yaml"
    by_3, by_4 = (
        list(yaml.load_all(helm.helm("template", "onegrid", UMBRELLA, values, program=program), yaml.CSafeLoader))
        for program in (helm.HELM_3, helm.HELM)
    )
    assert by_3 == by_4


def test_charts_are_clean() -> None:
    for chart in (*SERVICES, "onegrid", "onegrid-data"):
        helm.helm("lint", "--strict", helm.CHARTS / chart)
