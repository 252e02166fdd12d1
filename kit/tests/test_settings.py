"""The environment alone configures."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import asyncpg
import psycopg
import pytest
from aio_pika.connection import make_url
from kombu.utils.url import parse_url
from psycopg import sql
from sqlalchemy import text

from onegrid_kit.database import sync_engine
from onegrid_kit.settings import ServiceSettings, SettingsError, describe, load, setting

from . import roles

NEEDED = {
    "ONEGRID_DATABASE_URL": "postgresql://u:hidden@h/d",
    "ONEGRID_PAGE_TOKEN_KEY": "hidden" * 6,
    "ONEGRID_CIPHER_KEYS": "k1:" + "5a" * 32,
}


@dataclass(frozen=True)
class Settings(ServiceSettings):
    """Of a service with one of its own."""

    colour: str = setting("Any colour.", default="green")


def test_what_is_not_set_has_its_default() -> None:
    settings = load(Settings, NEEDED)
    assert (settings.colour, settings.max_message_bytes, settings.reuse_port) == ("green", 4 * 1024 * 1024, True)


def test_values_are_of_their_kind() -> None:
    given = {"COLOUR": "red", "DATABASE_POOL": "3", "REUSE_PORT": "False", "TRACE_RATIO": "0.5", "LOG_LEVEL": "debug"}
    settings = load(Settings, NEEDED | {f"ONEGRID_{name}": value for name, value in given.items()})
    assert (settings.colour, settings.database_pool, settings.reuse_port) == ("red", 3, False)
    assert (settings.trace_ratio, settings.log_level) == (0.5, "debug")


PASSWORD = "p@ss: /wörd?#%41[&+="


def test_a_password_is_taken_as_it_is(own_database_url: str) -> None:
    with psycopg.connect(own_database_url, autocommit=True) as conn:
        conn.execute(sql.SQL("CREATE ROLE somebody LOGIN PASSWORD {}").format(PASSWORD))
    account = {"ONEGRID_DATABASE_USER": "somebody", "ONEGRID_DATABASE_PASSWORD": PASSWORD}
    parts = urlsplit(own_database_url)
    place = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    settings = load(Settings, NEEDED | account | {"ONEGRID_DATABASE_URL": place})
    engine = sync_engine(settings.database_url)
    with engine.connect() as conn:
        assert conn.execute(text("SELECT current_user")).scalar_one() == "somebody"
    engine.dispose()
    assert replace(settings).database_url == settings.database_url

    async def ask() -> str:
        conn = await asyncpg.connect(settings.database_url)
        try:
            return str(await conn.fetchval("SELECT current_user"))
        finally:
            await conn.close()

    assert asyncio.run(ask()) == "somebody"


def test_the_brokers_password_is_taken_as_it_is() -> None:
    account = {"ONEGRID_AMQP_USER": "some/body", "ONEGRID_AMQP_PASSWORD": PASSWORD}
    settings = load(Settings, NEEDED | account | {"ONEGRID_AMQP_URL": "amqp://rabbit:5672/"})
    found = parse_url(settings.amqp_url)
    assert (found["userid"], found["password"], found["hostname"]) == ("some/body", PASSWORD, "rabbit")
    by_relay = make_url(settings.amqp_url)
    assert (by_relay.user, by_relay.password, by_relay.host) == ("some/body", PASSWORD, "rabbit")


def test_a_url_that_names_somebody_is_left_alone() -> None:
    settings = load(Settings, NEEDED | {"ONEGRID_DATABASE_USER": "other", "ONEGRID_DATABASE_PASSWORD": "x"})
    assert settings.database_url == NEEDED["ONEGRID_DATABASE_URL"]


@pytest.mark.parametrize("name", NEEDED)
def test_what_has_no_default_is_asked_for_by_name(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load(Settings, {key: value for key, value in NEEDED.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_POOL", "many"),
        ("REUSE_PORT", "perhaps"),
        ("TRACE_RATIO", ""),
        ("LOG_LEVEL", "loud"),
        ("CIPHER", "ROT13"),
        ("CIPHER_KEYS", ""),
        ("CIPHER_KEYS", "k1:hidden"),
        ("CIPHER_KEYS", "k1:" + "5a" * 31),
        ("CIPHER_KEYS", "5a" * 32),
        ("PAGE_TOKEN_KEY", "hidden"),
        ("PAGE_BYTES", "4194304"),
        ("TLS_CERTIFICATE", "/a/file"),
        ("TLS_KEY", "/a/file"),
    ],
)
def test_an_invalid_value_is_named_and_a_secret_is_not_shown(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"ONEGRID_{name}") as error:
        load(Settings, NEEDED | {f"ONEGRID_{name}": value})
    assert "hidden" not in str(error.value)
    assert "5a5a" not in str(error.value)


def test_secrets_are_not_in_what_is_printed() -> None:
    printed = repr(load(Settings, NEEDED))
    assert "hidden" not in printed
    assert "5a5a" not in printed


def test_each_is_described() -> None:
    described = {name: (default, doc) for name, default, doc in describe(Settings)}
    assert described["ONEGRID_COLOUR"] == ("green", "Any colour.")
    assert described["ONEGRID_DATABASE_URL"][0] == "(required)"
    assert all(doc for _, doc in described.values())


@pytest.mark.parametrize(
    ("name", "url", "port", "named"),
    [
        ("DATABASE", "postgresql://u:hidden@h:6432/d", "5432", "6432"),
        ("DATABASE", "postgresql://u:hidden@h/d", "6432", "5432"),
        ("DATABASE", "postgresql://u:hidden@/d?host=h&port=6432", "5432", "6432"),
        ("DATABASE", "postgresql://u:hid/den@h:5432/d", "5432", "no number"),
        ("AMQP", "amqps://u:hidden@h/v", "5672", "5671"),
        ("AMQP", "amqp://u:hidden@[fd00::1]/v", "5671", "5672"),
    ],
)
def test_a_url_that_leads_where_no_network_policy_does_is_refused(name: str, url: str, port: str, named: str) -> None:
    with pytest.raises(SettingsError) as error:
        load(Settings, NEEDED | {f"ONEGRID_{name}_URL": url, f"ONEGRID_{name}_PORT": port})
    assert f"ONEGRID_{name}_URL: its port is {named}, but the network policies open {port}" in str(error.value)
    assert "hidden" not in str(error.value)
    if named.isdigit():
        load(Settings, NEEDED | {f"ONEGRID_{name}_URL": url, f"ONEGRID_{name}_PORT": named})


def test_a_migration_that_could_not_reach_its_servers_says_which_value_to_set() -> None:
    environ = roles.environment(
        "postgresql://u@127.0.0.1:1/d", "amqps://127.0.0.1:1/", DATABASE_PORT="1", AMQP_PORT="2"
    )
    done = roles.run(environ, "migrate")
    assert done.returncode == 2
    assert "ONEGRID_AMQP_URL: its port is 1, but the network policies open 2" in done.stderr
    assert "platform.broker.port" in done.stderr
