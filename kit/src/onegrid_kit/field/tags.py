"""Dynamic codes of NFC tags (动态码): what an NTAG 424 DNA puts into the address that a telephone reads when it is
tapped.

The tag counts its reads, and sends its UID and that count with a MAC that only who has its key can make (Secure Unique
NFC, SUN; Secure Dynamic Messaging, SDM). A copied address has a count that was seen before: whoever takes each count of
a tag once, in whatever order taps arrive, knows that somebody stood before it each time.

Sources: NXP, NT4H2421Gx data sheet, rev. 3.0, section 9.3 (Secure Dynamic Messaging); NXP AN12196, NTAG 424 DNA and
NTAG 424 DNA TagTamper features and hints, section 3.4, whose tables the tests have. AES-CMAC: NIST SP 800-38B, RFC
4493. Tags are set to AES mode (not LRP), and mirror UID and count.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

__all__ = ["Tap", "is_authentic", "read_encrypted", "read_plain"]

_UID_MIRRORED: Final = 0x80
_COUNT_MIRRORED: Final = 0x40
_UID_LENGTH: Final = 7
_UID: Final = re.compile("[0-9A-Fa-f]{14}")
_COUNT: Final = re.compile("[0-9A-Fa-f]{6}")
_BLOCK: Final = 16
_SV2: Final = bytes.fromhex("3CC300010080")
"""Begins what the session key for MACs is derived from."""


@dataclass(frozen=True, slots=True)
class Tap:
    """What a tag says of one tap; it proves nothing before `is_authentic` does."""

    uid: bytes
    """The tag's, 7 bytes."""
    count: int
    """How often the tag has been read, this time included; it never repeats."""


def read_encrypted(picc_data: bytes, meta_read_key: bytes) -> Tap | None:
    """What the tag says, from the encrypted PICCData of its address (16 bytes) and the SDMMetaReadKey; None if it says
    nothing that can be read with this key.
    """
    if len(picc_data) != _BLOCK:
        return None
    decryptor = Cipher(AES(meta_read_key), modes.CBC(bytes(_BLOCK))).decryptor()
    plain = decryptor.update(picc_data) + decryptor.finalize()
    if plain[0] != _UID_MIRRORED | _COUNT_MIRRORED | _UID_LENGTH:
        return None
    return Tap(plain[1:8], int.from_bytes(plain[8:11], "little"))


def read_plain(uid: str, count: str) -> Tap | None:
    """What the tag says, from the hexadecimal digits of UID and count that its address has in the clear; None for what
    is no UID or no count.
    """
    if not (_UID.fullmatch(uid) and _COUNT.fullmatch(count)):
        return None
    return Tap(bytes.fromhex(uid), int(count, 16))


def is_authentic(tap: Tap, mac: bytes, file_read_key: bytes, mac_input: bytes = b"") -> bool:
    """Whether the MAC of an address (8 bytes) is the one that the tag with this SDMFileReadKey makes for this tap.

    `mac_input`: what stands in the address between SDMMACInputOffset and SDMMACOffset; nothing if the tag is set to the
    same offset for both.
    """
    session_key = _cmac(file_read_key, _SV2 + tap.uid + tap.count.to_bytes(3, "little"))
    # Every second byte of it (AN12196, section 3.4.4).
    return hmac.compare_digest(_cmac(session_key, mac_input)[1::2], mac)


def _cmac(key: bytes, message: bytes) -> bytes:
    made = CMAC(AES(key))
    made.update(message)
    return made.finalize()
