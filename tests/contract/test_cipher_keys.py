"""Keys of personal fields are replaced while what they sealed stays readable, and none is missing unnoticed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from onegrid_identity.main import SERVICE
from onegrid_identity.messages import NAME_PURPOSE, seal_phone
from onegrid_kit import sealed
from onegrid_kit.cipher import cipher
from onegrid_kit.database import sync_engine
from onegrid_kit.migrations import migrate
from onegrid_kit.service import Service, installed
from onegrid_kit.testing.postgres import TestPostgres

FIRST, SECOND, THIRD = (f"k{number}:{digit * 64}" for number, digit in enumerate("abc", 1))
OPEN = {
    *("hash", "fingerprint", "digest", "body", "document", "entry", "previous", "identifier", "public_key"),
    *("name_index", "phone_index", "value_index", "code_index", "address", "asker", "media_sha256"),
}
"""What columns of bytes hold that is not sealed: what is public, or was made one way."""

BYTES = text(
    "SELECT table_name, column_name FROM information_schema.columns "
    "WHERE table_schema = 'public' AND data_type = 'bytea'"
)


@pytest.fixture(scope="module")
def database(postgres: TestPostgres) -> Iterator[str]:
    url = postgres.database("keys", lambda at: migrate(SERVICE, at))
    yield url
    postgres.drop(url)


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    made = sync_engine(database)
    yield made
    made.dispose()


def identity(database: str, keys: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A role of identity with these keys."""
    environment = {
        **os.environ,
        "ONEGRID_DATABASE_URL": database,
        "ONEGRID_PAGE_TOKEN_KEY": "k" * 32,
        "ONEGRID_CIPHER_KEYS": keys,
        "ONEGRID_BOOTSTRAP_PASSWORD": "correct horse battery",
    }
    command = [sys.executable, "-m", "onegrid_identity", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def counted(database: str, keys: str) -> tuple[int, list[tuple[str, ...]]]:
    """What `cipher keys` says of the accounts."""
    done = identity(database, keys, "cipher", "keys")
    _, *lines = done.stdout.splitlines()
    return done.returncode, [tuple(line.split("\t")) for line in lines if line.startswith("account")]


def names(engine: Engine, keys: str) -> set[str]:
    seals = cipher("AES-256-GCM", keys)
    with engine.connect() as conn:
        return {
            seals.decrypt(bytes(row[0]), NAME_PURPOSE) for row in conn.execute(text("SELECT sealed_name FROM account"))
        }


def test_a_key_is_replaced_and_dropped_once_nothing_needs_it(database: str, engine: Engine) -> None:
    column = "account.sealed_name"
    assert identity(database, SECOND, "bootstrap", "--district", "210602", "--login", "before").returncode == 0
    both = f"{THIRD},{SECOND}"
    assert identity(database, both, "bootstrap", "--district", "210602", "--login", "after").returncode == 0
    assert names(engine, both) == {"before", "after"}
    assert counted(database, both) == (0, [(column, "k2", "1", "readable"), (column, "k3", "1", "readable")])

    code, lines = counted(database, THIRD)
    assert (code, lines[0]) == (1, (column, "k2", "1", "its key is not configured"))
    refused = identity(database, THIRD, "migrate", "--without-broker")
    assert refused.returncode == 1
    assert f"{column}: 1 by key k2: its key is not configured" in refused.stderr
    assert identity(database, THIRD, "cipher", "reseal").returncode == 1

    assert f"{column}\t1" in identity(database, both, "cipher", "reseal").stdout
    assert f"{column}\t0" in identity(database, both, "cipher", "reseal").stdout
    assert counted(database, THIRD) == (0, [(column, "k3", "2", "readable")])
    assert identity(database, THIRD, "migrate", "--without-broker").returncode == 0
    assert names(engine, THIRD) == {"before", "after"}


def test_one_damaged_value_stops_neither_a_release_nor_the_sealing_of_the_others(database: str, engine: Engine) -> None:
    both = f"{THIRD},{FIRST}"
    with engine.begin() as conn:
        names_ = {"good": cipher("AES-256-GCM", FIRST).encrypt("王建国", NAME_PURPOSE)}
        damaged = "set_byte(sealed_name, 20, get_byte(sealed_name, 20) # 1)"
        damage = text(f"UPDATE account SET sealed_name = {damaged} WHERE login = 'before'")
        conn.execute(text("UPDATE account SET sealed_name = :good"), names_)
        conn.execute(damage)
    assert identity(database, both, "migrate", "--without-broker").returncode == 0
    sealed_anew = identity(database, both, "cipher", "reseal")
    assert sealed_anew.returncode == 1
    assert "account.sealed_name\t1" in sealed_anew.stdout
    assert "account.sealed_name: 1 can't be read" in sealed_anew.stderr
    with engine.begin() as conn:
        conn.execute(text("UPDATE account SET sealed_name = :good"), names_)
    assert identity(database, both, "cipher", "reseal").returncode == 0


def test_another_key_of_the_same_name_and_another_last_one_are_noticed(database: str, engine: Engine) -> None:
    phone, index = seal_phone("+8613800000001", cipher("AES-256-GCM", f"{THIRD},{FIRST}"))
    with engine.begin() as conn:
        conn.execute(
            text("UPDATE account SET sealed_phone = :phone, phone_index = :index WHERE login = 'after'"),
            {"phone": phone, "index": index},
        )
    assert counted(database, f"{THIRD},{FIRST}")[0] == 0
    code, lines = counted(database, THIRD)
    assert code == 1
    assert "the key that was last has to stay last" in lines[-1][-1]
    code, lines = counted(database, f"k3:{'d' * 64},{FIRST}")
    assert code == 1
    assert lines[0] == ("account.sealed_name", "k3", "2", "its key has this name, and is another one")


@pytest.mark.parametrize("service", installed(), ids=lambda each: each.name)
def test_every_column_that_is_sealed_is_known(service: Service, postgres: TestPostgres) -> None:
    url = postgres.database(f"columns_{service.name}", lambda at: migrate(service, at))
    engine = sync_engine(url)
    with engine.connect() as conn:
        found = {f"{table}.{name}" for table, name in conn.execute(BYTES) if name not in OPEN}
        assert list(sealed.keys_in_use(conn, service.load_sealed(), cipher("AES-256-GCM", FIRST))) == []
    engine.dispose()
    postgres.drop(url)
    assert found == {str(column) for column in service.load_sealed()}
