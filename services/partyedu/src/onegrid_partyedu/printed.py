"""What is printed of a certificate, with what fonts, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

__all__ = ["FONT", "RARE_FONTS", "Document", "Printed", "can_print"]

FONT: Final = ("LXGWWenKai", Path("/usr/share/fonts/truetype/lxgw-wenkai/LXGWWenKai-Regular.ttf"))
"""Debian's fonts-lxgw-wenkai."""
RARE_FONTS: Final = {
    "HanaMinA": Path("/usr/share/fonts/truetype/hanazono/HanaMinA.ttf"),
    "HanaMinB": Path("/usr/share/fonts/truetype/hanazono/HanaMinB.ttf"),
}
"""For rare characters, Debian's fonts-hanazono; it is not missed where it is not."""


def can_print() -> bool:
    """Whether this machine has the font that certificates are printed with."""
    return FONT[1].exists()


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """What stands on a certificate."""

    title: str
    person_name: str
    statement: str
    year: int
    """0: it is for none."""
    minutes: int
    """For how long was studied."""
    issuer_name: str
    issue_time: datetime
    expire_time: datetime | None
    code: str
    """In groups."""
    url: str
    """Where it is verified; empty: nowhere that is to be reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A certificate, printed."""

    pdf: bytes
    unprintable: str
    """Characters of the name that no font has."""
