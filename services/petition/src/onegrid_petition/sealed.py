"""The columns that petition seals."""

from __future__ import annotations

from onegrid_kit.sealed import Sealed
from onegrid_petition.messages import PHONE_PURPOSE

__all__ = ["SEALED"]

SEALED = (Sealed("petition", "contact_phone", PHONE_PURPOSE),)
