"""The tree of a district's columns, however editors arrange it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onegrid_notify.columns import MAX_COLUMNS, Column, Columns
from onegrid_notify.errors import ColumnLimitReached, ColumnTree, ColumnUnusable


def column(id_: str, parent: str = "", position: int = 0, *, archived: bool = False) -> Column:
    return Column(id=id_, display_name=id_, parent=parent, position=position, archived=archived)


def ids(columns: Columns, *, show_archived: bool = False) -> list[str]:
    return [each.id for each in columns.ordered(show_archived)]


def test_each_column_comes_behind_its_parent_by_position_and_name() -> None:
    columns = Columns(
        [column("b"), column("a", position=1), column("b2", "b", 1), column("b1", "b", 1), column("b0", "b")]
    )
    assert ids(columns) == ["b", "b0", "b1", "b2", "a"]


def test_what_stands_below_an_archived_column_is_left_out_with_it_and_takes_nothing_new() -> None:
    columns = Columns([column("a"), column("b", "a", archived=True), column("c", "b"), column("d", "a")])
    assert ids(columns) == ["a", "d"]
    assert ids(columns, show_archived=True) == ["a", "b", "c", "d"]
    for unusable in ("a", "b", "c", "nowhere"):
        with pytest.raises(ColumnUnusable):
            columns.require_usable(unusable)
    assert columns.require_usable("d").id == "d"
    assert [each.id for each in columns.at_and_below("a")] == ["a", "d"]
    assert [each.id for each in columns.at_and_below("b")] == ["b", "c"]


@pytest.mark.parametrize(
    "wrong", [column("a", "a"), column("a", "b"), column("a", "c"), column("x", "c"), column("x", "nowhere")]
)
def test_what_would_be_no_tree_or_too_deep_is_refused(wrong: Column) -> None:
    columns = Columns([column("a"), column("b", "a"), column("c", "b")])
    with pytest.raises(ColumnTree):
        columns.with_column(wrong)


def test_a_column_moves_with_what_stands_below_it_only_where_all_of_it_has_room() -> None:
    columns = Columns([column("a"), column("b"), column("b1", "b"), column("a1", "a")])
    assert ids(columns.with_column(column("b", "a"))) == ["a", "a1", "b", "b1"]
    with pytest.raises(ColumnTree):
        columns.with_column(column("b", "a1"))


def test_a_district_has_only_so_many_columns_and_those_can_still_be_changed() -> None:
    columns = Columns([column(f"c{number:03}") for number in range(MAX_COLUMNS)])
    with pytest.raises(ColumnLimitReached):
        columns.with_column(column("another"))
    assert columns.with_column(column("c007", "c000")).by_id["c007"].parent == "c000"


@given(
    st.lists(st.tuples(st.sampled_from("abcdefg"), st.sampled_from(["", *"abcdefg"]), st.integers(0, 2)), max_size=30)
)
def test_whatever_is_tried_it_stays_a_tree_of_three_levels(changes: list[tuple[str, str, int]]) -> None:
    columns = Columns([])
    for id_, parent, position in changes:
        try:
            columns = columns.with_column(column(id_, parent, position))
        except ColumnTree:
            continue
        for each in columns.by_id.values():
            above, depth = each, 1
            while above.parent:
                above, depth = columns.by_id[above.parent], depth + 1
                assert depth <= 3
        assert sorted(ids(columns)) == sorted(columns.by_id)
