"""`write` makes the rules, their trials and the dashboards from their data; `check` fails if one is not fresh."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

from onegrid_observability import dashboards, rules, service_dashboard, trials
from onegrid_observability.objectives import ROOT, read
from onegrid_observability.panels import board

_NOTE = "# Written by `make format` from deploy/observability; change it there.\n"
_HELM = ROOT.parent / "helm"


class _Dumper(yaml.SafeDumper):
    """Repeats what is the same, and keeps lines as they are."""

    def ignore_aliases(self, _: Any) -> bool:
        return True


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)


def documents() -> dict[Path, str]:
    """Everything that is made, by where it belongs."""
    services = [read(path) for path in sorted((ROOT / "objectives").glob("*.yaml"))]
    made: dict[Path, str] = {
        _HELM / "onegrid" / "files" / "rules.yaml": _dump(rules.of_platform()),
        ROOT / "tests" / "platform.yaml": _dump(trials.of_platform()),
    }
    for made_of in (
        dashboards.overview,
        dashboards.command_centre,
        dashboards.outbox_and_broker,
        dashboards.database,
    ):
        name = made_of.__name__.replace("_", "-")
        made[_HELM / "onegrid" / "files" / "dashboards" / f"{name}.json"] = board(made_of())
    for promises in services:
        made[_HELM / promises.service / "files" / "dashboard.json"] = board(service_dashboard.of_service(promises))
        made[_HELM / promises.service / "files" / "rules.yaml"] = _dump(rules.of_service(promises))
        made[ROOT / "tests" / f"{promises.service}.yaml"] = _dump(trials.of_service(promises))
    return made


def main() -> int:
    """`write` or `check`; the exit code."""
    made = documents()
    stale = [path for path, text in made.items() if not path.exists() or path.read_text() != text]
    if sys.argv[1:] == ["write"]:
        for path in stale:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(made[path])
        return 0
    for path in stale:
        print(f"{path.relative_to(ROOT.parents[1])} is not fresh; make format writes it", file=sys.stderr)
    return 1 if stale else 0


def _dump(data: Any) -> str:
    dumped: str = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
    return _NOTE + dumped


if __name__ == "__main__":
    sys.exit(main())
