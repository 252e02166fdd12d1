"""Policies admit whom they name, in the namespaces that they name; names lead to the pods of their namespace."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from onegrid_runner.manifests import Manifest
from onegrid_runner.network import Address, Network, Rule, Space, rules

PLATFORM = {"part-of": "onegrid"}
IDENTITY = Address("district", "10.0.0.1", {**PLATFORM, "name": "identity"}, {"grpc": 50051})
NEIGHBOUR = Address("district", "10.0.0.2", PLATFORM, {})
STREET = Address("street", "10.0.0.3", PLATFORM, {})
STRANGER = Address("street", "10.0.0.4", {"app": "other"}, {})
PODS = (IDENTITY, NEIGHBOUR, STREET, STRANGER)


def policy(*peers: dict[str, Any], selector: dict[str, str] | None = None) -> Manifest:
    spec = {
        "podSelector": {"matchLabels": selector or {"name": "identity"}},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [*peers], "ports": [{"port": "grpc"}]}],
    }
    return Manifest({"kind": "NetworkPolicy", "metadata": {"name": "p"}, "spec": spec})


def named(namespace: str) -> dict[str, Any]:
    return {"matchLabels": {"kubernetes.io/metadata.name": namespace}}


OWN = {"podSelector": {"matchLabels": PLATFORM}}


@pytest.mark.parametrize(
    ("peers", "admitted"),
    [
        ([OWN], [IDENTITY, NEIGHBOUR]),
        ([OWN, {"namespaceSelector": named("street"), **OWN}], [IDENTITY, NEIGHBOUR, STREET]),
        ([{"namespaceSelector": named("street")}], [STREET, STRANGER]),
        ([{"namespaceSelector": named("elsewhere")}], []),
        ([{"namespaceSelector": {}, **OWN}], [IDENTITY, NEIGHBOUR, STREET]),
    ],
)
def test_a_peer_is_of_the_namespaces_that_are_named_or_of_the_policys_own(
    peers: list[dict[str, Any]], admitted: list[Address]
) -> None:
    found = rules("Ingress", IDENTITY, PODS, [("district", policy(*peers))])
    assert found == [Rule(pod.ip, IDENTITY.ip, "tcp", 50051) for pod in admitted]


def test_a_policy_is_about_pods_of_its_namespace_alone() -> None:
    of_street = [("street", policy(OWN, selector=PLATFORM))]
    assert rules("Ingress", IDENTITY, PODS, of_street) is None
    assert rules("Ingress", STREET, PODS, of_street) == []
    assert rules("Egress", STREET, PODS, of_street) is None


@dataclass
class FakePod:
    """A pod with an address."""

    name: str
    ip: str
    labels: dict[str, str] = field(default_factory=dict)
    ready: bool = True
    ports: dict[str, int] = field(default_factory=dict)


def test_names_are_those_of_the_namespace_that_asks_or_is_asked_for() -> None:
    network = Network.__new__(Network)
    network._spaces = {}
    network.gateway = "10.0.0.254"
    for namespace, ip in (("district", "10.0.0.1"), ("street", "10.0.0.2")):
        network._spaces[namespace] = space = Space(network, namespace, lambda ip=ip: [FakePod("api-0", ip)])  # type: ignore[misc]
        space.services["api"] = Manifest({"kind": "Service", "metadata": {"name": "api"}, "spec": {}})
    network._spaces["district"].services["only"] = network._spaces["district"].services["api"]
    asked = {
        "api.street.svc.cluster.local.": ["10.0.0.2"],
        "api.street.": ["10.0.0.2"],
        "api-0.api.district.svc.cluster.local.": ["10.0.0.1"],
        "only.district.": ["10.0.0.1"],
        "only.street.svc.cluster.local.": None,
        "only.svc.cluster.local.": None,
        "only.district.street.svc.cluster.local.": None,
        "api.": ["10.0.0.1"],
    }
    assert {name: network.addresses(name) for name in asked} == asked
    assert "search street.svc.cluster.local " in network._spaces["street"].resolv_conf()
