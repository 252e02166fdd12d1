"""A namespace, and those beside it: the Helm releases in it, and the operations of kubectl that tests need."""

from __future__ import annotations

import hashlib
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import docker

from onegrid_runner.manifests import Manifest, named, selects
from onegrid_runner.network import Network, clear_filters
from onegrid_runner.pods import Objects, Pod, remove_containers
from onegrid_runner.workloads import Deployment, Job, StatefulSet, Workload

__all__ = ["Cluster", "Failed", "TestResult"]

_STATE = Path("/var/lib/onegrid-runner")
_TICK_S = 0.1
_FIRST = ("ServiceAccount", "Secret", "ConfigMap", "NetworkPolicy", "Service")
_INERT = {
    "Ingress": "needs an ingress controller",
    "HorizontalPodAutoscaler": "keeps its minimum: nothing measures load here",
    "PodDisruptionBudget": "means nothing on one node",
    "ServiceMonitor": "needs the Prometheus operator",
    "PodMonitor": "needs the Prometheus operator",
    "PrometheusRule": "needs the Prometheus operator",
}


class Failed(Exception):
    """An operation did not reach its state; the message names what is missing and quotes the last output."""


@dataclass(frozen=True)
class TestResult:
    """How a test hook ended."""

    __test__ = False

    name: str
    code: int
    output: str


class Cluster:
    """Everything in it is removed when it is left, and what a run that was killed left behind when it is entered."""

    def __init__(self, namespace: str, say: Callable[[str], None] = print, beside: Cluster | None = None) -> None:
        self._namespace = namespace
        self._beside = beside
        self._say = say
        self._client = docker.from_env(timeout=120, max_pool_size=256)
        self._folder = _STATE / namespace
        self._objects = Objects()
        self._lock = threading.RLock()
        self._workloads: dict[tuple[str, str], Workload] = {}
        self._jobs: list[Pod] = []
        self._releases: dict[str, list[Manifest]] = {}
        self._reported: set[str] = set()
        self._stopping = threading.Event()
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        if self._beside is None:
            self._clear()
            self._network = Network(self._client, self._namespace)
        else:
            self._network = self._beside._network
            shutil.rmtree(self._folder, ignore_errors=True)
        self._space = self._network.enter(self._namespace, self._pods_now)
        self._loop = threading.Thread(target=self._reconcile, name="reconcile", daemon=True)
        self._loop.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._loop.join()
        for pod in self._pods_now():
            pod.terminate()
        # Their grace periods are over.
        remove_containers(self._client, f"onegrid.runner.namespace={self._namespace}")
        for pod in self._pods_now():
            pod.await_end(30)
        self._network.leave(self._namespace)
        if self._beside is None:
            self._network.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def beside(self, namespace: str) -> Cluster:
        """Another namespace on the same network; to be left before this one."""
        return Cluster(namespace, self._say, self)

    def apply(self, manifests: Sequence[Manifest]) -> None:
        """Take plain objects in, as `kubectl apply` does."""
        for manifest in sorted(manifests, key=_turn):
            self._apply(manifest)
        self._network.refresh()

    def install(self, release: str, manifests: Sequence[Manifest], patience_s: float = 300) -> None:
        """Install a release and wait until all of it is ready. Raises Failed."""
        self._run_hooks(manifests, "pre-install")
        self._replace(release, manifests)
        self.wait(patience_s)
        self._run_hooks(manifests, "post-install")

    def upgrade(self, release: str, manifests: Sequence[Manifest], patience_s: float = 300) -> None:
        """Replace a release by another, pod by pod. Raises Failed."""
        self._run_hooks(manifests, "pre-upgrade")
        self._replace(release, manifests)
        self.wait(patience_s)
        self._run_hooks(manifests, "post-upgrade")

    def test(
        self, release: str, only: Sequence[str] = (), on_line: Callable[[str], None] | None = None
    ) -> list[TestResult]:
        """Run the release's test hooks one after the other; those whose names end so, if any are given."""
        hooks = [
            hook for hook in _hooks(self._releases[release], "test") if not only or hook.name.endswith(tuple(only))
        ]
        found = []
        for hook in hooks:
            code, output = Job(hook, self.make_pod).run(on_line)
            found.append(TestResult(hook.name, code, output))
        return found

    def restart(self, *names: str, patience_s: float = 300) -> None:
        """Replace every pod of these Deployments, as `kubectl rollout restart` does, and wait. Raises Failed."""
        with self._lock:
            for name in names:
                self._workloads["Deployment", name].restart()
        self.wait(patience_s)

    def scale(self, name: str, replicas: int, patience_s: float = 120) -> None:
        """Let a Deployment have so many pods, and wait for them. Raises Failed."""
        with self._lock:
            workload = self._workloads["Deployment", name]
            body = workload.manifest.body
            workload.update(Manifest({**body, "spec": {**body["spec"], "replicas": replicas}}))
        self.wait(patience_s)

    def wait(self, patience_s: float = 300) -> None:
        """Wait until every workload is as it is wanted. Raises Failed."""
        until = time.monotonic() + patience_s
        while True:
            with self._lock:
                missing = [workload for workload in self._workloads.values() if not workload.settled()]
            if self._failure is not None:
                raise Failed(f"the runner itself failed: {self._failure!r}") from self._failure
            if not missing:
                return
            if time.monotonic() > until:
                raise Failed("\n".join(self._describe(workload) for workload in missing))
            time.sleep(_TICK_S)

    def pods(self, **labels: str) -> list[Pod]:
        """Pods that live and have these labels; `_` stands for what Python's names can't hold: `component`."""
        wanted = {f"app.kubernetes.io/{key}": value for key, value in labels.items()}
        return [pod for pod in self._pods_now() if not pod.terminating and selects(wanted, pod.labels)]

    def logs(self) -> dict[str, str]:
        """The logs of every existing pod, by its name."""
        return {pod.name: pod.logs() for pod in self._pods_now()}

    def _apply(self, manifest: Manifest) -> None:
        kind = manifest.kind
        if kind in ("ConfigMap", "Secret"):
            self._objects.put(manifest)
        elif kind == "Service":
            self._space.services[manifest.name] = manifest
        elif kind == "NetworkPolicy":
            self._space.policies[manifest.name] = manifest
        elif kind in ("Deployment", "StatefulSet"):
            with self._lock:
                if manifest.key in self._workloads:
                    self._workloads[manifest.key].update(manifest)
                elif kind == "Deployment":
                    self._workloads[manifest.key] = Deployment(manifest, self._make, self._replicas)
                else:
                    self._workloads[manifest.key] = StatefulSet(manifest, self._make, self._folder / "claims")
        elif kind in _INERT and kind not in self._reported:
            self._reported.add(kind)
            self._say(f"{kind} {_INERT[kind]}")

    def _replace(self, release: str, manifests: Sequence[Manifest]) -> None:
        staying = [manifest for manifest in manifests if not manifest.hooks]
        for key in {old.key for old in self._releases.get(release, [])} - {new.key for new in staying}:
            self._delete(key)
        self._releases[release] = [*manifests]
        self.apply(staying)

    def _delete(self, key: tuple[str, str]) -> None:
        kind, name = key
        self._objects.drop(key)
        if kind == "Service":
            self._space.services.pop(name, None)
        if kind == "NetworkPolicy":
            self._space.policies.pop(name, None)
        with self._lock:
            workload = self._workloads.pop(key, None)
        if workload is not None:
            workload.end()
            for pod in workload.pods:
                pod.await_end()

    def _run_hooks(self, manifests: Sequence[Manifest], moment: str) -> None:
        for hook in _hooks(manifests, moment):
            if hook.kind not in ("Job", "Pod"):
                self.apply([hook])
                continue
            code, output = Job(hook, self.make_pod).run()
            if code:
                raise Failed(f"{moment} hook {hook.name} ended with {code}:\n{output[-4000:]}")
        for hook in _hooks(manifests, moment):
            if hook.ends_with_its_moment:
                self._delete(hook.key)

    def _reconcile(self) -> None:
        while not self._stopping.wait(_TICK_S):
            try:
                with self._lock:
                    for workload in self._workloads.values():
                        workload.step()
            except BaseException as error:
                self._failure = error
                return

    def _replicas(self, manifest: Manifest) -> int:
        """The Deployment's number of replicas, or its autoscaler's minimum."""
        if "replicas" in manifest.spec:
            return int(manifest.spec["replicas"])
        for release in self._releases.values():
            for scaler in named(release, "HorizontalPodAutoscaler").values():
                if scaler.spec["scaleTargetRef"]["name"] == manifest.name:
                    return int(scaler.spec.get("minReplicas", 1))
        return 1

    def _make(self, name: str, template: Mapping[str, Any], claims: Mapping[str, Path]) -> Pod:
        return Pod(self._client, self._space, self._objects, self._folder, name, template, claims)

    def make_pod(self, name: str, template: Mapping[str, Any], claims: Mapping[str, Path]) -> Pod:
        """A pod of no workload, for a Job to run."""
        pod = self._make(name, template, claims)
        self._jobs = [*(job for job in self._jobs if not job.gone), pod]
        return pod

    def _pods_now(self) -> list[Pod]:
        # Without the lock: the resolver asks from a thread of its own, and a list is replaced, never changed half.
        return [pod for workload in [*self._workloads.values()] for pod in [*workload.pods]] + self._jobs

    def _describe(self, workload: Workload) -> str:
        lines = [f"{workload.manifest.kind} {workload.manifest.name} is not ready"]
        for pod in workload.pods:
            state = "ready" if pod.ready else "ending" if pod.terminating else "not ready"
            lines += [f"  {pod.name}: {state}; {pod.trouble or 'no trouble known'}", *_indented(pod.logs(tail=12))]
        return "\n".join(lines)

    def _clear(self) -> None:
        remove_containers(self._client, f"onegrid.runner={self._namespace}")
        clear_filters(f"RUNNER-{hashlib.sha256(self._namespace.encode()).hexdigest()[:12]}")
        for network in self._client.networks.list(filters={"label": f"onegrid.runner={self._namespace}"}):
            network.remove()
        shutil.rmtree(self._folder, ignore_errors=True)


def _hooks(manifests: Sequence[Manifest], moment: str) -> list[Manifest]:
    return sorted((each for each in manifests if moment in each.hooks), key=lambda each: (each.weight, *each.key))


def _turn(manifest: Manifest) -> tuple[int, str, str]:
    return (_FIRST.index(manifest.kind) if manifest.kind in _FIRST else len(_FIRST), *manifest.key)


def _indented(text: str) -> list[str]:
    return [f"    {line}" for line in text.splitlines()]
