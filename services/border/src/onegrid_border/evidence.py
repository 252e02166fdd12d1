"""What check-ins show (打卡凭证): whether it is what their checkpoints demand, in use when they were made, and
not shown twice. Pure functions of a set of entries, in whatever order they arrive.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Final

from onegrid.border.v1.resources_pb2 import Evidence
from onegrid.field.v1.field_pb2 import Mark
from onegrid_border.checkpoint_code import Reading
from onegrid_border.route import Checkpoint
from onegrid_kit.field.model import Claim, JudgedEntry

__all__ = ["Shown", "ShownCodes", "Standing", "Tap", "changed_taps", "claims_of", "reused"]

_APART: Final = timedelta(minutes=2)
"""By how much the clocks of two devices may differ once they are related to the server's."""


class Standing(IntEnum):
    """How well it is known when a tap was made, and by whose device. Rows of the database have the numbers."""

    KNOWN = 0
    """By the server's clock."""
    CLAIMED = 1
    """By the device's clock alone."""
    DOUBTED = 2
    """From the future, or by a device that was lost or revoked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tap:
    """That an entry shows what a tag gave at one tap."""

    entry: bytes = field(repr=False)
    """The hash of the entry."""
    uid: str
    """The tag's."""
    count: int
    """The tag's, which it gives once."""
    time: datetime
    """When the entry was made: its judged time."""
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """That an entry shows a code of ours."""

    entry: bytes = field(repr=False)
    """The hash of the entry."""
    reading: Reading
    """What it shows."""
    time: datetime | None = None
    """The judged time of the entry when it was looked at last, which other patrols know; None: it was not yet."""
    standing: Standing = Standing.DOUBTED


@dataclass(frozen=True, slots=True)
class ShownCodes:
    """What the entries of a patrol show."""

    shown: Mapping[bytes, Shown] = field(default_factory=dict)
    """By the hashes of the entries."""
    others: Sequence[Tap] = ()
    """The taps of other patrols by which theirs are judged; see `reused`."""


def _taps_of(entries: Iterable[JudgedEntry], shown: Mapping[bytes, Shown]) -> Iterator[Tap]:
    """The taps that these entries show, as they are judged now."""
    for each in entries:
        own = shown.get(each.entry.hash)
        if own is not None and own.reading.uid:
            uid, count, standing = own.reading.uid, own.reading.count, _standing_of(each)
            yield Tap(entry=own.entry, uid=uid, count=count, time=each.time, standing=standing)


def changed_taps(
    entries: Iterable[JudgedEntry], shown: Mapping[bytes, Shown]
) -> Iterator[tuple[Tap, datetime | None]]:  # fmt: skip
    """The taps of which other patrols do not know yet how they are judged now, with what they know of the time."""
    for tap in _taps_of(entries, shown):
        known = shown[tap.entry]
        if (tap.time, tap.standing) != (known.time, known.standing):
            yield tap, known.time


def reused(taps: Iterable[Tap]) -> frozenset[bytes]:
    """The entries whose taps do not count. Of those of one tag with one count the one that was made first counts; and
    none that was made after one with a higher count, since the tag counts up.

    It is the same for a tap whether all others are given, or those alone that have its count, and the first of those
    with a higher one of which the time is known.
    """
    of_tags: dict[str, dict[int, list[Tap]]] = defaultdict(lambda: defaultdict(list))
    for each in taps:
        of_tags[each.uid][each.count].append(each)
    return frozenset(entry for counts in of_tags.values() for entry in _reused(counts))


def _reused(counts: Mapping[int, Sequence[Tap]]) -> Iterator[bytes]:
    higher: datetime | None = None
    for _, same in sorted(counts.items(), reverse=True):
        first = min(same, key=_order)
        for each in same:
            after_higher = higher is not None and each.time - higher > _APART
            if each.entry != first.entry or (after_higher and each.standing != Standing.DOUBTED):
                yield each.entry
        known = [each.time for each in same if each.standing == Standing.KNOWN]
        higher = min([*known, *([] if higher is None else [higher])], default=None)


def _order(tap: Tap) -> tuple[bool, datetime, bytes]:
    return tap.standing == Standing.DOUBTED, tap.time, tap.entry


def _standing_of(each: JudgedEntry) -> Standing:
    if not each.counts:
        return Standing.DOUBTED
    return Standing.KNOWN if each.anchored else Standing.CLAIMED


def claims_of(
    checkpoints: Sequence[Checkpoint], entries: Sequence[JudgedEntry], read: Mapping[bytes, str], codes: ShownCodes
) -> dict[bytes, Claim]:
    """What the check-ins at checkpoints that demand something prove, by the hashes of their entries.

    `read`: what was read at each check-in. `codes`: what of that is of codes of the checkpoint that it claims.
    """
    demands = {each.id: each.evidence for each in checkpoints if each.evidence}
    if not demands:
        return {}
    twice = reused([*_taps_of(entries, codes.shown), *codes.others])
    found = {}
    for each in entries:
        claim, hash_ = each.entry.claim, each.entry.hash
        if claim is not None and claim.point in demands:
            shown = codes.shown.get(hash_)
            reading = None if shown is None else shown.reading
            fault = _fault(demands[claim.point], read.get(hash_, ""), reading, each.time)
            if fault is None and hash_ in twice:
                fault = Mark.MARK_CODE_REUSED
            is_tap = reading is not None and bool(reading.uid)
            found[hash_] = Claim(claim.point, proven=is_tap and fault is None, needs_place=not is_tap, fault=fault)
    return found


def _fault(demand: Evidence, read: str, reading: Reading | None, time: datetime) -> Mark | None:
    if not read or (reading is not None and demand == Evidence.EVIDENCE_TAG and not reading.uid):
        return Mark.MARK_CODE_MISSING
    if reading is None or not any(code.counts_at(time) for code in reading.codes):
        return Mark.MARK_CODE_INVALID
    return None
