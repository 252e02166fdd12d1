"""Numbers in free text that name a person: of identity cards and of telephones.

What is noticed outside is a place, an event and a hazard; who was there is nobody's business. Digits are found in every
script that people type them in: full-width, Chinese numerals and those of formal writing, with spaces and hyphens
between.

Sources: GB 11643-1999 (citizen identification number, 18 characters with a check character; 15 digits before), the
Ministry of Industry and Information Technology's numbering plan (2017).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate, pairwise
from typing import Final, TypeAlias

from onegrid_kit.errors import FieldViolation, PersonInText

__all__ = [
    "IDENTITY_NUMBER",
    "PHONE_NUMBER",
    "KnownCells",
    "PersonalNumber",
    "naming",
    "personal_numbers",
    "require_nobody",
]

KnownCells: TypeAlias = Callable[[Collection[str]], Collection[str]]
"""Says which of these numbers are codes of grid cells: they have as many digits as an old identity number."""

IDENTITY_NUMBER: Final = "IDENTITY_NUMBER"
PHONE_NUMBER: Final = "PHONE_NUMBER"

_NUMERALS: Final = dict(zip("〇零一二三四五六七八九壹贰叁肆伍陆柒捌玖幺", "001234567891234567891", strict=True))
_SEPARATORS: Final = frozenset(" \t-‐‑‒–—−_.·・•()（）")
_GROUP: Final = re.compile("[0-9]+X?")
_RUN: Final = re.compile("[0-9]+X?(?:-{1,3}[0-9]+X?)*")
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS: Final = "10X98765432"
# The first two digits, by GB/T 2260: provinces, autonomous regions, municipalities, Taiwan, Hong Kong and Macao.
_REGIONS: Final = frozenset(
    f"{number}" for first, last in ((11, 15), (21, 23), (31, 37), (41, 46), (50, 54), (61, 65), (71, 71), (81, 83))
    for number in range(first, last + 1)
)  # fmt: skip
# A mobile number; or an area code and a number of seven or eight digits, written together or apart.
_PHONE: Final = re.compile("(?:(?:00)?86)?(?:1[3-9][0-9]{9}|0(?:10|2[0-9]|[3-9][0-9]{2})[2-8][0-9]{6,7})")
_LONGEST: Final = 18
_WORDS: Final = {IDENTITY_NUMBER: "an identity number (身份证号)", PHONE_NUMBER: "a telephone number (电话号码)"}
_IDENTITY_15: Final = re.compile("(?P<region>[0-9]{2})[0-9]{4}(?P<born>[0-9]{6})[0-9]{3}")


@dataclass(frozen=True, slots=True)
class PersonalNumber:
    """A number in a text that names a person."""

    kind: str
    begin: int
    """The place of its first character, counted from 1."""
    end: int
    """The place of its last one."""
    digits: str
    """The number, in ASCII."""


def personal_numbers(text: str) -> list[PersonalNumber]:
    """What names a person in a text, in order. A number of 15 digits may also be the code of a grid cell: see
    KnownCells.
    """
    plain = "".join(map(_plain, text))
    found = {each for run in _RUN.finditer(plain) for each in _numbers_in(run, text)}
    outer: list[PersonalNumber] = []
    for each in sorted(found, key=lambda each: (each.begin, -each.end)):
        # Else it is a part of one that begins no later.
        if not outer or each.end > outer[-1].end:
            outer.append(each)
    return outer


def require_nobody(known_cells: KnownCells, **texts: str) -> None:
    """Raise PersonInText if one of these fields holds a number that names a person."""
    named = _named(known_cells, texts.items())
    if named:
        raise PersonInText([each.kind for _, each in named], _violations(named))


def naming(known_cells: KnownCells, texts: Iterable[tuple[str, str]]) -> list[FieldViolation]:
    """Where in these fields, by their paths, numbers stand that name a person."""
    return _violations(_named(known_cells, texts))


def _named(known_cells: KnownCells, texts: Iterable[tuple[str, str]]) -> list[tuple[str, PersonalNumber]]:
    found = [(field, each) for field, value in texts for each in personal_numbers(value)]
    candidates = {each.digits for _, each in found if each.kind == IDENTITY_NUMBER}
    cells = known_cells(candidates) if candidates else ()
    return [(field, each) for field, each in found if each.digits not in cells]


def _violations(named: Iterable[tuple[str, PersonalNumber]]) -> list[FieldViolation]:
    return [
        FieldViolation(
            field,
            f"characters {each.begin} to {each.end} are {_WORDS[each.kind]}; say what happened and where, not to whom",
        )
        for field, each in named
    ]


def _plain(character: str) -> str:
    """A digit, or the X that may end an identity number, in ASCII; a hyphen for what may stand between digits, a space
    for all else.
    """
    normal = unicodedata.normalize("NFKC", character)
    if normal in "xX":
        return "X"
    # What is not seen, such as a soft hyphen, is no end of a number.
    if character in _SEPARATORS or normal in _SEPARATORS or unicodedata.category(character) == "Cf":
        return "-"
    digit = _NUMERALS.get(normal) or (unicodedata.digit(normal, "") if len(normal) == 1 else "")
    return str(digit) or " "


def _numbers_in(run: re.Match[str], text: str) -> Iterator[PersonalNumber]:
    groups = [(run.start() + group.start(), run.start() + group.end()) for group in _GROUP.finditer(run[0])]
    places = [place for begin, end in groups for place in range(begin, end)]
    digits = "".join(run.string[place] for place in places)
    # A check character makes it unlikely that 18 digits in a longer number are one by chance.
    for first in range(len(digits) - _LONGEST + 1):
        if _is_identity_18(digits[first : first + _LONGEST]):
            yield _number(IDENTITY_NUMBER, places, digits, first, first + _LONGEST)
    # Others begin and end where digits that are written together do, in one script: 张三13800138000.
    borders = {0, *accumulate(end - begin for begin, end in groups)}
    borders |= {index for index, (one, next_) in enumerate(pairwise(places), 1) if _is_word(text[one], text[next_])}
    for first, last in _near(sorted(borders)):
        if _is_identity_15(digits[first:last]):
            yield _number(IDENTITY_NUMBER, places, digits, first, last)
        elif _PHONE.fullmatch(digits, first, last):
            yield _number(PHONE_NUMBER, places, digits, first, last)


def _near(borders: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Those between which a number has room: all others would be a million in a text that is made to hold many."""
    for index, first in enumerate(borders):
        yield from ((first, last) for last in borders[index + 1 : index + 1 + _LONGEST] if last - first <= _LONGEST)


def _is_word(one: str, next_: str) -> bool:
    """Whether exactly one of the two is a Chinese numeral, which may be the end of a word."""
    return (one in _NUMERALS) != (next_ in _NUMERALS)


def _number(kind: str, places: Sequence[int], digits: str, first: int, last: int) -> PersonalNumber:
    return PersonalNumber(kind, places[first] + 1, places[last - 1] + 1, digits[first:last])


def _is_identity_18(digits: str) -> bool:
    body = digits[:17]
    if "X" in body or body[:2] not in _REGIONS or not _is_date(digits[6:14]):
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, body, strict=True))
    return _CHECKS[total % 11] == digits[17]


def _is_identity_15(digits: str) -> bool:
    found = _IDENTITY_15.fullmatch(digits)
    return found is not None and found["region"] in _REGIONS and _is_date(f"19{found['born']}")


def _is_date(digits: str) -> bool:
    try:
        return 1850 <= date(int(digits[:4]), int(digits[4:6]), int(digits[6:])).year <= 2100
    except ValueError:
        return False
