"""The columns that identity seals."""

from __future__ import annotations

from onegrid_identity.keys import SIGNING_KEY_PURPOSE
from onegrid_identity.messages import NAME_PURPOSE, PHONE_PURPOSE
from onegrid_kit.sealed import Sealed

__all__ = ["SEALED"]

SEALED = (
    Sealed("account", "sealed_name", NAME_PURPOSE),
    Sealed("account", "sealed_phone", PHONE_PURPOSE, index="phone_index"),
    Sealed("signing_key", "sealed_private_key", SIGNING_KEY_PURPOSE),
)
