"""grid's parts."""

from __future__ import annotations

from onegrid.grid.v1 import grid_service_pb2
from onegrid_grid.settings import GridSettings
from onegrid_kit.service import Service

__all__ = ["SERVICE"]

SERVICE = Service(
    name="grid",
    descriptor=grid_service_pb2.DESCRIPTOR.services_by_name["GridService"],
    settings=GridSettings,
    api="onegrid_grid.api:build",
    handlers="onegrid_grid.handlers:HANDLERS",
    current="onegrid_grid.current:CURRENT",
    jobs="onegrid_grid.jobs:jobs_of",
    ladders="onegrid_grid.ladders:LADDERS",
    migrations="onegrid_grid.migrations",
)
