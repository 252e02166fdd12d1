"""Every test of identity finds an administrator and a few places; one-time codes are kept for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from sqlalchemy import Connection

from onegrid_identity import store
from onegrid_identity.bootstrap import bootstrap
from onegrid_kit.cipher import cipher
from onegrid_kit.testing.api import CIPHER_KEYS, Serving

PASSWORD = "correct horse battery"
DISTRICT = "210602"


@pytest.fixture
def initial_data() -> Callable[[Connection], None]:
    return an_administrator_and_places


def an_administrator_and_places(conn: Connection) -> None:
    bootstrap(conn, cipher("AES-256-GCM", CIPHER_KEYS), DISTRICT, "admin", PASSWORD)
    for code in (DISTRICT, "210602003", "210602003007", "210602003007005"):
        store.keep_place(conn, code)


@pytest.fixture
def api_settings() -> Mapping[str, object]:
    return {"code_sender": "onegrid_kit.testing.codes:KeptCodes"}


@pytest.fixture
def identity(api: Serving) -> Serving:
    return api
