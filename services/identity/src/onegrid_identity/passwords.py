"""Passwords and secrets, hashed with Argon2id (RFC 9106) off the event loop."""

from __future__ import annotations

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

__all__ = ["Passwords", "hash_now"]

# OWASP's recommendation of 19 MiB, two passes, one lane. The same for all: how long a login takes must not tell
# whose it is.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def hash_now(password: str) -> str:
    """A password's hash, for programs that have no event loop to keep free."""
    return _HASHER.hash(password)


class Passwords:
    """Hashes and verifies; two at a time, so that a burst of logins neither starves other calls nor fills memory."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(2)
        self._nobodys = hash_now("nobody has this password")

    async def hash(self, password: str) -> str:
        """Its hash, with salt and parameters."""
        async with self._free:
            return await asyncio.to_thread(hash_now, password)

    async def matches(self, password: str, kept_hash: str) -> bool:
        """Whether the hash is of this password. An empty hash matches none, and takes as long to say so."""
        async with self._free:
            return await asyncio.to_thread(self._matches, password, kept_hash or self._nobodys) and bool(kept_hash)

    def _matches(self, password: str, kept_hash: str) -> bool:
        try:
            return _HASHER.verify(kept_hash, password)
        except (VerificationError, InvalidHashError):
            return False
