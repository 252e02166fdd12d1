"""Free text, which names nobody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import Connection

from onegrid_border.errors import PersonInText
from onegrid_border.persons import IDENTITY_NUMBER, PHONE_NUMBER, findings
from onegrid_border.store.cells import known_cells
from onegrid_kit.errors import FieldViolation

__all__ = ["naming", "require_nobody"]

_WORDS: Final = {IDENTITY_NUMBER: "an identity number (身份证号)", PHONE_NUMBER: "a telephone number (电话号码)"}


def require_nobody(conn: Connection, **texts: str) -> None:
    """Raise PersonInText if one of these fields holds a number that names a person."""
    kinds, violations = naming(conn, texts.items())
    if violations:
        raise PersonInText(kinds, violations)


def naming(conn: Connection, texts: Iterable[tuple[str, str]]) -> tuple[Sequence[str], Sequence[FieldViolation]]:
    """The numbers in these fields that name a person: their kinds, and where they stand."""
    found = [(field, each) for field, value in texts for each in findings(value)]
    cells = known_cells(conn, {each.digits for _, each in found if each.kind == IDENTITY_NUMBER})
    named = [(field, each) for field, each in found if each.digits not in cells]
    return [each.kind for _, each in named], [
        FieldViolation(
            field,
            f"characters {each.begin} to {each.end} are {_WORDS[each.kind]}; say what happened and where, not to whom",
        )
        for field, each in named
    ]
