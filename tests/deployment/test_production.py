"""What production asks of the charts: order, versions, peers, and what Kubernetes lets one say of pods."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from tools import helm

from onegrid.contracts import SERVICES
from onegrid_observability import files
from onegrid_observability.per_release import of_release

ISSUER = "--set=global.platform.tls.enabled=true,global.platform.tls.issuer.name=x"
CHECKED = ("--set-string=administrator.district=210602", "--set=tests.suites={smoke}")
HOOKS = {"pre-install", "pre-upgrade"}


@pytest.fixture(scope="session", autouse=True)
def charts() -> None:
    """Each with what it depends on."""
    helm.package()


def rendered(*more: str, chart: str = "onegrid") -> list[dict[str, Any]]:
    return helm.objects(helm.render("onegrid", chart, [], *more))


def named(objects: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    (found,) = (each for each in objects if each["kind"] == kind and each["metadata"]["name"] == name)
    return found


def hook(each: Mapping[str, Any]) -> set[str]:
    return set(each["metadata"].get("annotations", {}).get("helm.sh/hook", "").split(",")) - {""}


def pod_of(each: Mapping[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = each["spec"] if each["kind"] == "Pod" else each["spec"]["template"]["spec"]
    return spec


def references(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What has to be there before a pod can start: kind and name."""
    if "serviceAccountName" in spec:
        yield "ServiceAccount", spec["serviceAccountName"]
    for volume in spec.get("volumes", []):
        for source in volume.get("projected", {}).get("sources", [volume]):
            if "secret" in source:
                yield "Secret", source["secret"].get("secretName") or source["secret"]["name"]
            if "configMap" in source and not source["configMap"].get("optional"):
                yield "ConfigMap", source["configMap"]["name"]
    for container in spec["containers"]:
        for each in container.get("env", []):
            source = each.get("valueFrom", {})
            if "secretKeyRef" in source:
                yield "Secret", source["secretKeyRef"]["name"]
            if "configMapKeyRef" in source:
                yield "ConfigMap", source["configMapKeyRef"]["name"]
        for each in container.get("envFrom", []):
            yield from (("ConfigMap", each["configMapRef"]["name"]) for _ in (0,) if "configMapRef" in each)
            yield from (("Secret", each["secretRef"]["name"]) for _ in (0,) if "secretRef" in each)


@pytest.mark.parametrize("values", [(), (ISSUER,)], ids=["plain", "tls by an issuer"])
def test_no_hook_waits_for_what_comes_after_it(values: tuple[str, ...]) -> None:
    """Helm makes what belongs to the release when the hooks before it have ended."""
    objects = rendered(*values)
    later = {(each["kind"], each["metadata"]["name"]) for each in objects if not hook(each)}
    later |= {("Secret", each["spec"]["secretName"]) for each in objects if each["kind"] == "Certificate"}
    first = [each for each in objects if hook(each) & HOOKS and each["kind"] == "Job"]
    assert first
    for job in first:
        assert not set(references(pod_of(job))) & later, job["metadata"]["name"]


def test_a_migration_may_reach_its_stores_where_nothing_may_be_reached() -> None:
    """In a namespace that denies by default, a policy has to be there before the pod."""
    objects = rendered()
    for job in (each for each in objects if hook(each) & HOOKS and each["kind"] == "Job"):
        labels = job["spec"]["template"]["metadata"]["labels"]
        policies = [
            each
            for each in objects
            if each["kind"] == "NetworkPolicy"
            and hook(each) >= hook(job)
            and each["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
        ]
        (policy,) = policies
        annotations = policy["metadata"]["annotations"]
        assert int(annotations["helm.sh/hook-weight"]) < int(
            job["metadata"]["annotations"].get("helm.sh/hook-weight", "0")
        )
        assert "hook-succeeded" in annotations["helm.sh/hook-delete-policy"]
        ports = {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}
        assert ports == {53, 5432, 5672}


def test_every_pod_has_policies_for_both_directions_where_nothing_may_be_reached() -> None:
    objects = rendered(f"--values={helm.CHARTS}/onegrid/values-evaluation.yaml")
    policies = [each["spec"] for each in objects if each["kind"] == "NetworkPolicy"]
    for each in objects:
        if each["kind"] in ("Deployment", "Job", "Pod"):
            labels = each.get("spec", {}).get("template", each)["metadata"]["labels"]
            about = [one for one in policies if one["podSelector"]["matchLabels"].items() <= labels.items()]
            opened = {direction for one in about for direction in one["policyTypes"]}
            assert opened == {"Ingress", "Egress"}, each["metadata"]["name"]


def test_a_version_with_a_plus_gives_labels_and_tags_that_kubernetes_takes(tmp_path: Path) -> None:
    version = f"0.1.0+{'a' * 70}"
    helm.helm("package", "--version", version, "--app-version", version, "-d", tmp_path, helm.CHARTS / "petition")
    (package,) = tmp_path.glob("petition-*.tgz")
    objects = helm.objects(helm.helm("template", "onegrid", package))
    values = {value for each in objects for value in each["metadata"]["labels"].values()}
    assert any("0.1.0_aaa" in value for value in values)
    assert all(re.fullmatch(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?", value) for value in values)
    images = {each["image"] for one in objects if one["kind"] == "Deployment" for each in pod_of(one)["containers"]}
    assert all(re.fullmatch(r"[a-z/]+:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", image) for image in images), images


def test_pods_do_not_change_with_the_charts_version(tmp_path: Path) -> None:
    """A chart that changed nothing of PostgreSQL must not restart it."""
    for chart in ("onegrid-data", "petition"):
        found = []
        for version in ("0.1.0", "0.1.1"):
            helm.helm("package", "--version", version, "-d", tmp_path, helm.CHARTS / chart)
            objects = helm.objects(helm.helm("template", "o", tmp_path / f"{chart}-{version}.tgz"))
            found.append([one["spec"]["template"] for one in objects if "template" in one.get("spec", {})])
        assert found[0]
        assert found[0] == found[1], chart


def test_a_setting_of_the_user_goes_before_the_charts_own() -> None:
    objects = rendered("--set=petition.service.env.ONEGRID_LISTEN=127.0.0.1:1")
    assert named(objects, "ConfigMap", "onegrid-petition")["data"]["ONEGRID_LISTEN"] == "127.0.0.1:1"
    text = helm.render("onegrid", "onegrid", [], "--set=petition.service.env.ONEGRID_LISTEN=127.0.0.1:1")
    (config,) = (
        each for each in text.split("\n---\n") if "kind: ConfigMap" in each and "  name: onegrid-petition\n" in each
    )
    assert config.count("ONEGRID_LISTEN:") == 1
    job = named(objects, "Job", "onegrid-petition-migrate")
    (value,) = (e["value"] for e in pod_of(job)["containers"][0]["env"] if e["name"] == "ONEGRID_LISTEN")
    assert value == "127.0.0.1:1"


def test_what_a_service_sets_itself_goes_before_what_all_share() -> None:
    objects = rendered(
        "--set=global.platform.logLevel=warning,global.platform.network.policies=false",
        "--set=petition.service.platform.logLevel=debug,petition.service.platform.network.policies=true",
    )
    levels = {
        each["metadata"]["name"]: each["data"]["ONEGRID_LOG_LEVEL"]
        for each in objects
        if each["kind"] == "ConfigMap" and "ONEGRID_LOG_LEVEL" in each.get("data", {})
    }
    assert levels.pop("onegrid-petition") == "debug"
    assert set(levels.values()) == {"warning"}
    guarded = {
        each["metadata"]["labels"]["app.kubernetes.io/name"] for each in objects if each["kind"] == "NetworkPolicy"
    }
    assert guarded == {"petition"}


@pytest.mark.parametrize(
    ("set_", "port"),
    [
        ("global.platform.identity=identity.example.cn:50051", 50051),
        ("global.platform.identity=[fd00::1]:50052", 50052),
        ("global.platform.tracing.endpoint=https://otlp.example.cn/v1/traces", 443),
        ("global.platform.tracing.endpoint=http://otlp.example.cn/v1/traces", 80),
        ("global.platform.tracing.endpoint=http://[fd00::1]:4318/v1/traces", 4318),
        ("global.platform.tracing.endpoint=https://user:12@otlp:4319/v1/traces", 4319),
    ],
)
def test_what_is_named_by_address_is_reached_at_its_port_alone(set_: str, port: int) -> None:
    policy = named(rendered(f"--set={set_}"), "NetworkPolicy", "onegrid-petition")
    opened = [each["port"] for rule in policy["spec"]["egress"] for each in rule["ports"]]
    assert all(opened), "a rule without a port opens all of them"
    assert port in opened


def test_identity_has_to_be_named_with_its_port() -> None:
    with pytest.raises(SystemExit, match="does not match pattern"):
        rendered("--set=global.platform.identity=identity.example.cn")


def test_pods_are_as_kubernetes_lets_one_say(tmp_path: Path) -> None:
    pod = {
        "labels": {"team": "city"},
        "annotations": {"sidecar.istio.io/inject": "true"},
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "city", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}},
        "topologySpreadConstraints": [{"topologyKey": "rack", "maxSkew": 2, "whenUnsatisfiable": "DoNotSchedule"}],
        "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1},
        "volumes": [{"name": "ca", "configMap": {"name": "authorities"}}],
        "volumeMounts": [{"name": "ca", "mountPath": "/etc/ca"}],
        "serviceAccountAnnotations": {"eks.amazonaws.com/role-arn": "arn:x"},
    }
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump({"global": {"platform": {"pod": pod}}}))
    objects = rendered(f"--values={file}", *CHECKED)
    makers = [each for each in objects if each["kind"] in ("Deployment", "Job", "Pod")]
    assert {each["kind"] for each in makers} == {"Deployment", "Job", "Pod"}
    for each in makers:
        metadata = each["metadata"] if each["kind"] == "Pod" else each["spec"]["template"]["metadata"]
        name, spec = each["metadata"]["name"], pod_of(each)
        assert metadata["labels"]["team"] == "city", name
        assert metadata["annotations"]["sidecar.istio.io/inject"] == "true", name
        for key in ("nodeSelector", "tolerations", "affinity"):
            assert spec[key] == pod[key], name
        assert pod["volumes"][0] in spec["volumes"], name
        assert all(pod["volumeMounts"][0] in container["volumeMounts"] for container in spec["containers"]), name
        if each["kind"] == "Deployment":
            assert each["spec"]["strategy"]["rollingUpdate"] == pod["rollingUpdate"], name
            assert spec["topologySpreadConstraints"] == pod["topologySpreadConstraints"], name
    accounts = [each["metadata"]["annotations"] for each in objects if each["kind"] == "ServiceAccount"]
    assert accounts
    assert all(each == pod["serviceAccountAnnotations"] for each in accounts)


def test_where_the_cluster_chooses_users_pods_are_still_not_root() -> None:
    """As OpenShift does; its DNS listens on another port, too."""
    objects = rendered("--set=global.platform.pod.fixedUser=false,global.platform.network.dnsPorts={53,5353}")
    for each in (one for one in objects if one["kind"] in ("Deployment", "Job")):
        security = pod_of(each)["securityContext"]
        assert security["runAsNonRoot"] is True
        assert not {"runAsUser", "runAsGroup", "fsGroup"} & security.keys()
    egress = named(objects, "NetworkPolicy", "onegrid-petition")["spec"]["egress"][0]["ports"]
    assert {each["port"] for each in egress} == {53, 5353}


def test_a_quota_can_be_kept_by_everything_that_runs() -> None:
    resources = "resources.limits.cpu=1"
    objects = rendered(
        f"--set=petition.service.migrate.{resources},administrator.{resources},tests.{resources}",
        *CHECKED,
    )
    for kind, name in (
        ("Job", "onegrid-petition-migrate"),
        ("Job", "onegrid-identity-bootstrap"),
        ("Pod", "onegrid-checks-smoke"),
    ):
        (container,) = pod_of(named(objects, kind, name))["containers"]
        assert container["resources"]["limits"]["cpu"] == 1, name


def test_the_first_administrator_is_made_where_identity_keeps_its_people() -> None:
    objects = rendered(*CHECKED, "--set=identity.service.platform.database.host=pg,global.platform.database.host=all")
    job = named(objects, "Job", "onegrid-identity-bootstrap")
    assert hook(job) == {"post-install", "post-upgrade"}
    (url,) = (e["value"] for e in pod_of(job)["containers"][0]["env"] if e["name"] == "ONEGRID_DATABASE_URL")
    assert url == "postgresql://pg:5432/identity"


def test_every_port_is_reached_by_either_version_of_ip() -> None:
    objects = rendered("--set=global.platform.tls.enabled=true,global.platform.tls.secret=x")
    for each in objects:
        if each["kind"] == "Service":
            assert each["spec"]["ipFamilyPolicy"] == "PreferDualStack", each["metadata"]["name"]
        if each["kind"] == "ConfigMap" and "ONEGRID_LISTEN" in each.get("data", {}):
            listening = {value for key, value in each["data"].items() if key.endswith("LISTEN")}
            assert all(value.startswith("[::]:") for value in listening), listening


def test_targets_have_the_names_by_which_alerts_know_them_whatever_the_release_is_called() -> None:
    objects = [
        each
        for each in helm.objects(helm.render("city", "onegrid", [], "--set=global.platform.monitoring.operator=true"))
        if each["kind"] in ("ServiceMonitor", "PodMonitor")
    ]
    assert {each["kind"] for each in objects} == {"ServiceMonitor", "PodMonitor"}
    for each in objects:
        endpoints = each["spec"].get("endpoints") or each["spec"]["podMetricsEndpoints"]
        given = {one["targetLabel"]: one["replacement"] for end in endpoints for one in end["relabelings"]}
        service = each["metadata"]["labels"]["app.kubernetes.io/name"]
        assert given == {"job": f"onegrid-{service}", "release": "city"}


@pytest.mark.parametrize("operator", ["true", "false"])
def test_rules_are_about_the_release_that_installs_them(operator: str) -> None:
    made = files.write() / "rules"
    values = [
        f"--set=global.platform.monitoring.operator={operator}",
        "--set=global.platform.monitoring.brokerNamespace=mq",
    ]
    objects = helm.objects(helm.render("city", "onegrid", [], "--namespace=street", *values))
    found = {
        name.removesuffix(".yaml"): yaml.load(text, yaml.CSafeLoader)
        for each in objects
        if each["kind"] == "ConfigMap" and each["metadata"]["name"].endswith("-rules")
        for name, text in each["data"].items()
    }
    assert found == {
        path.stem: yaml.load(of_release(path.read_text(), "street", "city", broker="mq"), yaml.CSafeLoader)
        for path in made.glob("*.yaml")
        if path.stem != files.DATA
    }
    of_operator = [each["spec"] for each in objects if each["kind"] == "PrometheusRule"]
    assert all(each in found.values() for each in of_operator)
    assert len(of_operator) == (len(found) if operator == "true" else 0)


def dashboards(release: str, namespace: str, *more: str) -> dict[str, dict[str, Any]]:
    """Those of a release, by the files that Grafana has of them."""
    objects = helm.objects(helm.render(release, "onegrid", [], f"--namespace={namespace}", *more))
    found = (each for each in objects if each["metadata"].get("labels", {}).get("grafana_dashboard"))
    return {name: json.loads(text) for each in found for name, text in each["data"].items()}


def test_releases_have_dashboards_of_their_own_in_one_grafana() -> None:
    found = [
        dashboards("city", "district"),
        dashboards("city", "street", "--set=global.platform.monitoring.brokerNamespace=district"),
        dashboards("canary", "street"),
    ]
    boards = {name: board for each in found for name, board in each.items()}
    assert len(boards) == sum(map(len, found)) == 3 * (len(SERVICES) + 4)
    for distinct in ("uid", "title"):
        assert len({board[distinct] for board in boards.values()}) == len(boards)
    assert all(len(board["uid"]) <= 40 for board in boards.values())
    assert (
        found[0]["district-city-petition.json"]["uid"]
        == dashboards("city", "district")["district-city-petition.json"]["uid"]
    )
    chosen = found[1]["street-city-outbox-and-broker.json"]["templating"]["list"]
    begun = {each["name"]: each["current"]["value"] for each in chosen if "current" in each}
    assert begun == {"namespace": "street", "release": "city", "broker": "district"}


def test_panels_lead_to_where_the_runbooks_are_or_nowhere() -> None:
    def links(*more: str) -> set[str]:
        boards = dashboards("city", "district", *more).values()
        return {link["url"] for board in boards for panel in board["panels"] for link in panel.get("links", ())}

    assert links() == set()
    where = "https://git.example.cn/onegrid/docs/runbooks"
    urls = links(f"--set=global.platform.monitoring.runbooks={where}/")
    assert f"{where}/ApiDown.md" in urls
    assert all(url.startswith(f"{where}/") for url in urls)


def test_alerts_lead_to_where_the_runbooks_are() -> None:
    where = "https://git.example.cn/onegrid/docs/runbooks"
    objects = rendered(f"--set=global.platform.monitoring.operator=true,global.platform.monitoring.runbooks={where}/")
    urls = {
        rule["annotations"]["runbook_url"]
        for each in objects
        if each["kind"] == "PrometheusRule"
        for group in each["spec"]["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    assert f"{where}/ScrapeFails.md" in urls
    assert all(url.startswith(f"{where}/") for url in urls)


def admits(policy: Mapping[str, Any], port: object, namespace: str, labels: Mapping[str, str]) -> bool:
    """Whether a pod with these labels in a namespace may come in at a port, by the policy of another namespace."""

    def matches(selector: Mapping[str, Any] | None, found: Mapping[str, str]) -> bool:
        return selector is not None and selector.get("matchLabels", {}).items() <= found.items()

    return any(
        any(each["port"] == port for each in rule["ports"])
        and any(
            matches(peer.get("namespaceSelector"), {"kubernetes.io/metadata.name": namespace})
            and matches(peer.get("podSelector", {}), labels)
            for peer in rule.get("from", [])
        )
        for rule in policy["spec"]["ingress"]
    )


def test_a_tier_in_a_namespace_of_its_own_is_let_in_where_it_is_named(tmp_path: Path) -> None:
    """As docs/operate.md says it, with the labels that the tier's pods have."""
    page = (helm.ROOT / "docs/operate.md").read_text()
    (clients,) = (
        each["global"]["platform"]["network"]["clients"]
        for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
        if "namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: street}}" in block
        for each in [yaml.load(block, yaml.CSafeLoader)]
    )
    tier = helm.objects(helm.render("street", "onegrid", ["onegrid/ci/tier-values.yaml"]))
    pods = [each["spec"]["template"]["metadata"]["labels"] for each in tier if each["kind"] in ("Deployment", "Job")]
    assert pods
    for chart, values, name, port in (
        ("onegrid", {"global": {"platform": {"network": {"clients": clients}}}}, "onegrid-identity-api", "grpc"),
        ("onegrid-data", {"clients": clients}, "onegrid-postgresql", 5432),
        ("onegrid-data", {"clients": clients}, "onegrid-rabbitmq", 5672),
    ):
        file = tmp_path / f"{name}.yaml"
        file.write_text(yaml.safe_dump(values))
        policy = named(rendered(f"--values={file}", chart=chart), "NetworkPolicy", name)
        closed = named(rendered(chart=chart), "NetworkPolicy", name)
        for labels in pods:
            assert admits(policy, port, "street", labels), name
            assert not admits(policy, port, "other", labels), name
            assert not admits(policy, port, "street", {"app": "other"}), name
            assert not admits(closed, port, "street", labels), name


@pytest.mark.parametrize("program", [helm.HELM_3, helm.HELM], ids=["helm 3", "helm 4"])
def test_from_git_the_umbrella_is_built_by_one_command(tmp_path: Path, program: Path) -> None:
    """As Argo CD and Flux do it, of what git has and nothing else."""
    listed = subprocess.run(["git", "ls-files", "-z", helm.CHARTS], cwd=helm.ROOT, capture_output=True, check=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        copy = tmp_path / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(helm.ROOT / name, copy, follow_symlinks=False)
    umbrella = tmp_path / helm.CHARTS.relative_to(helm.ROOT) / "onegrid"
    helm.helm("dependency", "build", umbrella, program=program)
    made = helm.helm("template", "onegrid", umbrella, program=program)
    assert "kind: Deployment" in made
    with pytest.raises(SystemExit, match="has no rules and no dashboards, as it was not packaged"):
        helm.helm("template", "o", umbrella, "--set=global.platform.monitoring.operator=true", program=program)


@pytest.mark.parametrize("value", ["fullnameOverride=x", "service.replicas=3", "replicas=2"])
def test_a_services_own_chart_refuses_what_it_does_not_know(value: str) -> None:
    with pytest.raises(SystemExit, match=r"additional properties .* not allowed"):
        rendered(f"--set={value}", chart="petition")


def test_spans_are_exported_with_headers_from_a_secret_to_a_collector_of_a_known_authority() -> None:
    tracing = "global.platform.tracing"
    objects = rendered(
        f"--set={tracing}.endpoint=https://otlp.example.cn/v1/traces,{tracing}.headersSecret=onegrid-tracing",
        f"--set={tracing}.authority=/etc/ca/ca.crt",
    )
    given = {"secretKeyRef": {"name": "onegrid-tracing", "key": "headers"}}
    for each in (one for one in objects if one["kind"] == "Deployment"):
        (container,) = pod_of(each)["containers"]
        assert {"name": "ONEGRID_OTLP_HEADERS", "valueFrom": given} in container["env"], each["metadata"]["name"]
    assert named(objects, "ConfigMap", "onegrid-petition")["data"]["ONEGRID_OTLP_CA"] == "/etc/ca/ca.crt"


@pytest.mark.parametrize("example", helm.EXAMPLES)
def test_two_releases_in_a_namespace_have_no_object_and_no_pod_in_common(example: str) -> None:
    """Also in the cluster: what belongs to no namespace would be of both."""
    _, chart, values = helm.EXAMPLES[example]
    first, second = (helm.objects(helm.render(release, chart, values)) for release in ("first", "second"))
    names = [{(each["kind"], each["metadata"]["name"]) for each in objects} for objects in (first, second)]
    assert names[0].isdisjoint(names[1])
    assert {re.sub("^first", "second", name) for _, name in names[0]} == {name for _, name in names[1]}
    assert not {kind for kind, _ in names[0] if kind.startswith("Cluster") and kind != "Cluster"}
    pods = [
        each.get("spec", {}).get("template", each)["metadata"]["labels"]
        for each in second
        if each["kind"] in ("Deployment", "StatefulSet", "Job", "Pod")
    ]
    selected = [
        labels for each in first for labels in selectors(each) if any(labels.items() <= pod.items() for pod in pods)
    ]
    assert selected == []


def selectors(each: Mapping[str, Any]) -> Iterator[Mapping[str, str]]:
    """What an object says of which pods it is about."""
    spec = each.get("spec", {})
    if each["kind"] == "Service":
        yield from filter(None, [spec.get("selector")])
    elif each["kind"] == "NetworkPolicy":
        yield spec["podSelector"]["matchLabels"]
    elif each["kind"] in ("Deployment", "StatefulSet", "PodDisruptionBudget", "ServiceMonitor", "PodMonitor"):
        yield spec["selector"]["matchLabels"]
