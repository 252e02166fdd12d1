"""Digests (摘要): what one person gets of one district by one channel until a moment, together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid_notify.deliveries import sending_id

__all__ = ["DIGESTS_KEPT", "Digest", "first_entries", "first_titles"]

DIGESTS_KEPT: Final = timedelta(days=90)
"""For how long it is known what came together, like other deliveries."""
_MAX_ENTRIES: Final = 100
_MAX_ENTRY_BYTES: Final = 24_576
"""Of all entries together: wording around them stays within what a text may have (`templates`)."""
_MAX_TITLE_BYTES: Final = 1_000
"""Of all titles together, likewise for a short text."""
_CUT: Final = "…"


@dataclass(frozen=True, slots=True)
class Digest:
    """Which digest. Each district has its own: its providers send it in its words, to addresses that it may send to."""

    district: str
    user: str
    """``users/{user}``."""
    channel: Channel
    close_time: datetime
    """What comes until then is in it."""

    @property
    def id(self) -> str:
        """The id of its sending, too: the same for all that comes together."""
        return sending_id(
            f"d-{self.district}-{self.close_time.astimezone(UTC):%Y%m%dT%H%M%SZ}", self.user, self.channel
        )


def first_entries(entries: Iterable[str]) -> tuple[str, ...]:
    """Those that a digest lists: the first ones, no more are asked for."""
    return tuple(_first(entries, _MAX_ENTRY_BYTES))


def first_titles(titles: Iterable[str]) -> tuple[str, ...]:
    """Those that a short text can mention: the first ones, no more are asked for."""
    return tuple(_first(titles, _MAX_TITLE_BYTES))


def _first(texts: Iterable[str], most_bytes: int) -> Iterator[str]:
    left = most_bytes
    for _, text in zip(range(_MAX_ENTRIES), texts, strict=False):
        size = len(text.encode())
        if size > left:
            if left == most_bytes:
                # What is too long by itself is not left out for that: it would be in no digest at all.
                yield text.encode()[: left - len(_CUT.encode())].decode(errors="ignore") + _CUT
            return
        yield text
        left -= size
