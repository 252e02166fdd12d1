"""What hangs at checkpoints and is read there (打卡点凭证): printed codes and tags, as the rules see them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from onegrid.border.v1.resources_pb2 import Evidence
from onegrid_kit import codes
from onegrid_kit.cipher import Cipher
from onegrid_kit.field import checkpoint_codes, tags
from onegrid_kit.names import ResourceName

__all__ = ["CHECKPOINT_CODE", "KEYS_PURPOSE", "CheckpointCode", "Keys", "Reading", "reading_of"]

CHECKPOINT_CODE: Final = ResourceName("routes/{route}/checkpoints/{checkpoint}/codes/{number}")
KEYS_PURPOSE: Final = "keys of checkpoint codes"
_TAG_KEY_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of a code."""

    own: bytes = field(repr=False)
    """What its MACs are made with: of a tag its SDMFileReadKey, 16 bytes; of a printed code 32 bytes of its own."""
    meta_read: bytes = field(default=b"", repr=False)
    """A tag's SDMMetaReadKey, 16 bytes; nothing if its address has UID and count in the clear."""

    def sealed(self, cipher: Cipher) -> bytes:
        """As they are stored."""
        return cipher.seal(self.own + self.meta_read, KEYS_PURPOSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointCode:
    """A print of a checkpoint's code, or a tag that hangs there."""

    route: str
    """The route's id."""
    checkpoint: str
    """The checkpoint's id."""
    number: int
    """Counted from 1 at each checkpoint: which print it is."""
    evidence: Evidence
    """What it is."""
    uid: str = ""
    """Of a tag: hexadecimal digits, in capitals."""
    sealed_keys: bytes = field(repr=False)
    issue_time: datetime
    end_time: datetime | None = None
    """From when it counts no more."""

    @property
    def district(self) -> str:
        """The district that keeps it."""
        return codes.district_of(self.route)

    @property
    def name(self) -> str:
        """``routes/{route}/checkpoints/{checkpoint}/codes/{number}``."""
        return CHECKPOINT_CODE.name(self.route, self.checkpoint, self.number)

    @property
    def is_printed(self) -> bool:
        """Whether it is a printed code, and no tag."""
        return self.evidence == Evidence.EVIDENCE_PRINTED_CODE

    def counts_at(self, moment: datetime) -> bool:
        """Whether what is read of it at that moment counts."""
        return self.issue_time <= moment and not self.is_over(moment)

    def is_over(self, moment: datetime) -> bool:
        """Whether it counts no more at that moment."""
        return self.end_time is not None and self.end_time <= moment

    def keys(self, cipher: Cipher) -> Keys:
        """Its keys. Raises CipherError."""
        opened = cipher.open(self.sealed_keys, KEYS_PURPOSE)
        return Keys(opened) if self.is_printed else Keys(opened[:_TAG_KEY_BYTES], opened[_TAG_KEY_BYTES:])

    def text(self, cipher: Cipher) -> str:
        """What is printed of it; nothing of a tag. Raises CipherError."""
        return checkpoint_codes.written_code(_printed(self), self.keys(cipher).own) if self.is_printed else ""


@dataclass(frozen=True, slots=True)
class Reading:
    """That something that was read is of a code of ours."""

    codes: tuple[CheckpointCode, ...]
    """One, or of a tag that was registered several times with the same keys all of them."""
    count: int = 0
    """Of a tag, how often it had been read by then; it never repeats."""

    @property
    def uid(self) -> str:
        """Of the tag; nothing of a printed code."""
        return self.codes[0].uid


def reading_of(text: str, candidates: Iterable[tuple[CheckpointCode, Keys]]) -> Reading | None:
    """Which of these codes made what was read, whenever that was; None if none of them did."""
    found = [(code, count) for code, keys in candidates if (count := _count_in(text, code, keys)) is not None]
    return Reading(tuple(code for code, _ in found), found[0][1]) if found else None


def _count_in(text: str, code: CheckpointCode, keys: Keys) -> int | None:
    if code.is_printed:
        return 0 if checkpoint_codes.read_code(text, [keys.own]) == _printed(code) else None
    tap = tags.read_address(text, keys.own, keys.meta_read)
    return tap.count if tap is not None and tap.uid.hex().upper() == code.uid else None


def _printed(code: CheckpointCode) -> checkpoint_codes.CheckpointCode:
    return checkpoint_codes.CheckpointCode(f"{code.route}/{code.checkpoint}", code.number)
