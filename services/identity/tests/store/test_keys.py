"""Signing keys, as several replicas share them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest_asyncio
from sqlalchemy import Engine, text

from onegrid_identity.keys import SigningKeys
from onegrid_kit.cipher import cipher
from onegrid_kit.database import Database

CIPHER = cipher("AES-256-GCM", "test:" + "5a" * 32)
MONTH, QUARTER_HOUR = timedelta(days=30), timedelta(minutes=15)


@pytest_asyncio.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    db = Database("identity", database_url, CIPHER)
    yield db
    await db.close()


def older_by(engine: Engine, days: int) -> None:
    with engine.begin() as conn:
        conn.execute(text(f"UPDATE signing_key SET created_at = created_at - interval '{days} days'"))


async def test_replicas_that_start_at_once_sign_with_one_key(db: Database) -> None:
    replicas = [SigningKeys(db, CIPHER, MONTH, QUARTER_HOUR) for _ in range(6)]
    signing = await asyncio.gather(*(replica.signing() for replica in replicas))
    assert len({kid for kid, _ in signing}) == 1
    assert len(await replicas[0].listed()) == 1


async def test_a_key_is_listed_before_it_signs(db: Database, engine: Engine) -> None:
    """So that no service meets a token whose key it can't have heard of."""
    old, _ = await SigningKeys(db, CIPHER, MONTH, QUARTER_HOUR).signing()
    older_by(engine, 31)
    renewed = SigningKeys(db, CIPHER, MONTH, QUARTER_HOUR * 1000)
    assert len(await renewed.listed()) == 2
    assert (await renewed.signing())[0] == old


async def test_a_key_is_listed_as_long_as_its_tokens_may_last(db: Database, engine: Engine) -> None:
    await SigningKeys(db, CIPHER, MONTH, QUARTER_HOUR).listed()
    older_by(engine, 32)
    assert len(await SigningKeys(db, CIPHER, MONTH, timedelta(days=3)).listed()) == 2
    assert len(await SigningKeys(db, CIPHER, MONTH, QUARTER_HOUR).listed()) == 1


async def test_private_keys_lie_encrypted(db: Database, engine: Engine) -> None:
    _, private = await SigningKeys(db, CIPHER, MONTH, QUARTER_HOUR).signing()
    raw = private.private_bytes_raw()
    with engine.connect() as conn:
        kept = bytes(conn.execute(text("SELECT sealed_private_key FROM signing_key")).scalar_one())
    assert raw not in kept
    assert raw.hex().encode() not in kept
