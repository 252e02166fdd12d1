"""Warnings and the messages that they are made of, as they are stored: frozen, and changed only into others."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from onegrid.emergency.v1.warnings_pb2 import (
    CapCategory,
    CapCertainty,
    CapScope,
    CapStatus,
    CapUrgency,
    WarningColour,
    WarningState,
)
from onegrid_emergency.cap.areas import Target
from onegrid_emergency.cap.chains import Link
from onegrid_emergency.cap.message import Alert, Info, Key, Violation
from onegrid_kit.names import ResourceName

__all__ = ["MESSAGE", "SOURCE", "WARNING", "Content", "Message", "Source", "Warning", "content_of", "id_of"]

WARNING: Final = ResourceName("warnings/{warning}")
MESSAGE: Final = ResourceName("warningMessages/{message}")
SOURCE: Final = ResourceName("warningSources/{source}")

_NOWHERE: Final = Target()


def id_of(district: str, key: Key) -> str:
    """The id of a message, and of the warning that begins with it."""
    return f"{district}-{key.digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A system that sends warnings here."""

    district: str
    id: str
    sequence: int = 1
    display_name: str
    sender: str
    account: str
    """``users/{user}``."""
    certificate: str
    """In PEM; empty: signatures are not looked at."""
    suspended: bool
    update_time: datetime

    @property
    def name(self) -> str:
        """``warningSources/{source}``."""
        return SOURCE.name(self.id)

    @property
    def etag(self) -> str:
        """Changes with every change."""
        return str(self.sequence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as it came or was sent."""

    district: str
    id: str
    source: str
    """The id of its source; empty: the district sent it."""
    link: Link
    note: str
    document: bytes = field(repr=False)
    """Empty where only its place among others was read."""
    warnings: tuple[str, ...] = ()
    """The ids of the warnings that it belongs to; none while it is held."""
    faults: tuple[Violation, ...] = ()
    target: Target = _NOWHERE
    create_time: datetime

    @property
    def name(self) -> str:
        """``warningMessages/{message}``."""
        return MESSAGE.name(self.id)

    @property
    def public(self) -> bool:
        """Whether everybody may have it."""
        return is_public(self.link.status, self.link.scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a warning says."""

    colour: WarningColour = WarningColour.WARNING_COLOUR_UNSPECIFIED
    categories: tuple[CapCategory, ...] = ()
    event: str = ""
    urgency: CapUrgency = CapUrgency.CAP_URGENCY_UNKNOWN
    certainty: CapCertainty = CapCertainty.CAP_CERTAINTY_UNKNOWN
    sender_name: str = ""
    headline: str = ""
    description: str = ""
    instruction: str = ""
    effective_time: datetime
    onset_time: datetime | None = None
    expire_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Warning:
    """An Alert, and what later messages made of it."""

    district: str
    id: str
    sequence: int = 1
    source: str
    """The id of its source; empty: the district issued it."""
    state: WarningState
    message: str
    """The id of the message that says what it says."""
    superseded_by: str = ""
    """The id of a warning."""
    status: CapStatus
    scope: CapScope
    content: Content
    target: Target
    faults: tuple[Violation, ...] = ()
    replies: tuple[str, ...] = ()
    """The ids of the messages that answer it."""
    announced: bool = False
    """Whether people are warned of it now."""
    version: int = 0
    """How often something of it was announced."""
    sent_time: datetime
    update_time: datetime

    @property
    def name(self) -> str:
        """``warnings/{warning}``."""
        return WARNING.name(self.id)

    @property
    def etag(self) -> str:
        """Changes with every change."""
        return str(self.sequence)

    @property
    def reaches_people(self) -> bool:
        """Whether people are to be warned of it: nothing but what is meant and for everybody reaches them."""
        in_force = self.state == WarningState.WARNING_STATE_IN_FORCE
        return in_force and is_public(self.status, self.scope) and bool(self.target.places)


def is_public(status: CapStatus, scope: CapScope) -> bool:
    """Whether it is meant, and for everybody."""
    return status == CapStatus.CAP_STATUS_ACTUAL and scope == CapScope.CAP_SCOPE_PUBLIC


def content_of(alert: Alert, lasts: timedelta) -> Content:
    """What a message says: in Chinese if it does, and of several parts the gravest. `lasts`: how long it counts if it
    does not say so; of several parts it lasts as long as the last.
    """
    chinese = [info for info in alert.infos if info.language.lower().startswith("zh")]
    infos = sorted(chinese or alert.infos, key=_gravity)
    if not infos:
        return Content(effective_time=alert.sent, expire_time=alert.sent + lasts)
    first = infos[0]
    effective = first.effective or alert.sent
    expiries = [info.expires or (info.effective or alert.sent) + lasts for info in infos]
    return Content(
        colour=first.colour,
        categories=tuple(dict.fromkeys(category for info in infos for category in info.categories)),
        event=first.event,
        urgency=first.urgency,
        certainty=first.certainty,
        sender_name=first.sender_name,
        headline=first.headline or first.event,
        description=first.description,
        instruction=first.instruction,
        effective_time=effective,
        onset_time=first.onset,
        expire_time=max(expiries),
    )


def _gravity(info: Info) -> int:
    """The lower, the graver; an unknown colour comes last."""
    return int(info.colour) or len(WarningColour.values())
