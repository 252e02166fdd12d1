"""Personal fields at rest."""

from __future__ import annotations

import hmac
from itertools import pairwise

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from onegrid_kit.cipher import AesGcmCipher, Cipher, CipherError, Sm4GcmCipher, cipher

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
CIPHERS: list[Cipher] = [AesGcmCipher({"k1": KEY}), Sm4GcmCipher({"k1": KEY})]


def each() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("sealing", CIPHERS, ids=lambda one: type(one).__name__)


@each()
@given(text=st.text())
def test_a_text_survives(sealing: Cipher, text: str) -> None:
    assert sealing.decrypt(sealing.encrypt(text, "phone"), "phone") == text


@each()
def test_the_same_text_is_sealed_differently_each_time(sealing: Cipher) -> None:
    assert sealing.encrypt("a", "phone") != sealing.encrypt("a", "phone")


@each()
def test_a_value_opens_only_for_its_purpose(sealing: Cipher) -> None:
    with pytest.raises(CipherError):
        sealing.decrypt(sealing.encrypt("a", "phone"), "address")


@each()
def test_no_changed_byte_goes_unnoticed(sealing: Cipher) -> None:
    sealed = sealing.seal(b"13800000000", "phone")
    for index in range(len(sealed)):
        changed = sealed[:index] + bytes([sealed[index] ^ 1]) + sealed[index + 1 :]
        with pytest.raises(CipherError):
            sealing.open(changed, "phone")
    for length in range(len(sealed)):
        with pytest.raises(CipherError):
            sealing.open(sealed[:length], "phone")


@pytest.mark.parametrize("kind", [AesGcmCipher, Sm4GcmCipher])
def test_keys_rotate_while_old_values_stay_readable(kind: type[AesGcmCipher]) -> None:
    before, after = kind({"k1": KEY}), kind({"k2": OTHER, "k1": KEY})
    assert after.decrypt(before.encrypt("a", "phone"), "phone") == "a"
    assert after.encrypt("a", "phone").startswith(b"k2\0")
    with pytest.raises(CipherError):
        before.decrypt(after.encrypt("a", "phone"), "phone")
    assert after.blind_index("a", "phone") == before.blind_index("a", "phone")


def test_a_key_is_known_everywhere_before_anything_is_sealed_by_it() -> None:
    old, new = "k1:" + KEY.hex(), "k2:" + OTHER.hex()
    steps = [cipher("AES-256-GCM", keys) for keys in (old, f"{old},{new},{old}", f"{new},{old}")]
    assert [step.keys[0] for step in steps] == ["k1", "k1", "k2"]
    for running, next_ in pairwise(steps):
        assert next_.decrypt(running.encrypt("a", "phone"), "phone") == "a"
        assert running.decrypt(next_.encrypt("a", "phone"), "phone") == "a"
        assert running.blind_index("a", "phone") == next_.blind_index("a", "phone")
    with pytest.raises(ValueError, match="two cipher keys 'k1'"):
        cipher("AES-256-GCM", f"{old},k1:{OTHER.hex()}")


@each()
def test_an_index_is_equal_for_equals_alone(sealing: Cipher) -> None:
    found = sealing.blind_index("a", "phone")
    assert found == sealing.blind_index("a", "phone")
    assert found not in (sealing.blind_index("b", "phone"), sealing.blind_index("a", "address"))


def test_an_index_is_an_hmac_by_a_derived_key() -> None:
    key = HKDF(SHA256(), 32, salt=None, info=b"onegrid index:phone").derive(KEY)
    assert cipher("AES-256-GCM", f"k1:{KEY.hex()}").blind_index("a", "phone") == hmac.digest(key, b"a", "sha256")


def test_a_cipher_is_made_as_it_is_set() -> None:
    assert isinstance(cipher("SM4-GCM", f"a:{'00' * 32}, b:{'11' * 32}"), Sm4GcmCipher)
    for algorithm, keys in (("DES", f"a:{'00' * 32}"), ("SM4-GCM", "a:00"), ("SM4-GCM", f":{'00' * 32}")):
        with pytest.raises(ValueError, match="cipher"):
            cipher(algorithm, keys)
