"""The network of all namespaces: one bridge, names that lead to ready pods, and policies as packet filters."""

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

__all__ = ["Address", "Network", "Reachable", "Rule", "Space", "clear_filters", "rules"]

_TTL_S = 1
_NAMESPACE = "kubernetes.io/metadata.name"


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
class Address:
    """A pod while its filters are made: it may end meanwhile."""

    namespace: str
    ip: str
    labels: Mapping[str, str]
    ports: Mapping[str, int]


@dataclass(frozen=True)
class Rule:
    """What one policy lets through, or everything of one direction."""

    source: str
    target: str
    protocol: str
    port: int | None


class Space:
    """What one namespace has of the network."""

    def __init__(self, network: Network, namespace: str, pods: Callable[[], Sequence[Reachable]]) -> None:
        self.namespace = namespace
        self.services: dict[str, Manifest] = {}
        self.policies: dict[str, Manifest] = {}
        self.pods = pods
        self.network = network

    def resolv_conf(self) -> str:
        """A pod's resolver configuration, as a kubelet writes it."""
        suffix = "svc.cluster.local"
        search = f"{self.namespace}.{suffix} {suffix} cluster.local"
        return f"nameserver {self.network.gateway}\nsearch {search}\noptions ndots:5\n"

    def behind(self, service: Manifest) -> list[Reachable]:
        """The pods that a service leads to just now."""
        selector = service.spec.get("selector") or {}
        all_of_them = bool(service.spec.get("publishNotReadyAddresses"))
        return [pod for pod in self.pods() if pod.ip and selects(selector, pod.labels) and (all_of_them or pod.ready)]


class Network:
    """Made with its bridge, resolver and filters; `close` removes them."""

    def __init__(self, client: docker.DockerClient, name: str) -> None:
        self.name = name
        self._spaces: dict[str, Space] = {}
        self._lock = threading.Lock()
        self._chain = "RUNNER-" + hashlib.sha256(name.encode()).hexdigest()[:12]
        # Internal: nothing leaves this machine.
        self.bridge: DockerNetwork = client.networks.create(
            f"runner-{name}", driver="bridge", internal=True, labels={"onegrid.runner": name}
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

    def enter(self, namespace: str, pods: Callable[[], Sequence[Reachable]]) -> Space:
        """Let these pods have addresses and names."""
        self._spaces[namespace] = Space(self, namespace, pods)
        return self._spaces[namespace]

    def leave(self, namespace: str) -> None:
        """Forget the namespace."""
        del self._spaces[namespace]
        self.refresh()

    def addresses(self, name: str) -> list[str] | None:
        """Where a name leads: a service's pods, or one of them by its own name. None if there is no such name."""
        asked = name.rstrip(".")
        parts = asked.removesuffix(".cluster.local").removesuffix(".svc").split(".")
        if len(parts) > 1 and parts[-1] in self._spaces:
            space = self._spaces[parts.pop()]
        elif parts == asked.split("."):
            # Without a namespace: of the first one.
            space = next(iter(self._spaces.values()))
        else:
            return None
        service = space.services.get(parts[-1])
        if service is None or len(parts) > 2:
            return None
        return [pod.ip for pod in space.behind(service) if len(parts) == 1 or pod.name == parts[0]]

    def refresh(self) -> None:
        """Let the policies be those of the pods that are there now."""
        with self._lock:
            self._filter(
                [
                    Address(space.namespace, pod.ip, pod.labels, pod.ports)
                    for space in [*self._spaces.values()]
                    for pod in space.pods()
                    if pod.ip
                ]
            )

    def _filter(self, pods: Sequence[Address]) -> None:
        lines = ["*filter", f":{self._chain} - [0:0]", f":{self._chain}-IN - [0:0]"]
        add = lines.append
        policies = [
            (space.namespace, policy) for space in [*self._spaces.values()] for policy in [*space.policies.values()]
        ]
        add(f"-A {self._chain} -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN")
        for direction, flag, chain, go_on in (
            ("Egress", "-s", self._chain, f"{self._chain}-IN"),
            ("Ingress", "-d", f"{self._chain}-IN", "RETURN"),
        ):
            for pod in pods:
                let_through = rules(direction, pod, pods, policies)
                if let_through is None:
                    continue
                for rule in let_through:
                    add(f"-A {chain} {_match(rule)} -{'g' if go_on != 'RETURN' else 'j'} {go_on}")
                add(f"-A {chain} {flag} {pod.ip} -j DROP")
        add(f"-A {self._chain} -j {self._chain}-IN")
        subprocess.run(
            ["iptables-restore", "--noflush"], input="\n".join([*lines, "COMMIT", ""]), text=True, check=True
        )


def rules(
    direction: str, pod: Address, pods: Sequence[Address], policies: Sequence[tuple[str, Manifest]]
) -> list[Rule] | None:
    """What may come to a pod, or go from it, by policies with their namespaces; None if no policy is about it."""
    about = [
        policy
        for namespace, policy in policies
        if namespace == pod.namespace
        and direction in policy.spec["policyTypes"]
        and selects(policy.spec["podSelector"].get("matchLabels") or {}, pod.labels)
    ]
    if not about:
        return None
    inward = direction == "Ingress"
    found = []
    for rule in (each for policy in about for each in policy.spec.get(direction.lower()) or []):
        for peer in _peers(rule.get("from" if inward else "to"), pod.namespace, pods):
            for protocol, port in _ports(rule.get("ports"), pod):
                here, there = pod.ip, peer
                found.append(Rule(there if inward else here, here if inward else there, protocol, port))
    return found


def clear_filters(chain: str) -> None:
    """Remove the filters of a namespace, as far as they are there."""
    _iptables("-D", "DOCKER-USER", "-j", chain, check=False)
    for name in (chain, f"{chain}-IN"):
        _iptables("-F", name, check=False)
    for name in (chain, f"{chain}-IN"):
        _iptables("-X", name, check=False)


def _peers(peers: Iterable[Mapping[str, Any]] | None, namespace: str, pods: Sequence[Address]) -> list[str]:
    """Addresses; an empty one is any. A peer that names no namespaces is of the policy's own."""
    if not peers:
        return [""]
    return [
        pod.ip
        for peer in peers
        for pod in pods
        if selects((peer.get("podSelector") or {}).get("matchLabels") or {}, pod.labels)
        and (
            selects(peer["namespaceSelector"].get("matchLabels") or {}, {_NAMESPACE: pod.namespace})
            if "namespaceSelector" in peer
            else pod.namespace == namespace
        )
    ]


def _ports(ports: Iterable[Mapping[str, Any]] | None, pod: Address) -> list[tuple[str, int | None]]:
    if not ports:
        return [("", None)]
    found: list[tuple[str, int | None]] = []
    for port in ports:
        number = port["port"] if isinstance(port["port"], int) else pod.ports.get(port["port"])
        if number is not None:
            found.append((str(port.get("protocol", "TCP")).lower(), number))
    return found


def _match(rule: Rule) -> str:
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
