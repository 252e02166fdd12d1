"""What all of the methods work with."""

from __future__ import annotations

from datetime import timedelta

from onegrid_identity.keys import SigningKeys
from onegrid_identity.messages import NAME_PURPOSE, PHONE_PURPOSE
from onegrid_identity.passwords import Passwords
from onegrid_identity.senders import CodeSender
from onegrid_identity.settings import IdentitySettings
from onegrid_kit.runtime import Runtime
from onegrid_kit.service import load

__all__ = ["Methods"]


class Methods:
    """Database, keys and ciphers."""

    def __init__(self, runtime: Runtime[IdentitySettings]) -> None:
        settings = runtime.settings
        self._db = runtime.db
        self._pages = runtime.pages
        self._cipher = runtime.cipher
        self._passwords = Passwords()
        self._sender: CodeSender = load(settings.code_sender)(settings)
        self._access = timedelta(minutes=settings.access_token_minutes)
        self._refresh = timedelta(days=settings.refresh_token_days)
        self.keys = SigningKeys(runtime.db, runtime.cipher, timedelta(days=settings.signing_key_days), self._access)

    def _sealed_name(self, name: str) -> bytes:
        return self._cipher.encrypt(name, NAME_PURPOSE)

    def _sealed_phone(self, phone: str) -> tuple[bytes | None, bytes | None]:
        """The number, sealed, and what it is found by."""
        if not phone:
            return None, None
        return self._cipher.encrypt(phone, PHONE_PURPOSE), self._phone_index(phone)

    def _phone_index(self, phone: str) -> bytes:
        return self._cipher.blind_index(phone, PHONE_PURPOSE)
