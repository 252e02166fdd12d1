"""`make bench`: how near the platform comes to the limits of the machine it runs on.

FilePetition, with everything on, is measured against pgbench inserting the same rows; GetPetition against a
bare grpc.aio echo. Each pair alternates in one run, so that a noisy machine is noisy for both; what counts is
the ratio of the medians.
"""

from __future__ import annotations

import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from onegrid.common.v1.common_pb2 import AccountKind, OaLevel, Point
from onegrid.petition.v1 import petition_service_pb2 as pb
from onegrid.petition.v1.resources_pb2 import Kind
from onegrid_demo import district
from onegrid_identity.main import SERVICE as IDENTITY
from onegrid_kit import tokens
from onegrid_kit.callers import Caller, Grant
from onegrid_kit.cipher import cipher
from onegrid_kit.embedded.ports import free_port
from onegrid_kit.embedded.postgres import PostgresServer
from onegrid_kit.migrations import migrate
from onegrid_petition.main import SERVICE as PETITION

HERE = Path(__file__).resolve().parent
OUT = HERE.parent / "build" / "bench.json"
CIPHER_KEYS = "bench:" + "ab" * 32
CLIENTS = 32
ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = float(os.environ.get("SECONDS_EACH", "4"))
BARS = {"file_petition": 0.6, "get_petition": 0.4}
SERVING_S, MEMORY_MIB = 10, 500
API_SERVING_S, API_MEMORY_MIB = 2, 120
FILE = "/onegrid.petition.v1.PetitionService/FilePetition"
GET = "/onegrid.petition.v1.PetitionService/GetPetition"


def main() -> int:
    """Run both pairs; 0 if both reach their bars."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="onegrid-bench-", dir="/var/tmp")))
        folder.chmod(0o755)
        print("==> starting PostgreSQL and petition's api", flush=True)
        postgres = PostgresServer(folder / "postgres", settings={"shared_buffers": "256MB"})
        postgres.start()
        stack.callback(postgres.stop)
        for service in (IDENTITY, PETITION):
            migrate(service, postgres.create_database(service.name))
        token = prepare(postgres)
        identity, petition, echo = free_port(), free_port(), free_port()
        stack.enter_context(api("identity", postgres, identity, identity))
        stack.enter_context(api("petition", postgres, petition, identity))
        stack.enter_context(process([sys.executable, str(HERE / "echo.py"), str(echo)]))
        wait_for(petition)
        wait_for(echo)
        results = measure(postgres, folder, token, petition, echo)
        print("==> an api's own start", flush=True)
        results["api_start"] = api_start(postgres, identity)
    print("==> a second start of the platform", flush=True)
    results["second_start"] = second_start()
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(results, indent=2) + "\n")
    return report(results)


def measure(postgres: PostgresServer, folder: Path, token: str, petition: int, echo: int) -> dict[str, Any]:
    """Both pairs, alternating."""
    filing, getting, echoed = folder / "file.bin", folder / "get.bin", folder / "echo.bin"
    filing.write_bytes(
        pb.FilePetitionRequest(
            district=district.CODE,
            kind=Kind.KIND_HELP,
            text="儿童中心近期招不到保育员和教师，影响开班，请帮忙协调用工。",
            location=Point(longitude=124.4, latitude=40.14),
            address="朝凤社区儿童中心",
            request_id="00000000-0000-4000-8000-000000000000",
        ).SerializeToString()
    )
    results: dict[str, Any] = {}
    print("==> FilePetition and pgbench, in turn", flush=True)
    results["file_petition"] = pair(
        lambda: load(petition, FILE, token, filing),
        lambda: pgbench(postgres),
        lambda: clear(postgres),
    )
    name = one_petition(postgres, petition, token, filing)
    getting.write_bytes(pb.GetPetitionRequest(name=name).SerializeToString())
    echoed.write_bytes(getting.read_bytes())
    print("==> GetPetition and a bare echo, in turn", flush=True)
    results["get_petition"] = pair(
        lambda: load(petition, GET, token, getting), lambda: load(echo, "/bench.Echo/Echo", "", echoed)
    )
    return results


def pair(
    ours: Callable[[], dict[str, Any]],
    limit: Callable[[], dict[str, Any]],
    between: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Run the two in turn."""
    runs: dict[str, list[dict[str, Any]]] = {"ours": [], "limit": []}
    for number in range(ROUNDS):
        for side, run in (("ours", ours), ("limit", limit)):
            runs[side].append(run())
            print(f"    round {number + 1} {side}: {runs[side][-1]}", flush=True)
            between()
    medians = {side: statistics.median(run["per_second"] for run in each) for side, each in runs.items()}
    return {"ratio": round(medians["ours"] / medians["limit"], 3), "median_per_second": medians, "runs": runs}


def load(port: int, method: str, token: str, request: Path) -> dict[str, Any]:
    """One run of the load generator."""
    command = [sys.executable, str(HERE / "load.py"), f"127.0.0.1:{port}", method, token, str(SECONDS), str(CLIENTS)]
    done = subprocess.run([*command, str(request)], check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout)
    if result["errors"]:
        raise SystemExit(f"calls failed: {result['errors']}")
    return result


def pgbench(postgres: PostgresServer) -> dict[str, Any]:
    """One run of pgbench."""
    done = subprocess.run(
        [
            str(postgres.binaries / "pgbench"),
            *("-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-T", str(int(SECONDS) + 1)),
            *("-f", str(HERE / "file_petition.sql"), postgres.url("petition")),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    if found is None:
        raise SystemExit(done.stdout)
    return {"per_second": round(float(found[1]), 1)}


def prepare(postgres: PostgresServer) -> str:
    """The district's cells, a signing key, and the token of a commander and petitioner in one."""
    key = Ed25519PrivateKey.generate()
    with psycopg.connect(postgres.url("identity")) as conn:
        sealed = cipher("AES-256-GCM", CIPHER_KEYS).encrypt(key.private_bytes_raw().hex(), "identity.signing_key")
        conn.execute(
            "INSERT INTO signing_key VALUES ('bench', %s, %s, now())", [key.public_key().public_bytes_raw(), sealed]
        )
    with psycopg.connect(postgres.url("petition")) as conn, conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO place VALUES (%s, %s, %s, 1, %s, '')",
            [(district.CODE, cell.code, cell.name, json.dumps(cell.corners)) for cell in district.cells()],
        )
        cursor.execute("UPDATE ground_version SET version = 1")
    permissions = frozenset({"petition.petitions.file", "petition.petitions.get"})
    caller = Caller(
        user="users/0123456789abcdefghij",
        session="bench",
        kind=AccountKind.ACCOUNT_KIND_CITIZEN,
        district=district.CODE,
        grants=(Grant(district.CODE, OaLevel.OA_LEVEL_DISTRICT, permissions),),
    )
    now = datetime.now(UTC)
    return tokens.encode(caller, key, "bench", now, now + timedelta(hours=2))


def one_petition(postgres: PostgresServer, port: int, token: str, filing: Path) -> str:
    """A petition to get."""
    import grpc

    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(FILE)
        answer = call(filing.read_bytes(), metadata=(("authorization", f"Bearer {token}"),), timeout=10)
    return pb.FilePetitionResponse.FromString(answer).petition.name


def clear(postgres: PostgresServer) -> None:
    """Empty what the last run filled, so that each begins alike."""
    with psycopg.connect(postgres.url("petition"), autocommit=True) as conn:
        conn.execute("TRUNCATE petition, timeline, outbox, idempotency, audit_entry, audit_block")
        conn.execute("CHECKPOINT")


def api_start(postgres: PostgresServer, identity: int) -> dict[str, Any]:
    """How long petition's api takes until it is ready, and its memory before the first call: medians."""
    runs = []
    for _ in range(3):
        port, began = free_port(), time.monotonic()
        with api("petition", postgres, port, identity) as started:
            wait_until_serving(port)
            took = time.monotonic() - began
            time.sleep(2)
            runs.append((took, proportional_memory(started.pid) / 2**20))
    took, memory = (statistics.median(each) for each in zip(*runs, strict=True))
    return {"serving_s": round(took, 2), "memory_mib": round(memory)}


@contextmanager
def api(service: str, postgres: PostgresServer, port: int, identity: int) -> Iterator[subprocess.Popen[bytes]]:
    """One api process with its default settings."""
    environment = {
        **os.environ,
        "ONEGRID_DATABASE_URL": postgres.url(service),
        "ONEGRID_PAGE_TOKEN_KEY": "bench" * 8,
        "ONEGRID_CIPHER_KEYS": CIPHER_KEYS,
        "ONEGRID_LISTEN": f"127.0.0.1:{port}",
        "ONEGRID_IDENTITY_TARGET": f"127.0.0.1:{identity}",
        "ONEGRID_METRICS_PORT": str(free_port()),
        "ONEGRID_LOG_LEVEL": "warning",
        "ONEGRID_DRAIN_PAUSE_S": "0",
    }
    with process([sys.executable, "-m", f"onegrid_{service}", "api"], environment) as started:
        yield started


@contextmanager
def process(
    command: list[str], environment: dict[str, str] | None = None, *, quiet: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    """A process, ended with the block."""
    started = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL if quiet else None)
    try:
        yield started
    finally:
        started.send_signal(signal.SIGTERM)
        try:
            started.wait(20)
        except subprocess.TimeoutExpired:
            started.kill()


def wait_for(port: int) -> None:
    """Until something listens there."""
    import socket

    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"nothing listens on port {port}")


def second_start() -> dict[str, Any]:
    """How long the demonstration takes to serve when its data is there, and what it holds in memory then."""
    with tempfile.TemporaryDirectory(prefix="onegrid-bench-", dir="/var/tmp", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        port = free_port()
        command = [sys.executable, "-m", "onegrid_demo", "--data", f"{name}/data", "--port", str(port)]
        subprocess.run([*command, "--once"], check=True, stdout=subprocess.DEVNULL)
        began = time.monotonic()
        with process(command, quiet=True) as demo:
            wait_until_serving(port)
            took = time.monotonic() - began
            time.sleep(5)  # the case is over by then
            return {"serving_s": round(took, 2), "memory_mib": round(proportional_memory(demo.pid) / 2**20)}


def wait_until_serving(port: int) -> None:
    """Wait until the health service reports SERVING."""
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    for _ in range(600):
        # A channel of its own each time: one that has failed waits for seconds before it tries again.
        with grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.use_local_subchannel_pool", 1)]) as channel:
            try:
                answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=1)
                if answer.status == health_pb2.HealthCheckResponse.SERVING:
                    return
            except grpc.RpcError:
                pass
        time.sleep(0.05)
    raise SystemExit("the platform does not serve")


def proportional_memory(pid: int) -> int:
    """What a process and its descendants hold in memory, in bytes; what they share counts once in proportion (PSS)."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    own = int(re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)[1]) * 1024  # type: ignore[index]
    children = (task.read_text().split() for task in Path(f"/proc/{pid}/task").glob("*/children"))
    return own + sum(proportional_memory(int(child)) for found in children for child in found)


def report(results: dict[str, Any]) -> int:
    """Print the ratios; return 0 if all reach their bars."""
    start = results["second_start"]
    good = start["serving_s"] <= SERVING_S and start["memory_mib"] <= MEMORY_MIB
    took, memory = start["serving_s"], start["memory_mib"]
    own = results["api_start"]
    good = good and own["serving_s"] <= API_SERVING_S and own["memory_mib"] <= API_MEMORY_MIB
    summary = (
        f"ready after {own['serving_s']} s (bar {API_SERVING_S}), in {own['memory_mib']} MiB (bar {API_MEMORY_MIB})"
    )
    print(f"api_start: {summary}")
    print(f"second_start: serving after {took} s (bar {SERVING_S}), in {memory} MiB (bar {MEMORY_MIB})")
    for name, bar in BARS.items():
        ratio = results[name]["ratio"]
        good = good and ratio >= bar
        medians = results[name]["median_per_second"]
        print(f"{name}: {medians['ours']:.0f}/s of {medians['limit']:.0f}/s, ratio {ratio} (bar {bar})")
    print(f"written to {OUT.relative_to(HERE.parent)}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
