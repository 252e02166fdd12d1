"""The codes by which anybody verifies a certificate: Crockford's base32 (crockford.com/base32.html), with its check
character. A code is a capability: 95 random bits, which nobody guesses.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from secrets import choice
from typing import Final

__all__ = ["grouped", "new_code", "read_code"]

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES: Final = {character: value for value, character in enumerate(_ALPHABET)}
_CHECKS: Final = 37
_RANDOM: Final = 19
_GROUP: Final = 5
_READ: Final = str.maketrans({"O": "0", "I": "1", "L": "1"})
_BETWEEN: Final = ("Pd", "Zs", "Zl", "Zp", "Cc", "Cf")
"""Kinds of characters that do not matter: dashes, which word processors make of hyphens, spaces, what is not seen."""


def new_code(random_character: Callable[[str], str] = choice) -> str:
    """Twenty characters, which nobody can foretell. `random_character` chooses one of a string."""
    while True:
        code = "".join(random_character(_ALPHABET) for _ in range(_RANDOM))
        check = _check(code)
        # Five of the 37 check characters are no letters or digits of the alphabet, and hard to read out.
        if check < len(_ALPHABET):
            return code + _ALPHABET[check]


def read_code(written: str) -> str | None:
    """The code that somebody read or typed; None if it is none, as after a slip of one character or two swapped."""
    typed = unicodedata.normalize("NFKC", written).upper().translate(_READ)
    code = "".join(each for each in typed if unicodedata.category(each) not in _BETWEEN)
    if len(code) != _RANDOM + 1 or not _VALUES.keys() >= set(code):
        return None
    return code if _check(code[:-1]) == _VALUES[code[-1]] else None


def grouped(code: str) -> str:
    """The code as people read it: ``7K3QX-9F2MB-T0VWH-5RZN4``."""
    return "-".join(code[start : start + _GROUP] for start in range(0, len(code), _GROUP))


def _check(code: str) -> int:
    value = 0
    for character in code:
        value = value * len(_ALPHABET) + _VALUES[character]
    return value % _CHECKS
