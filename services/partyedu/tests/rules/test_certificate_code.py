"""Codes of certificates."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from onegrid_partyedu.certificate_code import grouped, new_code, read_code

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@st.composite
def codes(draw: st.DrawFn) -> str:
    return new_code(lambda characters: draw(st.sampled_from(characters)))


@given(codes(), st.data())
def test_a_code_is_read_however_it_is_written(code: str, data: st.DataObject) -> None:
    assert len(code) == 20
    written = grouped(code)
    for character, alike in (("0", "Oo"), ("1", "IiLl")):
        written = written.replace(character, data.draw(st.sampled_from(character + alike)))
    if data.draw(st.booleans()):
        written = written.lower()
    if data.draw(st.booleans()):
        written = written.replace(
            "-", data.draw(st.sampled_from(["", " ", "－", "–", "\u2011", "\n", "\t", "-\u200b"]))
        )
    assert read_code(written) == code


@given(codes(), st.integers(0, 19), st.sampled_from(ALPHABET))
def test_one_character_that_is_wrong_is_noticed(code: str, place: int, other: str) -> None:
    wrong = code[:place] + other + code[place + 1 :]
    assert read_code(wrong) == (code if wrong == code else None)


@given(codes(), st.integers(0, 18))
def test_two_characters_that_are_swapped_are_noticed(code: str, place: int) -> None:
    wrong = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    assert read_code(wrong) == (code if wrong == code else None)


@given(st.text(max_size=40))
def test_whatever_is_typed_is_a_code_or_none(written: str) -> None:
    code = read_code(written)
    assert code is None or (len(code) == 20 and set(code) <= set(ALPHABET))


def test_codes_are_not_the_same_twice() -> None:
    assert len({new_code() for _ in range(1_000)}) == 1_000
