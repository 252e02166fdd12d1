"""The bill of materials of the image that this runs in: CycloneDX JSON on stdout.

    sbom.py NAME VERSION [PYTHON.json]

`PYTHON.json` is what `cyclonedx-py environment` found; the packages of Debian are added to it from dpkg's own record.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

DPKG_STATUS = Path("/var/lib/dpkg/status")
STATUS_OF_FILES = Path("/var/lib/dpkg/status.d")
"""Where images list the packages that they have single files of."""
OS_RELEASE = Path("/etc/os-release")
_EMPTY = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1}


def debian_packages() -> Iterator[dict[str, Any]]:
    """A component for each package that dpkg lists as installed; none where there is no dpkg."""
    if not DPKG_STATUS.exists():
        return
    release = dict(line.split("=", 1) for line in OS_RELEASE.read_text().splitlines() if "=" in line)
    system, number = (release.get(key, "").strip('"') for key in ("ID", "VERSION_ID"))
    lists = (DPKG_STATUS, *sorted(STATUS_OF_FILES.glob("*")))
    for stanza in "\n\n".join(each.read_text(encoding="utf-8") for each in lists).split("\n\n"):
        package = HeaderParser().parsestr(stanza.lstrip("\n"))
        if "installed" not in package.get("Status", "").split():
            continue
        name, version = package["Package"], package["Version"]
        purl = f"pkg:deb/{system}/{quote(name)}@{quote(version, safe='')}?arch={package['Architecture']}"
        yield {
            "bom-ref": f"{name}={version}",
            "type": "library",
            "name": name,
            "version": version,
            "purl": f"{purl}&distro={system}-{number}",
        }


def main(argv: list[str]) -> int:
    """Print the bill."""
    name, version, *python = argv
    bom: dict[str, Any] = json.loads(Path(python[0]).read_text(encoding="utf-8")) if python else dict(_EMPTY)
    image = {"bom-ref": f"{name}:{version}", "type": "container", "name": name, "version": version}
    bom.setdefault("metadata", {})["component"] = image
    bom["components"] = [*bom.get("components", []), *debian_packages()]
    json.dump(bom, sys.stdout, ensure_ascii=False, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
