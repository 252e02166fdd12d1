"""Figures of organizations with those below."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from onegrid_partyedu.rollup import rolled_up


@st.composite
def trees(draw: st.DrawFn) -> dict[str, str]:
    """The root stands below an organization that is not of the tree."""
    parents = {"o0": "above"}
    for number in range(1, draw(st.integers(1, 12))):
        parents[f"o{number}"] = f"o{draw(st.integers(0, number - 1))}"
    return parents


@given(trees(), st.data())
def test_each_has_its_own_and_what_is_below(parents: dict[str, str], data: st.DataObject) -> None:
    own = {
        id_: (data.draw(st.integers(0, 9)), data.draw(st.integers(0, 9)))
        for id_ in data.draw(st.lists(st.sampled_from(sorted(parents)), unique=True))
    }
    sums = rolled_up(parents, own)

    def below(id_: str) -> list[str]:
        return [id_, *(each for child, parent in parents.items() if parent == id_ for each in below(child))]

    for id_ in parents:
        of = [own[each] for each in below(id_) if each in own]
        assert sums.get(id_) == (tuple(map(sum, zip(*of, strict=True))) if of else None)
