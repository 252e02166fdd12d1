"""What a person decides about what leaves the platform for them (接收偏好)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from onegrid.notify.v1.delivery_pb2 import Channel, DeliveryReason, DigestPeriod
from onegrid_kit.errors import FieldViolation, InvalidRequest
from onegrid_notify.quiet import QuietHours, next_time_of_day

__all__ = [
    "APPOINTMENTS",
    "DIGESTS",
    "DUTY",
    "GUIDANCE",
    "INCIDENTS",
    "MEETINGS",
    "PATROLS",
    "PETITIONS",
    "RESOURCES",
    "ROLES",
    "STUDY",
    "VISITS",
    "Digest",
    "Mute",
    "Preferences",
    "require_zone",
]

PETITIONS: Final = "petitions"
"""The topic of what is about petitions; what is about a column has the column's name as its topic."""
ROLES: Final = "roles"
"""Of what is about roles that somebody is given or loses."""
APPOINTMENTS: Final = "appointments"
"""Of what is about appointments to grid cells."""
VISITS: Final = "visits"
"""Of requests to visit people at home."""
RESOURCES: Final = "resources"
"""Of teams, experts and vehicles that are called to emergencies, and of supplies that run down."""
DUTY: Final = "duty"
"""Of shifts, swaps, handovers and gaps of rosters. Pages are about it as well, and reach whoever mutes it: they are
critical."""
INCIDENTS: Final = "incidents"
"""Of emergencies, of their tasks and deadlines."""
PATROLS: Final = "patrols"
"""Of patrols of the border: their plans and alarms. Calls for help and welfare checks are about it as well, and reach
whoever mutes it: they are critical."""
STUDY: Final = "study"
"""Of study plans that somebody has not done."""
GUIDANCE: Final = "guidance"
"""Of tasks that Party organizations get from those above them, and of reports on them."""
MEETINGS: Final = "meetings"
"""Of meetings of Party organizations: those that somebody is expected at, and those that are overdue."""
DIGESTS: Final = "digests"
"""Of digests themselves, whatever is in them."""
_DEFAULT_ZONE: Final = "Asia/Shanghai"
_DEFAULT_LANGUAGE: Final = "zh"
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Mute:
    """What is not to be sent: a topic, a channel, a topic by one channel, or, if both are empty, anything."""

    topic: str = ""
    """``columns/{column}``, or one of the topics above; empty: every topic."""
    channel: Channel = Channel.CHANNEL_UNSPECIFIED
    """Unspecified: every channel."""

    def matches(self, topic: str, channel: Channel) -> bool:
        """Whether it holds for what is about this topic and goes by this channel."""
        return self.topic in ("", topic) and self.channel in (Channel.CHANNEL_UNSPECIFIED, channel)

    @property
    def reason(self) -> DeliveryReason:
        """Why something is not sent that it matches."""
        match bool(self.topic), bool(self.channel):
            case False, False:
                return DeliveryReason.DELIVERY_REASON_ALL_MUTED
            case True, False:
                return DeliveryReason.DELIVERY_REASON_TOPIC_MUTED
            case False, True:
                return DeliveryReason.DELIVERY_REASON_CHANNEL_MUTED
            case _:
                return DeliveryReason.DELIVERY_REASON_TOPIC_CHANNEL_MUTED


@dataclass(frozen=True, slots=True)
class Digest:
    """When the messages of a channel come together."""

    period: DigestPeriod
    time: time = time(8)
    """Of a daily one: the local time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """What one person decided; as long as nothing was, all is sent as it comes."""

    mutes: frozenset[Mute] = frozenset()
    quiet_hours: QuietHours | None = None
    digests: Mapping[Channel, Digest] = field(default_factory=dict)
    """By channel; one that is not here has none."""
    time_zone: str = _DEFAULT_ZONE
    """Of local times: its name in the IANA database."""
    language: str = _DEFAULT_LANGUAGE
    """`zh` or `en`."""
    version: int = 0
    """0: nothing was decided yet."""
    update_time: datetime | None = None

    @property
    def etag(self) -> str:
        """Changes with every change."""
        return str(self.version)

    @property
    def zone(self) -> ZoneInfo:
        """The zone of local times."""
        return ZoneInfo(self.time_zone)

    @property
    def ordered_mutes(self) -> list[Mute]:
        """What is muted, in an order that depends on nothing else."""
        return sorted(self.mutes, key=lambda mute: (mute.topic, mute.channel))

    def muted(self, topic: str, channel: Channel) -> DeliveryReason | None:
        """Why nothing about this topic is sent by this channel; None if it is. Of several reasons, the most general."""
        return min((mute.reason for mute in self.mutes if mute.matches(topic, channel)), default=None)

    def with_mute(self, mute: Mute) -> Preferences:
        """With this muted as well; those that it includes are not named beside it."""
        if any(each.matches(mute.topic, mute.channel) for each in self.mutes):
            return self
        kept = {each for each in self.mutes if not mute.matches(each.topic, each.channel)}
        return replace(self, mutes=frozenset({*kept, mute}))

    def digest_closes(self, channel: Channel, moment: datetime) -> datetime | None:
        """When the digest closes, UTC, that takes up at this moment what goes by the channel; None if it has none."""
        digest = self.digests.get(channel)
        if digest is None:
            return None
        if digest.period == DigestPeriod.DIGEST_PERIOD_HOURLY:
            return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + _HOUR
        return next_time_of_day(digest.time, self.zone, moment)


def require_zone(name: str, field_path: str) -> str:
    """The name of the zone; Asia/Shanghai if it is empty. Raises InvalidRequest, of that field, for one that the IANA
    database does not have.
    """
    if name and name not in _zones():
        raise InvalidRequest(FieldViolation(field_path, f"{name} is no time zone"))
    return name or _DEFAULT_ZONE


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
