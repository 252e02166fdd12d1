"""Codes of places and departments. A code begins with the code of what contains it: containment is a prefix test.

Sources: GB/T 2260 (district, 6 digits), the statistics bureau's division codes (street 9, community 12), GB/T 30428
(grid cell, 15). A department is the district's code, ``D`` and two digits.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["SELF", "contains", "district_of", "is_department", "is_place", "parent_of"]

SELF: Final = "self"
"""The scope of what the user owns; it contains no code."""

_PLACE = re.compile(r"[0-9]{6}(?:[0-9]{3}|[0-9]{6}|[0-9]{9})?")
_DEPARTMENT = re.compile(r"[0-9]{6}D[0-9]{2}")
_PARENT_LENGTH: Final = {6: 0, 9: 6, 12: 9, 15: 12}


def is_place(code: str) -> bool:
    """Whether the code has the form of a district's, street's, community's or cell's."""
    return _PLACE.fullmatch(code) is not None


def is_department(code: str) -> bool:
    """Whether the code has the form of a department's."""
    return _DEPARTMENT.fullmatch(code) is not None


def contains(scope: str, code: str) -> bool:
    """Whether the scope holds the code; every code holds itself. An empty code lies nowhere."""
    return bool(scope) and scope != SELF and code.startswith(scope)


def parent_of(code: str) -> str:
    """The code of the place that contains this one directly; empty for a district. A department's is its district.

    Raises ValueError for anything else.
    """
    if is_department(code):
        return code[:6]
    if not is_place(code):
        raise ValueError(f"{code!r} is not the code of a place or department")
    return code[: _PARENT_LENGTH[len(code)]]


def district_of(code: str) -> str:
    """The district's six digits that every code begins with."""
    return code[:6]
