"""A table of divisions is imported completely, or its first invalid line is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onegrid_grid.errors import DivisionsUnreadable
from onegrid_grid.registry import read_divisions

HEADER = "code,name,level\n"


def test_parents_come_first_whatever_the_order_of_lines() -> None:
    table = HEADER + "210602003007,朝凤社区,community\n210602003,广济街道,street\n210602,元宝区,district\n"
    assert [division.code for division in read_divisions("210602", table.encode())] == [
        "210602",
        "210602003",
        "210602003007",
    ]


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm() -> None:
    assert len(read_divisions("210602", b"\xef\xbb\xbfcode,name,level\r\n210602,x,district\r\n")) == 1


@pytest.mark.parametrize(
    ("table", "line", "problem"),
    [
        ("code,level,name\n", 1, "header"),
        ("", 1, "header"),
        ('"\n210602",元宝区,district\n', 1, "header"),
        (HEADER, 1, "no divisions"),
        (HEADER + "210602,元宝区,province\n", 2, "level"),
        (HEADER + "210602,元宝区,district\n21060A003,广济,street\n", 3, "digits"),
        (HEADER + "210602003,广济,community\n", 2, "digits"),
        (HEADER + "210603,振兴区,district\n", 2, "outside"),
        (HEADER + "210602,,district\n", 2, "name"),
        (HEADER + "210602,\u3164,district\n", 2, "name"),
        (HEADER + '210602,"元宝\n区",district\n', 3, "name"),
        (HEADER + f"210602,{'区' * 65},district\n", 2, "name"),
        (HEADER + "210602,元宝区\n", 2, "columns"),
        (HEADER + "210602,a,district\n210602,b,district\n", 3, "twice"),
        (HEADER + '210602,"a,district\n', 2, ""),
    ],
)
def test_the_first_line_that_can_not_be_used_is_named(table: str, line: int, problem: str) -> None:
    with pytest.raises(DivisionsUnreadable) as refused:
        read_divisions("210602", table.encode())
    assert refused.value.metadata["line"] == str(line)
    assert problem in refused.value.metadata["problem"]


def test_what_is_not_utf8_is_named_by_its_line() -> None:
    with pytest.raises(DivisionsUnreadable) as refused:
        read_divisions("210602", HEADER.encode() + b"210602,\xff,district\n")
    assert refused.value.metadata["line"] == "2"


@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: (HEADER + text).encode()))
def test_any_bytes_are_divisions_or_a_named_line(table: bytes) -> None:
    line = 1
    try:
        divisions = read_divisions("210602", table)
    except DivisionsUnreadable as refused:
        divisions, line = [], int(refused.metadata["line"])
    assert line >= 1
    assert all(division.code.startswith("210602") for division in divisions)
