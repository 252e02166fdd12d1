"""Manifests as they are rendered. Whatever is not understood is refused: a typo must not pass for a setting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

__all__ = ["Manifest", "Refused", "named", "parse", "selects"]


class Refused(Exception):
    """A manifest has a field that the runner does not support; the message gives its path."""


@dataclass(frozen=True)
class Manifest:
    """One object."""

    body: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """`Deployment`."""
        return str(self.body["kind"])

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.body["metadata"]["name"])

    @property
    def key(self) -> tuple[str, str]:
        """Kind and name."""
        return self.kind, self.name

    @property
    def spec(self) -> Mapping[str, Any]:
        """Its spec; empty if it has none."""
        spec: Mapping[str, Any] = self.body.get("spec") or {}
        return spec

    @property
    def labels(self) -> Mapping[str, str]:
        """Its labels."""
        labels: Mapping[str, str] = self.body["metadata"].get("labels") or {}
        return labels

    @property
    def hooks(self) -> frozenset[str]:
        """When Helm runs it; empty for what stays."""
        hooks = self._annotation("helm.sh/hook")
        return frozenset(part.strip() for part in hooks.split(",") if part.strip())

    @property
    def weight(self) -> int:
        """Its turn among the hooks of the same moment."""
        return int(self._annotation("helm.sh/hook-weight") or 0)

    @property
    def ends_with_its_moment(self) -> bool:
        """Whether Helm deletes it when all hooks of the moment have succeeded."""
        return "hook-succeeded" in self._annotation("helm.sh/hook-delete-policy")

    def _annotation(self, name: str) -> str:
        return str((self.body["metadata"].get("annotations") or {}).get(name, ""))


def parse(rendered: str) -> list[Manifest]:
    """The objects of what `helm template` printed. Raises Refused."""
    found = [Manifest(body) for body in yaml.load_all(rendered, yaml.CSafeLoader) if body]
    for manifest in found:
        if manifest.kind not in _KINDS:
            raise Refused(f"{manifest.kind} {manifest.name}: no such kind is known")
        _check(f"{manifest.kind} {manifest.name}", manifest.body, {**_OBJECT, **_KINDS[manifest.kind]})
        if manifest.kind in ("Job", "Pod") and not manifest.hooks:
            raise Refused(f"{manifest.kind} {manifest.name}: only hooks of Helm are run to their end")
        _check_references(manifest)
    return found


def _check_references(manifest: Manifest) -> None:
    """Refuse what names a port or a volume that the pod doesn't have."""
    pod = manifest.spec if manifest.kind == "Pod" else (manifest.spec.get("template") or {}).get("spec") or {}
    claims = {claim["metadata"]["name"] for claim in manifest.spec.get("volumeClaimTemplates") or []}
    volumes = claims | {volume["name"] for volume in pod.get("volumes") or []}
    for container in [*(pod.get("initContainers") or []), *(pod.get("containers") or [])]:
        where = f"{manifest.kind} {manifest.name}: container {container['name']}"
        for mount in container.get("volumeMounts") or []:
            if mount["name"] not in volumes:
                raise Refused(f"{where} mounts {mount['name']}, which is no volume of the pod")
        ports = {port.get("name") for port in container.get("ports") or []}
        for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
            probe = container.get(kind)
            if probe is None:
                continue
            asked = [probe[each] for each in _ACTIONS if each in probe]
            if len(asked) != 1:
                raise Refused(f"{where}: a {kind} has one of {', '.join(_ACTIONS)}")
            port = asked[0].get("port", 0)
            if isinstance(port, str) and port not in ports:
                raise Refused(f"{where}: {kind} asks port {port}, which it doesn't have")


def _check(path: str, value: Any, known: Any) -> None:
    """Refuse every key that is not known."""
    if known is _ANY:
        return
    if isinstance(known, list):
        if not isinstance(value, list):
            raise Refused(f"{path}: expected a list")
        for number, item in enumerate(value):
            _check(f"{path}[{number}]", item, known[0])
    elif isinstance(known, Mapping):
        if not isinstance(value, Mapping):
            raise Refused(f"{path}: expected an object")
        for key, item in value.items():
            if key not in known:
                raise Refused(f"{path}.{key}: not understood")
            _check(f"{path}.{key}", item, known[key])
    elif isinstance(known, frozenset) and value not in known:
        raise Refused(f"{path}: {value!r} is none of {', '.join(sorted(map(str, known)))}")


def _keys(*names: str) -> dict[str, Any]:
    return dict.fromkeys(names, _ANY)


def _only(*values: object) -> frozenset[object]:
    return frozenset(values)


_ANY: Final = object()
_META = _keys("name", "namespace", "labels", "annotations")
_OBJECT = {**_keys("apiVersion", "kind"), "metadata": _META}
_SELECTOR = {"matchLabels": _ANY}
_REF = _keys("name", "key", "optional")
_SOURCE = {**_keys("name", "optional", "defaultMode"), "items": [_keys("key", "path")]}
_SECRET = {**_keys("secretName", "optional", "defaultMode"), "items": [_keys("key", "path")]}
_ACTIONS: Final = ("grpc", "httpGet", "tcpSocket", "exec")
_PROBE = {
    **_keys("initialDelaySeconds", "periodSeconds", "timeoutSeconds", "failureThreshold", "successThreshold"),
    "grpc": _keys("port", "service"),
    "httpGet": {**_keys("path", "port"), "scheme": _only("HTTP")},
    "tcpSocket": _keys("port"),
    "exec": _keys("command"),
}
_CONTAINER = {
    **_keys("name", "image", "imagePullPolicy", "command", "args"),
    "env": [
        {
            **_keys("name", "value"),
            "valueFrom": {
                "secretKeyRef": _REF,
                "configMapKeyRef": _REF,
                "fieldRef": {
                    **_keys("apiVersion"),
                    "fieldPath": _only("metadata.name", "metadata.namespace"),
                },
            },
        }
    ],
    "envFrom": [{"configMapRef": _keys("name", "optional"), "secretRef": _keys("name", "optional")}],
    "ports": [{**_keys("name", "containerPort"), "protocol": _only("TCP")}],
    "volumeMounts": [_keys("name", "mountPath", "subPath", "readOnly")],
    "securityContext": {
        **_keys("readOnlyRootFilesystem", "runAsUser", "runAsGroup", "runAsNonRoot"),
        "allowPrivilegeEscalation": _only(False),
        "capabilities": _keys("drop", "add"),
        "seccompProfile": {"type": _only("RuntimeDefault")},
    },
    # A node's disk is not shared out here.
    "resources": {"requests": _ANY, "limits": _keys("cpu", "memory", "ephemeral-storage")},
    "startupProbe": _PROBE,
    "readinessProbe": _PROBE,
    "livenessProbe": _PROBE,
    "lifecycle": {"preStop": {"exec": _keys("command"), "sleep": _keys("seconds")}},
}
_POD = {
    # On one node, where pods go and who goes first means nothing; neither do accounts without an API to call.
    **_keys("topologySpreadConstraints", "priorityClassName", "serviceAccountName", "imagePullSecrets"),
    **_keys("terminationGracePeriodSeconds"),
    "automountServiceAccountToken": _only(False),
    "enableServiceLinks": _only(False),
    "restartPolicy": _only("Always", "OnFailure", "Never"),
    "securityContext": {
        **_keys("runAsNonRoot", "runAsUser", "runAsGroup", "fsGroup"),
        "seccompProfile": {"type": _only("RuntimeDefault")},
    },
    "volumes": [
        {
            **_keys("name"),
            "emptyDir": _keys("medium", "sizeLimit"),
            "configMap": _SOURCE,
            "secret": _SECRET,
            "projected": {**_keys("defaultMode"), "sources": [{"configMap": _SOURCE, "secret": _SOURCE}]},
        }
    ],
    "initContainers": [_CONTAINER],
    "containers": [_CONTAINER],
}
_TEMPLATE = {"metadata": _META, "spec": _POD}
_PEER = {"podSelector": _SELECTOR, "namespaceSelector": _SELECTOR}
_PORTS = [{**_keys("port"), "protocol": _only("TCP", "UDP")}]
_NOT_HERE = {"spec": _ANY}  # needs an operator or a controller, which is not here
_KINDS: Final[Mapping[str, Mapping[str, Any]]] = {
    "Deployment": {
        "spec": {
            **_keys("replicas", "revisionHistoryLimit"),
            "selector": _SELECTOR,
            "strategy": {
                "type": _only("RollingUpdate", "Recreate"),
                "rollingUpdate": _keys("maxSurge", "maxUnavailable"),
            },
            "template": _TEMPLATE,
        }
    },
    "StatefulSet": {
        "spec": {
            **_keys("replicas", "serviceName", "revisionHistoryLimit"),
            "selector": _SELECTOR,
            "template": _TEMPLATE,
            "volumeClaimTemplates": [
                {
                    "metadata": _META,
                    # A folder has no size.
                    "spec": _keys("accessModes", "storageClassName", "resources"),
                }
            ],
        }
    },
    "Job": {"spec": {**_keys("backoffLimit", "activeDeadlineSeconds"), "template": _TEMPLATE}},
    "Pod": {"spec": _POD},
    "Service": {
        "spec": {
            # Containers here have addresses of IPv4 alone.
            **_keys("selector", "publishNotReadyAddresses", "type", "ipFamilyPolicy"),
            "clusterIP": _only("None"),
            "ports": [{**_keys("name", "port", "targetPort", "appProtocol"), "protocol": _only("TCP")}],
        }
    },
    "ConfigMap": {"data": _ANY},
    "Secret": _keys("data", "stringData", "type"),
    "ServiceAccount": _keys("automountServiceAccountToken"),
    "NetworkPolicy": {
        "spec": {
            "podSelector": _SELECTOR,
            "policyTypes": [_only("Ingress", "Egress")],
            "ingress": [{"from": [_PEER], "ports": _PORTS}],
            "egress": [{"to": [_PEER], "ports": _PORTS}],
        }
    },
    # What only asks for something when nodes go, or load comes.
    "PodDisruptionBudget": {"spec": _keys("maxUnavailable", "minAvailable", "selector", "unhealthyPodEvictionPolicy")},
    "HorizontalPodAutoscaler": {
        "spec": _keys("scaleTargetRef", "minReplicas", "maxReplicas", "metrics", "behavior"),
    },
    "Ingress": _NOT_HERE,
    "ServiceMonitor": _NOT_HERE,
    "PodMonitor": _NOT_HERE,
    "PrometheusRule": _NOT_HERE,
}


def selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether these labels have all that the selector asks for."""
    return selector.items() <= labels.items()


def named(manifests: Iterable[Manifest], kind: str) -> dict[str, Manifest]:
    """Those of a kind, by name."""
    return {manifest.name: manifest for manifest in manifests if manifest.kind == kind}
