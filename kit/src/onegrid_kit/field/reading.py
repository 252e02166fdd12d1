"""A batch, entry by entry: which of them can be taken, and why the others can't. No entry keeps another one from being
taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from google.protobuf.message import DecodeError

from onegrid.field.v1.field_pb2 import Entry, EntryResult, EntryViolation, Outcome, RefusalReason, SignedBatch
from onegrid_kit.errors import FieldViolation
from onegrid_kit.field.errors import EntryRefused
from onegrid_kit.field.signing import covered, entry_hash
from onegrid_kit.rpc.validation import NO_TIME, is_no_time, violations

__all__ = ["Accept", "Part", "read_batch", "result_of"]

Accept: TypeAlias = Callable[[Entry], str]
"""The service's word on an entry of which all but the content is right: the name of what it is about, by which the log
is read, such as ``patrols/…``; empty if it is about nothing. Raises EntryRefused for content that it does not take.
"""

# An answer of hundreds of refused entries must fit into what clients accept.
_MOST_VIOLATIONS: Final = 8
_UUID: Final = re.compile("[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


@dataclass(frozen=True, slots=True)
class Part:
    """An entry of a batch."""

    body: bytes
    hash: bytes
    entry: Entry | None
    """None for bytes that can't be read."""
    subject: str = ""
    """What the service says that it is about."""
    reason: RefusalReason = RefusalReason.REFUSAL_REASON_UNSPECIFIED
    """Why it can't be taken; unspecified if it can."""
    violations: Sequence[FieldViolation] = ()


def read_batch(batch: SignedBatch, accept: Accept) -> list[Part]:
    """The entries of a batch whose signature is right, in their order."""
    bodies = list(batch.entries)
    hashes = [entry_hash(body) for body in bodies]
    entries = [_entry_in(body) for body in bodies]
    signed = covered(hashes, [b"" if entry is None else entry.previous_hash for entry in entries])
    return [
        _part(body, own_hash, entry, batch.device_key, accept, is_signed=is_signed)
        for body, own_hash, entry, is_signed in zip(bodies, hashes, entries, signed, strict=True)
    ]


def result_of(part: Part, outcome: Outcome) -> EntryResult:
    """What an entry's sender is answered."""
    entry = part.entry
    return EntryResult(
        counter=0 if entry is None else entry.counter,
        entry_id=entry.entry_id if entry is not None and _UUID.fullmatch(entry.entry_id) else "",
        outcome=outcome,
        reason=part.reason,
        violations=[EntryViolation(field=field, description=said) for field, said in part.violations],
    )


def _entry_in(body: bytes) -> Entry | None:
    try:
        return Entry.FromString(body)
    except DecodeError:
        return None


def _part(
    body: bytes, own_hash: bytes, entry: Entry | None, device_key: str, accept: Accept, *, is_signed: bool
) -> Part:
    if entry is None:
        return Part(body, own_hash, None, reason=RefusalReason.REFUSAL_REASON_MALFORMED)
    broken = _no_times(entry) or violations(entry)
    if broken:
        return _refused(body, own_hash, entry, RefusalReason.REFUSAL_REASON_MALFORMED, broken)
    if entry.device_key != device_key:
        return _refused(body, own_hash, entry, RefusalReason.REFUSAL_REASON_OTHER_DEVICE)
    if not is_signed:
        return _refused(body, own_hash, entry, RefusalReason.REFUSAL_REASON_BROKEN_CHAIN)
    try:
        return Part(body, own_hash, entry, accept(entry))
    except EntryRefused as refused:
        return _refused(body, own_hash, entry, refused.reason, refused.violations)


def _no_times(entry: Entry) -> list[FieldViolation]:
    times = (("device_time", entry.device_time), ("position.fix_time", entry.position.fix_time))
    return [FieldViolation(field, NO_TIME) for field, time in times if is_no_time(time)]


def _refused(
    body: bytes, own_hash: bytes, entry: Entry, reason: RefusalReason, violations: Sequence[FieldViolation] = ()
) -> Part:
    return Part(body, own_hash, entry, reason=reason, violations=violations[:_MOST_VIOLATIONS])
