"""The columns that notify seals."""

from __future__ import annotations

from onegrid_kit.sealed import Sealed
from onegrid_notify.address import VALUE_PURPOSE
from onegrid_notify.aid import TEXT_PURPOSE
from onegrid_notify.endpoint import SIGNING_PURPOSE, URL_PURPOSE

__all__ = ["SEALED"]

SEALED = (
    Sealed("address", "sealed_value", VALUE_PURPOSE),
    Sealed("aid_request", "sealed_text", TEXT_PURPOSE),
    Sealed("endpoint", "sealed_url", URL_PURPOSE),
    Sealed("endpoint", "sealed_secret", SIGNING_PURPOSE),
)
