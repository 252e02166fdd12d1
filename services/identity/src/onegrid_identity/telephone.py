"""Telephone numbers in the one form that they are stored, compared and called in."""

from __future__ import annotations

import phonenumbers

from onegrid_kit.errors import FieldViolation, InvalidRequest

__all__ = ["normalize"]


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
