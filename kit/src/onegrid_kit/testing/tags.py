"""Tags at checkpoints, as an NTAG 424 DNA is: another address at each tap."""

from __future__ import annotations

import os

from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from onegrid_kit.field.tags import Tap, mac_of

__all__ = ["Tag"]


class Tag:
    """A tag that counts its taps; it encrypts UID and count, or has them in the clear."""

    def __init__(self, *, encrypts: bool = True) -> None:
        self.uid = b"\x04" + os.urandom(6)
        self.file_read_key = os.urandom(16)
        """Its SDMFileReadKey."""
        self.meta_read_key = os.urandom(16) if encrypts else b""
        """Its SDMMetaReadKey; nothing if it encrypts nothing."""
        self.count = 0
        """How often it was tapped."""

    def tap(self) -> str:
        """The address that it gives to who taps it now."""
        self.count += 1
        tap = Tap(self.uid, self.count)
        cmac = mac_of(tap, self.file_read_key).hex().upper()
        if not self.meta_read_key:
            return f"https://example.cn/t?uid={self.uid.hex().upper()}&ctr={self.count:06X}&cmac={cmac}"
        # NT4H2421Gx, section 9.3.4: which of UID and count follow, both, and random bytes.
        plain = b"\xc7" + self.uid + self.count.to_bytes(3, "little") + os.urandom(5)
        encryptor = Cipher(AES(self.meta_read_key), modes.CBC(bytes(16))).encryptor()
        picc_data = encryptor.update(plain) + encryptor.finalize()
        return f"https://example.cn/t?picc_data={picc_data.hex().upper()}&cmac={cmac}"
