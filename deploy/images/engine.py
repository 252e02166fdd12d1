"""Docker's command line: there, running, and asked with one function."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

__all__ = ["ToolError", "docker", "exists", "install", "label", "ready", "run"]

_START_SECONDS = 60
_PID_FILES = (Path("/var/run/docker.pid"), Path("/var/run/docker/containerd/containerd.pid"))


class ToolError(Exception):
    """A program failed or is missing; the message gives what to do, or the end of its output."""


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a program and return its output. Raises ToolError with the last lines if it fails."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-30:])
        raise ToolError(f"{tail}\n{Path(command[0]).name} {command[1]} failed with {done.returncode}")
    return done.stdout.strip()


def docker(*arguments: str | Path) -> str:
    """Run `docker …`; its output."""
    return run("docker", *arguments)


def exists(image: str) -> bool:
    """Whether this image is here."""
    return bool(docker("image", "ls", "-q", image))


def label(image: str, name: str) -> str:
    """A label of an image; empty if there is no such image or label."""
    return docker("image", "inspect", "-f", f'{{{{index .Config.Labels "{name}"}}}}', image) if exists(image) else ""


def install(*packages: str) -> None:
    """Install the system's packages, as root. Raises ToolError otherwise."""
    wanted = "apt-get install --no-install-recommends " + " ".join(packages)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise ToolError(f"images need {' and '.join(packages)}; as root: {wanted}")
    print(f"==> installing {' '.join(packages)} from the system's packages", flush=True)
    quiet = ("env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", "apt-get", "-qq")
    run(*quiet, "update")
    run(*quiet, "install", "-y", "--no-install-recommends", *packages)


def ready() -> None:
    """Install Docker and start its daemon if it does not run. Raises ToolError."""
    if shutil.which("docker") is None:
        install("docker.io")
    if _answers():
        return
    if os.geteuid() != 0:
        raise ToolError("no Docker daemon answers; start it, or let your user reach it (group docker)")
    if shutil.which("dockerd") is None:
        install("docker.io")
    for left_behind in _PID_FILES:
        # Left by a killed daemon: its process id may be another process's by now, and dockerd would wait for that one.
        left_behind.unlink(missing_ok=True)
    log = Path("/var/log/dockerd.log")
    print(f"==> starting dockerd (its log: {log})", flush=True)
    with log.open("ab") as stream:
        subprocess.Popen(["dockerd"], stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True)
    deadline = time.monotonic() + _START_SECONDS
    while not _answers():
        if time.monotonic() > deadline:
            raise ToolError(f"dockerd did not start in {_START_SECONDS} s; see {log}")
        time.sleep(0.5)


def _answers() -> bool:
    asked = subprocess.run(["docker", "version", "-f", "{{.Server.Version}}"], check=False, capture_output=True)
    return asked.returncode == 0
