"""The installed platform: its own tests pass, and it holds what its charts promise."""

from __future__ import annotations

import re
import tempfile
from importlib.resources import files
from pathlib import Path

import docker
import pytest
from alembic.script import ScriptDirectory
from installation import NAMESPACE, Suite, only, reaches, secret, sized

from onegrid.contracts import SERVICES
from onegrid_kit.testing.certificates import Authority
from onegrid_runner.cluster import Cluster
from onegrid_runner.workloads import Job

VERSIONS = "/opt/onegrid/packages/onegrid_petition/migrations/versions"
NEXT = '''"""What a release after this one might add."""
from alembic import op
revision, down_revision, branch_labels, depends_on = "next", "{head}", None, None
def upgrade(): op.execute("ALTER TABLE petition ADD COLUMN next_release text")
'''


def rolled(cluster: Cluster, *arguments: str) -> None:
    """Roll a release out whose load test is the one for rolling releases out."""
    cluster.upgrade(NAMESPACE, sized("community", "--set=tests.profile=rolling", *arguments))


@pytest.mark.parametrize("suite", ["smoke", "loop", "load", "observability"])
def test_a_suite_of_the_chart_passes(cluster: Cluster, suite: str) -> None:
    (result,) = cluster.test(NAMESPACE, [suite], print)
    assert result.code == 0, result.output


def test_every_replica_has_its_share_of_the_work(cluster: Cluster) -> None:
    """A connection must not pin one pod."""
    shares = []
    for pod in cluster.pods(name="petition", component="api"):
        metrics = pod.container.exec_run(
            [
                "python3",
                "-c",
                "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9464/metrics').read().decode())",
            ]
        ).output.decode()
        found = re.findall(
            r'^onegrid_rpc_duration_seconds_count\{.*method="GetPetition".*\} ([0-9.e+]+)$', metrics, re.M
        )
        shares.append(sum(map(float, found)))
    assert len(shares) == 2
    assert min(shares) > 0.3 * sum(shares) > 0


def test_only_who_talks_is_admitted(cluster: Cluster) -> None:
    petition = only(cluster, "petition", "api")
    stranger = cluster.pods(name="rabbitmq")[0]
    assert reaches(petition, "onegrid-identity", 50051)
    assert reaches(petition, "data-postgresql", 5432)
    # Nothing of petition's calls grid: what it needs of it comes by events.
    assert not reaches(petition, "onegrid-grid", 50051)
    connect = ["bash", "-c", "exec 3<>/dev/tcp/$0/$1"]
    outcomes = [
        stranger.container.exec_run(["timeout", "3", *connect, host, port]).exit_code
        for host, port in (
            (petition.ip, "9464"),
            (petition.ip, "50051"),
            (cluster.pods(name="postgresql")[0].ip, "5432"),
        )
    ]
    assert outcomes[0] == 0
    assert all(outcomes[1:])


def test_no_call_fails_during_a_restart_an_upgrade_or_a_rollback(cluster: Cluster) -> None:
    """Under load: no call fails, and nothing is lost. The next release has a migration that this one doesn't know."""
    rolled(cluster)
    build_next_release()
    load = Suite(cluster, "load")
    with load.running("profile rolling"):
        cluster.restart(*(f"onegrid-petition-{role}" for role in ("api", "worker", "relay")))
        rolled(cluster, "--set=petition.service.platform.image.tag=next")
        assert images(cluster) == {"onegrid/petition:next"}
        rolled(cluster)
        assert images(cluster) == {"onegrid/petition:0.1.0"}
    assert load.result.code == 0, load.result.output


def test_services_and_callers_speak_mutual_tls(cluster: Cluster, tmp_path: Path) -> None:
    """The last but for the sizes' loads: who called in plain text is refused from now on, and let in again after it."""
    authority = Authority(tmp_path)
    certificate, key = authority.issue("onegrid", [f"onegrid-{name}" for name in SERVICES])
    files = {"tls.crt": certificate, "tls.key": key, "ca.crt": authority.file}
    cluster.apply([secret("onegrid-tls", **{name: Path(path).read_text() for name, path in files.items()})])
    tls = "--set=global.platform.tls.enabled=true,global.platform.tls.secret=onegrid-tls"
    cluster.upgrade(NAMESPACE, sized("community", tls))
    (result,) = cluster.test(NAMESPACE, ["smoke"], print)
    assert result.code == 0, result.output
    smoke = next(each for each in sized("community") if each.name == "onegrid-checks-smoke")
    plain = Job(smoke, cluster.make_pod).run()
    assert plain[0] == 1, plain[1]


@pytest.mark.parametrize("size", ["community", "street", "district"])
def test_a_size_holds_its_load(cluster: Cluster, size: str) -> None:
    """How fast, too: nothing else may be at work."""
    cluster.upgrade(NAMESPACE, sized(size, "--set=tests.speed=judged"))
    (result,) = cluster.test(NAMESPACE, ["load"], print)
    assert result.code == 0, result.output


def images(cluster: Cluster) -> set[str]:
    """What petition's pods are made of."""
    return {pod.container.attrs["Config"]["Image"] for pod in cluster.pods(name="petition")}


def build_next_release() -> None:
    """petition's image with one more migration."""
    head = ScriptDirectory(str(files("onegrid_petition.migrations"))).get_current_head()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "next.py").write_text(NEXT.format(head=head))
        (Path(folder) / "Containerfile").write_text(f"FROM onegrid/petition:0.1.0\nCOPY next.py {VERSIONS}/next.py\n")
        docker.from_env().images.build(path=folder, dockerfile="Containerfile", tag="onegrid/petition:next", rm=True)
