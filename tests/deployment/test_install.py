"""docs/install.md leads to a release, followed as it stands there against a cluster that says yes to everything; and
what docs/operate.md shows is taken by the charts.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from tools import helm

from onegrid.contracts import CONTRACTS, SERVICES
from onegrid.grid.v1 import grid_service_pb2 as pb
from onegrid.grid.v1 import grid_service_pb2_grpc
from onegrid_kit.testing.certificates import Authority
from onegrid_runner.pods import quantity

PAGES = {name: (helm.ROOT / f"docs/{name}.md").read_text() for name in ("install", "operate", "keys")}
FOREIGN = ({"externalRules"}, {"route"}, {"scrape_configs"}, {"sources", "transforms", "sinks"})
"""What the keys of snippets are that others than the charts read."""
ACCOUNT = {"username", "password"}
BY_OPERATORS = {
    "data-postgresql-app": ACCOUNT,
    "data-postgresql-ca": {"ca.crt"},
    "data-rabbitmq-default-user": ACCOUNT,
}
"""Secrets that are made for what the data stores' chart asks for, with the keys that the platform may take."""
CERTIFICATE = {"tls.crt", "tls.key", "ca.crt"}
ASKED_ABOUT = ("deployment", "job", "service", "cluster", "rabbitmqcluster", "certificate", "clusterissuer")
GIVEN = ("OTLP_TOKEN", "REGISTRY_USER", "REGISTRY_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY")
"""What whoever follows the page has of others."""
CLUSTERS = ("Cluster", "RabbitmqCluster")
SLACK = 1.3
"""What nodes have beyond what pods ask for: of the system, of operators, of monitoring."""

# Goes by the name of each program that the page calls, and writes down what it is called with.
PROGRAM = """
import base64, json, os, pathlib, shutil, subprocess, sys
TAKEN = {"-f": "--values", "--set": "--set"}
name, given = pathlib.Path(sys.argv[0]).name, sys.argv[1:]
stdin = sys.stdin.read() if given[-2:] == ["-f", "-"] else ""
for each in given:
    if each.startswith("--from-file="):
        assert pathlib.Path(each.partition("=")[2]).read_text(), each
rendered = ""
charts = pathlib.Path(os.environ["CHARTS"])
match [name, *given]:
    case ["docker", "image", "ls", *_]:
        print(os.environ["IMAGES"])
    case ["docker", "image", "inspect", *_]:
        print("registry.example.cn/onegrid/x@sha256:0")
    case ["helm", "push", *_]:
        print("Digest: sha256:0", file=sys.stderr)
    case ["helm", "pull", chart, *rest]:
        folder = pathlib.Path(rest[rest.index("--untardir") + 1] if "--untardir" in rest else ".")
        folder.mkdir(exist_ok=True)
        shutil.copytree(charts / chart.rpartition("/")[2], folder / chart.rpartition("/")[2])
    case ["helm", "-n", namespace, "install" | "upgrade", release, chart, *rest] if chart.startswith("oci://"):
        values = [f"{option}={rest[at + 1]}" for at, each in enumerate(rest) if (option := TAKEN.get(each))]
        command = [os.environ["HELM"], "template", release, charts / chart.rpartition("/")[2], "-n", namespace, *values]
        rendered = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    case ["kubectl", *_, "--patch-file", file]:
        stdin = pathlib.Path(file).read_text()
    case ["kubectl", "-n", _, "get", "secret", *_, how] if how.startswith("go-template"):
        print(base64.b64encode(b"of the cluster").decode())
with open(os.environ["RECORD"], "a") as record:
    print(json.dumps([name, given, stdin, rendered]), file=record)
"""


@dataclass(frozen=True)
class Called:
    """A program, with what it was called with, and what Helm made of that."""

    program: str
    arguments: tuple[str, ...]
    stdin: str
    rendered: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """What was applied or installed."""
        return helm.objects(self.rendered or self.stdin)


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGES[page], re.DOTALL)


@dataclass(frozen=True)
class Engineer:
    """Who follows the pages, in a folder."""

    folder: Path
    environment: Mapping[str, str]

    def follow(self, *scripts: str) -> list[Called]:
        """All that was called."""
        record = self.folder / "record"
        record.unlink(missing_ok=True)
        script = "set -euo pipefail\n" + "\n".join(scripts)
        done = subprocess.run(
            ["bash", "-c", script], cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        lines = record.read_text().splitlines()
        return [Called(name, tuple(given), *rest) for name, given, *rest in map(json.loads, lines)]


def block_with(page: str, language: str, text: str) -> str:
    """The one that has this text."""
    (found,) = (each for each in blocks(page, language) if text in each)
    return found


@pytest.fixture(scope="module")
def engineer(tmp_path_factory: pytest.TempPathFactory) -> Engineer:
    helm.package()
    folder = tmp_path_factory.mktemp("engineer")
    programs = folder / "bin"
    programs.mkdir()
    for name in ("kubectl", "helm", "docker", "cosign", "make", "grpcurl"):
        (programs / name).write_text(f"#!{sys.executable}\n{PROGRAM}")
        (programs / name).chmod(0o755)
    environment = {
        **os.environ,
        **dict.fromkeys(GIVEN, "given"),
        "PATH": f"{programs}:{os.environ['PATH']}",
        "RECORD": str(folder / "record"),
        "CHARTS": str(helm.CHARTS),
        "HELM": str(helm.HELM),
        "IMAGES": "\n".join(f"onegrid/{name}" for name in (*SERVICES, "checks")),
    }
    (folder / "build").symlink_to(helm.ROOT / "build")
    return Engineer(folder, environment)


@pytest.fixture(scope="module")
def followed(engineer: Engineer) -> list[Called]:
    """All that was called by who follows the page."""
    called = engineer.follow(*blocks("install", "sh"))
    keys = (engineer.folder / "cipher-keys").read_text()
    assert re.fullmatch(r"k1:[0-9a-f]{64}", keys)
    assert re.fullmatch(r"[0-9a-f]{64}", (engineer.folder / "page-token-key").read_text())
    return called


@pytest.fixture(scope="module")
def releases(followed: list[Called]) -> list[Called]:
    """The platform's, one after the other: installed, without the first password, upgraded."""
    return [each for each in followed if each.rendered and each.arguments[3] == "onegrid"]


def installed(followed: list[Called], release: str) -> list[dict[str, Any]]:
    """What Helm made of a release at first."""
    return next(each.objects for each in followed if each.rendered and each.arguments[3] == release)


def pods(objects: list[dict[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for each in objects:
        if each["kind"] == "Pod":
            yield each["spec"]
        elif each["kind"] in ("Deployment", "StatefulSet", "Job"):
            yield each["spec"]["template"]["spec"]


def asked_of_secrets(objects: list[dict[str, Any]]) -> dict[str, set[str]]:
    """The Secrets that pods need, with the keys that they take of them; volumes show certificates."""
    found: dict[str, set[str]] = defaultdict(set)
    for spec in pods(objects):
        for each in spec.get("imagePullSecrets", []):
            found[each["name"]] |= set()
        for volume in spec.get("volumes", []):
            if "secret" in volume:
                found[volume["secret"]["secretName"]] |= CERTIFICATE
            for source in volume.get("projected", {}).get("sources", []):
                if "secret" in source:
                    found[source["secret"]["name"]] |= {item["key"] for item in source["secret"]["items"]}
        for container in spec["containers"]:
            for each in container.get("env", []):
                source = each.get("valueFrom", {}).get("secretKeyRef")
                if source and not source.get("optional"):
                    found[source["name"]].add(source["key"])
    return found


def made(followed: list[Called]) -> dict[str, set[str]]:
    """The Secrets that the page has one make, with their keys."""
    found: dict[str, set[str]] = {}
    for each in followed:
        match each.arguments:
            case ("-n", "onegrid", "create", "secret", _, name, *rest):
                of = (one.partition("=")[2] for one in rest if one.startswith(("--from-file=", "--from-literal=")))
                found[name] = {Path(one).name.partition("=")[0] for one in of}
    return found


def test_secrets_are_those_that_the_pods_of_the_release_ask_for(followed: list[Called], releases: list[Called]) -> None:
    objects = releases[0].objects
    (store,) = (each for each in installed(followed, "data") if each["kind"] == "ObjectStore")
    account = store["spec"]["configuration"]["s3Credentials"].values()
    asked = asked_of_secrets(objects) | {one["name"]: {each["key"] for each in account} for one in account}
    issued = {each["spec"]["secretName"]: CERTIFICATE for each in objects if each["kind"] == "Certificate"}
    given = {**made(followed), **BY_OPERATORS, **issued}
    assert asked.keys() == given.keys()
    missing = {name: keys - given[name] for name, keys in asked.items()}
    assert not any(missing.values()), missing
    idle = {name: keys - asked[name] for name, keys in made(followed).items()}
    assert not any(idle.values()), idle


def test_what_operators_and_issuers_make_was_asked_for(followed: list[Called], releases: list[Called]) -> None:
    there = {each["metadata"]["name"] for each in installed(followed, "data") if each["kind"] in CLUSTERS}
    assert {re.sub(r"-(app|ca|default-user)$", "", secret) for secret in BY_OPERATORS} == there
    issuers = {each["metadata"]["name"] for one in followed for each in one.objects if each["kind"] == "ClusterIssuer"}
    certificates = [each for each in releases[0].objects if each["kind"] == "Certificate"]
    assert len(certificates) == len({*SERVICES, "checks"})
    assert {each["spec"]["issuerRef"]["name"] for each in certificates} <= issuers
    hosts = {
        each["name"]: each.get("value")
        for spec in pods(releases[0].objects)
        for c in spec["containers"]
        for each in c["env"]
    }
    assert hosts["ONEGRID_AMQP_URL"] == "amqp://data-rabbitmq:5672/"


def test_the_first_password_is_not_asked_for_once_it_was_taken_away(releases: list[Called]) -> None:
    installed, later, upgraded = (asked_of_secrets(each.objects)["onegrid-keys"] for each in releases)
    assert "admin-password" in installed
    assert "admin-password" not in later | upgraded


def test_charts_and_images_of_one_name_have_places_of_their_own(followed: list[Called], releases: list[Called]) -> None:
    pushed = {each.arguments[2] for each in followed if (each.program, each.arguments[0]) == ("helm", "push")}
    charts = {f"{where.removeprefix('oci://')}/{name}" for where in pushed for name in SERVICES}
    images = {
        container["image"].rpartition(":")[0] for spec in pods(releases[0].objects) for container in spec["containers"]
    }
    assert images == {
        each.arguments[1].rpartition(":")[0]
        for each in followed
        if each.arguments[0] == "push" and each.program == "docker"
    }
    assert not charts & images


def test_what_the_pages_ask_the_cluster_about_is_there(followed: list[Called]) -> None:
    there = {(each["kind"].lower(), each["metadata"]["name"]) for one in followed for each in one.objects} | {
        ("secret", name) for name in made(followed)
    }
    asked = {
        (kind, name)
        for page in PAGES.values()
        for kind, name in re.findall(
            rf"\b({'|'.join(ASKED_ABOUT)})[/ ]((?:onegrid|data)\b[a-z-]*)",
            page,
        )
    }
    assert len(asked) >= 7
    assert asked <= there


def settings(objects: list[dict[str, Any]]) -> set[str]:
    """The hosts, and the Secrets, of PostgreSQL and RabbitMQ that pods are given."""
    hosts = {
        host
        for spec in pods(objects)
        for container in spec["containers"]
        for each in container.get("env", [])
        if each["name"] in ("ONEGRID_DATABASE_URL", "ONEGRID_AMQP_URL")
        for host in re.findall(r"//([^:/]+)", each["value"])
    }
    return hosts | {name for name in asked_of_secrets(objects) if re.search("postgresql|rabbitmq", name)}


def named_by(called: list[Called], kind: str) -> set[str]:
    return {each["metadata"]["name"] for one in called for each in one.objects if each["kind"] == kind}


def test_a_restore_leads_the_platform_to_the_new_cluster_and_so_does_the_upgrade_after_it(
    engineer: Engineer, followed: list[Called]
) -> None:
    assert followed
    district = engineer.folder / "district.yaml"
    before = district.read_text()
    (engineer.folder / "restore.yaml").write_text(block_with("operate", "yaml", "recovery:"))
    restored = engineer.follow(block_with("operate", "sh", "restored="))
    (name,) = named_by(restored, "Cluster")
    assert re.fullmatch(r"restored-\d{4}-\d\d-\d\d-postgresql", name), "an archive that is not empty is refused"
    (stores,) = (each.objects for each in restored if each.rendered and each.arguments[3] != "onegrid")
    assert {"PodMonitor", "ObjectStore"} <= {each["kind"] for each in stores}, "stores.yaml is left out"
    upgraded = engineer.follow(
        block_with("install", "sh", "--untardir next").replace("--untardir next", "--untardir n")
    )
    wanted = {f"{name}-{what}" for what in ("rw", "app", "ca")} | {"data-rabbitmq", "data-rabbitmq-default-user"}
    for called in (restored, upgraded):
        (release,) = (each.objects for each in called if each.rendered and each.arguments[3] == "onegrid")
        assert settings(release) == wanted
    district.write_text(before)


def test_a_drill_is_about_data_of_its_own_and_sends_nothing(engineer: Engineer, followed: list[Called]) -> None:
    assert followed
    (engineer.folder / "restore.yaml").write_text(block_with("operate", "yaml", "recovery:"))
    drilled = engineer.follow(block_with("keys", "sh", "drill="))
    assert {each.arguments[:2] for each in drilled} == {("-n", "drill")}
    (cluster,), (broker,) = named_by(drilled, "Cluster"), named_by(drilled, "RabbitmqCluster")
    assert re.fullmatch(r"drill-\d{4}-\d\d-\d\d-postgresql", cluster), "an archive that is not empty is refused"
    (release,) = (each.objects for each in drilled if each.rendered and each.arguments[3] == "onegrid")
    assert settings(release) == {
        *(f"{cluster}-{what}" for what in ("rw", "app", "ca")),
        *(f"{broker}{what}" for what in ("", "-default-user")),
    }
    assert not [each for each in release if each["metadata"]["name"].endswith("-sender")]
    assert "PrometheusRule" not in {each["kind"] for each in release}


def test_a_new_cipher_key_leaves_the_other_keys_of_the_secret(engineer: Engineer) -> None:
    keys = f"k1:{'0' * 64},k2:{'1' * 64},k1:{'0' * 64}"
    (engineer.folder / "cipher-keys").write_text(keys)
    patch, *_ = engineer.follow(block_with("keys", "sh", "rollout restart"))
    assert patch.arguments[:5] == ("-n", "onegrid", "patch", "secret", "onegrid-keys")
    assert json.loads(patch.stdin) == {"stringData": {"cipher-keys": keys}}


def test_policies_for_what_operators_make_select_it(engineer: Engineer, followed: list[Called]) -> None:
    clusters = {each["metadata"]["name"] for each in installed(followed, "data") if each["kind"] in CLUSTERS}
    (applied,) = engineer.follow(block_with("operate", "sh", "kind: NetworkPolicy"))
    selected = [each["spec"]["podSelector"]["matchLabels"] for each in applied.objects]
    assert {value for labels in selected for value in labels.values()} == clusters
    for each in applied.objects:
        own = {"podSelector": each["spec"]["podSelector"]}
        assert any(own in rule["from"] for rule in each["spec"]["ingress"]), "servers of a store talk to each other"


def test_a_services_values_are_named_as_the_umbrella_takes_them() -> None:
    for page in (helm.ROOT / "docs").glob("**/*.md"):
        assert set(re.findall(r"<service>[.](\w+)", page.read_text())) <= {"service"}, page


def anchors(page: Path) -> set[str]:
    """Of its headings, as forges make them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", PAGES[page]):
        path, _, anchor = target.partition("#")
        file = helm.ROOT / "docs" / (path or f"{page}.md")
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


def test_methods_by_which_a_district_is_loaded_are_there() -> None:
    found = re.findall(rf"\| ({'|'.join(CONTRACTS)}) ((?:`\w+`(?:, )?)+)", PAGES["install"])
    assert len(found) >= 7
    for service, methods in found:
        assert set(re.findall(r"\w+", methods)) <= {method.name for method in CONTRACTS[service].methods}


class Grid(grid_service_pb2_grpc.GridServiceServicer):
    """Takes divisions."""

    def ImportDivisions(self, request: pb.ImportDivisionsRequest, context: Any) -> pb.ImportDivisionsResponse:
        caller = dict(context.invocation_metadata())["authorization"]
        assert (caller, context.auth_context()["x509_common_name"]) == ("Bearer given", [b"onegrid-operator"])
        return pb.ImportDivisionsResponse(created=len(request.csv.splitlines()) - 1)


def test_the_program_loads_divisions_by_mutual_tls(tmp_path: Path) -> None:
    (program,) = blocks("install", "python")
    authority = Authority(tmp_path)
    certificate, key = (Path(file).read_bytes() for file in authority.issue("onegrid-grid", ["onegrid-grid"]))
    own = dict(zip(("operator.crt", "operator.key"), authority.issue("onegrid-operator"), strict=True))
    for name, file in {"ca.crt": authority.file, **own}.items():
        Path(file).rename(tmp_path / name)
    (tmp_path / "divisions.csv").write_text("code,name,level\n210602003,广济街道,street\n")
    trusted = (tmp_path / "ca.crt").read_bytes()
    server = grpc.server(ThreadPoolExecutor(1))
    grid_service_pb2_grpc.add_GridServiceServicer_to_server(Grid(), server)  # type: ignore[abstract]
    port = server.add_secure_port(
        "127.0.0.1:0", grpc.ssl_server_credentials([(key, certificate)], trusted, require_client_auth=True)
    )
    server.start()
    code = 'TOKEN = "given"\n' + program.replace("localhost:50052", f"localhost:{port}")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    server.stop(None).wait()
    assert done.stdout == "1 divisions\n", done.stderr


@pytest.mark.parametrize(
    ("page", "snippet"),
    [(page, each) for page in PAGES for each in blocks(page, "yaml")],
    ids=lambda given: given.splitlines()[0] if "\n" in given else given,
)
def test_values_that_a_page_shows_are_taken_by_their_chart(page: str, snippet: str, tmp_path: Path) -> None:
    helm.package()
    values = yaml.load(snippet, yaml.CSafeLoader)
    if values.keys() in FOREIGN:
        return
    file = tmp_path / "values.yaml"
    file.write_text(snippet)
    if values.keys() & {*SERVICES, "global", "administrator", "tests"}:
        assert helm.render("onegrid", "onegrid", [], f"--values={file}")
    else:
        assert helm.render("restored", "onegrid-data", ["onegrid-data/values-operators.yaml"], f"--values={file}")


def requested(size: str) -> tuple[list[float], list[float]]:
    """Processors and GiB that an installation asks for: as it starts, and with all autoscalers at their most."""
    rendered = helm.render("onegrid", "onegrid", [f"onegrid/values-{size}.yaml"])
    objects = helm.objects(rendered)
    scalers = {
        each["spec"]["scaleTargetRef"]["name"]: each["spec"]
        for each in objects
        if each["kind"] == "HorizontalPodAutoscaler"
    }
    least, most = [0.0, 0.0], [0.0, 0.0]
    for each in (one for one in objects if one["kind"] == "Deployment"):
        scaler = scalers.get(each["metadata"]["name"])
        counts = (scaler["minReplicas"], scaler["maxReplicas"]) if scaler else (each["spec"]["replicas"],) * 2
        (container,) = each["spec"]["template"]["spec"]["containers"]
        asked = container["resources"]["requests"]
        for sums, count in zip((least, most), counts, strict=True):
            sums[0] += count * quantity(asked["cpu"])
            sums[1] += count * quantity(asked["memory"]) / 2**30
    return least, most


def of_stores(size: str) -> list[float]:
    """Processors and GiB of one server of PostgreSQL and one of RabbitMQ."""
    (row,) = re.findall(
        rf"^\| {size} \| \d+ \| (\d) processors?, (\w+) \| \w+ \| (\d) processors?, (\w+) \|", PAGES["operate"], re.M
    )
    return [float(row[0]) + float(row[2]), (quantity(row[1]) + quantity(row[3])) / 2**30]


@pytest.mark.parametrize("size", ["community", "street", "district"])
def test_nodes_of_a_size_hold_what_it_asks_for(size: str) -> None:
    """With autoscalers at their most, and a server of each data store on each; what it starts with if one is away."""
    helm.package()
    amounts = r"(\S+)(?: to (\S+))?"
    row = re.search(
        rf"^\| {size} \| {amounts} \| {amounts} GiB \| (\d+) of (\d+) processors, (\d+) GiB \|$", PAGES["install"], re.M
    )
    assert row
    start, all_ = requested(size)
    for said, is_ in zip(row.group(1, 3, 2, 4), (*start, *all_), strict=True):
        assert said is None or float(said) == pytest.approx(is_, abs=0.1)
    count, *node = map(int, row.group(5, 6, 7))
    for has, least, most, server in zip(node, start, all_, of_stores(size), strict=True):
        assert count * has >= (most + count * server) * SLACK
        assert (count - 1) * has >= least + (count - 1) * server


def test_the_fields_of_logs_are_those_of_the_page() -> None:
    (table,) = re.findall(r"\| field \| \|\n\| --- \| --- \|\n((?:\|.*\n)+)", PAGES["operate"])
    fields = set(re.findall(r"`(\w+)`", "".join(line.split("|")[1] for line in table.splitlines())))
    code = """
import logging
from onegrid_kit import logs, tracing
logs.configure("petition")
tracing.enter(tracing.new_traceparent(0))
logging.getLogger("library").warning("of a library")
try:
    raise OSError("away")
except OSError:
    logs.log.exception("store_failed")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not done.stdout
    assert set().union(*map(json.loads, done.stderr.splitlines())) == fields
