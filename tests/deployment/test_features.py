"""What users of charts expect to be able to say, for every service: TLS to the data stores, names, rules, disks."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml
from tools import helm

from onegrid.contracts import SERVICES
from onegrid_kit.amqp import require_broker
from onegrid_kit.settings import ServiceSettings, load

RENAMED = "identity"
SECRETS = {"ONEGRID_PAGE_TOKEN_KEY": "k" * 32, "ONEGRID_CIPHER_KEYS": "k1:" + "5a" * 32}
CHECKED = {"administrator": {"district": "210602"}, "tests": {"suites": ["smoke"]}, "evaluation": {"enabled": True}}


@pytest.fixture(scope="session", autouse=True)
def charts() -> None:
    """Each with what it depends on."""
    helm.package()


def rendered(platform: Mapping[str, Any], **more: Any) -> list[dict[str, Any]]:
    """The umbrella with these values of `global.platform`, and with others besides; once for each."""
    values = json.dumps({"global": {"platform": platform}, **CHECKED, **more}, sort_keys=True)
    return helm.objects(_render(values))


@functools.cache
def _render(values: str) -> str:
    given = [f"--set-json={key}={json.dumps(value)}" for key, value in json.loads(values).items()]
    return helm.render("town", "onegrid", [], *given)


def of_kind(objects: list[dict[str, Any]], *kinds: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Their names, and they themselves."""
    return ((each["metadata"]["name"], each) for each in objects if each["kind"] in kinds)


def pod_of(each: Mapping[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = each["spec"] if each["kind"] == "Pod" else each["spec"]["template"]["spec"]
    return spec


def environment(objects: list[dict[str, Any]], each: Mapping[str, Any]) -> dict[str, str]:
    """The settings of a pod's process, with something for what only Secrets know."""
    (container,) = pod_of(each)["containers"]
    settings: dict[str, str] = {}
    for source in container.get("envFrom", []):
        settings |= dict(of_kind(objects, "ConfigMap"))[source["configMapRef"]["name"]]["data"]
    settings |= {e["name"]: e.get("value", f"from {e['name']}") for e in container["env"]}
    return settings | SECRETS


def of_services(objects: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The Deployments and Jobs that run services' roles."""
    for name, each in of_kind(objects, "Deployment", "Job"):
        if each["metadata"]["labels"]["app.kubernetes.io/name"] in SERVICES:
            yield name, each


STORES = {
    "database": {"host": "pg", "caSecret": "pg-ca"},
    "broker": {
        "host": "rabbit",
        "port": 5671,
        "tls": True,
        "vhost": "/city",
        "caSecret": "rabbit-ca",
        "caKey": "tls.crt",
    },
}


def test_every_role_speaks_tls_with_the_stores_and_has_the_authorities_that_it_verifies_them_by() -> None:
    objects = rendered(STORES)
    roles = dict(of_services(objects))
    assert len(roles) > 4 * len(SERVICES)
    for name, each in roles.items():
        settings = load(ServiceSettings, environment(objects, each))
        require_broker(settings)
        service = each["metadata"]["labels"]["app.kubernetes.io/name"]
        database = "/etc/onegrid/authorities/database.crt"
        assert settings.database_url.endswith(f"@pg:5432/{service}?sslmode=verify-full&sslrootcert={database}"), name
        assert settings.amqp_url.endswith("@rabbit:5671/%2Fcity?cafile=/etc/onegrid/authorities/broker.crt"), name
        assert settings.amqp_url.startswith("amqps://"), name
        spec = pod_of(each)
        (sources,) = (v["projected"]["sources"] for v in spec["volumes"] if v["name"] == "authorities")
        assert [source["secret"] for source in sources] == [
            {"name": "pg-ca", "items": [{"key": "ca.crt", "path": "database.crt"}]},
            {"name": "rabbit-ca", "items": [{"key": "tls.crt", "path": "broker.crt"}]},
        ], name
        mounts = {mount["name"]: mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]}
        assert mounts["authorities"] == "/etc/onegrid/authorities", name


def test_without_such_values_the_stores_urls_are_plain() -> None:
    objects = rendered({"database": {"host": "pg"}, "broker": {"host": "rabbit"}})
    for name, each in of_services(objects):
        settings = environment(objects, each)
        assert re.fullmatch(r"postgresql://pg:5432/\w+", settings["ONEGRID_DATABASE_URL"]), name
        assert settings["ONEGRID_AMQP_URL"] == "amqp://rabbit:5672/", name
        assert all(volume["name"] != "authorities" for volume in pod_of(each)["volumes"]), name


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"database": {"sslmode": "require"}}, "platform.database.sslmode: without a host"),
        ({"database": {"host": "pg", "sslmode": "verify-ca"}}, "verify-ca needs the authority of the certificate"),
        ({"broker": {"vhost": "city"}}, "platform.broker: without a host"),
        ({"broker": {"host": "rabbit", "caSecret": "x"}}, "unless broker.tls is true"),
        ({"broker": {"host": "rabbit", "vhost": "a?b"}}, "does not match pattern"),
        ({"monitoring": {"disabledRules": "OutboxGrows"}}, "got string, want array"),
        ({"nameOverrides": {"accounts": "identity"}}, "platform.nameOverrides: there is no service accounts"),
        ({"monitoring": {"disabledRules": ["OutboxGrow"]}}, "no service of this release has an alert OutboxGrow"),
    ],
)
def test_values_that_would_not_do_what_they_seem_to_are_refused(wrong: Mapping[str, Any], message: str) -> None:
    with pytest.raises(SystemExit) as refused:
        rendered(wrong)
    assert message in str(refused.value)


def test_every_process_knows_which_ports_the_policies_open_and_none_where_there_are_no_policies() -> None:
    """A Secret's URL that leads elsewhere is refused by the first process that reads it, the migration."""
    objects = rendered({"database": {"port": 6432}, "broker": {"port": 5671}})
    for name, each in of_services(objects):
        if not name.endswith("bootstrap"):
            settings = environment(objects, each)
            assert (settings["ONEGRID_DATABASE_PORT"], settings["ONEGRID_AMQP_PORT"]) == ("6432", "5671"), name
    policies = dict(of_kind(objects, "NetworkPolicy"))
    for service in SERVICES:
        for name in (f"town-{service}", f"town-{service}-migrate"):
            ports = {port["port"] for rule in policies[name]["spec"]["egress"] for port in rule["ports"]}
            assert {6432, 5671} <= ports
            assert not {5432, 5672} & ports, name
    objects = rendered({"network": {"policies": False}})
    for name, each in of_services(objects):
        assert not {"ONEGRID_DATABASE_PORT", "ONEGRID_AMQP_PORT"} & environment(objects, each).keys(), name


def test_names_begin_as_they_are_told_to_and_everything_finds_what_was_renamed() -> None:
    platform = {"fullnameOverride": "city", "nameOverrides": {RENAMED: "accounts"}, "monitoring": {"operator": True}}
    objects = rendered(platform)
    assert all(each["metadata"]["name"].split("-")[0] == "city" for each in objects)
    assert not [name for name, _ in of_kind(objects, "Deployment") if f"-{RENAMED}" in name]
    services = dict(of_kind(objects, "Service"))
    for name, each in of_services(objects):
        if not name.endswith("bootstrap"):
            target = environment(objects, each)["ONEGRID_IDENTITY_TARGET"]
            assert target == "dns:///city-accounts:50051", name
    (smoke,) = (each for _, each in of_kind(objects, "Pod"))
    targets = {e["value"] for e in smoke["spec"]["containers"][0]["env"] if e["name"].endswith("_TARGET")}
    assert {target.removeprefix("dns:///").removesuffix(":50051") for target in targets} <= services.keys()
    assert len(targets) == len(SERVICES)
    scraped = dict(of_kind(objects, "ConfigMap"))["city-prometheus"]["data"]["prometheus.yml"]
    names = {
        name
        for job in yaml.load(scraped, yaml.CSafeLoader)["scrape_configs"]
        for dns in job["dns_sd_configs"]
        for name in dns["names"]
    }
    assert names <= services.keys()
    files = {
        source["configMap"]["name"]
        for volume in smoke["spec"]["volumes"]
        if "projected" in volume
        for source in volume["projected"]["sources"]
    }
    assert files <= dict(of_kind(objects, "ConfigMap")).keys()
    # What metrics, queues and databases are called belongs to no release.
    selected = {each["spec"]["selector"]["app.kubernetes.io/name"] for each in services.values()}
    assert set(SERVICES) <= selected


def test_an_alert_is_left_out_by_its_name_and_targets_are_scraped_as_often_as_is_said() -> None:
    everything = _alerts(rendered({"monitoring": {"operator": True}}))
    some = {"monitoring": {"operator": True, "interval": "15s", "disabledRules": ["ScrapeFails", "OutboxGrows"]}}
    objects = rendered(some)
    assert {"ScrapeFails", "OutboxGrows"} <= everything
    assert _alerts(objects) == everything - {"ScrapeFails", "OutboxGrows"}
    for name, each in of_kind(objects, "ConfigMap"):
        if name.endswith("-rules"):
            (rules,) = each["data"].values()
            assert "OutboxGrows" not in rules
            assert all(group["rules"] for group in yaml.load(rules, yaml.CSafeLoader)["groups"]), name
    for _, each in of_kind(objects, "ServiceMonitor", "PodMonitor"):
        for endpoint in each["spec"].get("endpoints") or each["spec"]["podMetricsEndpoints"]:
            assert endpoint["interval"] == "15s"


def test_a_tier_leaves_alerts_on_leaders_to_its_district() -> None:
    """Each database has one relay that leads, and one worker that runs the jobs: the tier's would never."""
    values = ["onegrid/ci/tier-values.yaml"]
    operator = ("--set", "global.platform.monitoring.operator=true")
    alone = (*operator, "--set", "global.platform.monitoring.tier=false")
    tier, leading = (
        _alerts(helm.objects(helm.render("street", "onegrid", values, *some))) for some in (operator, alone)
    )
    assert leading - tier == {"RelayWithoutLeader", "JobOverdue"}
    assert {"ApiDown", "WorkerDown", "OutboxStuck", "MetricMissing", "OneGridWatchdog"} <= tier < leading


def _alerts(objects: list[dict[str, Any]]) -> set[str]:
    rules = [r for _, each in of_kind(objects, "PrometheusRule") for g in each["spec"]["groups"] for r in g["rules"]]
    return {rule["alert"] for rule in rules if "alert" in rule}


def test_everything_that_runs_says_how_much_of_a_nodes_disk_it_needs() -> None:
    for name, each in of_kind(rendered({}), "Deployment", "Job", "Pod"):
        for container in pod_of(each)["containers"]:
            for kind in ("requests", "limits"):
                assert container["resources"][kind]["ephemeral-storage"], (name, kind)


def test_certificates_come_from_whatever_makes_them() -> None:
    issuer = {"name": "hsm", "kind": "StepClusterIssuer", "group": "certmanager.step.sm"}
    certificates = dict(of_kind(rendered({"tls": {"enabled": True, "issuer": issuer}}), "Certificate"))
    assert len(certificates) == len(SERVICES) + 1
    assert all(each["spec"]["issuerRef"] == issuer for each in certificates.values())


DOMAIN = "onegrid.example"
GATEWAY = {"parents": [{"name": "city", "namespace": "gateways"}]}
TLS = {"enabled": True, "secret": "certificates", "domains": [DOMAIN]}


def leads_to_apis(objects: list[dict[str, Any]], name: str, port: str | int) -> bool:
    """Whether a Service has an address of its own, and its port is one of a pod that is an api."""
    service = dict(of_kind(objects, "Service"))[name]["spec"]
    (target,) = (each["targetPort"] for each in service["ports"] if port in (each["port"], each["name"]))
    return "clusterIP" not in service and all(
        any(each["name"] == target for each in pod_of(deployment)["containers"][0]["ports"])
        for _, deployment in of_kind(objects, "Deployment")
        if service["selector"].items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
    )


def test_a_gateway_leads_to_every_api_by_a_service_with_an_address_and_the_protocol() -> None:
    """Some implementations take no headless Service, and some only know HTTP/2 by this name."""
    objects = rendered({"gateway": GATEWAY, "tls": {"domains": [DOMAIN]}})
    routes = dict(of_kind(objects, "GRPCRoute"))
    assert routes.keys() == {f"town-{service}" for service in SERVICES}
    for service in SERVICES:
        spec = routes[f"town-{service}"]["spec"]
        assert spec["parentRefs"] == GATEWAY["parents"]
        assert spec["hostnames"] == [f"{service}.{DOMAIN}"]
        ((backend,),) = (rule["backendRefs"] for rule in spec["rules"])
        assert leads_to_apis(objects, backend["name"], backend["port"])
        (port,) = dict(of_kind(objects, "Service"))[backend["name"]]["spec"]["ports"]
        assert port["appProtocol"] == "kubernetes.io/h2c"
    assert not list(of_kind(objects, "TLSRoute", "BackendTLSPolicy", "HTTPRoute"))
    for name, each in of_services(objects):
        if not name.endswith("bootstrap"):
            assert environment(objects, each)["ONEGRID_FORWARDING_PROXIES"] == "1", name


def test_a_gateway_verifies_pods_that_speak_tls_or_passes_their_tls_through() -> None:
    notify = {"service": {"http": {"route": {"host": "push.example"}}}}
    ended = rendered({"gateway": {**GATEWAY, "caConfigMap": "authority"}, "tls": TLS}, notify=notify)
    policies = dict(of_kind(ended, "BackendTLSPolicy"))
    assert policies.keys() == {*(f"town-{service}-grpc" for service in SERVICES), "town-notify-http"}
    for name, each in policies.items():
        (target,) = each["spec"]["targetRefs"]
        (port,) = dict(of_kind(ended, "Service"))[target["name"]]["spec"]["ports"]
        assert port.get("appProtocol") in (None, "https"), name
        # A name that the certificates hold, as cert-manager makes them.
        assert each["spec"]["validation"]["hostname"] in (name.removesuffix("-grpc"), "town-notify-http")
        assert each["spec"]["validation"]["caCertificateRefs"][0]["name"] == "authority"

    passed = rendered({"gateway": {**GATEWAY, "passthrough": True}, "tls": TLS})
    routes = dict(of_kind(passed, "TLSRoute"))
    assert {host for each in routes.values() for host in each["spec"]["hostnames"]} == {
        f"{service}.{DOMAIN}" for service in SERVICES
    }
    assert not list(of_kind(passed, "GRPCRoute", "BackendTLSPolicy"))
    assert all("ONEGRID_FORWARDING_PROXIES" not in environment(passed, each) for _, each in of_services(passed))


def test_what_is_not_grpc_comes_by_the_gateway_too_and_links_lead_there() -> None:
    notify = {"service": {"http": {"route": {"host": "push.example"}}, "api": {"route": False}}}
    objects = rendered({"gateway": GATEWAY, "tls": {"domains": [DOMAIN]}}, notify=notify)
    ((name, route),) = of_kind(objects, "HTTPRoute")
    assert name == "town-notify"
    assert route["spec"]["hostnames"] == ["push.example"]
    ((backend,),) = (rule["backendRefs"] for rule in route["spec"]["rules"])
    assert leads_to_apis(objects, backend["name"], backend["port"])
    settings = dict(of_kind(objects, "ConfigMap"))["town-notify"]["data"]
    assert settings["ONEGRID_HTTP_URL"] == "https://push.example"
    assert settings["ONEGRID_HTTP_FORWARDING_PROXIES"] == "1"
    assert "town-notify" not in dict(of_kind(objects, "GRPCRoute"))


@pytest.mark.parametrize("ranges", [[], ["203.0.113.0/24"]])
def test_a_load_balancer_leads_to_an_api_and_the_policy_lets_in_whom_it_does(ranges: list[str]) -> None:
    balancer = {"enabled": True, "sourceRanges": ranges, "annotations": {"a": "b"}}
    objects = rendered({}, petition={"service": {"api": {"loadBalancer": balancer}}})
    ((name, each),) = ((n, e) for n, e in of_kind(objects, "Service") if e["spec"].get("type") == "LoadBalancer")
    assert leads_to_apis(objects, name, "grpc")
    assert each["metadata"]["annotations"] == {"a": "b"}
    assert each["spec"]["externalTrafficPolicy"] == "Local"
    assert each["spec"].get("loadBalancerSourceRanges", []) == ranges
    for service in SERVICES:
        (rule,) = (
            rule
            for rule in dict(of_kind(objects, "NetworkPolicy"))[f"town-{service}-api"]["spec"]["ingress"]
            if rule["ports"] == [{"port": "grpc"}]
        )
        admitted = [peer["ipBlock"]["cidr"] for peer in rule["from"] if "ipBlock" in peer]
        assert admitted == ((ranges or ["0.0.0.0/0", "::/0"]) if service == "petition" else [])


def test_by_default_nothing_leads_in_from_outside() -> None:
    objects = rendered({})
    assert not list(of_kind(objects, "GRPCRoute", "HTTPRoute", "TLSRoute", "BackendTLSPolicy", "Ingress"))
    assert all(each["spec"].get("type", "ClusterIP") == "ClusterIP" for _, each in of_kind(objects, "Service"))


@pytest.mark.parametrize(
    ("platform", "message"),
    [
        ({"gateway": GATEWAY}, "below platform.tls.domains, which are missing"),
        ({"gateway": {**GATEWAY, "passthrough": True}, "tls": {"domains": [DOMAIN]}}, "the pods speak no TLS"),
        ({"gateway": GATEWAY, "tls": TLS}, "platform.gateway.caConfigMap: the Gateway needs the authority"),
    ],
)
def test_a_gateway_that_could_not_reach_the_apis_is_refused(platform: Mapping[str, Any], message: str) -> None:
    with pytest.raises(SystemExit) as refused:
        rendered(platform)
    assert message in str(refused.value)


def test_what_restarts_pods_for_a_changed_secret_can_be_named() -> None:
    annotations = {"reloader.stakater.com/auto": "true"}
    objects = rendered({"pod": {"deploymentAnnotations": annotations}})
    deployments = {name: each for name, each in of_services(objects) if each["kind"] == "Deployment"}
    assert len(deployments) > 3 * len(SERVICES) - 1
    assert all(each["metadata"]["annotations"] == annotations for each in deployments.values())


def notes(chart: str, *values: str) -> str:
    """What Helm shows in the end."""
    made = helm.helm("install", "town", helm.CHARTS / chart, "--namespace=here", "--dry-run=client", *values)
    return made.partition("NOTES:\n")[2]


def test_notes_say_how_one_calls_what_was_installed_and_what_it_lacks() -> None:
    service = notes("petition")
    assert "kubectl -n here port-forward deployment/town-petition-api 50051" in service
    assert "TLS is off" in service
    platform = "service.platform"
    safe = f"{platform}.tls.enabled=true,{platform}.tls.secret=x,{platform}.monitoring.operator=true"
    assert "Before it is for production" not in notes("petition", f"--set={safe}")
    umbrella = notes("onegrid", f"--values={helm.CHARTS}/onegrid/values-evaluation.yaml")
    assert "helm -n here test town --filter name=town-checks-smoke" in umbrella
    assert "admin administers 210602" in umbrella
    assert all(service in umbrella for service in SERVICES)
    assert "Nobody can log in" not in umbrella
    assert "Nobody can log in" in notes("onegrid")


def test_every_chart_says_what_it_is() -> None:
    for chart in (*SERVICES, "onegrid", "onegrid-data"):
        assert f"# {chart}\n" in helm.helm("show", "readme", helm.CHARTS / chart)
