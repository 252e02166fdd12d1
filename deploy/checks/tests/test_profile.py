"""Load profiles: how they are read, and the errors for invalid ones."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from onegrid_checks.load.profile import METHODS, Latency, Phase, read
from onegrid_checks.settings import SettingsError

PROFILES = Path(__file__).resolve().parents[2] / "helm/onegrid/files/profiles"
GOOD: dict[str, Any] = {
    "name": "small",
    "connections": 1,
    "watchers": 0,
    "phases": [{"name": "ramp", "seconds": 5, "from": 0, "to": 2}, {"name": "steady", "seconds": 9.5, "rate": 2}],
    "mix": {"FilePetition": 1},
    "objectives": {"errors": 0, "made": 0.99, "latency_ms": {"FilePetition": {"p50": 10, "p99": 20}}},
}


def written(folder: Path, profile: object) -> Path:
    path = folder / "profile.yaml"
    path.write_text(yaml.safe_dump(profile))
    return path


def changed(path: str, value: object) -> dict[str, Any]:
    profile = copy.deepcopy(GOOD)
    *way, last = (int(step) if step.isdigit() else step for step in path.split("."))
    place: Any = profile
    for step in way:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return profile


@pytest.mark.parametrize("name", ["community", "street", "district"])
def test_each_size_of_platform_has_a_profile_that_asks_something_of_every_method(name: str) -> None:
    profile = read(PROFILES / f"{name}.yaml")
    assert profile.name == name
    assert [phase.name for phase in profile.phases] == ["ramp", "steady", "spike"]
    assert set(profile.mix) == set(profile.objectives.latency_ms) == set(METHODS)
    assert profile.objectives.errors == 0
    assert profile.objectives.made >= 0.99
    assert sum(phase.seconds for phase in profile.phases) <= 90


def test_a_profile_is_read_from_its_file(tmp_path: Path) -> None:
    profile = read(written(tmp_path, GOOD))
    assert profile.phases == (Phase("ramp", 5, 0, 2, 1), Phase("steady", 9.5, 2, 2, 1))
    assert profile.objectives.latency_ms == {"FilePetition": Latency(10, 20)}


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("connections", 0, "connections: takes a whole number, at least 1, not 0"),
        ("connections", True, "connections: takes a whole number"),
        ("watchers", None, "the profile: watchers missing; it takes name, connections, watchers"),
        ("speed", 3, "the profile: speed unknown"),
        ("phases", [], "phases: takes a list of at least one phase"),
        ("phases.1.name", "ramp", "phases: each takes a name of its own"),
        ("phases.1.rate", "fast", r"phases\[1\].rate: takes a number, at least 0, not 'fast'"),
        ("phases.1.rate", 0, r"phases\[1\]: takes a rate above 0"),
        ("phases.1.rate", float("inf"), r"phases\[1\].rate: takes a number"),
        ("phases.0.to", None, r"phases\[0\]: to missing"),
        ("phases.0.rate", 3, r"phases\[0\]: from, to unknown; it takes name, seconds, rate, slack"),
        ("phases.0.seconds", 0.5, r"phases\[0\].seconds: takes a number, at least 1"),
        ("phases.0.slack", 0.5, r"phases\[0\].slack: takes a number, at least 1"),
        ("mix", {"Nonsense": 1}, "mix: takes a mapping of some of FilePetition"),
        ("mix", {"GetPetition": 1}, "mix.FilePetition: takes a weight above 0"),
        ("objectives.errors", -1, "objectives.errors: takes a whole number, at least 0"),
        ("objectives.made", 99, "objectives.made: takes a share between 0 and 1"),
        ("objectives.latency_ms.FilePetition", 10, "objectives.latency_ms.FilePetition: takes a mapping of p50, p99"),
        ("objectives.latency_ms.FilePetition.p50", 30, "p50 can't be above p99"),
    ],
)
def test_what_cannot_be_used_is_named_with_what_it_takes(
    tmp_path: Path, path: str, value: object, message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        read(written(tmp_path, changed(path, value)))


@pytest.mark.parametrize("text", ["", "- a list", "name: [", "\x00"])
def test_a_file_that_is_no_profile_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "profile.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError):
        read(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="CHECKS_PROFILE"):
        read(tmp_path / "nothing.yaml")
