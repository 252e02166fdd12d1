"""Items of inboxes: what a reader finds, and what a reader has done with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from onegrid.notify.v1.resources_pb2 import InboxItemKind
from onegrid_kit import codes
from onegrid_kit.callers import Caller
from onegrid_kit.names import ResourceName

__all__ = [
    "ITEM",
    "KEPT",
    "MAX_ITEMS",
    "TOKENS_KEPT",
    "Count",
    "InboxItem",
    "KnownItem",
    "Reader",
    "Signal",
    "reader_of",
]

ITEM: Final = ResourceName("inboxItems/{item}")
MAX_ITEMS: Final = 1000
"""How many items an inbox shows and counts, the newest ones."""
KEPT: Final = timedelta(days=365)
"""For how long an item is in an inbox that does not expire earlier."""

TOKENS_KEPT: Final = timedelta(hours=24)
"""For how long a stream can be resumed."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Whose inbox, and in which districts it is looked for."""

    user: str
    """``users/{user}``."""
    districts: tuple[str, ...]
    """The reader's own, and those in which a role is held."""


def reader_of(caller: Caller) -> Reader:
    """The caller as a reader."""
    scopes = (grant.scope for grant in caller.grants if grant.scope not in ("", codes.SELF))
    districts = {codes.district_of(code) for code in (caller.district, *scopes) if code}
    return Reader(caller.user, tuple(sorted(districts)))


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxItem:
    """A notice or message as its reader has it."""

    id: str
    kind: InboxItemKind
    title: str
    summary: str
    subject: str
    column: str
    """The id of the article's column; empty for a message."""
    urgent: bool
    must_confirm: bool
    version: int
    create_time: datetime
    expire_time: datetime | None
    receive_time: datetime | None
    read_time: datetime | None
    """Unset while it is unread."""
    confirm_time: datetime | None
    rank: int = 0
    """Which one it is in the list, counted from 1."""

    @property
    def name(self) -> str:
        """``inboxItems/{item}``."""
        return ITEM.name(self.id)


@dataclass(frozen=True, slots=True)
class Count:
    """What is left to do in an inbox."""

    unread: int
    unconfirmed: int


@dataclass(frozen=True, slots=True)
class KnownItem:
    """An item that is in the inbox of who acknowledges it."""

    district: str
    id: str
    place: str
    """Where the reader counts for the figures of a notice; empty for a message."""


@dataclass(frozen=True, slots=True)
class Signal:
    """Something that connected readers are sent."""

    position: tuple[int, int]
    """Its transaction, and its number."""
    district: str
    item: str
    user: str
    """Whose inbox; empty for an article, which is for whom it describes."""
    removed: bool
    """Whether the item left the inbox."""
    time: datetime
