"""Codes of places and departments. A code begins with the code of what contains it: containment is a prefix test.

Sources: GB/T 2260 (district, 6 digits), the statistics bureau's division codes (street 9, community 12), GB/T 30428
(grid cell, 15). A department is the district's code, ``D`` and two digits.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = [
    "SELF",
    "community_of",
    "contains",
    "district_of",
    "is_cell",
    "is_community",
    "is_department",
    "is_district",
    "is_street",
    "office_of",
    "parent_of",
    "street_of",
]

SELF: Final = "self"
"""The scope of what the user owns; it contains no code."""

_DISTRICT: Final = 6
_STREET: Final = 9
_COMMUNITY: Final = 12
_CELL: Final = 15
_PARENT: Final = {_DISTRICT: 0, _STREET: _DISTRICT, _COMMUNITY: _STREET, _CELL: _COMMUNITY}
_DIGITS = re.compile("[0-9]+")
_DEPARTMENT = re.compile("[0-9]{6}D[0-9]{2}")


def is_place(code: str) -> bool:
    """Whether the code has the form of a district's, street's, community's or cell's."""
    return len(code) in _PARENT and _DIGITS.fullmatch(code) is not None


def is_district(code: str) -> bool:
    """Whether the code has the form of a district's (区)."""
    return len(code) == _DISTRICT and is_place(code)


def is_street(code: str) -> bool:
    """Whether the code has the form of a street's or town's (街道、镇)."""
    return len(code) == _STREET and is_place(code)


def is_community(code: str) -> bool:
    """Whether the code has the form of a community's or village's (社区、村)."""
    return len(code) == _COMMUNITY and is_place(code)


def is_cell(code: str) -> bool:
    """Whether the code has the form of a grid cell's (网格)."""
    return len(code) == _CELL and is_place(code)


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
        return district_of(code)
    if not is_place(code):
        raise ValueError(f"{code!r} is not the code of a place or department")
    return code[: _PARENT[len(code)]]


def district_of(code: str) -> str:
    """The district whose six digits a code begins with; so do the ids of petitions and work items."""
    return code[:_DISTRICT]


def office_of(id_: str) -> str:
    """The code of the place or department that an id begins with: ``210602003`` of ``210602003-history``."""
    return id_.partition("-")[0]


def community_of(code: str) -> str:
    """The community that a cell lies in; the code itself for what is not smaller than a community."""
    return code[:_COMMUNITY]


def street_of(code: str) -> str:
    """The street that a cell or community lies in; the code itself for what is not smaller than a street."""
    return code[:_STREET]
