"""`check FILE…`: whether the runner understands rendered manifests."""

from __future__ import annotations

import sys
from pathlib import Path

from onegrid_runner.manifests import Refused, parse


def main() -> int:
    """Run the command; return the exit code."""
    match sys.argv[1:]:
        case ["check", *files] if files:
            for file in files:
                try:
                    found = parse(Path(file).read_text())
                except Refused as refused:
                    print(f"{file}: {refused}", file=sys.stderr)
                    return 1
                print(f"{file}: {len(found)} objects understood")
            return 0
    print(f"usage: python -m onegrid_runner {__doc__}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
