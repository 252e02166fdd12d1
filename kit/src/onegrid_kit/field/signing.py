"""What a device hashes and signs, and what a signature covers. Pure functions, for servers and devices alike.

The contract says which bytes these are: SignedBatch.signature.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from onegrid.field.v1.field_pb2 import SignedBatch

__all__ = ["covered", "entry_hash", "is_signed_by", "signed_bytes"]

_CONTEXT: Final = b"onegrid.field.v1.SignedBatch"
"""What distinguishes the signature of a batch from whatever else a device signs."""


def entry_hash(entry: bytes) -> bytes:
    """The hash by which the entry after this one names it: SHA-256 of its bytes."""
    return hashlib.sha256(entry).digest()


def signed_bytes(batch: SignedBatch, service: str) -> bytes:
    """What the device signs of a batch, which has entries, for the service of that name."""
    uptime_ns = batch.uptime.seconds * 1_000_000_000 + batch.uptime.nanos
    parts = (service, batch.device_key, batch.boot_id, str(uptime_ns), str(batch.newest_counter))
    return b"\0".join((_CONTEXT, *(part.encode() for part in parts), entry_hash(batch.entries[-1])))


def is_signed_by(batch: SignedBatch, service: str, public_key: bytes) -> bool:
    """Whether a batch, which has entries, was signed for the service of that name, with this Ed25519 key of 32
    bytes."""
    try:
        _key(public_key).verify(batch.signature, signed_bytes(batch, service))
    except InvalidSignature:
        return False
    return True


def covered(hashes: Sequence[bytes], previous: Sequence[bytes]) -> list[bool]:
    """Which entries of a batch the signature covers: the last one, and each whose hash is named by one that is covered.

    `hashes` are those of the entries in the order of the batch, `previous` those that they name as the entry before;
    empty for the first of a device, and for bytes that can't be read.
    """
    found = [False] * len(hashes)
    chain: set[bytes] = set()
    expected = hashes[-1]
    for index in range(len(hashes) - 1, -1, -1):
        own = hashes[index]
        if own == expected:
            chain.add(own)
            expected = previous[index]
        # An entry that stands there twice is covered as often.
        found[index] = own in chain
    return found


# A device sends many batches, and making its key of the bytes takes a fifth of the time of a verification.
@lru_cache(maxsize=4096)
def _key(public_key: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(public_key)
