"""Which numbers in a text name a person."""

from __future__ import annotations

import sys
from collections.abc import Collection
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onegrid_kit.errors import PersonInText
from onegrid_kit.persons import IDENTITY_NUMBER, PHONE_NUMBER, naming, personal_numbers, require_nobody

# Of GB 11643-1999, appendix: the check characters that it gives for its examples.
EXAMPLES = ("11010519491231002X", "440524188001010014")


def kinds(text: str) -> list[str]:
    return [each.kind for each in personal_numbers(text)]


@pytest.mark.parametrize("number", EXAMPLES)
def test_an_identity_number_is_found_where_it_stands(number: str) -> None:
    (found,) = personal_numbers(f"在堤上遇到一人，身份证{number}，已离开")
    assert (found.kind, found.begin, found.end, found.digits) == (IDENTITY_NUMBER, 12, 29, number)


@pytest.mark.parametrize(
    "text",
    [
        "110105 19491231 002X",
        "110105-19491231-002x",
        "１１０１０５１９４９１２３１００２Ｘ",
        "一一〇一〇五一九四九一二三一〇〇二X",
        "壹壹零壹零伍壹玖肆玖壹贰叁壹零零贰X",
        "编号7711010519491231002X",
        "110105491231002",
        "110105 491231 002",
    ],
)
def test_other_ways_to_write_an_identity_number_do_not_hide_it(text: str) -> None:
    assert kinds(text) == [IDENTITY_NUMBER]


@pytest.mark.parametrize(
    "text",
    [
        "13800138000",
        "138 0013 8000",
        "138-0013-8000",
        "138.0013.8000",
        "+8613800138000",
        "+86 138 0013 8000",
        "0086 13800138000",
        "１３８００１３８０００",
        "一三八〇〇一三八〇〇〇",
        "幺三八零零幺三八零零零",
        "0415-2123456",
        "(0415) 2123456",
        "（024）23456789",
        "01062345678",
        "张三13800138000",
        "13800138000十一点",
    ],
)
def test_telephone_numbers_are_found_however_they_are_written(text: str) -> None:
    assert kinds(f"联系{text}。") == [PHONE_NUMBER]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3号闸门锈蚀，宽2.4米，离水面1.15米",
        "2020-11-11 14:36 冰凌堆积，水位 12.35 米",
        "界桩1107向东偏移30厘米",
        "东经124.3921，北纬40.1283",
        "编号20201111143600123456",
        "二〇二〇年十一月十一日",
        "拨打110、119",
        "110105194912310021",
        "210602003007021",
        "110105491331002",
        "长12x34米",
    ],
)
def test_measures_dates_and_numbers_of_things_name_nobody(text: str) -> None:
    assert personal_numbers(text) == []


@pytest.mark.parametrize("invisible", ["\u200b", "\u00ad", "\u2060"])
def test_what_can_not_be_seen_hides_no_number(invisible: str) -> None:
    assert kinds(f"联系138{invisible}0013{invisible}8000。") == [PHONE_NUMBER]
    assert kinds(f"110105{invisible}19491231002X") == [IDENTITY_NUMBER]


@pytest.mark.parametrize("piece", ["一1", "1-", "1一-"])
def test_a_text_that_is_made_to_hold_many_numbers_takes_as_long_as_it_is(piece: str) -> None:
    """Hundreds of such texts come in one batch."""

    def steps(text: str) -> int:
        counted = 0

        def count(*_: object) -> None:
            nonlocal counted
            counted += 1

        sys.setprofile(count)
        try:
            personal_numbers(text)
        finally:
            sys.setprofile(None)
        return counted

    assert steps(piece * 500) < 3 * steps(piece * 250)


def test_a_code_of_a_cell_can_look_like_an_old_identity_number() -> None:
    (found,) = personal_numbers("网格210602101105021")
    assert (found.kind, found.digits) == (IDENTITY_NUMBER, "210602101105021")


def test_the_code_of_a_cell_that_is_known_names_nobody() -> None:
    cell, person = "210602101105021", "110105491231002"

    def known(candidates: Collection[str]) -> Collection[str]:
        assert candidates == {cell, person}
        return {cell}

    ((field, description),) = naming(known, [("text", f"网格{cell}，{person}"), ("note", "完好")])
    assert field == "text"
    assert "characters 19 to 33" in description
    with pytest.raises(PersonInText) as refused:
        require_nobody(known, text=f"网格{cell}，{person}，13800138000")
    assert refused.value.metadata == {"kinds": f"{IDENTITY_NUMBER},{PHONE_NUMBER}"}
    require_nobody(lambda _: {cell}, text=f"网格{cell}")


def test_each_number_of_a_text_is_found() -> None:
    text = "甲13800138000、乙110105491231002，丙0415-2123456"
    assert [(each.kind, text[each.begin - 1 : each.end]) for each in personal_numbers(text)] == [
        (PHONE_NUMBER, "13800138000"),
        (IDENTITY_NUMBER, "110105491231002"),
        (PHONE_NUMBER, "0415-2123456"),
    ]


def identity_number(region: int, born: date, order: int) -> str:
    """Made as the standard says, not as the module does: the weighted sum of all eighteen is 1 modulo 11."""
    body = f"{region}0602{born:%Y%m%d}{order:03}"
    for check in "0123456789X":
        values = [int(each) for each in body] + [10 if check == "X" else int(check)]
        if sum(value * 2 ** (17 - place) for place, value in enumerate(values)) % 11 == 1:
            return body + check
    raise AssertionError(body)


words = st.text(
    st.characters(
        exclude_categories=("Nd", "No", "Nl", "Cs"), exclude_characters="xXⅩ〇零一二三四五六七八九壹贰叁肆伍陆柒捌玖幺"
    )
).map(lambda text: f"见{text}见")


@given(
    st.sampled_from([11, 21, 44, 65, 81]),
    st.dates(date(1900, 1, 1), date(2026, 1, 1)),
    st.integers(0, 999),
    words,
    words,
)
def test_every_identity_number_is_found_in_any_text(
    region: int, born: date, order: int, before: str, after: str
) -> None:
    number = identity_number(region, born, order)
    found = personal_numbers(before + number + after)
    assert [(each.begin, each.end, each.digits) for each in found if len(each.digits) == 18] == [
        (len(before) + 1, len(before) + 18, number)
    ]


@given(st.text())
def test_what_is_found_lies_in_the_text(text: str) -> None:
    for each in personal_numbers(text):
        assert 1 <= each.begin < each.end <= len(text)
        assert each.end - each.begin + 1 >= len(each.digits) >= 10
