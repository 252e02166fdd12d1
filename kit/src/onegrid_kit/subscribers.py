"""Who must be there before an event is published: the contract names the subscribers of each, ADR 15 says why."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from aio_pika.abc import AbstractConnection

from onegrid_kit import metrics
from onegrid_kit.contracts import served_by, subscribers_of
from onegrid_kit.logs import log
from onegrid_kit.topology import has_queue

__all__ = ["Subscribers"]


class Subscribers:
    """Which events of a service can be published now. The others are held until their subscribers' queues are there."""

    def __init__(self, service: str, absent: Collection[str]) -> None:
        """`absent`: services that this installation leaves out."""
        self._service = service
        self._of = {
            event_type: frozenset(name for name in names if served_by(name) not in absent)
            for event_type, names in subscribers_of(service).items()
        }
        self._missing: frozenset[str] = frozenset()
        self._returned: set[str] = set()
        for name in self._names():
            metrics.SUBSCRIBER_MISSING.labels(service, name).set(0)
        for event_type, names in self._of.items():
            if names:
                metrics.EVENTS_RETURNED.labels(service, event_type)

    @property
    def types(self) -> Collection[str]:
        """All that the service announces."""
        return self._of.keys()

    @property
    def expected(self) -> Mapping[str, frozenset[str]]:
        """The subscribers of each type that this installation has."""
        return self._of

    @property
    def missing(self) -> frozenset[str]:
        """Those whose queue was not there at the last check."""
        return self._missing

    @property
    def held(self) -> list[str]:
        """The types that must wait."""
        waiting = {event_type for event_type, names in self._of.items() if names & self._missing}
        return sorted(waiting | self._returned)

    def expects(self, event_type: str) -> bool:
        """Whether the type has a subscriber, so that the broker must return what it can not route."""
        return bool(self._of.get(event_type))

    def returned(self, event_type: str) -> None:
        """The broker had no queue for an event of this type: hold them until the next check."""
        metrics.EVENTS_RETURNED.labels(self._service, event_type).inc()
        if event_type not in self._returned:
            log.warning("no queue takes an event; it is kept", type=event_type)
        self._returned.add(event_type)

    async def check(self, connection: AbstractConnection) -> None:
        """Look again which queues are there."""
        missing = frozenset([name for name in self._names() if not await has_queue(connection, served_by(name))])
        for name in missing - self._missing:
            log.warning("subscriber's queue is missing; its events are kept", subscriber=name)
        for name in self._missing - missing:
            log.info("subscriber's queue is there", subscriber=name)
        for name in self._names():
            metrics.SUBSCRIBER_MISSING.labels(self._service, name).set(name in missing)
        self._missing = missing
        self._returned.clear()

    def _names(self) -> list[str]:
        return sorted(frozenset().union(*self._of.values()))
