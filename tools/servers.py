"""Sees to it that the tests find RabbitMQ, Prometheus, what docs/by-hand.md uses, and the fonts that services print
with: installs them from the system's packages as root, else says what to install. With `--run` it is the fonts alone,
which the demonstration can do without.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

SERVERS = {
    # RabbitMQ 3.10 or later; its program lies where no PATH leads.
    "rabbitmq-server": (Path("/usr/sbin/rabbitmq-server"), Path("/usr/lib/rabbitmq/bin/rabbitmq-server")),
    "prometheus": (),
    "curl": (),
    "openssl": (),
}
"""Packages, and where the program of the same name may be beside the PATH; the servers first."""


def needed_files() -> Iterator[tuple[str, list[Path]]]:
    """The packages of which services need files, and these."""
    for project in sorted(Path(__file__).parents[1].glob("services/*/pyproject.toml")):
        tool = tomllib.loads(project.read_text(encoding="utf-8")).get("tool", {})
        for name, files in tool.get("onegrid", {}).get("debian", {}).items():
            yield name, [Path(file) for file in files]


def main(argv: list[str]) -> int:
    """Install what is missing; the exit code."""
    tests = argv != ["--run"]
    servers = SERVERS if tests else {}
    missing = [name for name, places in servers.items() if not (shutil.which(name) or any(p.exists() for p in places))]
    missing += [name for name, files in needed_files() if not all(file.exists() for file in files)]
    if not missing:
        return 0
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        who = "the tests need" if tests else "not all is printed without"
        print(f"==> {who} {' and '.join(missing)}: as root, apt-get install {' '.join(missing)}", file=sys.stderr)
        return 1 if tests else 0
    print(f"==> installing {' and '.join(missing)} from the system's packages", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing],
    ):
        done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            print(done.stdout + done.stderr, file=sys.stderr)
            return 1 if tests else 0
    for name in servers.keys() & set(missing):
        # The tests start servers of their own; the packages' services are not needed.
        subprocess.run(["sh", "-c", f"service {name} stop"], check=False, capture_output=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
