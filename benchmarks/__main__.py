"""`make bench`: measures the subjects, or those that are named, and compares them with their bars.

    python -m benchmarks [SUBJECT …]

PAIRS and SLICE_S in the environment say how many pairs of slices, and how long, a comparison takes.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import machine, subjects
from benchmarks.comparing import Figure
from benchmarks.platform import platform

_OUT = Path("build/bench.json")


def main(chosen: Sequence[str]) -> int:
    """Measure; 0 if every bar is reached by a figure that counts."""
    known = [module.name for module in pkgutil.iter_modules(subjects.__path__)]
    if unknown := set(chosen) - set(known):
        print(f"no such subject: {', '.join(sorted(unknown))}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    print(f"==> {machine.cpu_model()}", flush=True)
    figures: list[Figure] = []
    with platform() as running:
        for name in chosen or known:
            print(f"==> {name}", flush=True)
            figures += importlib.import_module(f"benchmarks.subjects.{name}").measure(running)
    _OUT.parent.mkdir(exist_ok=True)
    flat = {"cpu": machine.cpu_model(), **{each.key: each.value for each in figures}}
    flat |= {f"{each.key}.invalid": each.note for each in figures if each.bar is not None and each.note}
    _OUT.write_text(json.dumps(flat, indent=2, ensure_ascii=False) + "\n")
    _report(figures)
    return 0 if all(each.good and not (each.least and each.note) for each in figures) else 1


def _report(figures: Sequence[Figure]) -> None:
    """One table: what has a bar with its quartiles, then what each call costs."""
    values = {each.key: each.value for each in figures}
    print(f"\n{machine.cpu_model()}\n{'figure':<44}{'':>9}{'quartiles':>18}{'bar':>9}")
    for each in figures:
        if each.bar is None:
            continue
        key = each.key
        quartiles = f"{values[f'{key}.q1']:.2f} to {values[f'{key}.q3']:.2f}" if f"{key}.q1" in values else ""
        bar = f"{'≥' if each.least else '≤'} {each.bar:g}"
        print(f"{key:<44}{each.value:>9g}{quartiles:>18}{bar:>9}  {'' if each.good else 'MISSED '}{each.note}")
    print(f"\n{'processor time a call, µs':<44}{'api':>9}{'postgres':>9}{'client':>9}{'total':>9}{'a second':>10}")
    for key in [k.removesuffix(".cpu_us.total") for k in values if k.endswith(".cpu_us.total")]:
        parts = [values.get(f"{key}.cpu_us.{part}") for part in ("api", "postgres", "client", "total")]
        print(f"{key:<44}{''.join(f'{part or 0:>9.0f}' for part in parts)}{values[f'{key}.per_second']:>10,.0f}")
    print(f"\nwritten to {_OUT}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
