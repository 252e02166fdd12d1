"""notify's parts."""

from __future__ import annotations

from onegrid.notify.v1 import notify_service_pb2
from onegrid_kit.service import Service
from onegrid_notify.settings import NotifySettings

__all__ = ["SERVICE"]

SERVICE = Service(
    name="notify",
    descriptor=notify_service_pb2.DESCRIPTOR.services_by_name["NotifyService"],
    settings=NotifySettings,
    api="onegrid_notify.api:build",
    http="onegrid_notify.web:ROUTES",
    handlers="onegrid_notify.handlers:HANDLERS",
    jobs="onegrid_notify.jobs:JOBS",
    steps="onegrid_notify.steps:STEPS",
    ladders="onegrid_notify.ladders:LADDERS",
    sender="onegrid_notify.sender:SENDER",
    sealed="onegrid_notify.sealed:SEALED",
    migrations="onegrid_notify.migrations",
)
