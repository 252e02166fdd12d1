"""What is not understood is refused, and what is understood is read as Kubernetes reads it."""

from __future__ import annotations

import pytest

from onegrid_runner.__main__ import main
from onegrid_runner.manifests import Refused, parse
from onegrid_runner.pods import expand, quantity
from onegrid_runner.workloads import share

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  replicas: 2
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec:
      containers:
        - name: api
          image: onegrid/petition:0.1.0
          readinessProbe: {grpc: {port: 50051}, periodSeconds: 2}
"""
HOOK = """
apiVersion: batch/v1
kind: Job
metadata: {name: migrate, annotations: {helm.sh/hook: "pre-install, pre-upgrade", helm.sh/hook-weight: "-3"}}
spec: {template: {metadata: {}, spec: {containers: []}}}
"""


def test_every_field_of_the_charts_is_supported() -> None:
    (deployment,) = parse(DEPLOYMENT)
    assert (deployment.key, deployment.spec["replicas"]) == (("Deployment", "api"), 2)


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("replicas:", "replica:", "Deployment api.spec.replica: not understood"),
        ("periodSeconds", "period", "spec.template.spec.containers[0].readinessProbe.period: not understood"),
        ("kind: Deployment", "kind: DaemonSet", "DaemonSet api: no such kind is known"),
        ("image:", "tty: true\n          image:", "spec.template.spec.containers[0].tty: not understood"),
        ("containers:", "hostNetwork: true\n      containers:", "spec.hostNetwork: not understood"),
        ("grpc: {port: 50051}", "httpGet: {path: /, port: web}", "readinessProbe asks port web, which it doesn't have"),
        ("grpc: {port: 50051}, ", "", "a readinessProbe has one of grpc, httpGet, tcpSocket, exec"),
        ("image:", "volumeMounts: [{name: data, mountPath: /x}]\n          image:", "mounts data, which is no volume"),
        ("{app: api}}\n    spec:", "{app: api}}\n    spec:\n      restartPolicy: Sometimes", "'Sometimes' is none of"),
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_where_it_stands(right: str, wrong: str, message: str) -> None:
    with pytest.raises(Refused) as refused:
        parse(DEPLOYMENT.replace(right, wrong, 1))
    assert message in str(refused.value)


def test_a_hook_has_its_events_and_its_weight() -> None:
    (hook,) = parse(HOOK)
    assert (hook.hooks, hook.weight) == ({"pre-install", "pre-upgrade"}, -3)
    (deployment,) = parse(DEPLOYMENT)
    assert not deployment.hooks


def test_what_would_never_be_run_is_refused() -> None:
    with pytest.raises(Refused, match="Job migrate: only hooks of Helm are run to their end"):
        parse(HOOK.replace("helm.sh/hook:", "example.com/hook:"))


def test_variables_are_expanded_as_a_kubelet_does() -> None:
    known = {"USER": "onegrid", "PASSWORD": "a$b"}
    assert expand("postgresql://$(USER):$(PASSWORD)@db/x", known) == "postgresql://onegrid:a$b@db/x"
    assert expand("$$(USER) $(NOBODY) $USER", known) == "$(USER) $(NOBODY) $USER"


def test_quantities_have_units() -> None:
    assert [quantity(each) for each in ("250m", "2", "64Mi", "1Gi", 0.5)] == [0.25, 2, 64 * 2**20, 2**30, 0.5]
    with pytest.raises(Refused):
        quantity("64 MB")


def test_shares_are_rounded_as_a_deployment_does() -> None:
    assert [share("25%", 3, up=True), share("25%", 3, up=False), share(2, 3, up=True)] == [1, 0, 2]


def test_the_command_reports_whether_a_manifest_is_supported(tmp_path, monkeypatch, capsys) -> None:  # type: ignore[no-untyped-def]
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(DEPLOYMENT)
    bad.write_text(DEPLOYMENT.replace("image:", "picture:"))
    monkeypatch.setattr("sys.argv", ["onegrid_runner", "check", str(good)])
    assert main() == 0
    monkeypatch.setattr("sys.argv", ["onegrid_runner", "check", str(bad)])
    assert main() == 1
    assert "picture: not understood" in capsys.readouterr().err
