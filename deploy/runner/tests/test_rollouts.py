"""A rolling update keeps its promise whatever becomes ready when: never too few that serve, never too many at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from onegrid_runner.manifests import Manifest
from onegrid_runner.workloads import Deployment, StatefulSet


class FakePod:
    """A pod that tests make ready and gone."""

    def __init__(self, name: str, template: Mapping[str, Any]) -> None:
        self.name = name
        self.image = template["image"]
        self.ready = self.terminating = self.gone = False

    def start(self) -> None:
        """Nothing happens by itself."""

    def terminate(self) -> None:
        """It takes no more traffic."""
        self.ready, self.terminating = False, True


def make(name: str, template: Mapping[str, Any], _: Mapping[str, Path]) -> Any:
    return FakePod(name, template)


def manifest(replicas: int, image: str, **strategy: Any) -> Manifest:
    spec = {"replicas": replicas, "strategy": strategy, "template": {"image": image}}
    return Manifest({"kind": "Deployment", "metadata": {"name": "api"}, "spec": spec})


def settle(workload: Deployment | StatefulSet) -> None:
    """Step until every started pod is ready and every terminating one is gone."""
    for _ in range(50):
        workload.step()
        for pod in workload.pods:
            pod.ready, pod.gone = not pod.terminating, pod.terminating  # type: ignore[misc]
    assert workload.settled()


@given(
    replicas=st.integers(1, 5),
    surge=st.integers(0, 3),
    unavailable=st.integers(0, 3),
    turns=st.lists(st.lists(st.booleans(), min_size=12, max_size=12), max_size=40),
)
def test_a_rolling_update_stays_within_its_margins(
    replicas: int, surge: int, unavailable: int, turns: list[list[bool]]
) -> None:
    margins = {"maxSurge": surge, "maxUnavailable": unavailable}
    if not (surge or unavailable):
        unavailable = 1  # as Kubernetes insists on one of them
    deployment = Deployment(manifest(replicas, "old", rollingUpdate=margins), make, lambda m: m.spec["replicas"])
    settle(deployment)
    deployment.update(manifest(replicas, "new", rollingUpdate=margins))
    for turn in turns:
        deployment.step()
        living = [pod for pod in deployment.pods if not pod.terminating]
        assert len(living) <= replicas + surge
        assert sum(pod.ready for pod in living) >= replicas - unavailable
        for pod, happens in zip(deployment.pods, turn, strict=False):
            if happens:
                pod.ready, pod.gone = not pod.terminating, pod.terminating  # type: ignore[misc]
    settle(deployment)
    assert {pod.image for pod in deployment.pods} == {"new"}  # type: ignore[attr-defined]


def test_a_restart_replaces_pods_that_are_alike() -> None:
    deployment = Deployment(manifest(2, "same"), make, lambda m: m.spec["replicas"])
    settle(deployment)
    before = {pod.name for pod in deployment.pods}
    deployment.restart()
    settle(deployment)
    assert before.isdisjoint(pod.name for pod in deployment.pods)


def test_recreate_starts_no_pod_before_the_old_ones_are_gone() -> None:
    deployment = Deployment(manifest(2, "old", type="Recreate"), make, lambda m: m.spec["replicas"])
    settle(deployment)
    deployment.update(manifest(2, "new", type="Recreate"))
    deployment.step()
    deployment.step()
    assert all(pod.terminating for pod in deployment.pods)
    settle(deployment)
    assert {pod.image for pod in deployment.pods} == {"new"}  # type: ignore[attr-defined]


def test_a_stateful_set_goes_one_by_one_and_keeps_names(tmp_path: Path) -> None:
    workload = StatefulSet(manifest(3, "old"), make, tmp_path)
    workload.step()
    workload.step()
    assert [pod.name for pod in workload.pods] == ["api-0"], "the second waits until the first is ready"
    settle(workload)
    workload.update(manifest(3, "new"))
    workload.step()
    assert [pod.name for pod in workload.pods if pod.terminating] == ["api-2"], "the last goes first"
    settle(workload)
    assert sorted(pod.name for pod in workload.pods) == ["api-0", "api-1", "api-2"]


def test_a_stateful_set_that_shrinks_lets_the_last_go_first(tmp_path: Path) -> None:
    workload = StatefulSet(manifest(3, "same"), make, tmp_path)
    settle(workload)
    workload.update(manifest(1, "same"))
    workload.step()
    assert [pod.name for pod in workload.pods if pod.terminating] == ["api-2"]
    settle(workload)
    assert [pod.name for pod in workload.pods] == ["api-0"]
