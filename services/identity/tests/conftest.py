"""Every test of identity finds an administrator and a few places; one-time codes reach a gateway of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pytest
from sqlalchemy import Connection

from onegrid_identity import store
from onegrid_identity.bootstrap import bootstrap
from onegrid_kit.cipher import cipher
from onegrid_kit.embedded.code_gateway import CodeGateway
from onegrid_kit.testing.api import CIPHER_KEYS, Serving

from .api.acting import Identity, posting_to

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
def codes() -> Iterator[CodeGateway]:
    """The gateway that identity posts one-time codes to."""
    with CodeGateway() as gateway:
        yield gateway


@pytest.fixture
def api_settings(codes: CodeGateway) -> Mapping[str, object]:
    return posting_to(codes)


@pytest.fixture
def identity(api: Serving, codes: CodeGateway) -> Identity:
    return Identity(**vars(api), codes=codes)
