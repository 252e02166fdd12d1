"""The keys of devices, and how a device gets one, as the rules see them: frozen, and changed only into others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from onegrid.identity.v1.devices_pb2 import DeviceKeyAction, DeviceKeyActor, DeviceKeyState
from onegrid_identity.attempts import OneTimeCode
from onegrid_identity.device_lifecycle import LIFE
from onegrid_kit.names import ResourceName

__all__ = ["DEVICE_ENROLMENT", "DEVICE_KEY", "ENROLMENT_LASTS", "DeviceKey", "Enrolment"]

DEVICE_KEY: Final = ResourceName("deviceKeys/{device_key}")
DEVICE_ENROLMENT: Final = ResourceName("deviceEnrolments/{device_enrolment}")
ENROLMENT_LASTS: Final = timedelta(minutes=15)
"""How long an enrolment is good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """Permission for one device to get a key."""

    id: str
    place: str
    """The code of the place or department that will keep the device."""
    display_name: str
    code: OneTimeCode
    used: bool = False

    @property
    def name(self) -> str:
        """``deviceEnrolments/{device_enrolment}``."""
        return DEVICE_ENROLMENT.name(self.id)

    def admits(self, code_index: bytes, now: datetime) -> bool:
        """Whether it is still good, and its code the one of this index."""
        return not self.used and self.code.matches(code_index, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceKey:
    """The public key of a device."""

    id: str
    place: str
    """The code of the place or department that keeps the device."""
    display_name: str
    public_key: bytes
    """Ed25519, 32 bytes."""
    state: DeviceKeyState = DeviceKeyState.DEVICE_KEY_STATE_ACTIVE
    lost_time: datetime | None = None
    """Since when the device is lost, or was when its key was revoked."""
    revoke_time: datetime | None = None
    revoke_reason: str = ""
    version: int = 1
    create_time: datetime
    update_time: datetime

    @property
    def name(self) -> str:
        """``deviceKeys/{device_key}``."""
        return DEVICE_KEY.name(self.id)

    def lost(self, since: datetime, now: datetime) -> DeviceKey:
        """Lost since then; of two reports the earlier time stands. Raises WrongState."""
        state = self._after(DeviceKeyAction.DEVICE_KEY_ACTION_REPORT_LOST)
        if self.lost_time is not None and self.lost_time <= since:
            return self
        return self._changed(now, state=state, lost_time=since)

    def found(self, now: datetime) -> DeviceKey:
        """In the hands of its place again. Raises WrongState."""
        return self._changed(now, state=self._after(DeviceKeyAction.DEVICE_KEY_ACTION_REPORT_FOUND), lost_time=None)

    def revoked(self, reason: str, now: datetime) -> DeviceKey:
        """Revoked for good; if it was lost, it stays known since when. Raises WrongState."""
        state = self._after(DeviceKeyAction.DEVICE_KEY_ACTION_REVOKE)
        return self._changed(now, state=state, revoke_time=now, revoke_reason=reason)

    def _after(self, action: DeviceKeyAction) -> DeviceKeyState:
        return LIFE.advance(self.state, action, DeviceKeyActor.DEVICE_KEY_ACTOR_MANAGER)

    def _changed(self, now: datetime, **changes: Any) -> DeviceKey:
        return replace(self, version=self.version + 1, update_time=now, **changes)
