"""Servers of ours are started whatever else this process does meanwhile, and as whom they must be."""

from __future__ import annotations

import asyncio
import os
import pwd
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import grpc
import grpc.aio
import pytest

from onegrid_kit.embedded.children import lent
from onegrid_kit.embedded.ports import free_ports
from onegrid_kit.testing.processes import command_of
from onegrid_kit.testing.waiting import HANG_S, eventually


@pytest.fixture
def busy_grpc() -> Iterator[None]:
    """gRPC calls in another thread, without an end."""
    stopping = threading.Event()
    running = threading.Event()

    async def echo(raw: bytes, _: object) -> bytes:
        running.set()
        return raw

    async def call() -> None:
        server = grpc.aio.server()
        handlers = {"Echo": grpc.unary_unary_rpc_method_handler(echo)}
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("a.v1.A", handlers)])
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()

        async def client() -> None:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                while not stopping.is_set():
                    await channel.unary_unary("/a.v1.A/Echo")(b"")

        await asyncio.gather(*(client() for _ in range(4)))
        await server.stop(None)

    thread = threading.Thread(target=asyncio.run, args=(call(),))
    thread.start()
    assert running.wait(HANG_S)
    yield
    stopping.set()
    thread.join()


@pytest.mark.usefixtures("busy_grpc")
def test_children_live_while_grpc_is_busy() -> None:
    command = lent(["/bin/sh", "-c", "exit 7"], stop_with_us=signal.SIGTERM)
    # Forked with a preexec_fn, one in three crashed.
    assert Counter(subprocess.run(command, check=False).returncode for _ in range(30)) == {7: 30}


def test_a_child_gets_the_signal_when_its_starter_is_killed() -> None:
    program = (
        "import signal, subprocess, time; from onegrid_kit.embedded.children import lent;"
        "p = subprocess.Popen(lent(['/bin/sleep', '60'], stop_with_us=signal.SIGINT), start_new_session=True);"
        "print(p.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        eventually(lambda: b"sleep" in command_of(pid))
        starter.kill()
    eventually(lambda: not command_of(pid))


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone can lend")
def test_root_lends_a_user_and_nothing_of_its_own() -> None:
    nobody = pwd.getpwnam("nobody")
    done = subprocess.run(lent(["/bin/sh", "-c", "id -u; id -G"], nobody), capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(nobody.pw_uid), str(nobody.pw_gid)]


def test_ports_of_servers_are_none_that_clients_are_lent() -> None:
    lent_to_clients = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert max(ports) < lent_to_clients
