"""What the README shows works, as it stands there."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.clients.node import NODE, installed

from onegrid_kit.embedded.ports import free_port
from onegrid_kit.testing.postgres import private_installation
from onegrid_kit.testing.waiting import HANG_S

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Demo:
    """`make run`, running."""

    port: int
    password: str
    output: str


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    # Below a folder that only we may enter, as a checkout in root's home is.
    checkout, port = tmp_path_factory.mktemp("demo") / "checkout", free_port()
    with private_installation(checkout) as environment:
        data = checkout / ".data"
        process = subprocess.Popen(
            [sys.executable, "-m", "onegrid_demo", "--data", str(data), "--port", str(port)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        output = ""
        for line in process.stdout:
            output += line
            if "Ctrl-C stops" in line:
                break
        try:
            assert "Ctrl-C stops" in output, output
            accounts = json.loads((data / "district.json").read_text())
            yield Demo(port, accounts["commander"]["password"], output)
        finally:
            process.send_signal(signal.SIGINT)
            rest, _ = process.communicate(timeout=HANG_S)
        assert process.returncode == 0, rest


def test_the_case_is_shown_as_a_table(demo: Demo) -> None:
    for text in ("14:36:00", "15:58:00", "CONCLUDE", "元宝区儿童中心", "CLOSED"):
        assert text in demo.output


def test_the_fire_is_shown_from_the_sensor_to_its_review(demo: Demo) -> None:
    for text in ("19:42:05", "朝凤社区2号楼301厨房", "ACKNOWLEDGE", "CLEAR", "REVIEWED"):
        assert text in demo.output


def test_the_python_example_runs(demo: Demo) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    given = f'TARGET = "127.0.0.1:{demo.port}"\nPASSWORD = {demo.password!r}\n'
    done = subprocess.run([sys.executable, "-c", given + example], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "petitions/210602-20201111-" in done.stdout


def test_the_steps_of_the_petition_and_the_policy_are_shown_in_inboxes(demo: Demo) -> None:
    for text in ("广济街道老旧小区加装电梯补贴", "您的诉求已收到", "您的诉求已办结，请评价", "1 of 1"):
        assert text in demo.output


def test_the_app_of_the_page_on_inboxes_follows_reads_and_acknowledges(demo: Demo) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/notify.md").read_text(), re.DOTALL)
    given = f'TARGET = "127.0.0.1:{demo.port}"\nPASSWORD = {demo.password!r}\n'
    done = subprocess.run([sys.executable, "-c", given + example], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.match(r"停水通知 articles/210602-\d{8}-\w{8} \d+ unread", done.stdout)


def test_the_phone_of_the_page_on_devices_is_enrolled(demo: Demo) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/devices.md").read_text(), re.DOTALL)
    given = f'TARGET = "127.0.0.1:{demo.port}"\nPASSWORD = {demo.password!r}\n'
    done = subprocess.run([sys.executable, "-c", given + example], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.match(r"deviceKeys/[0-9a-f-]{36} 210602003007 江桥哨 2 号手机", done.stdout)


def test_the_client_policy_is_taken_as_the_example_gives_it(demo: Demo) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/clients.md").read_text(), re.DOTALL)
    given = f'TARGET = "dns:///127.0.0.1:{demo.port}"\n'
    call = """
from onegrid.identity.v1 import identity_service_pb2, identity_service_pb2_grpc

identity = identity_service_pb2_grpc.IdentityServiceStub(channel)
print(len(identity.ListSigningKeys(identity_service_pb2.ListSigningKeysRequest()).keys))
"""
    done = subprocess.run([sys.executable, "-c", given + example + call], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 1


def test_the_example_for_node_logs_in_lists_petitions_and_reads_an_error(demo: Demo) -> None:
    (example,) = re.findall(r"```js\n(.*?)```", (ROOT / "docs/clients.md").read_text(), re.DOTALL)
    given = {
        "TARGET": f"127.0.0.1:{demo.port}",
        "PASSWORD": demo.password,
        "CONTRACTS": str(ROOT / "protos/gen/onegrid"),
    }
    constants = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in given.items())
    command = [NODE, "--eval", constants + example]
    done = subprocess.run(
        command, cwd=installed(ROOT / "tests/clients"), check=False, capture_output=True, text=True, timeout=HANG_S
    )
    assert done.returncode == 0, done.stderr
    petition, error = done.stdout.splitlines()
    assert re.match(r"petitions/210602-20201111-\w{8} STATE_CLOSED 儿童中心", petition)
    assert error == "NOT_FOUND NOT_FOUND onegrid.petition"


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_the_shell_example_runs(demo: Demo, readme: str) -> None:
    found = re.search(r"\.venv/bin/buf curl .*?LoginWithPassword", (ROOT / readme).read_text(), re.DOTALL)
    assert found is not None
    command = found[0].replace("…", demo.password).replace("50051", str(demo.port))
    command = command.replace(".venv/bin/buf", str(Path(sys.executable).parent / "buf"))
    done = subprocess.run(["bash", "-c", command], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["session"]["accessToken"]


def test_what_it_prints_to_call_next_runs(demo: Demo) -> None:
    for command in re.findall(r"\.venv/bin/buf curl.*?Service/\w+", demo.output, re.DOTALL):
        runnable = command.replace(".venv/bin/buf", str(Path(sys.executable).parent / "buf"))
        done = subprocess.run(["bash", "-c", runnable], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
