"""Ciphers, page tokens, access tokens and settings."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from onegrid.grid.v1.grid_service_pb2 import ListCellsRequest
from onegrid_kit import tokens
from onegrid_kit.callers import Caller, Grant
from onegrid_kit.cipher import Cipher, CipherError, cipher
from onegrid_kit.clock import SettableClock
from onegrid_kit.errors import InvalidToken, Unauthenticated
from onegrid_kit.paging import PageTokens
from onegrid_kit.settings import ServiceSettings, SettingsError, describe, load, setting
from onegrid_kit.testing.api import StaticKeys

OLD, NEW = "old:" + "11" * 32, "new:" + "22" * 32
BOTH = [cipher(algorithm, OLD) for algorithm in ("AES-256-GCM", "SM4-GCM")]


@given(st.sampled_from(BOTH), st.text())
def test_what_is_sealed_opens_to_the_same(sealer: Cipher, text: str) -> None:
    assert sealer.decrypt(sealer.encrypt(text, "phone"), "phone") == text


@given(st.sampled_from(BOTH), st.binary(min_size=1), st.data())
def test_a_changed_byte_or_another_purpose_opens_nothing(sealer: Cipher, data: bytes, draw: st.DataObject) -> None:
    sealed = sealer.seal(data, "phone")
    with pytest.raises(CipherError):
        sealer.open(sealed, "name")
    at = draw.draw(st.integers(0, len(sealed) - 1))
    changed = sealed[:at] + bytes([sealed[at] ^ draw.draw(st.integers(1, 255))]) + sealed[at + 1 :]
    with pytest.raises(CipherError):
        sealer.open(changed, "phone")


@pytest.mark.parametrize("algorithm", ["AES-256-GCM", "SM4-GCM"])
def test_keys_rotate_without_rewriting_what_is_stored(algorithm: str) -> None:
    before, after = cipher(algorithm, OLD), cipher(algorithm, f"{NEW},{OLD}")
    assert after.decrypt(before.encrypt("a", "p"), "p") == "a"
    assert after.blind_index("a", "p") == before.blind_index("a", "p")
    with pytest.raises(CipherError):
        before.decrypt(after.encrypt("a", "p"), "p")


def test_the_same_text_is_never_sealed_alike_but_found_by_its_index() -> None:
    one = cipher("AES-256-GCM", OLD)
    assert one.encrypt("a", "p") != one.encrypt("a", "p")
    assert one.blind_index("a", "p") == one.blind_index("a", "p") != one.blind_index("a", "q")


@pytest.mark.parametrize("keys", ["", "a", "a:zz", "a:1122", ":" + "11" * 32])
def test_keys_that_are_none_are_refused(keys: str) -> None:
    with pytest.raises(ValueError, match=r"hex|cipher key"):
        cipher("AES-256-GCM", keys)


@given(st.lists(st.integers(-(2**53), 2**53) | st.text(), max_size=4), st.integers(0, 500))
def test_a_page_token_opens_for_its_own_query_whatever_the_page_size(position: list[str | int], size: int) -> None:
    pages = PageTokens("k" * 32)
    token = pages.make(ListCellsRequest(parent="210602", page_size=size), position)
    assert pages.open(ListCellsRequest(parent="210602", page_token=token), token) == position
    for other, opener in (
        (ListCellsRequest(parent="210603"), pages),
        (ListCellsRequest(parent="210602"), PageTokens("x")),
    ):
        with pytest.raises(InvalidToken):
            opener.open(other, token)


@given(st.text(max_size=80))
def test_any_other_text_is_no_page_token(token: str) -> None:
    if token:
        with pytest.raises(InvalidToken):
            PageTokens("k" * 32).open(ListCellsRequest(), token)


CALLER = Caller(
    user="users/1",
    session="s",
    kind=1,  # type: ignore[arg-type]
    district="210602",
    grants=(Grant("210602", 1, frozenset({"a.b.c"})),),  # type: ignore[arg-type]
)


def verified(token: str, keys: StaticKeys, clock: SettableClock | None = None) -> Caller:
    return asyncio.run(tokens.TokenVerifier(keys, clock or SettableClock()).verify(token))


def test_a_token_makes_its_bearer_the_caller_that_it_was_made_for() -> None:
    keys, now = StaticKeys(), datetime.now(UTC)
    token = tokens.encode(CALLER, keys.private, "test", now, now + timedelta(minutes=15))
    assert verified(token, keys) == CALLER


@pytest.mark.parametrize(
    "make",
    [
        lambda claims, keys: jwt.encode(claims, Ed25519PrivateKey.generate(), "EdDSA", {"kid": "test"}),
        lambda claims, keys: jwt.encode(claims, keys.private, "EdDSA", {"kid": "other"}),
        lambda claims, keys: jwt.encode(claims, keys.private, "EdDSA"),
        lambda claims, keys: jwt.encode(claims, keys.private.public_key().public_bytes_raw(), "HS256", {"kid": "test"}),
        lambda claims, keys: jwt.encode(claims, None, "none", {"kid": "test"}),
        lambda claims, keys: jwt.encode({**claims, "iss": "x"}, keys.private, "EdDSA", {"kid": "test"}),
        lambda claims, keys: jwt.encode({**claims, "aud": "x"}, keys.private, "EdDSA", {"kid": "test"}),
        lambda claims, keys: jwt.encode({**claims, "exp": 1}, keys.private, "EdDSA", {"kid": "test"}),
        lambda claims, keys: jwt.encode({**claims, "iat": claims["exp"]}, keys.private, "EdDSA", {"kid": "test"}),
        lambda claims, keys: jwt.encode({**claims, "grants": 7}, keys.private, "EdDSA", {"kid": "test"}),
        lambda claims, keys: "",
        lambda claims, keys: "a.b.c",
    ],
)
def test_every_other_token_is_refused_in_the_same_words(make) -> None:  # type: ignore[no-untyped-def]
    keys, now = StaticKeys(), datetime.now(UTC)
    good = tokens.encode(CALLER, keys.private, "test", now, now + timedelta(minutes=15))
    claims = jwt.decode(good, options={"verify_signature": False})
    with pytest.raises(Unauthenticated, match="a valid access token is needed"):
        verified(make(claims, keys), keys)


def test_a_remembered_token_ends_with_its_time_and_with_its_session() -> None:
    keys, clock = StaticKeys(), SettableClock()
    now = clock.now()
    verifier = tokens.TokenVerifier(keys, clock)
    token = tokens.encode(CALLER, keys.private, "test", now, now + timedelta(minutes=15))
    assert verifier.known(token, now) is None
    asyncio.run(verifier.verify(token))
    assert verifier.known(token, now) == CALLER
    assert verifier.known(token, now + timedelta(minutes=15)) is None
    verifier.revoked = frozenset({"s"})
    assert verifier.known(token, now) is None


@dataclass(frozen=True)
class OwnSettings(ServiceSettings):
    """A service's."""

    own: int = setting("A number.", default=3)


REQUIRED = {
    "ONEGRID_DATABASE_URL": "postgresql://u:secret@h/d",
    "ONEGRID_PAGE_TOKEN_KEY": "k" * 32,
    "ONEGRID_CIPHER_KEYS": OLD,
}


def test_settings_come_from_the_environment_and_do_not_show_secrets() -> None:
    settings = load(OwnSettings, {**REQUIRED, "ONEGRID_OWN": "7", "ONEGRID_REUSE_PORT": "false"})
    assert (settings.own, settings.reuse_port, settings.database_pool) == (7, False, 8)
    assert "secret" not in repr(settings)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"ONEGRID_OWN": "seven"}, "ONEGRID_OWN: 'seven' is no int: A number."),
        ({"ONEGRID_REUSE_PORT": "maybe"}, "ONEGRID_REUSE_PORT: 'maybe' is no bool"),
        ({"ONEGRID_DATABASE_URL": None}, "ONEGRID_DATABASE_URL is not set: PostgreSQL"),
    ],
)
def test_a_bad_or_missing_setting_is_named_with_what_it_takes(change: dict[str, str | None], told: str) -> None:
    given_ = {name: value for name, value in {**REQUIRED, **change}.items() if value is not None}
    with pytest.raises(SettingsError, match=f"^{told}"):
        load(OwnSettings, given_)


def test_every_setting_says_what_it_is() -> None:
    assert all(doc.endswith(".") for _, _, doc in describe(OwnSettings))
