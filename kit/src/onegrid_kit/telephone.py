"""Telephone numbers in the one form that they are stored, compared and called in."""

from __future__ import annotations

from typing import Final

import phonenumbers

from onegrid_kit.errors import FieldViolation, InvalidRequest

__all__ = ["masked", "normalize"]

_SHOWN_FIRST: Final = 4
_SHOWN_LAST: Final = 2


def normalize(phone: str, field: str = "phone") -> str:
    """The number in E.164 form, without what people write before it: `+860139…` is `+86139…`.

    Raises InvalidRequest, for that field, if no such number can be called.
    """
    try:
        number = phonenumbers.parse(phone)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number):
        raise InvalidRequest(FieldViolation(field, "is no possible telephone number"))
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def masked(number: str) -> str:
    """A number in E.164 form as its owner recognises it and others do not: `+861********23`."""
    return number[:_SHOWN_FIRST] + "*" * (len(number) - _SHOWN_FIRST - _SHOWN_LAST) + number[-_SHOWN_LAST:]
