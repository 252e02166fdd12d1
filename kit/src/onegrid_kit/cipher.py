"""Encryption of personal fields at rest, and blind indexes to find them by equality.

A value is sealed with a key of its own purpose, which HKDF (RFC 5869) derives from a key-encryption key; the
value names that key, so that keys rotate without rewriting what is stored.
"""

from __future__ import annotations

import hmac
import os
import re
from functools import lru_cache
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher as BlockCipher
from cryptography.hazmat.primitives.ciphers import algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

__all__ = ["AesGcmCipher", "Cipher", "CipherError", "Sm4GcmCipher", "cipher"]

_KEY_ID = re.compile(rb"[A-Za-z][A-Za-z0-9_.-]{0,15}")
_KEY = re.compile(r"[0-9a-fA-F]{64}")
_NONCE_BYTES = 12
_TAG_BYTES = 16


class CipherError(Exception):
    """A value can't be decrypted: its key is not configured, or it was tampered with."""


class Cipher(Protocol):
    """Seals and opens personal fields."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The ids of its keys; the first one seals."""
        ...

    @property
    def index_key(self) -> str:
        """The id of the key that makes blind indexes."""
        ...

    def encrypt(self, text: str, purpose: str) -> bytes:
        """The sealed text. It opens only for the same purpose."""
        ...

    def decrypt(self, sealed: bytes, purpose: str) -> str:
        """The text. Raises CipherError."""
        ...

    def seal(self, data: bytes, purpose: str) -> bytes:
        """The same for bytes."""
        ...

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """The bytes. Raises CipherError."""
        ...

    def blind_index(self, text: str, purpose: str) -> bytes:
        """The same 32 bytes for the same text and purpose, which reveal nothing else (HMAC-SHA-256)."""
        ...


class _KeyedCipher:
    """What both algorithms share: named keys, and one derived for each purpose."""

    key_bytes: int

    def __init__(self, keys: dict[str, bytes], index_key: str = "") -> None:
        self._keys = keys
        self._index_key = index_key or next(reversed(keys))
        self._current = next(iter(keys))
        self._derive = lru_cache(maxsize=256)(self._derive_key)
        self._index = lru_cache(maxsize=256)(self._index_hash)

    @property
    def keys(self) -> tuple[str, ...]:
        """The ids of its keys; the first one seals."""
        return tuple(self._keys)

    @property
    def index_key(self) -> str:
        """The id of the key that makes blind indexes."""
        return self._index_key

    def encrypt(self, text: str, purpose: str) -> bytes:
        """The sealed text. It opens only for the same purpose."""
        return self.seal(text.encode(), purpose)

    def decrypt(self, sealed: bytes, purpose: str) -> str:
        """The text. Raises CipherError."""
        return self.open(sealed, purpose).decode()

    def seal(self, data: bytes, purpose: str) -> bytes:
        """The sealed data: the key's id, a zero byte, nonce, ciphertext and tag."""
        nonce = os.urandom(_NONCE_BYTES)
        body = self._seal(self._derive(self._current, purpose), nonce, data)
        return self._current.encode() + b"\0" + nonce + body

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """The data. Raises CipherError."""
        key_id, _, rest = sealed.partition(b"\0")
        if key_id.decode(errors="replace") not in self._keys:
            # What is no sealed value may be the value itself, which no log is to quote.
            named = repr(key_id.decode()) if _KEY_ID.fullmatch(key_id) else "that the value should name"
            raise CipherError(f"the key {named} is not configured")
        key = self._derive(key_id.decode(), purpose)
        try:
            return self._open(key, rest[:_NONCE_BYTES], rest[_NONCE_BYTES:])
        except (InvalidTag, ValueError):
            raise CipherError("the value was tampered with, or sealed for another purpose") from None

    def blind_index(self, text: str, purpose: str) -> bytes:
        """Made with the last key, so that it stays the same when keys are added in front."""
        index = self._index(purpose).copy()
        index.update(text.encode())
        return index.digest()

    def _index_hash(self, purpose: str) -> hmac.HMAC:
        """The HMAC of nothing: two thirds of the time of one are spent before the text."""
        return hmac.new(self._derive(self._index_key, "index:" + purpose), digestmod="sha256")

    def _derive_key(self, key_id: str, purpose: str) -> bytes:
        info = f"onegrid {purpose}".encode()
        return HKDF(hashes.SHA256(), self.key_bytes, salt=None, info=info).derive(self._keys[key_id])

    def _seal(self, key: bytes, nonce: bytes, text: bytes) -> bytes:
        raise NotImplementedError

    def _open(self, key: bytes, nonce: bytes, body: bytes) -> bytes:
        raise NotImplementedError


_aes_gcm = lru_cache(maxsize=256)(AESGCM)


class AesGcmCipher(_KeyedCipher):
    """AES-256-GCM (NIST SP 800-38D)."""

    key_bytes = 32

    def _seal(self, key: bytes, nonce: bytes, text: bytes) -> bytes:
        return _aes_gcm(key).encrypt(nonce, text, None)

    def _open(self, key: bytes, nonce: bytes, body: bytes) -> bytes:
        return _aes_gcm(key).decrypt(nonce, body, None)


class Sm4GcmCipher(_KeyedCipher):
    """SM4-GCM (GB/T 32907, RFC 8998)."""

    key_bytes = 16

    def _seal(self, key: bytes, nonce: bytes, text: bytes) -> bytes:
        sealer = BlockCipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
        return sealer.update(text) + sealer.finalize() + sealer.tag

    def _open(self, key: bytes, nonce: bytes, body: bytes) -> bytes:
        opener = BlockCipher(algorithms.SM4(key), modes.GCM(nonce, body[-_TAG_BYTES:])).decryptor()
        return opener.update(body[:-_TAG_BYTES]) + opener.finalize()


def cipher(algorithm: str, keys: str) -> Cipher:
    """The cipher of a setting: keys are `id:64 hex digits`, separated by commas: the first one encrypts, the last one
    makes indexes. A key may be named twice, so that another one is known before it is the first.

    Raises ValueError.
    """
    algorithms_ = {"AES-256-GCM": AesGcmCipher, "SM4-GCM": Sm4GcmCipher}
    if algorithm not in algorithms_:
        raise ValueError(f"{algorithm} is no cipher; {' and '.join(algorithms_)} are")
    parsed: dict[str, bytes] = {}
    key_id = ""
    for entry in keys.split(","):
        key_id, _, digits = entry.strip().partition(":")
        if not key_id or not _KEY.fullmatch(digits):
            raise ValueError("a cipher key is written `id:64 hex digits`")
        if parsed.setdefault(key_id, bytes.fromhex(digits)) != bytes.fromhex(digits):
            raise ValueError(f"there are two cipher keys {key_id!r}")
    return algorithms_[algorithm](parsed, key_id)
