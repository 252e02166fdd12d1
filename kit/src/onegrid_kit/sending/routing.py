"""Which provider a sending goes to, by what this process knows about each."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from onegrid_kit.backoff import Backoff
from onegrid_kit.sending.limits import share
from onegrid_kit.sending.model import Lane, Outgoing, Provider, Result
from onegrid_kit.sending.store.claims import Claim

__all__ = ["Router", "Upstream", "candidates"]

_RESTS_S = (5.0, 60.0)


@dataclass(eq=False, slots=True)
class Upstream:
    """A provider, and what this process knows about it."""

    provider: Provider
    running: int = 0
    away: bool = False
    """Whether its last call found that it does not work at all."""
    rests: Backoff = field(default_factory=lambda: Backoff(*_RESTS_S))
    rests_until: float = 0.0
    full_until: dict[Lane, float] = field(default_factory=dict)
    """When its own limits have room again for each lane."""

    def serves(self, channel: str, district: str) -> bool:
        """Whether it sends this."""
        return self.provider.channel == channel and (not self.provider.districts or district in self.provider.districts)

    def room(self, lane: Lane) -> int:
        """How many more calls of a lane may begin now."""
        now = time.monotonic()
        if now < self.full_until.get(lane, 0.0):
            return 0
        if self.away:
            # One call at a time finds out whether it works again: the others keep their tries.
            return 0 if now < self.rests_until or self.running else 1
        return max(0, share(lane, self.provider.concurrency) - self.running)

    def learn(self, result: Result) -> None:
        """Let it rest while it does not work, so that another provider of its channel takes over."""
        self.away = result.provider_away
        if self.away:
            self.rests_until = time.monotonic() + self.rests.next_pause_s()
        else:
            self.rests.reset()


class Router:
    """Which provider a sending goes to, by the room that there was at one moment."""

    def __init__(self, upstreams: Sequence[Upstream]) -> None:
        self._upstreams = upstreams
        self._room = {upstream: {lane: upstream.room(lane) for lane in Lane} for upstream in upstreams}

    def wanted(self) -> list[Claim]:
        """What there is room for."""
        found = []
        for channel in sorted({upstream.provider.channel for upstream in self._upstreams}):
            districts = {"", *(name for upstream in self._upstreams for name in upstream.provider.districts)}
            able = {upstream for district in districts for upstream in self._able(channel, district)}
            for lane in Lane:
                most = sum(self._room[upstream][lane] for upstream in able)
                if most:
                    found.append(Claim(channel, lane, most))
        return found

    def assign(self, due: Sequence[Outgoing]) -> tuple[list[tuple[Outgoing, Upstream]], list[Outgoing], list[Outgoing]]:
        """The provider of each for which there is room; those for which there was none from the start; and those that
        no provider serves.
        """
        taken = dict.fromkeys(self._upstreams, 0)
        placed, stuck, unserved = [], [], []
        for outgoing in due:
            if not candidates(self._upstreams, outgoing.channel, outgoing.district):
                unserved.append(outgoing)
                continue
            after = outgoing.last_provider if outgoing.tries else ""
            room = {
                upstream: self._room[upstream][outgoing.lane]
                for upstream in self._able(outgoing.channel, outgoing.district, after)
            }
            free = next((upstream for upstream, most in room.items() if taken[upstream] < most), None)
            if free is not None:
                taken[free] += 1
                placed.append((outgoing, free))
            elif not any(room.values()):
                stuck.append(outgoing)
        return placed, stuck, unserved

    def _able(self, channel: str, district: str, after: str = "") -> list[Upstream]:
        """The provider that is to send this; before it those that may work again, which are given one each."""
        able = candidates(self._upstreams, channel, district)
        # One that failed is followed by the next one.
        begin = next((place + 1 for place, upstream in enumerate(able) if upstream.provider.name == after), 0)
        ordered = [*able[begin:], *able[:begin]]
        last = next((place for place, upstream in enumerate(ordered) if not upstream.away), len(ordered))
        return ordered[: last + 1]


def candidates(upstreams: Sequence[Upstream], channel: str, district: str) -> list[Upstream]:
    """The providers that may send this, in their order."""
    return [upstream for upstream in upstreams if upstream.serves(channel, district)]
