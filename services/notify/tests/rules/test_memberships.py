"""Where a person belongs follows from what is known, in whatever order it came."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from onegrid.common.v1.common_pb2 import AccountKind, OaLevel
from onegrid_notify.memberships import FOREVER, Grant, Membership, Version, memberships

DISTRICT, HOMES = "210602", ("", "210602003", "210602003007", "210602004")
START = datetime(2020, 11, 11, tzinfo=UTC)
MINUTES = range(20)
KINDS = (AccountKind.ACCOUNT_KIND_CITIZEN, AccountKind.ACCOUNT_KIND_ENTERPRISE)
LEVELS = (OaLevel.OA_LEVEL_UNSPECIFIED, OaLevel.OA_LEVEL_GRID)


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def version(number: int, minute: int, home: str = "", *, active: bool = True) -> Version:
    return Version(version=number, time=at(minute), kind=KINDS[0], district=DISTRICT, home=home, active=active)


def grant(id_: str, begin: int) -> Grant:
    return Grant(id=id_, role="roles/r", scope=DISTRICT, oa_level=LEVELS[1], begin=at(begin), end=FOREVER)


minutes = st.sampled_from(MINUTES)
versions = st.lists(
    st.builds(
        Version,
        version=st.integers(1, 6),
        time=minutes.map(at),
        kind=st.sampled_from(KINDS),
        district=st.just(DISTRICT),
        home=st.sampled_from(HOMES),
        active=st.booleans(),
    ),
    max_size=6,
    unique_by=lambda each: each.version,
)
grants = st.lists(
    st.builds(
        Grant,
        id=st.sampled_from("abcdefgh"),
        role=st.sampled_from(["roles/clerk", "roles/worker"]),
        scope=st.sampled_from(["210602003", "210602D07", "self"]),
        oa_level=st.sampled_from(LEVELS),
        begin=minutes.map(at),
        end=minutes.map(at) | st.just(FOREVER),
    ),
    max_size=8,
    unique_by=lambda each: each.id,
)


History = tuple[list[Version], list[Grant]]
histories = st.tuples(versions, grants)


def belongs(known: History, moment: datetime) -> set[tuple[str, str, int, int]]:
    """Where the person belongs at a moment, by looking at everything anew: place, role, kind, level."""
    made = [each for each in known[0] if each.time <= moment]
    if not made:
        return set()
    now = max(made, key=lambda each: each.version)
    if not now.active:
        return set()
    found = {(now.home or now.district, "", int(now.kind), 0)}
    for one in known[1]:
        same = [g for g in known[1] if (g.scope, g.role) == (one.scope, one.role) and g.begin <= moment < g.end]
        if same and one.scope != "self":
            newest = max(same, key=lambda each: each.id)
            found.add((newest.scope, newest.role, int(now.kind), int(newest.oa_level)))
    return found


@given(histories)
def test_at_every_moment_a_person_belongs_where_they_are_at_home_and_hold_roles(
    known: History,
) -> None:
    derived = memberships(*known)
    for minute in (*MINUTES, MINUTES.stop, 10_000_000):
        moment = at(minute)
        lasting = [m for m in derived if m.begin <= moment < m.end]
        assert {(m.code, m.role, int(m.kind), int(m.oa_level)) for m in lasting} == belongs(known, moment)
        assert len(lasting) == len(belongs(known, moment)), "each once"


@given(histories, st.randoms())
def test_neither_order_nor_repetition_changes_where_a_person_belongs(known: History, random: Random) -> None:
    derived = memberships(*known)
    made, granted = (random.sample([*part, *part], 2 * len(part)) for part in known)
    assert memberships(made, granted) == derived


@given(histories)
def test_memberships_of_one_place_and_role_never_overlap_and_are_as_few_as_can_be(
    known: History,
) -> None:
    def place(m: Membership) -> tuple[str, str]:
        return m.code, m.role

    for _, same in groupby(sorted(memberships(*known), key=lambda m: (*place(m), m.begin)), key=place):
        for before, after in pairwise(same):
            assert before.begin < before.end <= after.begin
            if before.end == after.begin:
                assert (before.kind, before.oa_level) != (after.kind, after.oa_level)


def test_who_moves_belongs_to_one_home_after_the_other() -> None:
    street, other = HOMES[1], HOMES[3]
    moved = memberships([version(1, 0), version(3, 5, other), version(2, 2, street)], [])
    assert [(m.code, m.begin, m.end) for m in sorted(moved, key=lambda m: m.begin)] == [
        (DISTRICT, at(0), at(2)),
        (street, at(2), at(5)),
        (other, at(5), FOREVER),
    ]


def test_a_disabled_account_belongs_nowhere_until_it_is_enabled_again() -> None:
    found = memberships([version(1, 0), version(2, 3, active=False), version(3, 7)], [grant("a", 1)])
    assert sorted((m.role, m.begin, m.end) for m in found) == [
        ("", at(0), at(3)),
        ("", at(7), FOREVER),
        ("roles/r", at(1), at(3)),
        ("roles/r", at(7), FOREVER),
    ]


def test_a_grant_of_an_account_that_is_not_known_yet_counts_once_it_is() -> None:
    assert not memberships([], [grant("a", 1)])
    assert {(m.role, m.begin) for m in memberships([version(1, 2)], [grant("a", 1)])} == {
        ("", at(2)),
        ("roles/r", at(2)),
    }
