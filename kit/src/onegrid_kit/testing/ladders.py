"""Deadlines of a service under test."""

from __future__ import annotations

from sqlalchemy import Engine

from onegrid_kit.clock import Clock
from onegrid_kit.ladder import Climber, due
from onegrid_kit.service import Service

__all__ = ["climb_due"]


def climb_due(service: Service, engine: Engine, clock: Clock) -> None:
    """Climb all that is due at the clock's time; raises if a rung fails."""
    climber = Climber(service.name, engine, service.load_ladders(), clock, retry_base_s=0)
    while climber.climb():
        with engine.connect() as conn:
            failed = [climb for climb in due(conn, clock.now()) if climb.error]
        assert not failed, failed
