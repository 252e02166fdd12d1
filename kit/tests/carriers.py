"""What carries the sample's events, runs its jobs and takes its steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from onegrid_kit.clock import SystemClock
from onegrid_kit.database import sync_engine
from onegrid_kit.pump import Member, Pump
from onegrid_kit.settings import ServiceSettings, load

from . import roles
from .sample.main import SERVICE


@dataclass(frozen=True)
class Carrier:
    """What carries the sample's events while a test runs."""

    environ: dict[str, str]


@contextmanager
def pumping(environ: dict[str, str]) -> Iterator[None]:
    """The carrier of a single process."""
    settings: ServiceSettings = load(ServiceSettings, environ)
    engine = sync_engine(settings.database_url)
    pump = Pump([Member(SERVICE, settings, engine, SystemClock())])
    pump.start()
    try:
        yield
    finally:
        pump.stop()
        engine.dispose()


@contextmanager
def brokering(environ: dict[str, str]) -> Iterator[None]:
    """Relay and worker as processes, RabbitMQ between them."""
    migrated = roles.run(environ, "migrate")
    assert migrated.returncode == 0, migrated.stderr
    with roles.running(environ, "relay"), roles.running(environ, "worker"):
        yield
