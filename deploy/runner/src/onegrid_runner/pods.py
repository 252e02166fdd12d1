"""A pod: its volumes, its containers one after the other, its probes, and its end."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import shutil
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, NotFound
from docker.models.containers import Container
from docker.types import Mount

from onegrid_runner.manifests import Manifest, Refused
from onegrid_runner.network import Space
from onegrid_runner.probes import Probe

__all__ = ["Objects", "Pod", "expand", "quantity", "remove_containers"]

_TICK_S = 0.1
_LONG_S = 24 * 3600
_BACK_OFF_S = (1.0, 30.0)
"""Quicker than a kubelet's, which begins with ten seconds."""
_UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "k": 10**3, "M": 10**6, "G": 10**9, "": 1}


class Objects:
    """The ConfigMaps and Secrets that pods refer to."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], dict[str, bytes]] = {}

    def put(self, manifest: Manifest) -> None:
        """Keep one, in place of what had its name."""
        body = manifest.body
        data = {key: str(value).encode() for key, value in (body.get("stringData") or {}).items()}
        for key, value in (body.get("data") or {}).items():
            data[key] = base64.b64decode(value) if manifest.kind == "Secret" else str(value).encode()
        self._found[manifest.key] = data

    def drop(self, key: tuple[str, str]) -> None:
        """Forget one."""
        self._found.pop(key, None)

    def read(self, kind: str, name: str, *, optional: bool = False) -> dict[str, bytes]:
        """Its data. Raises Refused if there is none, unless it is optional."""
        found = self._found.get((kind, name))
        if found is None and not optional:
            raise Refused(f"{kind} {name}: there is none")
        return found or {}


class Pod:
    """Runs in a thread of its own from `start` on."""

    def __init__(
        self,
        client: docker.DockerClient,
        space: Space,
        objects: Objects,
        folder: Path,
        name: str,
        template: Mapping[str, Any],
        claims: Mapping[str, Path] | None = None,
    ) -> None:
        self.name = name
        self.labels: Mapping[str, str] = template["metadata"].get("labels") or {}
        self.spec: Mapping[str, Any] = template["spec"]
        self.ip = ""
        self.ready = False
        self.ended: int | None = None
        """The exit code of a pod that is not started again."""
        self.restarts = 0
        if len(self.spec["containers"]) != 1:
            raise Refused(f"Pod {name}: one container a pod is understood")
        self._main: Mapping[str, Any] = self.spec["containers"][0]
        self.ports: Mapping[str, int] = {
            port["name"]: port["containerPort"] for port in self._main.get("ports") or [] if "name" in port
        }
        self._client = client
        self._space = space
        self._network = space.network
        self._full_name = f"{space.namespace}.{name}"
        self._objects = objects
        self._folder = folder / name
        self._claims = claims or {}
        self._terminating = threading.Event()
        self._thread = threading.Thread(target=self._live, name=f"pod {name}", daemon=True)
        self._container: Container | None = None
        self.trouble = ""
        """What went wrong last, if anything did."""

    def start(self) -> None:
        """Begin to live."""
        self._thread.start()

    def terminate(self) -> None:
        """Terminate it: it takes no new traffic from now on, and has its grace period."""
        self.ready = False
        self._terminating.set()

    def await_end(self, patience_s: float = 120) -> None:
        """Wait until it is gone."""
        self._thread.join(patience_s)

    @property
    def container(self) -> Container:
        """Its main container. Raises LookupError before there is one."""
        if self._container is None:
            raise LookupError(f"{self.name} has no container yet")
        return self._container

    @property
    def terminating(self) -> bool:
        """Whether `terminate` was called."""
        return self._terminating.is_set()

    @property
    def gone(self) -> bool:
        """Whether nothing of it runs any more."""
        return not self._thread.is_alive()

    def logs(self, tail: int | str = "all") -> str:
        """The logs of its containers, init containers included."""
        logs = []
        for found in self._client.api.containers(all=True, filters={"label": f"onegrid.runner.pod={self._full_name}"}):
            with contextlib.suppress(NotFound):
                logs.append(self._client.api.logs(found["Id"], tail=tail).decode(errors="replace"))
        return "".join(reversed(logs))

    def _live(self) -> None:
        pause = _BACK_OFF_S[0]
        while self.ended is None and not self.terminating:
            try:
                self._run()
            except (APIError, OSError, Refused) as error:
                # A Secret may come later, and so may an image.
                self.trouble = str(error)
            self.ready = False
            if self.ended is None:
                self._terminating.wait(pause)
            pause = min(pause * 2, _BACK_OFF_S[1])
        if self.terminating:
            self.remove()

    def _run(self) -> None:
        volumes = self._volumes()
        for number, spec in enumerate(self.spec.get("initContainers") or []):
            if not self._run_init(f"init-{number}", spec, volumes):
                return
        self._run_main(volumes)

    def _run_init(self, name: str, spec: Mapping[str, Any], volumes: Mapping[str, Path]) -> bool:
        pause = _BACK_OFF_S[0]
        while not self._terminating.is_set():
            container = self._create(name, spec, volumes)
            container.start()
            code = self._await_exit(container)
            if code == 0:
                return True
            self.trouble = f"init container {spec['name']} ended with {code}"
            if self._policy == "Never":
                self.ended = code or 1
                return False
            self._terminating.wait(pause)
            container.remove(force=True)
            pause = min(pause * 2, _BACK_OFF_S[1])
        return False

    def _run_main(self, volumes: Mapping[str, Path]) -> None:
        container = self._container = self._create("main", self._main, volumes)
        probes = {
            kind: Probe(self._main[f"{kind}Probe"], lambda: self.ip, self.ports, self._execute)
            for kind in ("startup", "readiness", "liveness")
            if f"{kind}Probe" in self._main
        }
        pause = _BACK_OFF_S[0]
        while True:
            container.start()
            container.reload()
            self.ip = container.attrs["NetworkSettings"]["Networks"][self._network.bridge.name]["IPAddress"]
            self._network.refresh()
            began = time.monotonic()
            code = self._attend(container, probes)
            self.ready = False
            if self._terminating.is_set():
                self._stop(container)
                return
            if self._policy == "Never" or (self._policy == "OnFailure" and code == 0):
                self.ended = code
                self.ip = ""
                self._network.refresh()
                return
            self.restarts += 1
            self.trouble = f"ended with {code} and was started again"
            if time.monotonic() - began > 60:
                pause = _BACK_OFF_S[0]
            self._terminating.wait(pause)
            pause = min(pause * 2, _BACK_OFF_S[1])
            if self._terminating.is_set():
                return

    def _attend(self, container: Container, probes: Mapping[str, Probe]) -> int:
        """Ask the probes until the container ends, or is to end; its exit code."""
        exit_code = self._exit_code(container)
        now = time.monotonic()
        for probe in probes.values():
            probe.reset(now)
        started = "startup" not in probes
        self.ready = started and "readiness" not in probes
        while not self._terminating.wait(_TICK_S):
            if exit_code.done():
                return exit_code.result()
            for kind, probe in probes.items():
                now = time.monotonic()
                if now < probe.due or (kind == "startup") == started:
                    continue
                verdict = probe.ask(now)
                if self._terminating.is_set():
                    break
                if kind == "readiness" and verdict is not None:
                    self.ready = verdict
                elif kind == "startup" and verdict:
                    started = True
                    self.ready = "readiness" not in probes
                elif kind != "readiness" and verdict is False:
                    self.trouble = f"{kind} probe failed"
                    self.ready = False
                    self._stop(container)
                    return exit_code.result()
        return 0

    def _stop(self, container: Container) -> None:
        """As a kubelet does: preStop, then SIGTERM, and SIGKILL when the grace period is over."""
        until = time.monotonic() + float(self.spec.get("terminationGracePeriodSeconds", 30))
        hook = (self._main.get("lifecycle") or {}).get("preStop") or {}
        with contextlib.suppress(APIError):
            if "exec" in hook:
                self._execute(hook["exec"]["command"], until - time.monotonic())
            elif "sleep" in hook:
                time.sleep(min(hook["sleep"]["seconds"], until - time.monotonic()))
            container.kill("SIGTERM")
            while time.monotonic() < until:
                container.reload()
                if container.status != "running":
                    return
                time.sleep(_TICK_S)
            self.trouble = "was killed when its grace period was over"
            container.kill()

    def _await_exit(self, container: Container) -> int:
        exit_code = self._exit_code(container)
        while not self._terminating.wait(_TICK_S):
            if exit_code.done():
                return exit_code.result()
        return 1

    def _exit_code(self, container: Container) -> Future[int]:
        """Resolves when the container exits. Polling would take processor time from what is tested."""
        exit_code: Future[int] = Future()

        def wait() -> None:
            try:
                exit_code.set_result(int(self._client.api.wait(container.id, timeout=_LONG_S)["StatusCode"]))
            except (APIError, OSError):
                exit_code.set_result(1)

        threading.Thread(target=wait, name=f"exit of {self.name}", daemon=True).start()
        return exit_code

    @property
    def _policy(self) -> str:
        return str(self.spec.get("restartPolicy", "Always"))

    def _execute(self, command: list[str], patience_s: float) -> int:
        """The exit code of a command in the main container; 124 where it takes longer. It is not ended by that."""
        exit_code: Future[int] = Future()

        def execute() -> None:
            try:
                exit_code.set_result(int(self.container.exec_run(command).exit_code))
            except (APIError, OSError):
                exit_code.set_result(1)

        threading.Thread(target=execute, name=f"command in {self.name}", daemon=True).start()
        try:
            return exit_code.result(patience_s)
        except TimeoutError:
            return 124

    def remove(self) -> None:
        """Remove its containers and its files."""
        remove_containers(self._client, f"onegrid.runner.pod={self._full_name}")
        self.ip = ""
        self._network.refresh()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _create(self, name: str, spec: Mapping[str, Any], volumes: Mapping[str, Path]) -> Container:
        security = {**(self.spec.get("securityContext") or {}), **(spec.get("securityContext") or {})}
        if security.get("runAsNonRoot") and not security.get("runAsUser"):
            raise Refused(f"Pod {self.name}: runAsNonRoot without runAsUser can't be checked here")
        capabilities = security.get("capabilities") or {}
        limits = (spec.get("resources") or {}).get("limits") or {}
        groups = [security["fsGroup"]] if "fsGroup" in security else []
        environment = self._environment(spec)
        return self._client.containers.create(
            spec["image"],
            # Kubernetes calls command what Docker calls entrypoint, and args what Docker calls command.
            entrypoint=[expand(part, environment) for part in spec.get("command") or []] or None,
            command=[expand(part, environment) for part in spec.get("args") or []] or None,
            name=f"{self._space.namespace}-{self.name}-{name}-{time.monotonic_ns() % 10**9}",
            hostname=self.name[:63],
            labels={
                "onegrid.runner": self._network.name,
                "onegrid.runner.namespace": self._space.namespace,
                "onegrid.runner.pod": self._full_name,
            },
            environment=environment,
            network=self._network.bridge.name,
            mounts=[self._resolver(), *self._mounts(spec, volumes)],
            user=f"{security['runAsUser']}:{security.get('runAsGroup', 0)}" if "runAsUser" in security else None,
            group_add=groups,
            read_only=bool(security.get("readOnlyRootFilesystem")),
            cap_drop=capabilities.get("drop"),
            cap_add=capabilities.get("add"),
            security_opt=["no-new-privileges"] if security.get("allowPrivilegeEscalation") is False else None,
            mem_limit=int(quantity(limits["memory"])) if "memory" in limits else None,
            nano_cpus=int(quantity(limits["cpu"]) * 10**9) if "cpu" in limits else None,
        )

    def _environment(self, spec: Mapping[str, Any]) -> dict[str, str]:
        known: dict[str, str] = {}
        for source in spec.get("envFrom") or []:
            for kind, key in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
                if key in source:
                    read = self._objects.read(kind, source[key]["name"], optional=bool(source[key].get("optional")))
                    known.update({name: value.decode() for name, value in read.items()})
        for each in spec.get("env") or []:
            value = self._value(each["valueFrom"]) if "valueFrom" in each else str(each.get("value", ""))
            if value is not None:
                known[each["name"]] = value if "valueFrom" in each else expand(value, known)
        return known

    def _value(self, source: Mapping[str, Any]) -> str | None:
        if "fieldRef" in source:
            return self.name if source["fieldRef"]["fieldPath"] == "metadata.name" else self._space.namespace
        for kind, key in (("Secret", "secretKeyRef"), ("ConfigMap", "configMapKeyRef")):
            if key in source:
                optional = bool(source[key].get("optional"))
                read = self._objects.read(kind, source[key]["name"], optional=optional)
                if source[key]["key"] in read:
                    return read[source[key]["key"]].decode()
                if not optional:
                    raise Refused(f"{kind} {source[key]['name']} has no {source[key]['key']}")
        return None

    def _resolver(self) -> Mount:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / "resolv.conf"
        path.write_text(self._space.resolv_conf())
        return Mount("/etc/resolv.conf", str(path), type="bind", read_only=True)

    def _mounts(self, spec: Mapping[str, Any], volumes: Mapping[str, Path]) -> list[Mount]:
        return [
            Mount(
                mount["mountPath"],
                str(volumes[mount["name"]] / mount.get("subPath", "")),
                type="bind",
                read_only=bool(mount.get("readOnly")),
            )
            for mount in spec.get("volumeMounts") or []
        ]

    def _volumes(self) -> dict[str, Path]:
        """A folder for each volume, with its files in it."""
        group = (self.spec.get("securityContext") or {}).get("fsGroup", -1)
        made = dict(self._claims)
        for volume in self.spec.get("volumes") or []:
            folder = self._folder / "volumes" / volume["name"]
            folder.mkdir(parents=True, exist_ok=True)
            made[volume["name"]] = folder
            files, mode = self._files(volume)
            for name, content in files.items():
                (folder / name).write_bytes(content)
                (folder / name).chmod(mode)
                os.chown(folder / name, -1, group)
            # A limit of size is not kept here.
            folder.chmod(0o2777 if "emptyDir" in volume else 0o755)
        for folder in made.values():
            os.chown(folder, -1, group)
            if folder in self._claims.values():
                folder.chmod(0o2775)
        return made

    def _files(self, volume: Mapping[str, Any]) -> tuple[dict[str, bytes], int]:
        if "emptyDir" in volume:
            return {}, 0
        projection = next(volume[kind] for kind in ("configMap", "secret", "projected") if kind in volume)
        files: dict[str, bytes] = {}
        for kind, source in [
            (kind, s) for s in projection.get("sources", [volume]) for kind in ("configMap", "secret") if kind in s
        ]:
            of = source[kind]
            name = of.get("name") or of["secretName"]
            read = self._objects.read(
                "ConfigMap" if kind == "configMap" else "Secret", name, optional=bool(of.get("optional"))
            )
            items = {item["key"]: item["path"] for item in of.get("items") or []}
            files.update({items.get(key, key): value for key, value in read.items() if not items or key in items})
        return files, int(projection.get("defaultMode", 0o644))


def remove_containers(client: docker.DockerClient, label: str) -> None:
    """Remove every container with this label, running or not."""
    for found in client.api.containers(all=True, filters={"label": label}):
        # Another process may be removing it.
        with contextlib.suppress(APIError):
            client.api.remove_container(found["Id"], force=True)


def expand(value: str, known: Mapping[str, str]) -> str:
    """`$(NAME)` for what was given before; `$$(NAME)` stays as `$(NAME)`, and what is not known as it is."""

    def each(found: re.Match[str]) -> str:
        if found[0].startswith("$$"):
            return found[0][1:]
        return known.get(found[1], found[0])

    return re.sub(r"\$?\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)", each, value)


def quantity(text: str | float) -> float:
    """A quantity as Kubernetes writes it, in its base unit: `250m`, `64Mi`."""
    found = re.fullmatch(r"([0-9.]+)(m|Ki|Mi|Gi|k|M|G)?", str(text))
    if found is None:
        raise Refused(f"{text!r} is no quantity")
    number, unit = float(found[1]), found[2] or ""
    return number / 1000 if unit == "m" else number * _UNITS[unit]
