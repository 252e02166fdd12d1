"""Passwords and secrets, hashed with Argon2id (RFC 9106) off the event loop."""

from __future__ import annotations

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

__all__ = ["Passwords"]


class Passwords:
    """Hashes and verifies; two at a time, so that a burst of logins neither starves other calls nor fills memory."""

    def __init__(self) -> None:
        # OWASP's recommendation of 19 MiB, two passes, one lane.
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._free = asyncio.Semaphore(2)
        self._nobodys = self._hasher.hash("nobody has this password")

    async def hash(self, password: str) -> str:
        """Its hash, with salt and parameters."""
        async with self._free:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def matches(self, password: str, kept_hash: str) -> bool:
        """Whether the hash is of this password. An empty hash matches none, and takes as long to say so."""
        async with self._free:
            return await asyncio.to_thread(self._matches, password, kept_hash or self._nobodys) and bool(kept_hash)

    def _matches(self, password: str, kept_hash: str) -> bool:
        try:
            return self._hasher.verify(kept_hash, password)
        except (VerificationError, InvalidHashError):
            return False
