"""border's parts."""

from __future__ import annotations

from onegrid.border.v1 import border_service_pb2
from onegrid_border.settings import BorderSettings
from onegrid_kit.service import Service

__all__ = ["SERVICE"]

SERVICE = Service(
    name="border",
    descriptor=border_service_pb2.DESCRIPTOR.services_by_name["BorderService"],
    settings=BorderSettings,
    api="onegrid_border.api:build",
    handlers="onegrid_border.handlers:HANDLERS",
    jobs="onegrid_border.jobs:jobs_of",
    ladders="onegrid_border.ladders:LADDERS",
    sealed="onegrid_border.sealed:SEALED",
    migrations="onegrid_border.migrations",
)
