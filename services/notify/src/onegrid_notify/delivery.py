"""Whether, when and where something is sent to a person by a channel: all that a person's preferences, quiet hours and
digests, and the state of their addresses, mean for it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from onegrid.notify.v1.delivery_pb2 import Channel, DeliveryReason
from onegrid_notify.address import Address
from onegrid_notify.preferences import DIGESTS, Preferences
from onegrid_notify.quiet import quiet_until

__all__ = ["AddToDigest", "Decision", "DeferUntil", "Delivery", "DropFor", "SendNow", "address_for", "decide"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What is to be sent, as far as it matters for this."""

    channel: Channel
    topic: str = ""
    """``columns/{column}``, ``petitions``, …; empty for what has no topic that could be muted."""
    critical: bool = False
    """It is sent whatever the person's preferences, and at any hour."""
    urgent: bool = False
    """It waits for no digest."""
    digest: bool = False
    """It is a digest itself."""


@dataclass(frozen=True, slots=True)
class SendNow:
    """Send it."""

    address: Address
    """Where to."""


@dataclass(frozen=True, slots=True)
class DeferUntil:
    """Decide again then."""

    time: datetime
    reason: DeliveryReason


@dataclass(frozen=True, slots=True)
class AddToDigest:
    """Do not send it by itself: the digest has it."""

    close_time: datetime
    """When the digest closes that takes it up."""

    @property
    def reason(self) -> DeliveryReason:
        """Why it is not sent now."""
        return DeliveryReason.DELIVERY_REASON_DIGEST


@dataclass(frozen=True, slots=True)
class DropFor:
    """Do not send it."""

    reason: DeliveryReason


Decision: TypeAlias = SendNow | DeferUntil | AddToDigest | DropFor


def decide(
    delivery: Delivery,
    preferences: Preferences,
    addresses: Sequence[Address],
    suppressed: Collection[bytes],
    now: datetime,
) -> Decision:
    """What to do with it now.

    `addresses`: all of the person's; of those of the channel, the one that was verified last gets it. `suppressed`: the
    blind indexes, among those of the addresses, to which nothing is sent.
    """
    if not delivery.critical:
        muted = preferences.muted(delivery.topic, delivery.channel)
        if muted is not None:
            return DropFor(muted)
    address = address_for(delivery.channel, addresses, suppressed)
    if not isinstance(address, Address):
        return DropFor(address)
    if delivery.critical:
        return SendNow(address)
    if not delivery.urgent and not delivery.digest:
        close_time = preferences.digest_closes(delivery.channel, now)
        if close_time is not None:
            muted = preferences.muted(DIGESTS, delivery.channel)
            return AddToDigest(close_time) if muted is None else DropFor(muted)
    end = quiet_until(preferences.quiet_hours, preferences.zone, now)
    if end is not None:
        return DeferUntil(end, DeliveryReason.DELIVERY_REASON_QUIET_HOURS)
    return SendNow(address)


def address_for(
    channel: Channel, addresses: Sequence[Address], suppressed: Collection[bytes]
) -> Address | DeliveryReason:
    """The address of the channel that something can be sent to, or why there is none."""
    of_channel = [each for each in addresses if each.channel == channel]
    if not of_channel:
        return DeliveryReason.DELIVERY_REASON_NO_ADDRESS
    verified = [each for each in of_channel if each.verify_time is not None]
    if not verified:
        return DeliveryReason.DELIVERY_REASON_ADDRESS_UNVERIFIED
    usable = [each for each in verified if each.value_index not in suppressed]
    if not usable:
        return DeliveryReason.DELIVERY_REASON_ADDRESS_SUPPRESSED
    return max(usable, key=lambda each: (each.verify_time, each.id))
