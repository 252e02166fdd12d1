"""The files that are made of the data: rules, the trials that promtool tries them with, and dashboards."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import yaml

from onegrid_observability import dashboards, data_dashboard, rules, service_dashboard, trials
from onegrid_observability.objectives import ROOT, read
from onegrid_observability.panels import board
from onegrid_observability.per_release import of_release

__all__ = ["DATA", "PLATFORM", "write"]

FOLDER: Final = ROOT.parents[1] / "build" / "observability"
PLATFORM: Final = "onegrid"
"""The file of what no service has alone."""
DATA: Final = "onegrid-data"
"""The file of the data stores."""
_DASHBOARDS: Final = (dashboards.overview, dashboards.command_centre, dashboards.outbox_and_broker, dashboards.database)


class _Dumper(yaml.CSafeDumper):
    """Repeats what is the same, and keeps lines as they are."""

    def ignore_aliases(self, _: Any) -> bool:
        return True


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)


def write() -> Path:
    """Write the folders `rules`, `rules-of-one`, `trials` and `dashboards`; the folder that they are in.

    The rules are of any release; those of one, as its chart installs them, are for trials. What has not
    changed is left alone, so that others may read it meanwhile.
    """
    made = _made()
    for path in set(FOLDER.glob("*/*")) - made.keys():
        path.unlink(missing_ok=True)
    for path, text in made.items():
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = FOLDER / f"{path.name}.{os.getpid()}"
            partial.write_text(text)
            partial.replace(path)
    return FOLDER


def _made() -> Mapping[Path, str]:
    of_platform, of_data = rules.of_platform(), rules.of_data()
    alerts: dict[str, set[str]] = dict(rules.asked(of_platform))
    of_stores = {**alerts, **rules.asked(of_data)}
    made: dict[Path, str] = {
        **_judged(PLATFORM, of_platform, trials.of_platform, trials.of_platform_without_a_broker),
        **_judged(DATA, of_data, trials.of_data, trials.of_data_that_is_gone),
        FOLDER / "dashboards" / f"{DATA}.json": board(data_dashboard.data_stores(), of_stores),
    }
    for promises in map(read, sorted((ROOT / "objectives").glob("*.yaml"))):
        name, of_service = promises.service, rules.of_service(promises)
        tried, gone = (partial(each, promises) for each in (trials.of_service, trials.of_service_that_is_gone))
        made |= _judged(name, of_service, tried, gone)
        own = rules.asked(of_service)
        made[FOLDER / "dashboards" / f"{name}.json"] = board(service_dashboard.of_service(promises), own)
        for alert, metrics in own.items():
            alerts.setdefault(alert, set()).update(metrics)
    for dashboard in _DASHBOARDS:
        name = dashboard.__name__.replace("_", "-")
        made[FOLDER / "dashboards" / f"{name}.json"] = board(dashboard(), alerts)
    return made


def _judged(
    name: str, any_rules: Any, tried: Callable[[str], dict[str, Any]], gone: Callable[[str], dict[str, Any]]
) -> Mapping[Path, str]:
    """Rules with their trials: of any release, and of one that is gone."""
    of_any = _dump(any_rules)
    return {
        FOLDER / "rules" / f"{name}.yaml": of_any,
        FOLDER / "rules-of-one" / f"{name}.yaml": of_release(of_any, **trials.IT, broker=trials.IT["namespace"]),
        FOLDER / "trials" / f"{name}.yaml": _dump(tried(f"../rules/{name}.yaml")),
        FOLDER / "trials" / f"{name}-gone.yaml": _dump(gone(f"../rules-of-one/{name}.yaml")),
    }


def _dump(data: Any) -> str:
    dumped: str = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
    return dumped
