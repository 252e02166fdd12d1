"""Images for machines that reach no registry: Debian's smallest system, made by debootstrap."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from engine import ToolError, install, run

__all__ = ["BARE", "BASE", "make_system"]

SUITE = "bookworm"
BASE = f"onegrid/base:{SUITE}"
"""What our images are built on: with Python."""
BARE = f"onegrid/bare:{SUITE}"
"""Debian alone, as `debian:bookworm` has it."""
_PACKAGES = {BASE: ("python3", "ca-certificates"), BARE: ()}
_SECURITY = f"deb http://deb.debian.org/debian-security {SUITE}-security main\n"
# What a container never reads. Licences stay, and so does Python's bytecode: a read-only root can't be written to.
_LEFT_OUT = (
    "etc/hostname",
    "etc/resolv.conf",
    "usr/share/doc/*/*",
    "usr/share/info/*",
    "usr/share/locale/*",
    "usr/share/man/*",
    "var/cache/apt/*",
    "var/cache/debconf/*-old",
    "var/lib/apt/lists/*",
    "var/log/*",
)


def make_system(image: str, labels: dict[str, str], scratch: Path) -> None:
    """Make the image `BASE` or `BARE`, with today's security updates. Raises ToolError unless root."""
    if os.geteuid() != 0:
        raise ToolError(f"{image} is made by root; or give another image, see --help")
    if shutil.which("debootstrap") is None:
        install("debootstrap", "debian-archive-keyring")
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch) as name:
        root = Path(name) / "root"
        include = [f"--include={','.join(_PACKAGES[image])}"] if _PACKAGES[image] else []
        run("debootstrap", "--variant=minbase", *include, SUITE, root)
        (root / "etc/apt/sources.list.d/security.list").write_text(_SECURITY)
        for command in (["update"], ["upgrade", "-y"], ["clean"]):
            run("chroot", root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", *command)
        _tidy(root)
        changes = [f"LABEL {key}={value}" for key, value in labels.items()] + ["ENV LANG=C.UTF-8"] * (image == BASE)
        _import(image, root, [part for change in changes for part in ("--change", change)])


def _tidy(root: Path) -> None:
    licences = set(root.glob("usr/share/doc/*/copyright"))
    for pattern in _LEFT_OUT:
        for path in set(root.glob(pattern)) - licences:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


def _import(image: str, root: Path, changes: list[str]) -> None:
    with subprocess.Popen(["tar", "-C", root, "--numeric-owner", "-c", "."], stdout=subprocess.PIPE) as tree:
        done = subprocess.run(
            ["docker", "import", *changes, "-", image], check=False, stdin=tree.stdout, capture_output=True, text=True
        )
    if done.returncode or tree.returncode:
        raise ToolError(f"docker import failed: {done.stderr}")
