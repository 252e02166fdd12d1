"""Whoever upgrades keeps their values: what a release took, those after it take, or say what one sets instead."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from tools import documents, helm

from onegrid.contracts import SERVICES

CHARTS = ("onegrid", "onegrid-lib", "onegrid-data")
RELEASED = sorted((Path(__file__).parent / "released").glob("*.yaml"))
UPGRADING = (helm.CHARTS / "UPGRADING.md").read_text()


def missing(before: Mapping[str, Any], now: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """The values of a release that there are no longer."""
    for key, value in before.items():
        if key not in now:
            yield path + key
        # Where the default is an empty map, its keys are the user's.
        elif isinstance(value, dict) and isinstance(now[key], dict) and now[key]:
            yield from missing(value, now[key], f"{path}{key}.")


def replaced(notes: str, chart: str) -> set[str]:
    """The values of which the notes say what one sets instead."""
    row = re.compile(rf"^\| [0-9.]+ \| `{chart}` \| `([^`]+)` \| (\S[^|]*) \|$", re.MULTILINE)
    return {value for value, _ in row.findall(notes)}


def without(values: Mapping[str, Any], paths: set[str], path: str = "") -> dict[str, Any]:
    """The values that a user keeps who followed the notes."""
    return {
        key: without(value, paths, f"{path}{key}.") if isinstance(value, dict) else value
        for key, value in values.items()
        if path + key not in paths
    }


def upgrade(before: Mapping[str, Any], notes: str, folder: Path) -> None:
    """Render the charts of today with everything that a release took. Raises SystemExit for what they refuse."""
    kept = {chart: without(before[chart], replaced(notes, chart)) for chart in CHARTS}
    service = kept["onegrid-lib"]
    umbrella = copy.deepcopy(kept["onegrid"])
    umbrella["global"]["platform"] = service["platform"]
    for name in SERVICES:
        umbrella.setdefault(name, {})["service"] = service
    for chart, values in (("onegrid", umbrella), ("onegrid-data", kept["onegrid-data"])):
        file = folder / f"{chart}.yaml"
        file.write_text(yaml.safe_dump(values))
        helm.package()
        helm.render("onegrid", chart, [], f"--values={file}")


@pytest.mark.parametrize("release", RELEASED, ids=lambda path: path.stem)
def test_the_values_of_a_release_are_taken_or_the_notes_say_what_replaces_them(release: Path, tmp_path: Path) -> None:
    before = yaml.load(release.read_text(), yaml.CSafeLoader)
    for chart in CHARTS:
        gone = set(missing(before[chart], documents.defaults_of(chart))) - replaced(UPGRADING, chart)
        assert not gone, f"{chart}: {gone} of {release.stem} is in no row of deploy/helm/UPGRADING.md"
    upgrade(before, UPGRADING, tmp_path)


def test_a_value_that_has_another_name_needs_a_note(tmp_path: Path) -> None:
    """That the test above would see it."""
    before = yaml.load(RELEASED[-1].read_text(), yaml.CSafeLoader)
    before["onegrid-lib"]["worker"]["replicaCount"] = 2
    assert set(missing(before["onegrid-lib"], documents.defaults_of("onegrid-lib"))) == {"worker.replicaCount"}
    with pytest.raises(SystemExit, match="'replicaCount' not allowed"):
        upgrade(before, "", tmp_path)
    note = "| 0.2.0 | `onegrid-lib` | `worker.replicaCount` | `worker.replicas` |"
    assert replaced(note, "onegrid-lib") == {"worker.replicaCount"}
    upgrade(before, note, tmp_path)


def test_this_versions_values_are_kept_for_those_who_will_upgrade_from_it() -> None:
    version = yaml.load((helm.CHARTS / "onegrid/Chart.yaml").read_text(), yaml.CSafeLoader)["version"]
    assert version in {path.stem for path in RELEASED}
