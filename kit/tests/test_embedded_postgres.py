"""PostgreSQL from its wheel: it ends with us, and takes up what a killed predecessor left."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from onegrid_kit.embedded.postgres import PostgresError, PostgresServer
from onegrid_kit.testing.postgres import TestPostgres, private_installation
from onegrid_kit.testing.waiting import eventually


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the data goes. pytest's folders are closed to other users, as a checkout below /root is."""
    place = tmp_path_factory.mktemp("checkout") / "data"
    yield place
    shutil.rmtree(place.resolve())


def test_what_was_stored_is_there_after_a_kill(place: Path) -> None:
    with PostgresServer(place, password=True) as server:
        with psycopg.connect(server.create_database("kept"), autocommit=True) as conn:
            conn.execute("CREATE TABLE fact AS SELECT 42 AS answer")
        port = server.port
        server.kill()
        server.start()
        assert server.port == port
        with psycopg.connect(server.create_database("kept")) as conn:
            assert conn.execute("SELECT answer FROM fact").fetchone() == (42,)


def test_a_second_server_is_refused_with_the_reason(place: Path) -> None:
    with PostgresServer(place), pytest.raises(PostgresError, match="served by another process"):
        PostgresServer(place).start()


def test_connecting_without_the_password_is_refused(place: Path) -> None:
    with PostgresServer(place, password=True) as server:
        bare = f"postgresql://onegrid@127.0.0.1:{server.port}/postgres"
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(bare)


def test_it_ends_with_its_starter_and_starts_again_over_stale_files(place: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from onegrid_kit.embedded.postgres import PostgresServer;"
        "s = PostgresServer(Path(sys.argv[1])); s.start(); print(s.pid, flush=True); time.sleep(60)"
    )
    starter = subprocess.Popen([sys.executable, "-c", program, str(place)], stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    starter.kill()
    starter.wait()
    starter.stdout.close()
    # Whether it has ended by now or not, the next one begins.
    with PostgresServer(place) as server:
        eventually(lambda: not os.path.exists(f"/proc/{pid}"))
        server.stop()
        (place / "postmaster.pid").write_text(f"{os.getpid()}\n{place}\n0\n1\n\n\n\n\n")
        server.start()
        assert server.running


def test_it_starts_where_only_its_starter_may_enter(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; import psycopg;"
        "from onegrid_kit.embedded.postgres import PostgresServer;"
        "from onegrid_kit.embedded.rabbitmq import RabbitServer;"
        "s = PostgresServer(Path('data').absolute(), password=True); s.start();"
        "print(psycopg.connect(s.create_database('kept')).execute('SELECT 42').fetchone()[0]); s.stop();"
        "RabbitServer().__enter__().close()"
    )
    checkout = tmp_path / "checkout"
    command = [sys.executable, "-c", program]
    with private_installation(checkout) as environment:
        done = subprocess.run(command, cwd=checkout, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "42\n"


def test_a_killed_one_has_left_no_process_also_in_a_container_where_root_sees_less(place: Path) -> None:
    program = (
        "import sys; from pathlib import Path; import psycopg;"
        "from onegrid_kit.embedded.postgres import PostgresServer;"
        "server = PostgresServer(Path(sys.argv[1])); server.start();"
        "conn = psycopg.connect(server.url());"
        "pids = [pid for pid, in conn.execute('SELECT pid FROM pg_stat_activity')];"
        "server.kill();"
        # One that has ended, but is not reaped by init yet, has no command line any more.
        "commands = [Path(f'/proc/{pid}/cmdline') for pid in pids];"
        "print(len(pids) > 3, [each.read_bytes() for each in commands if each.exists() and each.read_bytes()])"
    )
    # As dockerd's containers are: without it, root can't look into the processes of the user that it lends.
    confined = ["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace"] if os.geteuid() == 0 else []
    command = [*confined, sys.executable, "-c", program, str(place)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "True []\n"), done.stderr


def test_databases_of_killed_tests_do_not_keep_their_memory() -> None:
    memory = Path("/dev/shm")  # noqa: S108
    if not memory.is_dir():
        pytest.skip("this machine has no files in memory")
    ended = subprocess.Popen(["true"])
    ended.wait()
    left_behind = memory / f"onegrid-postgres-{ended.pid}-left"
    in_use = memory / f"onegrid-postgres-{os.getpid()}-used"
    for each in (left_behind, in_use):
        each.mkdir()
    try:
        postgres = TestPostgres()
        assert not left_behind.exists()
        assert in_use.exists()
        postgres.__exit__()
    finally:
        in_use.rmdir()
