"""What a newcomer does, on a machine that has nothing but Debian: `make fresh-test`.

A container of a bare Debian gets git and make, a clone of the last commit in a folder that only its owner may enter,
and then runs `make run ONCE=1` and `make test` there, as root or as an ordinary user.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from build import system
from debian import BARE
from engine import ToolError, docker, ready, run
from wheelhouse import BUILD, ROOT

USER = "newcomer"
# What says how the registries are reached; a container has nothing else of the machine's environment.
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_REGISTRIES = (*_PROXIES, "PIP_INDEX_URL", "UV_DEFAULT_INDEX", "NPM_CONFIG_REGISTRY")
_INSTALL = "DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends {} >/dev/null"
_FRESH = ("apt-get update -qq", _INSTALL.format("git make"))
# What `make` installs as root, and tells an ordinary user to ask for.
_ASKED = (_INSTALL.format("python3.11-venv"), "python3 /root/onegrid/tools/servers.py")


def script(*, ordinary: bool, only: str | None) -> str:
    """What the container runs, as root."""
    test = f"make test T={shlex.quote(only)}" if only else "make test"
    lines = ["set -eu", "umask 077", *_FRESH]
    folder, enter = "/root/onegrid", ""
    if ordinary:
        home = f"/home/{USER}"
        folder, enter = f"{home}/onegrid", f"setpriv --reuid={USER} --regid={USER} --init-groups env HOME={home} "
        lines += [*_ASKED, f"useradd --create-home {USER}", f"mv /root/onegrid {folder}", f"chown -R {USER}: {home}"]
    lines += [f"cd {folder}", f"{enter}make run ONCE=1", f"{enter}{test}"]
    return "\n".join(lines)


def try_out(image: str, program: str, certificates: Path | None) -> int:
    """Run the program in a container of the image, beside a clone of the last commit; its exit code."""
    given = [f"--env={name}" for name in _REGISTRIES if os.environ.get(name)]
    if certificates:
        # As an administrator adds a company's own authority: Debian's ca-certificates takes it from there.
        given.append(f"--volume={certificates.resolve()}:/usr/local/share/ca-certificates/onegrid.crt:ro")
    # Half of the memory, as Debian has it; Docker's own 64 MB are less than any machine's.
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    given.append(f"--shm-size={memory // 2}b")
    BUILD.mkdir(exist_ok=True)
    container = docker("create", *given, image, "bash", "-c", program)
    try:
        with tempfile.TemporaryDirectory(dir=BUILD) as scratch:
            run("git", "clone", "-q", "--depth=1", f"file://{ROOT}", Path(scratch) / "onegrid")
            docker("cp", Path(scratch) / "onegrid", f"{container}:/root/onegrid")
        return subprocess.run(["docker", "start", "--attach", container], check=False).returncode
    finally:
        docker("rm", "--force", "--volumes", container)


def main(argv: list[str]) -> int:
    """Try what is asked for; the exit code."""
    parser = argparse.ArgumentParser(prog="fresh.py", description="Runs OneGrid in a bare Debian.")
    parser.add_argument("--image", metavar="IMAGE", help="a bare Debian; default: one made by debootstrap")
    parser.add_argument("--ordinary", action="store_true", help="as an ordinary user, not as root")
    parser.add_argument("--only", metavar="TESTS", help="only these, as T= of `make test`")
    certificates = os.environ.get("SSL_CERT_FILE")
    parser.add_argument(
        "--certificates",
        metavar="FILE",
        type=Path,
        default=Path(certificates) if certificates else None,
        help="authorities to trust besides Debian's; default: what SSL_CERT_FILE names",
    )
    options = parser.parse_args(argv)
    try:
        ready()
        program = script(ordinary=options.ordinary, only=options.only)
        return try_out(system(BARE, options.image), program, options.certificates)
    except ToolError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
