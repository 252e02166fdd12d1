"""Passwords and secrets, hashed with Argon2id (RFC 9106) off the event loop."""

from __future__ import annotations

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from precis_i18n import get_profile

from onegrid_kit.errors import FieldViolation, InvalidRequest

__all__ = ["Passwords", "hash_now", "prepare"]

# OWASP's recommendation of 19 MiB, two passes, one lane. The same for all: the time that a login takes must not reveal
# whose it is.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# RFC 8265: keyboards and systems write the same characters in several ways.
_PROFILE = get_profile("OpaqueString")


def hash_now(password: str, field: str = "password") -> str:
    """A password's hash, for programs that have no event loop to keep free.

    Raises InvalidRequest, for that field, if it holds characters that can't be typed reliably.
    """
    return _HASHER.hash(prepare(password, field))


def prepare(password: str, field: str) -> str:
    """The one form of what can be typed in several; raises InvalidRequest as `hash_now` does."""
    try:
        return str(_PROFILE.enforce(password))
    except UnicodeEncodeError as error:
        problem = f"holds a character that passwords can't hold: U+{ord(password[error.start]):04X}"
        raise InvalidRequest(FieldViolation(field, problem)) from None


class Passwords:
    """Hashes and verifies; two at a time, so that a burst of logins neither starves other calls nor fills memory.

    One serves all methods of a process.
    """

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(2)
        self._decoy = hash_now("no account has this password")

    async def hash(self, password: str, field: str = "password") -> str:
        """Its hash, with salt and parameters. Raises InvalidRequest as `hash_now` does."""
        async with self._free:
            return await asyncio.to_thread(hash_now, password, field)

    async def matches(self, password: str, kept_hash: str) -> bool:
        """Whether the hash is of this password. An empty hash matches none, and takes as long to say so."""
        async with self._free:
            return await asyncio.to_thread(self._matches, password, kept_hash or self._decoy) and bool(kept_hash)

    def _matches(self, password: str, kept_hash: str) -> bool:
        try:
            prepared = prepare(password, "password")
        except InvalidRequest:
            prepared = password
        # The release before hashed passwords as they were typed.
        return _verifies(prepared, kept_hash) or (password != prepared and _verifies(password, kept_hash))


def _verifies(password: str, kept_hash: str) -> bool:
    try:
        return _HASHER.verify(kept_hash, password)
    except (VerificationError, InvalidHashError):
        return False
