"""Sees to it that the tests find RabbitMQ: installs it from the system's packages as root, else says what to
install.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGE = "rabbitmq-server"


def installed() -> bool:
    """Whether the broker's programs are here."""
    return shutil.which(PACKAGE) is not None or Path("/usr/lib/rabbitmq/bin/rabbitmq-server").exists()


def main() -> int:
    """Install it if it is missing; the exit code."""
    if installed():
        return 0
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(f"the tests need RabbitMQ 3.10 or later: as root, apt-get install {PACKAGE}", file=sys.stderr)
        return 1
    print("==> installing RabbitMQ from the system's packages", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", PACKAGE],
    ):
        done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            print(done.stdout + done.stderr, file=sys.stderr)
            return 1
    # The tests start brokers of their own; the package's service is not needed.
    subprocess.run(["sh", "-c", "service rabbitmq-server stop"], check=False, capture_output=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
