"""The sample's roles as processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from onegrid_kit.testing.waiting import HANG_S

ROOT = Path(__file__).resolve().parents[2]


def environment(database_url: str, amqp_url: str = "", **settings: str) -> dict[str, str]:
    """The settings of a role; retries are quick."""
    given = {
        "DATABASE_URL": database_url,
        "AMQP_URL": amqp_url,
        "PAGE_TOKEN_KEY": "k" * 32,
        "CIPHER_KEYS": f"a:{'0' * 64}",
        "RETRY_BASE_S": "0.2",
        "HANDLER_ATTEMPTS": "3",
        # The sample goes by the name of identity, and is alone.
        "ABSENT_SERVICES": "grid,petition",
        **settings,
    }
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {
        **inherited,
        "PYTHONPATH": str(ROOT),
        # Compiled once for all of them; a role would take two seconds to start each time.
        "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "onegrid-tests-pycache"),
        **{f"ONEGRID_{name}": value for name, value in given.items()},
    }


def run(environ: Mapping[str, str], *role: str) -> subprocess.CompletedProcess[str]:
    """Run a role that ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "kit.tests.sample.main", *role],
        env=dict(environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG_S,
    )


def start(environ: Mapping[str, str], *role: str, log: Path | None = None) -> subprocess.Popen[bytes]:
    """Start a role that serves; it is the caller's to end. What it logs goes to the file, if there is one."""
    with ExitStack() as stack:
        return subprocess.Popen(
            [sys.executable, "-m", "kit.tests.sample.main", *role],
            env=dict(environ),
            stderr=stack.enter_context(log.open("ab")) if log else None,
        )


@contextmanager
def scripted(module: str, database_url: str) -> Iterator[subprocess.Popen[bytes]]:
    """A module of these tests as a process, which has printed a line; killed in the end."""
    command = [sys.executable, "-m", f"kit.tests.{module}", database_url]
    process = subprocess.Popen(command, env=environment(database_url), stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline(), f"{module} ended with {process.wait()}"
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def running(environ: Mapping[str, str], *role: str, log: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A role that serves; it must end in order and without delay when it is told to, unless it was killed."""
    process = start(environ, *role, log=log)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGCONT)
            try:
                code = process.wait(HANG_S)
            except BaseException:
                process.kill()
                process.wait()
                raise
            assert code in (0, -signal.SIGKILL), f"{role} ended with {code}"


def probe(port: int, path: str) -> int:
    """What the probe of a role on this machine answers; 0 if nobody does."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=HANG_S) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code
    except OSError:
        return 0
