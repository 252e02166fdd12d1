"""The namespace's network: one bridge, names that lead to ready pods, and policies as packet filters."""

from __future__ import annotations

import hashlib
import subprocess
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import docker
from dnslib import QTYPE, RR, A
from dnslib.server import BaseResolver, DNSLogger, DNSServer
from docker.models.networks import Network as DockerNetwork

from onegrid_runner.manifests import Manifest, selects

__all__ = ["Network", "Reachable", "clear_filters"]

_TTL_S = 1


class Reachable(Protocol):
    """A pod as the network sees it."""

    name: str
    labels: Mapping[str, str]
    ip: str
    """Empty until it has one."""
    ready: bool
    """Whether it takes traffic; never while it terminates."""
    ports: Mapping[str, int]
    """Container ports by their names."""


@dataclass(frozen=True)
class _Address:
    """A pod while its filters are made: it may end meanwhile."""

    ip: str
    labels: Mapping[str, str]
    ports: Mapping[str, int]


@dataclass(frozen=True)
class _Rule:
    """What one policy lets through, or everything of one direction."""

    source: str
    target: str
    protocol: str
    port: int | None


class Network:
    """Made with its bridge, resolver and filters; `close` removes them."""

    def __init__(self, client: docker.DockerClient, namespace: str, pods: Callable[[], Sequence[Reachable]]) -> None:
        self.services: dict[str, Manifest] = {}
        self.policies: dict[str, Manifest] = {}
        self.namespace = namespace
        self._pods = pods
        self._lock = threading.Lock()
        self._chain = "RUNNER-" + hashlib.sha256(namespace.encode()).hexdigest()[:12]
        # Internal: nothing leaves this machine.
        self.bridge: DockerNetwork = client.networks.create(
            f"runner-{namespace}", driver="bridge", internal=True, labels={"onegrid.runner": namespace}
        )
        self.bridge.reload()
        self.gateway: str = self.bridge.attrs["IPAM"]["Config"][0]["Gateway"]
        self._filter([])
        _iptables("-I", "DOCKER-USER", "-j", self._chain)
        self._dns = DNSServer(
            _Resolver(self), address=self.gateway, port=53, logger=DNSLogger("-request,-reply,-truncated,-error")
        )
        self._dns.start_thread()

    def close(self) -> None:
        """Remove what was made."""
        self._dns.stop()
        self._dns.server.server_close()
        clear_filters(self._chain)
        self.bridge.remove()

    def resolv_conf(self) -> str:
        """A pod's resolver configuration, as a kubelet writes it."""
        suffix = "svc.cluster.local"
        return f"nameserver {self.gateway}\nsearch {self.namespace}.{suffix} {suffix} cluster.local\noptions ndots:5\n"

    def addresses(self, name: str) -> list[str] | None:
        """Where a name leads: a service's pods, or one of them by its own name. None if there is no such name."""
        parts = name.rstrip(".").removesuffix(".cluster.local").removesuffix(".svc").split(".")
        if parts[-1] == self.namespace and len(parts) > 1:
            parts.pop()
        service = self.services.get(parts[-1])
        if service is None or len(parts) > 2:
            return None
        behind = self.behind(service)
        return [pod.ip for pod in behind if len(parts) == 1 or pod.name == parts[0]]

    def behind(self, service: Manifest) -> list[Reachable]:
        """The pods that a service leads to just now."""
        selector = service.spec.get("selector") or {}
        all_of_them = bool(service.spec.get("publishNotReadyAddresses"))
        return [pod for pod in self._pods() if pod.ip and selects(selector, pod.labels) and (all_of_them or pod.ready)]

    def refresh(self) -> None:
        """Let the policies be those of the pods that are there now."""
        with self._lock:
            self._filter([_Address(pod.ip, pod.labels, pod.ports) for pod in self._pods() if pod.ip])

    def _filter(self, pods: Sequence[_Address]) -> None:
        lines = ["*filter", f":{self._chain} - [0:0]", f":{self._chain}-IN - [0:0]"]
        add = lines.append
        add(f"-A {self._chain} -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN")
        for direction, flag, chain, go_on in (
            ("Egress", "-s", self._chain, f"{self._chain}-IN"),
            ("Ingress", "-d", f"{self._chain}-IN", "RETURN"),
        ):
            for pod in pods:
                rules = self._rules(direction, pod, pods)
                if rules is None:
                    continue
                for rule in rules:
                    add(f"-A {chain} {_match(rule)} -{'g' if go_on != 'RETURN' else 'j'} {go_on}")
                add(f"-A {chain} {flag} {pod.ip} -j DROP")
        add(f"-A {self._chain} -j {self._chain}-IN")
        subprocess.run(
            ["iptables-restore", "--noflush"], input="\n".join([*lines, "COMMIT", ""]), text=True, check=True
        )

    def _rules(self, direction: str, pod: _Address, pods: Sequence[_Address]) -> list[_Rule] | None:
        """What may come to a pod, or go from it; None if no policy is about it."""
        policies = [
            policy
            for policy in self.policies.values()
            if direction in policy.spec["policyTypes"]
            and selects(policy.spec["podSelector"].get("matchLabels") or {}, pod.labels)
        ]
        if not policies:
            return None
        inward = direction == "Ingress"
        rules = []
        for rule in (each for policy in policies for each in policy.spec.get(direction.lower()) or []):
            for peer in _peers(rule.get("from" if inward else "to"), pods):
                for protocol, port in _ports(rule.get("ports"), pod):
                    here, there = pod.ip, peer
                    rules.append(_Rule(there if inward else here, here if inward else there, protocol, port))
        return rules


def clear_filters(chain: str) -> None:
    """Remove the filters of a namespace, as far as they are there."""
    _iptables("-D", "DOCKER-USER", "-j", chain, check=False)
    for name in (chain, f"{chain}-IN"):
        _iptables("-F", name, check=False)
    for name in (chain, f"{chain}-IN"):
        _iptables("-X", name, check=False)


def _peers(peers: Iterable[Mapping[str, Any]] | None, pods: Sequence[_Address]) -> list[str]:
    """Addresses; an empty one is any."""
    if not peers:
        return [""]
    return [
        pod.ip
        for peer in peers
        for pod in pods
        if selects((peer.get("podSelector") or {}).get("matchLabels") or {}, pod.labels)
    ]


def _ports(ports: Iterable[Mapping[str, Any]] | None, pod: _Address) -> list[tuple[str, int | None]]:
    if not ports:
        return [("", None)]
    found: list[tuple[str, int | None]] = []
    for port in ports:
        number = port["port"] if isinstance(port["port"], int) else pod.ports.get(port["port"])
        if number is not None:
            found.append((str(port.get("protocol", "TCP")).lower(), number))
    return found


def _match(rule: _Rule) -> str:
    parts = []
    if rule.source:
        parts.append(f"-s {rule.source}")
    if rule.target:
        parts.append(f"-d {rule.target}")
    if rule.port is not None:
        parts.append(f"-p {rule.protocol} --dport {rule.port}")
    return " ".join(parts)


def _iptables(*arguments: str, check: bool = True) -> None:
    subprocess.run(["iptables", "-w", *arguments], check=check, capture_output=True)


class _Resolver(BaseResolver):  # type: ignore[misc] # dnslib has no types
    """Answers pods. A name that is there without a ready pod has no address; one that is not there doesn't exist."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def resolve(self, request: Any, handler: Any) -> Any:
        """Called by the server for each question."""
        reply = request.reply()
        addresses = self._network.addresses(str(request.q.qname))
        if addresses is None:
            reply.header.rcode = 3
        elif request.q.qtype == QTYPE.A:
            for address in addresses:
                reply.add_answer(RR(request.q.qname, QTYPE.A, rdata=A(address), ttl=_TTL_S))
        return reply
