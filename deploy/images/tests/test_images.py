"""What the charts and their readers rely on, asked of the built images: `make images EVALUATION=1`, then
`python -m pytest deploy/images/tests`.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from onegrid.contracts import SERVICES

ROOT = Path(__file__).parents[3]
VERSION = "0.1.0"
IMAGES = [*SERVICES] + ["checks"] * (ROOT / "deploy/checks/pyproject.toml").exists()
# As restricted as the charts run them.
RESTRICTED = ("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--network=none")
SETTINGS = {
    "ONEGRID_DATABASE_URL": "postgresql://nobody:secret@127.0.0.1:1/nothing",
    "ONEGRID_AMQP_URL": "amqp://nobody:secret@127.0.0.1:1/",
    "ONEGRID_PAGE_TOKEN_KEY": "p" * 32,
    "ONEGRID_CIPHER_KEYS": f"k1:{'0' * 64}",
}
EVALUATION = {
    "postgresql": (999, "/var/lib/postgresql", ["postgres", "initdb", "pg_ctl", "psql", "pg_isready"]),
    "rabbitmq": (
        999,
        "/var/lib/rabbitmq",
        ["rabbitmq-server", "rabbitmqctl", "rabbitmq-diagnostics", "rabbitmq-plugins"],
    ),
    "prometheus": (65534, "/prometheus", ["prometheus", "promtool"]),
}

each_image = pytest.mark.parametrize("name", IMAGES)
each_service = pytest.mark.parametrize("name", SERVICES)


def image(name: str) -> str:
    return f"onegrid/{name}:{VERSION}"


def docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], check=False, capture_output=True, text=True)


def inspected(name: str, what: str) -> Any:
    done = docker("image", "inspect", "-f", f"{{{{json {what}}}}}", image(name))
    assert done.returncode == 0, f"{done.stderr}: make images EVALUATION=1"
    return json.loads(done.stdout)


def python(name: str, program: str) -> str:
    """What a program prints inside, run as the charts run the image."""
    done = docker("run", "--rm", *RESTRICTED, "--entrypoint=python3", image(name), "-c", program)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def started(request: pytest.FixtureRequest) -> Iterator[str]:
    """A container of the image and role that the test names, without a database or a broker."""
    name, role = request.param
    settings = [f"--env={key}={value}" for key, value in SETTINGS.items()]
    done = docker("run", "-d", *RESTRICTED, *settings, image(name), role)
    assert done.returncode == 0, done.stderr
    container = done.stdout.strip()
    yield container
    docker("rm", "-f", container)


def stopped(container: str) -> int:
    """The exit code after SIGTERM; 137 if it had to be killed."""
    docker("stop", "-t", "25", container)
    return int(docker("inspect", "-f", "{{.State.ExitCode}}", container).stdout)


@each_image
def test_without_a_role_it_lists_the_roles(name: str) -> None:
    done = docker("run", "--rm", *RESTRICTED, image(name))
    assert done.returncode == 2
    assert done.stderr.startswith("usage: python")
    assert f"onegrid_{name} " in done.stderr


@each_service
@pytest.mark.parametrize("role", ["api", "worker", "relay", "migrate"])
def test_a_missing_setting_is_named_by_every_role(name: str, role: str) -> None:
    done = docker("run", "--rm", *RESTRICTED, image(name), role)
    assert done.returncode == 2
    assert done.stderr.startswith("ONEGRID_DATABASE_URL is not set: ")
    assert len(done.stderr.splitlines()) == 1


@each_image
def test_it_runs_as_any_user_without_rights(name: str) -> None:
    program = """
import os, pwd
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines())
print(os.getuid(), os.getgid(), pwd.getpwuid(os.getuid()).pw_name, status["CapEff"], status["NoNewPrivs"])"""
    assert python(name, program) == f"10001 10001 onegrid {'0' * 16} 1"
    assert inspected(name, ".Config.User") == "10001:10001"


@each_image
def test_it_holds_no_installers_compilers_or_tests(name: str) -> None:
    program = """
import importlib.util, pathlib, shutil
modules = "pip", "setuptools", "pytest", "grpc_tools", "hatchling"
programs = "pip", "pip3", "uv", "gcc", "cc", "ld", "make", "git", "curl"
print([each for each in modules if importlib.util.find_spec(each)],
      [each for each in programs if shutil.which(each)],
      [str(each) for each in pathlib.Path("/opt/onegrid").rglob("tests")])"""
    assert python(name, program) == "[] [] []"


@each_image
def test_all_its_modules_are_compiled_for_a_root_that_is_read_only(name: str) -> None:
    program = """
import importlib.util, pathlib, sysconfig
folders = map(pathlib.Path, ("/opt/onegrid", sysconfig.get_path("stdlib")))
modules = [str(path) for folder in folders for path in folder.rglob("*.py")]
assert len(modules) > 1000
print([each for each in modules if not pathlib.Path(importlib.util.cache_from_source(each)).exists()])"""
    assert python(name, program) == "[]"


@each_image
def test_its_bill_of_materials_lists_all_that_is_installed(name: str) -> None:
    program = f"""
import email, importlib.metadata, json, pathlib, subprocess
bill = json.load(open("/usr/share/sbom/onegrid-{name}.cdx.json"))
installed = [f"{{each.name}}=={{each.version}}" for each in importlib.metadata.distributions()]
debian = subprocess.run(["dpkg-query", "-W", "-f", "${{Package}}=${{Version}}\\n"], capture_output=True, text=True)
of_files = [email.message_from_file(each.open()) for each in pathlib.Path("/var/lib/dpkg/status.d").iterdir()]
files = [f"{{each['Package']}}={{each['Version']}}" for each in of_files]
print(json.dumps([installed, debian.stdout.split(), files, bill]))"""
    installed, debian, files, bill = json.loads(python(name, program))
    listed = {component["bom-ref"] for component in bill["components"]}
    assert len(installed) > 50
    assert len(debian) > 50
    assert len(files) == (2 if name == "partyedu" else 0)
    assert listed == {*installed, *debian, *files}
    assert all(component["purl"].startswith("pkg:") for component in bill["components"])
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == f"onegrid/{name}"
    assert bill == json.loads((ROOT / f"build/sbom/onegrid-{name}.cdx.json").read_text())


@pytest.mark.parametrize("name", [*IMAGES, *(f"evaluation-{each}" for each in EVALUATION)])
def test_its_labels_describe_it(name: str) -> None:
    labels = inspected(name, ".Config.Labels")
    annotations = {key.removeprefix("org.opencontainers.image."): value for key, value in labels.items()}
    assert annotations["title"] == f"onegrid/{name}"
    assert annotations["version"] == VERSION
    assert annotations["licenses"]
    assert len(annotations["revision"].removesuffix("-dirty")) == 40


def test_images_share_every_layer_but_their_own_code(capsys: pytest.CaptureFixture[str]) -> None:
    layers = {name: inspected(name, ".RootFS.Layers") for name in IMAGES}
    shared = set.intersection(*map(set, layers.values()))
    own_code_and_bill_and_files_of_debian = 3
    assert {name: len(set(each) - shared) for name, each in layers.items()} == dict.fromkeys(
        IMAGES, own_code_and_bill_and_files_of_debian
    )
    sizes = {name: inspected(name, ".Size") / 1e6 for name in IMAGES}
    with capsys.disabled():
        print("\nMB, unpacked:", ", ".join(f"{name} {size:.0f}" for name, size in sizes.items()))
    # Fonts for rare names are 70 of them.
    assert max(sizes.values()) < 500


def test_any_clone_makes_the_same_wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Images that different clones built on one machine would not share the layer of their dependencies otherwise.
    monkeypatch.syspath_prepend(ROOT / "deploy/images")
    wheelhouse = importlib.import_module("wheelhouse")
    made = []
    for clone in "one", "another":
        monkeypatch.setattr(wheelhouse, "WHEELHOUSE", tmp_path / clone)
        # A file in a wheel is dated to two seconds.
        time.sleep(2)
        made.append({path.name: path.read_bytes() for path in wheelhouse.downloaded(wheelhouse.RUNTIME).iterdir()})
    assert made[0] == made[1]


def test_what_has_not_changed_is_not_built_again() -> None:
    command = [sys.executable, ROOT / "deploy/images/build.py", "--evaluation"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    expected = [f"==> {image(name)}: unchanged" for name in (*IMAGES, *(f"evaluation-{each}" for each in EVALUATION))]
    assert sorted(done.stdout.splitlines()) == sorted(expected), done.stderr


@pytest.mark.parametrize("started", [(name, "api") for name in SERVICES], indirect=True)
def test_an_api_ends_by_itself_on_sigterm(started: str) -> None:
    deadline = time.monotonic() + 60
    while "api listens" not in (logs := docker("logs", started)).stdout + logs.stderr:
        assert time.monotonic() < deadline, logs.stderr
        time.sleep(0.1)
    assert stopped(started) == 0


@pytest.mark.parametrize(
    ("started", "program"),
    [
        (("petition", "api"), "onegrid_service"),
        (("petition", "relay"), "onegrid_service"),
        (("petition", "worker"), "onegrid_kit.worker.launcher"),
    ],
    indirect=["started"],
)
def test_it_ends_by_itself_while_it_still_starts(started: str, program: str) -> None:
    # Until the first process listens for SIGTERM, the fifteenth bit of what it catches.
    listens = f"grep -q {program} /proc/1/cmdline && grep -q '^SigCgt:.*[4-7c-f]...$' /proc/1/status"
    deadline = time.monotonic() + 60
    while docker("exec", started, "sh", "-c", listens).returncode:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert stopped(started) in {0, 143}


@pytest.mark.parametrize("name", EVALUATION)
def test_a_stand_in_has_the_official_image_s_user_programs_and_folders(name: str) -> None:
    user, folder, programs = EVALUATION[name]
    program = f"""
import os, shutil
print(os.getuid(), os.getgid(), os.stat("{folder}").st_uid, [each for each in {programs} if not shutil.which(each)])"""
    assert python(f"evaluation-{name}", program) == f"{user} {user} {user} []"
