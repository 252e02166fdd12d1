"""identity's parts."""

from __future__ import annotations

from onegrid.identity.v1 import identity_service_pb2
from onegrid_identity.settings import IdentitySettings
from onegrid_kit.service import Service

__all__ = ["SERVICE"]

SERVICE = Service(
    name="identity",
    descriptor=identity_service_pb2.DESCRIPTOR.services_by_name["IdentityService"],
    settings=IdentitySettings,
    api="onegrid_identity.api:build",
    handlers="onegrid_identity.handlers:HANDLERS",
    jobs="onegrid_identity.jobs:JOBS",
    current="onegrid_identity.current:CURRENT",
    sealed="onegrid_identity.sealed:SEALED",
    migrations="onegrid_identity.migrations",
    commands={"bootstrap": "onegrid_identity.bootstrap:main"},
)
