"""Builds the images: `python deploy/images/build.py`, or `make images`.

What has not changed is not built again: an image carries the hash of all that went into it.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from debian import BASE, make_system
from engine import ToolError, docker, exists, label, ready, run
from wheelhouse import BUILD, ROOT, RUNTIME, TOOLS, lay_out, packages, version

from onegrid.contracts import SERVICES

HERE = Path(__file__).parent
BILLS = BUILD / "sbom"
INPUTS = "onegrid.inputs"  # the label that holds the hash
EVALUATION = {f"evaluation-{path.stem}": path for path in sorted(HERE.glob("evaluation/*.Containerfile"))}


def services() -> list[str]:
    """The images of our own code."""
    return [*SERVICES] + ["checks"] * (ROOT / "deploy/checks/pyproject.toml").exists()


def sources(*folders: Path) -> list[Path]:
    """The files of these folders that git knows or would add, without the tests."""
    listed = run("git", "-C", ROOT, "ls-files", "-z", "-co", "--exclude-standard", "--", *folders).split("\0")
    paths = (ROOT / name for name in sorted(set(listed)) if name)
    return [path for path in paths if "tests" not in path.parts and path.is_file()]


def digest(files: Iterable[Path], *texts: str) -> str:
    """One hash of these files, their names, and these texts."""
    total = hashlib.sha256("\0".join(texts).encode())
    for path in files:
        total.update(f"{path.relative_to(ROOT)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\0".encode())
    return total.hexdigest()


def revision(files: Iterable[Path]) -> str:
    """The last commit that changed these files, marked if they differ from it: other commits make no new image."""
    paths = [path.relative_to(ROOT) for path in files]
    changed = run("git", "-C", ROOT, "status", "--porcelain", "--", *paths)
    return run("git", "-C", ROOT, "log", "-1", "--format=%H", "--", *paths) + ("-dirty" if changed else "")


@contextmanager
def report_build(image: str, takes: str) -> Iterator[None]:
    """Print that an image is being built, its size, and how long it took."""
    print(f"==> {image}: building, about {takes}", flush=True)
    start = time.monotonic()
    yield
    size = int(docker("image", "inspect", "-f", "{{.Size}}", image)) / 1e6
    print(f"    {size:.0f} MB in {time.monotonic() - start:.0f} s", flush=True)


@functools.cache
def system(made: str, given: str | None = None, rebuild: bool = False) -> str:
    """The image `given`, pulled if it is not here, or else one of Debian's, made if it is not here; its name."""
    if given:
        if not exists(given):
            docker("pull", "-q", given)
        return given
    inputs = digest([HERE / "debian.py"])
    if rebuild or label(made, INPUTS) != inputs:
        with report_build(made, "two minutes"):
            make_system(made, {INPUTS: inputs}, BUILD)
    return made


def build(name: str, on: str, rebuild: bool) -> None:
    """Build one image if something of it has changed, and write its bill of materials to build/sbom."""
    evaluation = name in EVALUATION
    if evaluation:
        containerfile, number = EVALUATION[name], version("kit")
        files = [containerfile, HERE / "sbom.py"]
    else:
        containerfile, number = HERE / "Containerfile", version(name)
        files = [containerfile, HERE / "sbom.py", HERE / "wheelhouse.py", RUNTIME, TOOLS, *sources(*packages(name))]
    image, bill = f"onegrid/{name}:{number}", BILLS / f"onegrid-{name}.cdx.json"
    inputs = digest(files, on, docker("image", "inspect", "-f", "{{.Id}}", on), number)
    if not rebuild and label(image, INPUTS) == inputs:
        print(f"==> {image}: unchanged", flush=True)
    else:
        bill.unlink(missing_ok=True)
        with report_build(image, "half a minute"):
            arguments = {"BASE": on, "SERVICE": name, "VERSION": number, "REVISION": revision(files)}
            # Only Debian's packages come over the network; what ours are made of is laid out beside them.
            network, context = ("host", HERE) if evaluation else ("none", lay_out(name))
            given = [f"--build-arg={key}={value}" for key, value in arguments.items()]
            where = [f"--network={network}", f"--file={containerfile}", f"--tag={image}", f"--label={INPUTS}={inputs}"]
            docker("build", *where, *given, context)
    if not bill.exists():
        BILLS.mkdir(parents=True, exist_ok=True)
        container = docker("create", image)
        docker("cp", f"{container}:/usr/share/sbom/{bill.name}", bill)
        docker("rm", container)


def main(argv: list[str]) -> int:
    """Build what is asked for; the exit code."""
    parser = argparse.ArgumentParser(prog="build.py", description="Builds OneGrid's images.")
    parser.add_argument("--base", metavar="IMAGE", help="an image with Python 3.11; default: one made by debootstrap")
    parser.add_argument("--evaluation", action="store_true", help="also the stand-ins for what a registry would have")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=[*services(), *EVALUATION], help="only these")
    parser.add_argument("--rebuild", action="store_true", help="also what has not changed")
    options = parser.parse_args(argv)
    try:
        ready()
        for name in options.only or services() + list(EVALUATION) * options.evaluation:
            base = system(BASE, None if name in EVALUATION else options.base, options.rebuild)
            build(name, base, options.rebuild)
    except ToolError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
