"""emergency's parts."""

from __future__ import annotations

from onegrid.emergency.v1 import emergency_service_pb2
from onegrid_emergency.settings import EmergencySettings
from onegrid_kit.service import Service

__all__ = ["SERVICE"]

SERVICE = Service(
    name="emergency",
    descriptor=emergency_service_pb2.DESCRIPTOR.services_by_name["EmergencyService"],
    settings=EmergencySettings,
    api="onegrid_emergency.api:build",
    http="onegrid_emergency.web:ROUTES",
    handlers="onegrid_emergency.handlers:HANDLERS",
    jobs="onegrid_emergency.jobs:JOBS",
    ladders="onegrid_emergency.ladders:LADDERS",
    migrations="onegrid_emergency.migrations",
)
