"""The life of a device's key (终端公钥) as data: what may be done when, and where it leads."""

from __future__ import annotations

from typing import Final

from onegrid.identity.v1.devices_pb2 import DeviceKeyAction, DeviceKeyActor, DeviceKeyState
from onegrid_identity.errors import WrongState
from onegrid_kit.lifecycle import Lifecycle, Rule

__all__ = ["LIFE"]

_ACTIVE: Final = DeviceKeyState.DEVICE_KEY_STATE_ACTIVE
_LOST: Final = DeviceKeyState.DEVICE_KEY_STATE_LOST
_REVOKED: Final = DeviceKeyState.DEVICE_KEY_STATE_REVOKED
_MANAGER: Final = (DeviceKeyActor.DEVICE_KEY_ACTOR_MANAGER,)

LIFE: Final[Lifecycle[DeviceKeyState, DeviceKeyAction, DeviceKeyActor]] = Lifecycle(
    DeviceKeyState,
    DeviceKeyAction,
    DeviceKeyActor,
    (
        Rule(DeviceKeyAction.DEVICE_KEY_ACTION_REPORT_LOST, _MANAGER, dict.fromkeys((_ACTIVE, _LOST), _LOST)),
        Rule(DeviceKeyAction.DEVICE_KEY_ACTION_REPORT_FOUND, _MANAGER, {_LOST: _ACTIVE}),
        Rule(DeviceKeyAction.DEVICE_KEY_ACTION_REVOKE, _MANAGER, dict.fromkeys((_ACTIVE, _LOST), _REVOKED)),
    ),
    wrong_state=WrongState,
)
"""Every step that the key of a device can take after it was enrolled."""
