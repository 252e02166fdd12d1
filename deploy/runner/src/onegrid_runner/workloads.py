"""Deployments, StatefulSets and Jobs: how many pods there are to be, and how old ones give way to new ones."""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from onegrid_runner.manifests import Manifest
from onegrid_runner.pods import Pod

__all__ = ["Deployment", "Job", "StatefulSet", "Workload", "share"]

MakePod = Callable[[str, Mapping[str, Any], Mapping[str, Path]], Pod]
_TICK_S = 0.1


class Workload(Protocol):
    """What keeps pods."""

    manifest: Manifest
    pods: list[Pod]

    def update(self, manifest: Manifest) -> None:
        """Let this be wanted from now on."""
        ...

    def restart(self) -> None:
        """Replace every pod, as `kubectl rollout restart` does."""
        ...

    def step(self) -> None:
        """Bring what is a little nearer to what is wanted. Called again and again."""
        ...

    def settled(self) -> bool:
        """Whether all is as it is wanted."""
        ...

    def end(self) -> None:
        """Want nothing any more."""
        ...


class Deployment:
    """Pods that are alike, replaced a few at a time."""

    def __init__(self, manifest: Manifest, make: MakePod, replicas: Callable[[Manifest], int]) -> None:
        self.manifest = manifest
        self.pods: list[Pod] = []
        self._make = make
        self._replicas = replicas
        self._generation = 0
        self._made: dict[str, str] = {}
        self._numbers = itertools.count()

    def update(self, manifest: Manifest) -> None:
        """Let this be wanted from now on."""
        self.manifest = manifest

    def restart(self) -> None:
        """Replace every pod."""
        self._generation += 1

    def end(self) -> None:
        """End every pod."""
        for pod in self.pods:
            pod.terminate()

    def settled(self) -> bool:
        """Whether as many as are wanted are ready, and none is there besides."""
        wanted = self._wanted
        return (
            len(self.pods) == self._replicas(self.manifest)
            and all(self._made[pod.name] == wanted for pod in self.pods)
            and all(pod.ready for pod in self.pods)
        )

    def step(self) -> None:
        """Start or end pods, as far as surge and unavailability allow."""
        self.pods = [pod for pod in self.pods if not pod.gone]
        living = [pod for pod in self.pods if not pod.terminating]
        wanted, count = self._wanted, self._replicas(self.manifest)
        new = [pod for pod in living if self._made[pod.name] == wanted]
        old = [pod for pod in living if self._made[pod.name] != wanted]
        surge, unavailable = self._margins(count)
        if self._recreates and old:
            for pod in old:
                pod.terminate()
            return
        if self._recreates and self.pods != new:
            return
        for _ in range(min(count - len(new), count + surge - len(living))):
            self._start(wanted)
        # Pods that are not ready serve no traffic, so they are removed first.
        for pod in sorted(old, key=lambda pod: pod.ready):
            ready = sum(each.ready for each in living)
            if not pod.ready or ready - 1 >= count - unavailable:
                pod.terminate()
        for pod in new[count:]:
            pod.terminate()

    def _start(self, wanted: str) -> None:
        name = f"{self.manifest.name}-{wanted[:8]}-{next(self._numbers)}"
        pod = self._make(name, self.manifest.spec["template"], {})
        self._made[name] = wanted
        self.pods.append(pod)
        pod.start()

    @property
    def _wanted(self) -> str:
        template = json.dumps([self.manifest.spec["template"], self._generation], sort_keys=True)
        return hashlib.sha256(template.encode()).hexdigest()

    @property
    def _recreates(self) -> bool:
        return (self.manifest.spec.get("strategy") or {}).get("type") == "Recreate"

    def _margins(self, count: int) -> tuple[int, int]:
        limits = (self.manifest.spec.get("strategy") or {}).get("rollingUpdate") or {}
        surge = share(limits.get("maxSurge", "25%"), count, up=True)
        unavailable = share(limits.get("maxUnavailable", "25%"), count, up=False)
        return surge, unavailable if surge or unavailable else 1


class StatefulSet:
    """Pods with names of their own and data that stays; one after the other."""

    def __init__(self, manifest: Manifest, make: MakePod, claims: Path) -> None:
        self.manifest = manifest
        self.pods: list[Pod] = []
        self._make = make
        self._claims = claims
        self._generation = 0
        self._made: dict[str, str] = {}

    def update(self, manifest: Manifest) -> None:
        """Let this be wanted from now on."""
        self.manifest = manifest

    def restart(self) -> None:
        """Replace every pod."""
        self._generation += 1

    def end(self) -> None:
        """End every pod; their data stays."""
        for pod in self.pods:
            pod.terminate()

    def settled(self) -> bool:
        """Whether all are there, new and ready."""
        wanted = self._wanted
        return len(self.pods) == int(self.manifest.spec.get("replicas", 1)) and all(
            pod.ready and self._made[pod.name] == wanted for pod in self.pods
        )

    def step(self) -> None:
        """Start the next pod once those before it are ready; end the last that is old or too many once all are."""
        self.pods = [pod for pod in self.pods if not pod.gone]
        if not all(pod.ready for pod in self.pods):
            return
        wanted, count = self._wanted, int(self.manifest.spec.get("replicas", 1))
        if len(self.pods) > count:
            max(self.pods, key=_ordinal).terminate()
            return
        old = [pod for pod in self.pods if self._made[pod.name] != wanted]
        if old:
            max(old, key=_ordinal).terminate()
            return
        there = {pod.name for pod in self.pods}
        for number in range(count):
            name = f"{self.manifest.name}-{number}"
            if name not in there:
                pod = self._make(name, self.manifest.spec["template"], self._volumes(name))
                self._made[name] = wanted
                self.pods.append(pod)
                pod.start()
                return

    def _volumes(self, pod: str) -> dict[str, Path]:
        found = {}
        for claim in self.manifest.spec.get("volumeClaimTemplates") or []:
            name = claim["metadata"]["name"]
            found[name] = self._claims / f"{name}-{pod}"
            found[name].mkdir(parents=True, exist_ok=True)
        return found

    @property
    def _wanted(self) -> str:
        template = json.dumps([self.manifest.spec["template"], self._generation], sort_keys=True)
        return hashlib.sha256(template.encode()).hexdigest()


def _ordinal(pod: Pod) -> int:
    return int(pod.name.rpartition("-")[2])


class Job:
    """A pod that ends well, sooner or later, or a job that failed. A hook's Pod is a job with one try."""

    def __init__(self, manifest: Manifest, make: MakePod) -> None:
        self.manifest = manifest
        self._make = make

    def run(self, on_line: Callable[[str], None] | None = None) -> tuple[int, str]:
        """Run it to its end; return the exit code and the output of the last try."""
        spec = self.manifest.spec
        template = spec.get("template") or {"metadata": self.manifest.body["metadata"], "spec": spec}
        template = {**template, "spec": {"restartPolicy": "Never", **template["spec"]}}
        until = time.monotonic() + float(spec.get("activeDeadlineSeconds", 3600))
        tries = int(spec.get("backoffLimit", 6)) + 1 if self.manifest.kind == "Job" else 1
        code, output = 1, ""
        for number in range(tries):
            name = self.manifest.name if self.manifest.kind == "Pod" else f"{self.manifest.name}-{number}"
            pod = self._make(name, template, {})
            pod.start()
            forwarded = 0
            while pod.ended is None and time.monotonic() < until:
                time.sleep(_TICK_S)
                forwarded = _forward_logs(pod, forwarded, on_line)
            _forward_logs(pod, forwarded, on_line)
            code, output = (124, "its deadline passed\n") if pod.ended is None else (pod.ended, "")
            output = pod.logs() + output + (f"{pod.trouble}\n" if pod.trouble else "")
            pod.terminate()
            pod.await_end()
            pod.remove()
            if code == 0 or time.monotonic() > until:
                break
            time.sleep(min(2.0**number, 10))
        return code, output


def _forward_logs(pod: Pod, forwarded: int, on_line: Callable[[str], None] | None) -> int:
    """Pass new lines of the pod's log to `on_line`; return how many lines are forwarded so far."""
    if on_line is None:
        return forwarded
    lines = pod.logs().split("\n")[:-1]
    for line in lines[forwarded:]:
        on_line(line)
    return max(forwarded, len(lines))


def share(value: int | str, count: int, *, up: bool) -> int:
    """A number, or a percentage of the pods, rounded up or down."""
    if isinstance(value, int):
        return value
    percent = int(value.removesuffix("%"))
    return -(-count * percent // 100) if up else count * percent // 100
