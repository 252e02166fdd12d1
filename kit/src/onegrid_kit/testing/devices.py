"""Devices in the field, as an app makes them: they record entries, keep their bytes, and sign batches of them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.message import Message

from onegrid.field.v1.field_pb2 import Datum, Entry, Position, SignedBatch
from onegrid_kit.field.signing import entry_hash, signed_bytes
from onegrid_kit.timestamps import timestamp

__all__ = ["Device"]


class Device:
    """A device, with its log for a service. It is always given the true time; its clock may be wrong by `skew`."""

    def __init__(
        self, name: str, key: Ed25519PrivateKey, booted: datetime, *, service: str, skew: timedelta = timedelta()
    ) -> None:
        """`name`: ``deviceKeys/{uuid}``. `booted`: when it was started. `service`: the one that it records for."""
        self.name = name
        self.skew = skew
        """How far its wall clock is ahead. May be changed at any time, as people do."""
        self.entries: list[bytes] = []
        """All that it has recorded, the first one first: the entry of counter n stands at n - 1."""
        self._key = key
        self._service = service
        self._booted = booted
        self._boot_id = str(uuid.uuid4())

    @property
    def public_key(self) -> bytes:
        """Ed25519, 32 bytes."""
        return self._key.public_key().public_bytes_raw()

    def restart(self, now: datetime) -> None:
        """It was switched off and on: what is recorded is kept, and uptimes begin anew."""
        self._booted = now
        self._boot_id = str(uuid.uuid4())

    def record(
        self, content: Message, now: datetime, *, author: str = "users/patroller1", position: Position | None = None
    ) -> bytes:
        """Record an entry; its bytes."""
        entry = Entry(
            entry_id=str(uuid.uuid4()),
            device_key=self.name,
            author=author,
            counter=len(self.entries) + 1,
            previous_hash=entry_hash(self.entries[-1]) if self.entries else b"",
            device_time=timestamp(now + self.skew),
            boot_id=self._boot_id,
            position=position,
        )
        entry.uptime.FromTimedelta(now - self._booted)
        entry.content.Pack(content)
        self.entries.append(entry.SerializeToString())
        return self.entries[-1]

    def fix(
        self,
        longitude: float,
        latitude: float,
        now: datetime,
        *,
        datum: Datum = Datum.DATUM_WGS84,
        accuracy_m: float = 5.0,
    ) -> Position:
        """A position that it measures at that moment."""
        return Position(
            longitude=longitude,
            latitude=latitude,
            datum=datum,
            accuracy_m=accuracy_m,
            fix_time=timestamp(now + self.skew),
        )

    def batch(self, now: datetime, entries: Sequence[bytes] | None = None) -> SignedBatch:
        """A batch that is signed at that moment: of these entries, or of all that it has."""
        batch = SignedBatch(
            device_key=self.name,
            entries=self.entries if entries is None else entries,
            boot_id=self._boot_id,
            newest_counter=len(self.entries),
        )
        batch.uptime.FromTimedelta(now - self._booted)
        batch.signature = self._key.sign(signed_bytes(batch, self._service))
        return batch
