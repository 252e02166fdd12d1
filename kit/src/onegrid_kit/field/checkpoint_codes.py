"""Printed codes of checkpoints (巡查点二维码): a short text that only the platform can make, for a QR code.

It proves that its checkpoint has a code of ours, and no more: a photograph of it says the same. So it is weaker
evidence than a tag's dynamic code (`tags`), and whoever reads it needs a position on the point as well.

A code is an HMAC-SHA-256 (RFC 2104) of 128 bits, not a signature. The platform alone verifies it. With a signature of
64 bytes the QR code would have twice as many modules on the same metal plate, in rain and frost.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

__all__ = ["CheckpointCode", "read_code", "written_code"]

_CONTEXT: Final = b"onegrid.field.v1.CheckpointCode"
_MAC_BYTES: Final = 16
_CODE: Final = re.compile(r"OGC1\.([0-9A-Za-z/-]{1,80})\.([1-9][0-9]{0,8})\.([0-9A-Za-z_-]{22})")


@dataclass(frozen=True, slots=True)
class CheckpointCode:
    """What a printed code says."""

    checkpoint: str
    """What the service calls the checkpoint: letters, digits, hyphens and slashes, at most 80."""
    edition: int
    """Which print of it, counted from 1: a code that was copied is replaced by the next one."""


def written_code(code: CheckpointCode, key: bytes) -> str:
    """The text to print, in ASCII. Raises ValueError for an id or an edition that no code can have."""
    text = f"OGC1.{code.checkpoint}.{code.edition}.{_mac(code, key)}"
    if not _CODE.fullmatch(text):
        raise ValueError(f"{code} can't be printed")
    return text


def read_code(text: str, keys: Iterable[bytes]) -> CheckpointCode | None:
    """What a code says that was made with one of these keys; None for any other text."""
    found = _CODE.fullmatch(text)
    if found is None:
        return None
    code = CheckpointCode(found[1], int(found[2]))
    return code if any(hmac.compare_digest(_mac(code, key), found[3]) for key in keys) else None


def _mac(code: CheckpointCode, key: bytes) -> str:
    said = b"\0".join((_CONTEXT, code.checkpoint.encode(), str(code.edition).encode()))
    made = hmac.new(key, said, hashlib.sha256).digest()[:_MAC_BYTES]
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()
