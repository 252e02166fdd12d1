"""The parts of a service; every role of it is started from this."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import ServiceDescriptor

from onegrid_kit.events import Subscription
from onegrid_kit.jobs import Job
from onegrid_kit.settings import ServiceSettings

if TYPE_CHECKING:
    from onegrid_kit.announcing import Current
    from onegrid_kit.http.routes import Route
    from onegrid_kit.sending import Sender
    from onegrid_kit.steps import Steps

__all__ = ["Service", "installed", "load"]


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service's parts. Those given as `module:name` are imported only by the roles that need them:
    the worker must never load grpc, nor the api eventlet."""

    name: str
    """`petition`; its exchange and queue are `onegrid.petition`."""
    descriptor: ServiceDescriptor
    """The contract that the api serves."""
    settings: type[ServiceSettings] = ServiceSettings
    """Its settings, if it has some of its own."""
    api: str
    """A function of a Runtime that makes the servicers."""
    http: str = ""
    """A tuple of Routes, if its api serves some over HTTP as well."""
    handlers: str = ""
    """A tuple of Subscriptions, if it has some of its own."""
    jobs: str = ""
    """A tuple of Jobs, if it has some of its own."""
    steps: str = ""
    """A tuple of Steps, if it has work that is too large for one transaction."""
    sender: str = ""
    """A Sender, if it calls outside systems; it has the role of that name then."""
    current: str = ""
    """A tuple of Currents, if it announces to later subscribers what is current."""
    migrations: str
    """The package whose `versions` hold its migrations."""
    commands: Mapping[str, str] = field(default_factory=dict)
    """Further roles of the command line: functions of settings and arguments that return an exit code."""

    @property
    def domain(self) -> str:
        """The domain of its errors, and the source of its events: `onegrid.petition`."""
        return f"onegrid.{self.name}"

    @property
    def package(self) -> str:
        """The Python package whose `main` holds it: `onegrid_petition`."""
        return self.migrations.removesuffix(".migrations")

    def load_api(self) -> Callable[[Any], Sequence[object]]:
        """The function that makes the servicers, each of which implements some of the contract's methods."""
        build: Callable[[Any], Sequence[object]] = load(self.api)
        return build

    def load_routes(self) -> tuple[Route, ...]:
        """What it serves over HTTP."""
        found: tuple[Route, ...] = load(self.http) if self.http else ()
        return found

    def load_handlers(self) -> tuple[Subscription, ...]:
        """Its handlers, the kit's own among them."""
        from onegrid_kit import housekeeping

        return (*(load(self.handlers) if self.handlers else ()), *housekeeping.HANDLERS)

    def load_jobs(self) -> tuple[Job, ...]:
        """Its jobs; the kit's own run beside them."""
        from onegrid_kit import housekeeping

        return (*(load(self.jobs) if self.jobs else ()), *housekeeping.JOBS)

    def load_steps(self) -> tuple[Steps, ...]:
        """Its kinds of work that is done in steps; the kit's own is among them."""
        from onegrid_kit import announcing

        kinds: tuple[Steps, ...] = load(self.steps) if self.steps else ()
        return (*kinds, *announcing.steps_of(self.load_current()))

    def load_sender(self) -> Sender | None:
        """How it sends, if it does."""
        sender: Sender | None = load(self.sender) if self.sender else None
        return sender

    def load_current(self) -> tuple[Current, ...]:
        """How it announces what is current."""
        found: tuple[Current, ...] = load(self.current) if self.current else ()
        return found


def installed() -> tuple[Service, ...]:
    """The services whose packages are installed, by name; each is an entry point of the group `onegrid.services`."""
    return tuple(point.load() for point in sorted(entry_points(group="onegrid.services"), key=lambda point: point.name))


def load(path: str) -> Any:
    """What `module:name` names."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)
