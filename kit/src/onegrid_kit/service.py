"""The parts of a service; every role of it is started from this."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import ServiceDescriptor

from onegrid.contracts import CONTRACTS, SERVICES
from onegrid_kit.contracts import served_by
from onegrid_kit.events import Subscription
from onegrid_kit.jobs import Job
from onegrid_kit.settings import ServiceSettings

if TYPE_CHECKING:
    from onegrid_kit.announcing import Current
    from onegrid_kit.http.routes import Route
    from onegrid_kit.ladder import Ladder
    from onegrid_kit.reads import OwnName
    from onegrid_kit.sealed import Sealed
    from onegrid_kit.sending import Sender
    from onegrid_kit.steps import Steps

__all__ = ["Service", "host_of", "installed", "load"]

_GROUP = "onegrid.services"


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service's parts. Those given as `module:name` are imported only by the roles that need them:
    the worker must never load grpc, nor the api eventlet.

    A service whose contract names another one in `served_by` is *hosted*: it is made like any other, but has no
    process, database and queue of its own. All that its host loads is its own and that of those that it hosts.
    """

    name: str
    """`petition`; its exchange and queue are `onegrid.petition`. A hosted one has the queue of its host."""
    descriptor: ServiceDescriptor
    """Its contract."""
    settings: type[ServiceSettings] = ServiceSettings
    """Its settings, if it has some of its own."""
    api: str
    """A function of a Runtime that makes the servicers."""
    http: str = ""
    """A tuple of Routes, if its api serves some over HTTP as well."""
    handlers: str = ""
    """A tuple of Subscriptions, if it has some of its own."""
    jobs: str = ""
    """A tuple of Jobs, if it has some of its own, or a function of its settings that makes it."""
    steps: str = ""
    """A tuple of Steps, if it has work that is too large for one transaction."""
    ladders: str = ""
    """A tuple of Ladders, if it has deadlines at which something happens."""
    sender: str = ""
    """A Sender, if it calls outside systems; it has the role of that name then."""
    current: str = ""
    """A tuple of Currents, if it announces to later subscribers what is current."""
    sealed: str = ""
    """A tuple of Sealed, the columns that it seals, if it has some."""
    own_names: str = ""
    """A tuple of OwnNames, if callers may name what is their own by an alias."""
    migrations: str
    """The package whose `versions` hold its migrations."""
    commands: Mapping[str, str] = field(default_factory=dict)
    """Further roles of the command line: functions of settings and arguments that return an exit code."""

    @property
    def hosted(self) -> tuple[Service, ...]:
        """Those that it hosts. Raises LookupError if the package of one is not installed."""
        # Tests make services that only have the name of a real one.
        if CONTRACTS.get(self.name) is not self.descriptor:
            return ()
        return tuple(_installed_as(name) for name in SERVICES.get(self.name, ()) if name != self.name)

    @property
    def served(self) -> tuple[Service, ...]:
        """Those whose contracts its api serves: itself, and those that it hosts."""
        return (self, *self.hosted)

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
        """What it serves over HTTP, without those that it hosts: errors have the domain of whose route it is."""
        found: tuple[Route, ...] = load(self.http) if self.http else ()
        return found

    def load_handlers(self) -> tuple[Subscription, ...]:
        """All handlers, the kit's own among them."""
        from onegrid_kit import housekeeping

        return (*self._load_all("handlers"), *housekeeping.HANDLERS)

    def load_jobs(self, settings: ServiceSettings) -> tuple[Job, ...]:
        """All jobs; the kit's own run beside them."""
        from onegrid_kit import housekeeping

        parts = [load(service.jobs) for service in self.served if service.jobs]
        own = [job for part in parts for job in (part(settings) if callable(part) else part)]
        return (*own, *housekeeping.JOBS)

    def load_steps(self) -> tuple[Steps, ...]:
        """All kinds of work that is done in steps; the kit's own is among them."""
        from onegrid_kit import announcing

        return (*self._load_all("steps"), *announcing.steps_of(self.load_current()))

    def load_ladders(self) -> tuple[Ladder, ...]:
        """What happens at all deadlines."""
        return self._load_all("ladders")

    def load_sender(self) -> Sender | None:
        """How it sends, if it does."""
        sender: Sender | None = load(self.sender) if self.sender else None
        return sender

    def load_current(self) -> tuple[Current, ...]:
        """How it announces what is current."""
        return self._load_all("current")

    def load_own_names(self) -> tuple[OwnName, ...]:
        """The aliases by which callers name what is their own."""
        return self._load_all("own_names")

    def load_sealed(self) -> tuple[Sealed, ...]:
        """All columns with sealed values, the kit's own among them."""
        from onegrid_kit import sealed

        return (*self._load_all("sealed"), *sealed.KIT)

    def _load_all(self, part: str) -> tuple[Any, ...]:
        """What is named by this part of it, and by the same one of those that it hosts."""
        return tuple(each for service in self.served if (path := getattr(service, part)) for each in load(path))


def installed() -> tuple[Service, ...]:
    """The services whose packages are installed, by name; each is an entry point of the group `onegrid.services`. Not
    those that another one hosts.
    """
    names = sorted(point.name for point in entry_points(group=_GROUP) if served_by(point.name) == point.name)
    return tuple(_installed_as(name) for name in names)


@cache
def _installed_as(name: str) -> Service:
    """The installed service of that name. Raises LookupError or TypeError if there is none that can be hosted."""
    points = tuple(entry_points(group=_GROUP, name=name))
    if not points:
        raise LookupError(f"the package of {name} is not installed")
    service: Service = points[0].load()
    if served_by(name) != name and (service.sender or service.commands or service.settings is not ServiceSettings):
        raise TypeError(f"{name} is hosted: it has no sender, commands and settings of its own")
    return service


def host_of(service: Service) -> Service:
    """The service in whose processes it runs: itself, unless another one hosts it."""
    hosted = CONTRACTS.get(service.name) is service.descriptor and served_by(service.name) != service.name
    return _installed_as(served_by(service.name)) if hosted else service


def load(path: str) -> Any:
    """What `module:name` names."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)
