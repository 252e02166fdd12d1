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

__all__ = ["Tap", "is_authentic", "mac_of", "read_address", "read_encrypted", "read_plain"]

_UID_MIRRORED: Final = 0x80
_COUNT_MIRRORED: Final = 0x40
_UID_LENGTH: Final = 7
_UID: Final = re.compile("[0-9A-Fa-f]{14}")
_COUNT: Final = re.compile("[0-9A-Fa-f]{6}")
_MAC: Final = re.compile("[0-9A-Fa-f]{16}")
_ENCRYPTED: Final = re.compile("[0-9A-Fa-f]{32}")
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


def read_address(address: str, file_read_key: bytes, meta_read_key: bytes = b"") -> Tap | None:
    """The tap that an address is of, if the tag with these keys made it; None for any other text.

    Its parameters are `uid`, `ctr` and `cmac`, or `picc_data` and `cmac`, in hexadecimal digits, as in NXP's examples,
    each of them once; others, and what stands before them, are as they may. Nothing of it is input of the MAC: the tag
    has the same SDMMACInputOffset and SDMMACOffset. `meta_read_key`: nothing if UID and count stand in the clear.
    """
    parameters = [part.partition("=") for part in address.rpartition("?")[2].partition("#")[0].split("&")]
    given = {name: value for name, _, value in parameters}
    if len(given) < len(parameters) or not _MAC.fullmatch(given.get("cmac", "")):
        return None
    tap = read_plain(given.get("uid", ""), given.get("ctr", ""))
    if tap is None and meta_read_key and _ENCRYPTED.fullmatch(given.get("picc_data", "")):
        tap = read_encrypted(bytes.fromhex(given["picc_data"]), meta_read_key)
    if tap is None or not is_authentic(tap, bytes.fromhex(given["cmac"]), file_read_key):
        return None
    return tap


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
    return hmac.compare_digest(mac_of(tap, file_read_key, mac_input), mac)


def mac_of(tap: Tap, file_read_key: bytes, mac_input: bytes = b"") -> bytes:
    """The MAC that the tag with this SDMFileReadKey makes for a tap, 8 bytes; `mac_input` as above."""
    session_key = _cmac(file_read_key, _SV2 + tap.uid + tap.count.to_bytes(3, "little"))
    # Every second byte of it (AN12196, section 3.4.4).
    return _cmac(session_key, mac_input)[1::2]


def _cmac(key: bytes, message: bytes) -> bytes:
    made = CMAC(AES(key))
    made.update(message)
    return made.finalize()
