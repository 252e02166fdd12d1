"""The first administrator of a district."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from onegrid_identity import bootstrap, store
from onegrid_identity.main import SERVICE
from onegrid_identity.passwords import Passwords
from onegrid_kit.cipher import cipher

KEYS = "test:" + "5a" * 32


def run(database_url: str, *arguments: str) -> int:
    settings = SERVICE.settings(database_url=database_url, cipher_keys=KEYS, page_token_key="test" * 8)
    return bootstrap.main(settings, arguments)  # type: ignore[arg-type]


async def test_the_password_is_made_and_printed_once(
    database_url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ONEGRID_BOOTSTRAP_PASSWORD", raising=False)
    assert run(database_url, "--district", "210603", "--login", "second") == 0
    password = capsys.readouterr().out.split()[-1]
    with engine.connect() as conn:
        made = store.find_account_by_login(conn, "second")
        assert made is not None
        granted = store.granted_roles(conn, made.id, made.create_time, made.create_time + timedelta(minutes=15))
        held = {(role.id, grant.scope) for role, grant in granted}
    assert held == {("self", "self"), ("administrator", "210603")}
    assert await Passwords().matches(password, made.password_hash)
    assert run(database_url, "--district", "210603", "--login", "second") == 0
    assert not capsys.readouterr().out


def test_a_given_password_is_not_printed_and_not_too_short(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ONEGRID_BOOTSTRAP_PASSWORD", "too short")
    assert run(database_url, "--district", "210603", "--login", "second") == 2
    monkeypatch.setenv("ONEGRID_BOOTSTRAP_PASSWORD", "correct horse battery")
    assert run(database_url, "--district", "210603", "--login", "second") == 0
    assert "correct horse battery" not in "".join(capsys.readouterr())


@pytest.mark.parametrize("district", ["210602003", "210602D07", "self", "dandong"])
def test_only_districts_have_a_first_administrator(database_url: str, district: str) -> None:
    with pytest.raises(SystemExit):
        run(database_url, "--district", district)


def test_passwords_of_administrators_cost_what_all_others_do(engine: Engine) -> None:
    """Otherwise the time that a login takes would reveal whether the account exists."""
    with engine.begin() as conn:
        bootstrap.bootstrap(conn, cipher("AES-256-GCM", KEYS), "210602", "second", "correct horse battery")
        made = store.find_account_by_login(conn, "second")
    assert made is not None
    cost = Passwords()._decoy.split("$")[:4]
    assert made.password_hash.split("$")[:4] == cost
