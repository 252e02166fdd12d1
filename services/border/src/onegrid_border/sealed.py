"""The columns that border seals."""

from __future__ import annotations

from onegrid_border.checkpoint_code import KEYS_PURPOSE
from onegrid_kit.sealed import Sealed

__all__ = ["SEALED"]

SEALED = (Sealed("checkpoint_code", "sealed_keys", KEYS_PURPOSE),)
