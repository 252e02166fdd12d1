"""The platform as its charts install it, run as containers: not on Kubernetes, but by what the charts say."""

from __future__ import annotations

import secrets
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from onegrid_runner.cluster import Cluster, TestResult
from onegrid_runner.manifests import Manifest, parse

ROOT = Path(__file__).resolve().parents[2]
HELM = ROOT / "build" / "bin" / "helm"
CHARTS = ROOT / "deploy" / "helm"
NAMESPACE = "onegrid"
ADMIN_PASSWORD = secrets.token_urlsafe()
# Stand in for the official images, which can't be pulled everywhere.
DATA_IMAGES = (
    "--set=postgresql.image=onegrid/evaluation-postgresql:0.1.0",
    "--set=rabbitmq.image=onegrid/evaluation-rabbitmq:0.1.0",
)
EVALUATION = (
    f"--values={CHARTS}/onegrid/values-evaluation.yaml",
    "--set=evaluation.prometheusImage=onegrid/evaluation-prometheus:0.1.0",
)


def render(release: str, chart: str, *arguments: str) -> list[Manifest]:
    """What `helm template` makes of a chart."""
    command = [HELM, "template", release, CHARTS / chart, "--namespace", NAMESPACE, *arguments]
    return parse(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def sized(size: str, *arguments: str) -> list[Manifest]:
    """A platform of a size, with what an evaluation needs besides."""
    return render(NAMESPACE, "onegrid", f"--values={CHARTS}/onegrid/values-{size}.yaml", *EVALUATION, *arguments)


def secret(name: str, **values: str) -> Manifest:
    """As `kubectl create secret generic` would make it."""
    data = {key.replace("_", "-"): value for key, value in values.items()}
    return Manifest({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data})


class Suite:
    """A test hook that runs in a thread of its own."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self._cluster = cluster
        self._name = name
        self._results: Sequence[TestResult] = ()
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run)

    @contextmanager
    def running(self, begun: str) -> Iterator[None]:
        """Run it in the background from when it has printed this text; terminate it on exit."""
        self._begun_by = begun
        self._thread.start()
        try:
            assert self._begun.wait(120), f"{self._name} does not begin"
            yield
        finally:
            self._thread.join()

    @property
    def goes_on(self) -> bool:
        """Whether it has not ended."""
        return self._thread.is_alive()

    @property
    def result(self) -> TestResult:
        """How it ended."""
        (result,) = self._results
        return result

    def _run(self) -> None:
        self._results = self._cluster.test(NAMESPACE, [self._name], self._hear)
        self._begun.set()

    def _hear(self, line: str) -> None:
        if self._begun_by in line:
            self._begun.set()
