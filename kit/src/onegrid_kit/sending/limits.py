"""Rate limits over all replicas, counted in the database by its clock.

A limit's period is counted in pieces. A call is allowed if those of the current piece and of as many before it as the
period has are fewer than the limit: so no period of that length, wherever it begins, has more, and a steady stream
reaches 10/11 of the limit. Counters that start over with each period would let twice as many pass around its end, and
DingTalk closes a robot for ten minutes for that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, text

from onegrid_kit.sending.model import Lane, Limit, LimitScope, Outgoing, Provider, Send

__all__ = ["Counter", "Limits", "share"]

_PIECES: Final = 10
# Rows that wait for a limit come back spread over this time: what is promised to them may be given up by a stop.
_PROMISE_S: Final = 300.0

_OPEN = text(
    """
    INSERT INTO sending_limit (key, newest, taken, promised_s)
    SELECT key, 0, '{}', 0 FROM unnest(CAST(:keys AS text[])) AS given (key) ORDER BY key
    ON CONFLICT (key) DO NOTHING
    """
)
# In the order of the keys, so that replicas wait for each other instead of for a deadlock's end.
_LOCK = text(
    """
    SELECT key, newest, taken, promised_s FROM sending_limit WHERE key = ANY(CAST(:keys AS text[]))
    ORDER BY key FOR UPDATE
    """
)
_NOW = text("SELECT CAST(extract(epoch FROM clock_timestamp()) AS double precision)")
_STORE = text(
    """
    UPDATE sending_limit AS counted SET
      newest = given.newest, taken = CAST(given.taken AS integer[]), promised_s = given.promised_s,
      use_time = clock_timestamp()
    FROM unnest(CAST(:keys AS text[]), CAST(:newests AS bigint[]), CAST(:takens AS text[]), CAST(:promises AS float8[]))
      AS given (key, newest, taken, promised_s)
    WHERE counted.key = given.key
    """
)


def share(lane: Lane, most: int) -> int:
    """How much of a provider's calls or of a limit a lane may take, so that something is always left for those that
    are more urgent.
    """
    match lane:
        case Lane.BULK:
            return max(1, most - max(1, most // 4))
        case Lane.NORMAL:
            return max(1, most - max(1, most // 8))
        case _:
            return most


@dataclass(slots=True)
class Counter:
    """How much of a limit is taken."""

    limit: Limit
    newest: int = 0
    """The number of the newest piece, since 1970."""
    taken: tuple[int, ...] = ()
    """The calls of the newest piece, of the one before, and so on."""
    promised_s: float = 0.0
    """When the last one that was deferred is to come back, in seconds since 1970."""

    @property
    def piece_s(self) -> float:
        """How long a piece of the period is."""
        return self.limit.per_s / _PIECES

    def take(self, now_s: float, lane: Lane) -> float | None:
        """Take one call; or how many seconds from now it may be asked for again."""
        self._turn(now_s)
        most = share(lane, self.limit.count)
        if sum(self.taken) < most:
            self.taken = (self.taken[0] + 1, *self.taken[1:])
            return None
        return self._next_room_s(now_s, lane, most) - now_s

    def _turn(self, now_s: float) -> None:
        current = max(math.floor(now_s / self.piece_s), self.newest)
        passed = min(current - self.newest, _PIECES + 1)
        kept = self.taken[: _PIECES + 1 - passed]
        self.taken = ((0,) * passed + kept) or (0,)
        self.newest = current

    def _next_room_s(self, now_s: float, lane: Lane, most: int) -> float:
        excess, age = sum(self.taken) - most + 1, len(self.taken)
        while excess > 0:
            age -= 1
            excess -= self.taken[age]
        soonest_s = (self.newest + _PIECES + 1 - age) * self.piece_s
        if self.limit.scope is LimitScope.PROVIDER or lane < Lane.NORMAL:
            return soonest_s
        # One after the other: were all to return when there is room for the first, they would be deferred for ever.
        after_s = min(self.promised_s, now_s + _PROMISE_S) + self.limit.per_s / most
        self.promised_s = max(soonest_s, after_s)
        return self.promised_s


class Limits:
    """What the calls of one transaction take of limits; it holds them locked until the transaction ends."""

    def __init__(self, conn: Connection, wanted: Sequence[tuple[Outgoing, Send, Provider]]) -> None:
        self._conn = conn
        self._limits: Mapping[str, Limit] = dict(each for one in wanted for each in _keys(*one))
        keys = sorted(self._limits)
        self._counters: dict[str, Counter] = {}
        if keys:
            conn.execute(_OPEN, {"keys": keys})
            for row in conn.execute(_LOCK, {"keys": keys}):
                self._counters[row.key] = Counter(self._limits[row.key], row.newest, tuple(row.taken), row.promised_s)
            self._now_s = conn.execute(_NOW).scalar_one()

    def take(self, outgoing: Outgoing, message: Send, provider: Provider) -> tuple[Limit, float] | None:
        """Take a call of all its limits; or the limit that has no room for it, and for how many seconds."""
        before = []
        for key, limit in _keys(outgoing, message, provider):
            counter = self._counters[key]
            before.append((counter, counter.newest, counter.taken))
            wait_s = counter.take(self._now_s, outgoing.lane)
            if wait_s is not None:
                for each, newest, taken in before:
                    each.newest, each.taken = newest, taken
                return limit, wait_s
        return None

    def store(self) -> None:
        """Store what was taken."""
        if self._counters:
            counters = list(self._counters.values())
            values = {
                "keys": list(self._counters),
                "newests": [each.newest for each in counters],
                "takens": ["{" + ",".join(map(str, each.taken)) + "}" for each in counters],
                "promises": [each.promised_s for each in counters],
            }
            self._conn.execute(_STORE, values)


def _keys(outgoing: Outgoing, message: Send, provider: Provider) -> Sequence[tuple[str, Limit]]:
    of = {
        LimitScope.PROVIDER: provider.name,
        LimitScope.ADDRESS: message.address_key,
        LimitScope.TEMPLATE: message.template,
    }
    return [
        (f"{provider.name}/{_written(limit)}/{of[limit.scope]}", limit)
        for limit in provider.limits
        if of[limit.scope] and (not limit.templates or message.template in limit.templates)
    ]


def _written(limit: Limit) -> str:
    templates = "".join(f"/{template}" for template in sorted(limit.templates))
    return f"{limit.scope}/{limit.count}/{limit.per_s:g}{templates}"
