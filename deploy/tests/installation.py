"""The platform as its charts install it, run as containers: not on Kubernetes, but by what the charts say."""

from __future__ import annotations

import json
import secrets
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onegrid_runner.cluster import Cluster, TestResult
from onegrid_runner.manifests import Manifest, parse
from onegrid_runner.pods import Pod

ROOT = Path(__file__).resolve().parents[2]
HELM = ROOT / "build" / "bin" / "helm"
CHARTS = ROOT / "deploy" / "helm"
NAMESPACE = "onegrid"
STREET = "street"
"""Another namespace, and its release."""
ADMIN_PASSWORD = secrets.token_urlsafe()
# Stand in for the official images, which can't be pulled everywhere.
DATA_IMAGES = (
    "--set=postgresql.image=onegrid/evaluation-postgresql:0.1.0",
    "--set=rabbitmq.image=onegrid/evaluation-rabbitmq:0.1.0",
)
_OF_STREET = json.dumps(
    [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": STREET}},
            "podSelector": {"matchLabels": {"app.kubernetes.io/part-of": "onegrid"}},
        }
    ]
)
EVALUATION = (
    f"--values={CHARTS}/onegrid/values-evaluation.yaml",
    "--set=evaluation.prometheusImage=onegrid/evaluation-prometheus:0.1.0",
)


_CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)"


def render(release: str, chart: str, *arguments: str, namespace: str = NAMESPACE) -> list[Manifest]:
    """What `helm template` makes of a chart."""
    command = [HELM, "template", release, CHARTS / chart, "--namespace", namespace, *arguments]
    return parse(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def sized(size: str, *arguments: str) -> list[Manifest]:
    """A platform of a size, with what an evaluation needs besides; it lets the street in.

    Its suites report what is slow and judge the rest: nobody knows what else the machine does.
    """
    values = f"--values={CHARTS}/onegrid/values-{size}.yaml"
    clients = f"--set-json=global.platform.network.clients={_OF_STREET}"
    return render(NAMESPACE, "onegrid", values, *EVALUATION, clients, "--set=tests.speed=reported", *arguments)


def stores() -> list[Manifest]:
    """The data stores; they let the street in."""
    return render("data", "onegrid-data", *DATA_IMAGES, f"--set-json=clients={_OF_STREET}")


def tier() -> list[Manifest]:
    """A street's platform, by the district's identity and data stores in another namespace."""
    settings = {
        "identity": f"onegrid-identity.{NAMESPACE}:50051",
        "database.host": f"data-postgresql.{NAMESPACE}",
        "broker.host": f"data-rabbitmq.{NAMESPACE}",
        "monitoring.brokerNamespace": NAMESPACE,
        "tracing.endpoint": f"http://{STREET}-sink:4318/v1/traces",
        "image.registry": "",
    }
    values = f"--values={CHARTS}/onegrid/ci/tier-values.yaml"
    given = (f"--set=global.platform.{name}={value}" for name, value in settings.items())
    return render(STREET, "onegrid", *EVALUATION, values, *given, namespace=STREET)


def secret(name: str, **values: str) -> Manifest:
    """As `kubectl create secret generic` would make it."""
    data = {key.replace("_", "-"): value for key, value in values.items()}
    return Manifest({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data})


SECRETS = (
    secret("onegrid-data", postgresql_password=secrets.token_hex(), rabbitmq_password=secrets.token_hex()),
    secret(
        "onegrid-keys",
        page_token_key=secrets.token_hex(),
        cipher_keys=f"k1:{secrets.token_hex(32)}",
        admin_password=ADMIN_PASSWORD,
    ),
)
"""The same in all namespaces."""


def reaches(pod: Pod, host: str, port: int) -> bool:
    """Whether a pod can connect there."""
    return bool(pod.container.exec_run(["python3", "-c", _CONNECT, host, str(port)]).exit_code == 0)


def only(cluster: Cluster, name: str, component: str, **labels: str) -> Pod:
    """One of these pods."""
    return cluster.pods(name=name, component=component, **labels)[0]


class Suite:
    """A test hook that runs in a thread of its own."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self._cluster = cluster
        self._name = name
        self._results: list[TestResult] = []
        self._begun = threading.Event()
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run)

    @contextmanager
    def running(self, begun: str) -> Iterator[None]:
        """Run it in the background from when it has printed this text, again if it ends sooner than the block does."""
        self._begun_by = begun
        self._thread.start()
        try:
            assert self._begun.wait(120), f"{self._name} does not begin"
            yield
        finally:
            self._enough.set()
            self._thread.join()

    @property
    def result(self) -> TestResult:
        """How it ended the last time, which is the first time that it failed."""
        return self._results[-1]

    def _run(self) -> None:
        while not (self._enough.is_set() or (self._results and self.result.code)):
            self._results += self._cluster.test(NAMESPACE, [self._name], self._hear)
        self._begun.set()

    def _hear(self, line: str) -> None:
        if self._begun_by in line:
            self._begun.set()
