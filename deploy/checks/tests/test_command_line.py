"""The command line's errors when the checks can't run."""

from __future__ import annotations

import pytest

from onegrid_checks.__main__ import main
from onegrid_checks.settings import Settings, SettingsError

TARGETS = {f"CHECKS_{name}_TARGET": "localhost:50051" for name in ("IDENTITY", "GRID", "PETITION")}


def test_every_missing_setting_is_named_with_what_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CHECKS_SINK", raising=False)
    monkeypatch.delenv("CHECKS_ADMIN_PASSWORD", raising=False)
    for name, value in TARGETS.items():
        monkeypatch.setenv(name, value)
    assert main(["loop"]) == 2
    output = capsys.readouterr().err
    assert "CHECKS_SINK is not set: the evaluation's sink" in output
    assert "CHECKS_ADMIN_PASSWORD is not set" in output


@pytest.mark.parametrize("arguments", [[], ["smoke", "twice"], ["nothing"]])
def test_the_usage_is_printed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "smoke | loop | load | observability | sink" in capsys.readouterr().err


def test_a_check_is_not_asked_for_what_another_needs() -> None:
    assert Settings.read("smoke", TARGETS).admin_login == "admin"


def test_a_certificate_without_its_key_is_refused() -> None:
    with pytest.raises(SettingsError, match="go together"):
        Settings.read("smoke", {**TARGETS, "CHECKS_TLS_CERTIFICATE": "client.pem"})


def test_a_certificate_that_cannot_be_read_is_named() -> None:
    settings = Settings.read("smoke", {**TARGETS, "CHECKS_TLS_CA": "/nowhere/ca.pem"})
    with pytest.raises(SettingsError, match="nowhere"):
        settings.credentials()


def test_secrets_are_not_shown() -> None:
    settings = Settings.read("smoke", {**TARGETS, "CHECKS_ADMIN_PASSWORD": "very secret"})
    assert "very secret" not in repr(settings)


@pytest.mark.parametrize(("given", "judged"), [({}, True), ({"CHECKS_SPEED": "reported"}, False)])
def test_what_is_slow_is_judged_unless_it_is_only_to_be_reported(given: dict[str, str], judged: bool) -> None:
    assert Settings.read("smoke", {**TARGETS, **given}).judges_speed is judged


def test_another_way_of_judging_speed_is_refused() -> None:
    with pytest.raises(SettingsError, match="CHECKS_SPEED: takes judged or reported, not 'never'"):
        Settings.read("smoke", {**TARGETS, "CHECKS_SPEED": "never"})
