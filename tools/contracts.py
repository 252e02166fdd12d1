"""Checks the contracts with buf: style, comments, format, and that nothing breaks who uses the last release.

buf reads descriptor sets that protoc wrote, so that it needs no network. `release` keeps today's contracts as
those that later ones must not break; it is run when a version is released.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

ROOT = Path(__file__).resolve().parent.parent
BUF = Path(sys.executable).parent / "buf"
NOW = ROOT / "build" / "protos.binpb"
RELEASED = ROOT / "protos" / "released.binpb"
CONFIG = ROOT / "protos" / "buf.yaml"


def run(*command: str | Path) -> bool:
    """Run it from the root; whether it was content."""
    done = subprocess.run([str(part) for part in command], cwd=ROOT, check=False)
    return done.returncode == 0


def check() -> bool:
    """Whether style, comments and format are right, and nothing is broken."""
    good = run(BUF, "format", "--diff", "--exit-code", "protos")
    good = run(BUF, "lint", NOW, "--config", CONFIG) and good
    if not RELEASED.exists():
        print("no contracts are released yet, so none are compared", flush=True)
        return good
    return run(BUF, "breaking", NOW, "--against", RELEASED, "--config", CONFIG) and good


def release() -> None:
    """Keep today's contracts, without their comments."""
    found = FileDescriptorSet.FromString(NOW.read_bytes())
    for file in found.file:
        file.ClearField("source_code_info")
    RELEASED.write_bytes(found.SerializeToString(deterministic=True))


def main() -> int:
    """`check` or `release`; the exit code."""
    if sys.argv[1:] == ["release"]:
        release()
        return 0
    return 0 if check() else 1


if __name__ == "__main__":
    sys.exit(main())
