"""The context that an image is built in: every wheel of it, each with the hash that it is locked to, and the files of
Debian's packages that it needs.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import sys
import tomllib
from pathlib import Path

from engine import install, run

__all__ = ["BUILD", "ROOT", "RUNTIME", "TOOLS", "downloaded", "lay_out", "packages", "version"]

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build"
WHEELHOUSE = BUILD / "wheelhouse"
RUNTIME = ROOT / "requirements/runtime.txt"  # one set for all images: they share its layer
TOOLS = ROOT / "requirements/images.txt"
_SOURCES = ("http-ece",)
"""Pure Python that its authors publish as sources alone: its wheel is built here, by the setuptools that is locked."""
_EPOCH = "SOURCE_DATE_EPOCH=315532800"
"""1980-01-01T00:00:00Z, the first that a wheel can hold: any clone builds the same bytes, so that images of different
clones share the layer of their dependencies."""
_HOMES = ("protos", "kit", "services/*", "demo", "deploy/*")


@functools.cache
def _projects() -> dict[str, Path]:
    """Our packages by name."""
    found = (path for home in _HOMES for path in sorted(ROOT.glob(f"{home}/pyproject.toml")))
    return {_project(path.parent)["name"]: path.parent for path in found}


def _project(package: Path) -> dict[str, str]:
    project: dict[str, str] = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project


def packages(image: str) -> list[Path]:
    """The folders of our packages that an image needs: its own, and those which that depends on."""
    wanted, found = [f"onegrid-{image}"], {}
    while wanted:
        name = wanted.pop()
        if name in _projects() and name not in found:
            found[name] = _projects()[name]
            wanted += [re.split(r"[\s\[<>=!~;]", need, maxsplit=1)[0] for need in _project(found[name])["dependencies"]]
    return sorted(found.values())


def version(name: str) -> str:
    """The version of one of our packages."""
    return _project(_projects()[f"onegrid-{name}"])["version"]


def lay_out(image: str) -> Path:
    """Collect what the Containerfile copies, under build/; the folder."""
    context = BUILD / "images" / image
    shutil.rmtree(context, ignore_errors=True)
    shutil.copytree(downloaded(RUNTIME), context / "dependencies", copy_function=os.link)
    shutil.copytree(downloaded(TOOLS), context / "tools", copy_function=os.link)
    (context / "packages").mkdir()
    hashed = []
    for package in packages(image):
        wheel = _wheel(package)
        os.link(wheel, context / "packages" / wheel.name)
        project, sha256 = _project(package), hashlib.sha256(wheel.read_bytes()).hexdigest()
        hashed.append(f"{project['name']}=={project['version']} --hash=sha256:{sha256}\n")
    (context / "packages/requirements.txt").write_text("".join(hashed))
    shutil.copy(Path(__file__).with_name("sbom.py"), context)
    _lay_out_debian(image, context / "debian")
    return context


def _lay_out_debian(image: str, root: Path) -> None:
    """Collect the files of Debian's packages that an image needs, with their licences, and what dpkg knows of them,
    where scanners of images look for it. Raises ToolError if a package is missing, unless root.
    """
    status = root / "var/lib/dpkg/status.d"
    status.mkdir(parents=True)
    for package in packages(image):
        needed = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8")).get("tool", {})
        for name, files in needed.get("onegrid", {}).get("debian", {}).items():
            if not all(Path(file).exists() for file in files):
                install(name)
            for file in (*files, f"/usr/share/doc/{name}/copyright"):
                copy = root / Path(file).relative_to("/")
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, copy)
            (status / name).write_text(run("dpkg-query", "--status", name) + "\n", encoding="utf-8")


def downloaded(lock: Path) -> Path:
    """The wheels that a file of requirements locks; fetched once for each content of it."""
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    wheels = WHEELHOUSE / f"{lock.stem}-{digest}"
    if not wheels.exists():
        print(f"==> downloading the wheels of {lock.relative_to(ROOT)}", flush=True)
        partial = wheels.with_suffix(".partial")
        built = [name for name in _SOURCES if _pin(name).search(lock.read_text())]
        run(
            "env", _EPOCH, sys.executable, "-m", "pip", "wheel",
            "-q", "--disable-pip-version-check", "--only-binary", ":all:",
            *(f"--no-binary={name}" for name in built), "--no-build-isolation", "--no-deps",
            "--require-hashes", "-r", lock, "-w", partial,
        )  # fmt: skip
        (partial / "requirements.txt").write_text(_relocked(lock.read_text(), built, partial))
        partial.rename(wheels)
    return wheels


def _relocked(pins: str, built: list[str], wheels: Path) -> str:
    """The pins, with the hashes of the wheels that were built here in place of those of their sources."""
    for name in built:
        (wheel,) = wheels.glob(f"{name.replace('-', '_')}-*.whl")
        sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
        pins = _pin(name).sub(rf"\1 --hash=sha256:{sha256}\n", pins)
    return pins


def _pin(name: str) -> re.Pattern[str]:
    """Where a package is pinned: its name and version, and the lines of its hashes."""
    return re.compile(rf"^({re.escape(name)}==\S+)(?: \\\n    --hash=\S+)+\n", re.MULTILINE)


@functools.cache
def _wheel(package: Path) -> Path:
    """Build one of our packages."""
    output = WHEELHOUSE / "ours" / package.name
    shutil.rmtree(output, ignore_errors=True)
    uv = Path(sys.executable).with_name("uv")
    run(uv, "build", "-q", "--wheel", "--no-build-isolation", "--python", sys.executable, "--out-dir", output, package)
    (wheel,) = output.glob("*.whl")
    return wheel
