"""What is sent, by whom, and what becomes of it. A *sending* is something to hand to an outside system once; an
*attempt* is one call for it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any, Protocol, TypeAlias, runtime_checkable
from uuid import UUID

from sqlalchemy import Connection

from onegrid_kit.cipher import Cipher

__all__ = [
    "AskedByAddress",
    "Attempt",
    "Conclusion",
    "Context",
    "Defer",
    "Drop",
    "Lane",
    "Limit",
    "LimitScope",
    "Outcome",
    "Outgoing",
    "Prepared",
    "Provider",
    "Receipt",
    "Result",
    "Send",
    "Sender",
    "Sending",
    "State",
]


class Lane(IntEnum):
    """Which sendings go first; a lane never waits for a lower one."""

    CRITICAL = 0
    URGENT = 1
    NORMAL = 2
    BULK = 3


class State(StrEnum):
    """What becomes of a sending."""

    WAITING = "WAITING"
    """It is attempted when it is due."""
    SENDING = "SENDING"
    """A provider is being called."""
    ACCEPTED = "ACCEPTED"
    """The provider took it."""
    DELIVERED = "DELIVERED"
    """The provider says that it arrived."""
    READ = "READ"
    """The provider says that it was read."""
    FAILED = "FAILED"
    """It was refused for good, or as often as it is tried; it can be replayed."""
    UNKNOWN = "UNKNOWN"
    """Nobody knows whether the provider took it; it is never repeated unless an operator replays it."""
    DROPPED = "DROPPED"
    """The service did not want it sent any more, when it was due."""
    EXPIRED = "EXPIRED"
    """Its time was over before it was sent."""
    STOPPED = "STOPPED"
    """Its batch was stopped before it was sent; it can be resumed."""


class Outcome(StrEnum):
    """What is known of an attempt. What is learned later replaces it only if it stands further down here, so that
    receipts may come in any order and repeatedly.
    """

    UNKNOWN = "UNKNOWN"
    """There was no answer in time."""
    RETRYABLE = "RETRYABLE"
    """The provider did not take it, and another attempt may succeed."""
    ACCEPTED = "ACCEPTED"
    FAILED = "FAILED"
    """The provider did not take it, or did not deliver what it took; another attempt would not help."""
    DELIVERED = "DELIVERED"
    READ = "READ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What a service wants sent."""

    id: str
    """Chosen by the service: the same id is the same sending, and is sent once."""
    channel: str
    """Whose providers send it."""
    kind: str = ""
    """What the service prepares it by."""
    district: str = ""
    """A provider that serves certain districts sends theirs alone."""
    recipient: str = ""
    """The name of the user or endpoint that it goes to, if it has one."""
    subject: str = ""
    """The name of the resource that it is about."""
    batch: str = ""
    """What is stopped as a whole; empty for what is not."""
    lane: Lane = Lane.NORMAL
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """What the service prepares it from; JSON. No personal data: it is prepared when it is due."""
    sealed: bytes = field(default=b"", repr=False)
    """What it is prepared from and is personal, sealed by the service. It is deleted once it has ended or expired."""
    due_time: datetime | None = None
    """Not before this moment of the domain's time; at once without it."""
    expire_time: datetime | None = None
    """Never after this moment of the domain's time."""
    traceparent: str = ""
    """The trace that it belongs to; the current one without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing(Sending):
    """A sending as it stands."""

    state: State
    attempts: int
    """How many there were."""
    tries: int
    """How many since it was enqueued or replayed; preparations that failed count, too."""
    last_provider: str
    last_code: str
    """What the last attempt ended with, or why there was none: the service's reason, a limit's, `NO_PROVIDER`; empty
    while all is well.
    """
    create_time: datetime
    end_time: datetime | None
    """Since when there is nothing more to do for it."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call of a provider for a sending; it is committed before the call."""

    sending: str
    number: int
    key: UUID
    """What the provider is given to know a repetition by."""
    provider: str
    provider_id: str
    """What the provider calls it; empty until it has answered."""
    begin_time: datetime
    deadline: datetime
    """When an attempt without an outcome becomes UNKNOWN; by the database's clock, as are its other times."""
    end_time: datetime | None
    outcome: Outcome | None
    """None while the call runs."""
    code: str
    address_key: str = ""
    """The `address_key` of what was sent: to which address the call was made."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send this now."""

    address: str = field(repr=False)
    content: Any = field(repr=False)
    """What the channel's providers take."""
    address_key: str = ""
    """By what limits know the address: a digest, as it is stored. Without it no limit of addresses holds."""
    template: str = ""
    """By what limits know the template."""


@dataclass(frozen=True, slots=True)
class Drop:
    """Do not send it at all."""

    code: str


@dataclass(frozen=True, slots=True)
class Defer:
    """Ask again then."""

    until: datetime
    """By the domain's time."""
    code: str = ""


Prepared: TypeAlias = Send | Drop | Defer
"""What a service decides on a sending that is due."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a provider's call came to."""

    outcome: Outcome
    code: str = ""
    """The provider's own, or ours, upper case; it is shown to operators and never holds personal data."""
    provider_id: str = ""
    retry_after_s: float | None = None
    address_refused: bool = False
    provider_away: bool = False

    @classmethod
    def accepted(cls, provider_id: str = "") -> Result:
        """The provider took it, and will call it this in its receipts."""
        return cls(Outcome.ACCEPTED, provider_id=provider_id)

    @classmethod
    def failed(
        cls,
        code: str,
        *,
        temporary: bool = False,
        retry_after_s: float | None = None,
        address_refused: bool = False,
        provider_away: bool = False,
    ) -> Result:
        """The provider certainly did not take it.

        `temporary`: it may do so later, or another provider may, as the fault is not the message's. `retry_after_s`:
        when, if the provider says so. `address_refused`: nothing can be sent to this address. `provider_away`: nothing
        can be sent by this provider just now, whatever and to whom (it can't be reached, or refuses our credentials);
        temporary, and other sendings wait for it or take the next one.
        """
        outcome = Outcome.RETRYABLE if temporary or provider_away else Outcome.FAILED
        return cls(
            outcome,
            code,
            retry_after_s=retry_after_s,
            address_refused=address_refused,
            provider_away=provider_away,
        )

    @classmethod
    def unknown(cls, code: str) -> Result:
        """The provider may have taken it: the connection ended before it answered."""
        return cls(Outcome.UNKNOWN, code)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a provider says later about what it took."""

    provider: str
    provider_id: str
    """What the provider calls the message; empty if it names the attempt's key alone."""
    outcome: Outcome
    """ACCEPTED, FAILED, DELIVERED or READ."""
    code: str = ""
    address_refused: bool = False
    key: UUID | None = None
    """The attempt's key, if the provider says it: it also names an attempt whose call had no answer."""


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What was learned about a sending: by an attempt's end, a receipt, or an operator."""

    sending: Outgoing
    """As it stands now."""
    attempt: Attempt | None
    """The one that it was learned about; None if there was none."""
    address_refused: bool = False
    code: str = ""
    """What came with it; the attempt keeps the code of what it was learned by first."""


class LimitScope(StrEnum):
    """What a limit is counted by."""

    PROVIDER = "PROVIDER"
    ADDRESS = "ADDRESS"
    TEMPLATE = "TEMPLATE"


@dataclass(frozen=True, slots=True)
class Limit:
    """So many calls in any period of so many seconds, over all replicas; what exceeds it is deferred."""

    count: int
    per_s: float
    scope: LimitScope = LimitScope.PROVIDER
    templates: frozenset[str] = frozenset()
    """Only calls of these count, all of them together; empty: all calls."""


class Provider(Protocol):
    """An outside system. Its own retries are switched off: each call of it is an attempt."""

    @property
    def name(self) -> str:
        """Unique among a service's providers; it stays the same, as receipts and limits are known by it."""
        ...

    @property
    def channel(self) -> str:
        """What it sends."""
        ...

    @property
    def districts(self) -> Collection[str]:
        """The districts that it serves; all, if there are none."""
        ...

    @property
    def limits(self) -> Sequence[Limit]:
        """What it allows."""
        ...

    @property
    def concurrency(self) -> int:
        """How many calls may run at the same moment in one process."""
        ...

    async def send(self, outgoing: Outgoing, message: Send, attempt: Attempt) -> Result:
        """Hand it over. It is cancelled after the sender's `call_s`. An exception means that nobody knows whether it
        was taken: what certainly was not is a result that says so.
        """
        ...

    async def ask(self, attempt: Attempt) -> Result | None:
        """What became of an attempt without an outcome; None if that can't be asked, or is not known yet."""
        ...

    async def close(self) -> None:
        """End its connections."""
        ...


@runtime_checkable
class AskedByAddress(Protocol):
    """What a provider has that says what became of an attempt only to who names its address, too: this is asked instead
    of `ask`. The address is kept, sealed, while that is not known.
    """

    async def ask_by_address(self, attempt: Attempt, address: str) -> Result | None:
        """What became of an attempt without an outcome; None if that is not known yet."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """What a service's part of the sender is given to work with."""

    settings: Any
    """The service's own."""
    cipher: Cipher
    now: datetime
    """The domain's time."""


def _learn_nothing(_: Connection, __: Sequence[Conclusion], ___: Context) -> None:
    """For services that need not hear of outcomes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """A service's part of the sender."""

    providers: Callable[[Any], Sequence[Provider]]
    """Makes them from the service's settings, inside the event loop; those of a channel are preferred in their order.
    Raises SettingsError.
    """
    prepare: Callable[[Connection, Sequence[Outgoing], Context], Sequence[Prepared]]
    """Decides what becomes of sendings that are due, one for each, in the transaction that then stores it."""
    concluded: Callable[[Connection, Sequence[Conclusion], Context], None] = _learn_nothing
    """Hears what was learned, in the transaction that stores it."""
    attempts: int = 8
    """How often a sending is tried."""
    retry_base_s: float = 5.0
    """The longest pause before the second try; it doubles with each."""
    retry_most_s: float = 3600.0
    call_s: float = 30.0
    """How long one call may take."""
