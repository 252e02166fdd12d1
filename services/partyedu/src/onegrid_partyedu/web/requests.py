"""What the resources of xAPI have in common: where they are, who may use them, and the version that both sides name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from onegrid_kit.http.requests import Request
from onegrid_partyedu.commands.statements import Sender
from onegrid_partyedu.settings import PartyeduSettings
from onegrid_partyedu.xapi.statement import refuse

__all__ = [
    "PATH",
    "READ",
    "VERSION_HEADERS",
    "WRITE",
    "district_of",
    "irl",
    "require_version",
    "sender_of",
]

PATH: Final = "/xapi"
READ: Final = "partyedu.statements.read"
WRITE: Final = "partyedu.statements.write"
VERSION_HEADERS: Final[Mapping[str, str]] = MappingProxyType({"X-Experience-API-Version": "1.0.3"})
_HEADER: Final = "X-Experience-API-Version"
_VERSION: Final = re.compile(r"1\.0(\.[0-9]+)?")


def district_of(request: Request[Any]) -> str:
    """The district whose statements the caller works with: that of its account."""
    return request.call.caller.district


def require_version(request: Request[PartyeduSettings]) -> None:
    """Raise InvalidRequest unless the request is of a version 1.0 (Communication, 3.3)."""
    if not _VERSION.fullmatch(request.headers.get(_HEADER, "")):
        refuse(_HEADER, "must be 1.0.x")


def sender_of(request: Request[PartyeduSettings]) -> Sender:
    """The caller as who asserts statements."""
    district = district_of(request)
    return Sender(district, request.call.caller.user)


def irl(request: Request[PartyeduSettings], resource: str) -> str:
    """The resource's path as others reach it, without scheme and host."""
    return f"{urlsplit(request.settings.http_url).path.rstrip('/')}{PATH}/{resource}"
