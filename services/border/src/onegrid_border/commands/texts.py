"""Free text, which names nobody."""

from __future__ import annotations

from sqlalchemy import Connection

from onegrid_border.errors import PersonInText
from onegrid_border.persons import IDENTITY_NUMBER, findings
from onegrid_border.store.cells import known_cells
from onegrid_kit.errors import FieldViolation

__all__ = ["require_nobody"]


def require_nobody(conn: Connection, **texts: str) -> None:
    """Raise PersonInText if one of these fields holds a number that names a person."""
    found = [(field, each) for field, value in texts.items() for each in findings(value)]
    cells = known_cells(conn, {each.digits for _, each in found if each.kind == IDENTITY_NUMBER})
    naming = [(field, each) for field, each in found if each.digits not in cells]
    if naming:
        raise PersonInText(
            [each.kind for _, each in naming],
            [
                FieldViolation(
                    field,
                    f"characters {each.begin} to {each.end} are {_WORDS[each.kind]}; say what happened and where, not "
                    "to whom",
                )
                for field, each in naming
            ],
        )


_WORDS = {IDENTITY_NUMBER: "an identity number (身份证号)", "PHONE_NUMBER": "a telephone number (电话号码)"}
