"""The keys that access tokens are signed with: made when there are none, renewed in time, listed until their
last token has expired.
"""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import Connection

from onegrid_identity import store
from onegrid_identity.store import SealedKey
from onegrid_kit import ids
from onegrid_kit.cipher import Cipher
from onegrid_kit.database import Database

__all__ = ["SIGNING_KEY_PURPOSE", "SigningKeys"]

SIGNING_KEY_PURPOSE = "identity.signing_key"
_CHECK_S = 60.0


@dataclass(frozen=True, slots=True)
class _Key:
    kid: str
    private: Ed25519PrivateKey
    created_at: datetime

    @property
    def public(self) -> Ed25519PublicKey:
        return self.private.public_key()


class SigningKeys:
    """identity's own key source. A key is listed for a while before it signs, so that no service meets one it
    can't know.
    """

    def __init__(self, db: Database, cipher: Cipher, lasts: timedelta, tokens_last: timedelta) -> None:
        self._db = db
        self._cipher = cipher
        self._lasts = lasts
        # A key signs until its successor has been listed for a while; then its last token still has its full lifetime.
        self._listed = lasts + max(timedelta(days=1), tokens_last + timedelta(hours=1))
        self._keys: tuple[_Key, ...] = ()
        self._refreshing = asyncio.Lock()

    async def key(self, kid: str) -> Ed25519PublicKey | None:
        """The public key of this id."""
        for key in await self._known():
            if key.kid == kid:
                return key.public
        return None

    async def signing(self) -> tuple[str, Ed25519PrivateKey]:
        """The key to sign with, and its id: the newest that is older than a check, or the only one."""
        keys = await self._known()
        settled = datetime.now(UTC) - timedelta(seconds=2 * _CHECK_S)
        chosen = next((key for key in keys if key.created_at < settled), keys[-1])
        return chosen.kid, chosen.private

    async def listed(self) -> list[tuple[str, str]]:
        """The id of each key, and its public half as a JWK's `x`."""
        return [
            (key.kid, base64.urlsafe_b64encode(key.public.public_bytes_raw()).rstrip(b"=").decode())
            for key in await self._known()
        ]

    async def run(self) -> None:
        """Renew keys in time, and learn of those that other replicas made."""
        while True:
            await self._refresh()
            await asyncio.sleep(_CHECK_S)

    async def _known(self) -> tuple[_Key, ...]:
        if not self._keys:
            async with self._refreshing:
                if not self._keys:
                    await self._refresh()
        return self._keys

    async def _refresh(self) -> None:
        sealed = await self._db.write(self._renew)
        self._keys = tuple(_Key(each.kid, self._private(each), each.created_at) for each in sealed)

    def _private(self, key: SealedKey) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(
            bytes.fromhex(self._cipher.decrypt(key.sealed_private, SIGNING_KEY_PURPOSE))
        )

    def _renew(self, conn: Connection) -> list[SealedKey]:
        """All keys, newest first; with a new one if the newest is old, and without those that outlived their tokens."""
        now = store.lock_signing_keys(conn)
        store.forget_signing_keys(conn, now - self._listed)
        keys = store.signing_keys(conn)
        if keys and keys[0].created_at >= now - self._lasts:
            return keys
        private = Ed25519PrivateKey.generate()
        new = SealedKey(
            kid=ids.new_id(),
            public=private.public_key().public_bytes_raw(),
            sealed_private=self._cipher.encrypt(private.private_bytes_raw().hex(), SIGNING_KEY_PURPOSE),
            created_at=now,
        )
        store.insert_signing_key(conn, new)
        return [new, *keys]
