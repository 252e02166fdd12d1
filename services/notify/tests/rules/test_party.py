"""Who belongs to which Party organization follows from what is known, in whatever order it came."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from onegrid.partyedu.v1.members_pb2 import MemberState
from onegrid.partyedu.v1.organizations_pb2 import OfficerPost
from onegrid_notify.memberships import FOREVER
from onegrid_notify.party import (
    Belonging,
    Line,
    MemberVersion,
    OrganizationVersion,
    Post,
    Standing,
    belongings,
    lines,
    posts,
)

START = datetime(2020, 11, 11, tzinfo=UTC)
FULL, ENDED = MemberState.MEMBER_STATE_FULL, MemberState.MEMBER_STATE_ENDED
SECRETARY = OfficerPost.OFFICER_POST_SECRETARY
MINUTES = range(20)
IDS = ("a", "b", "c", "d")


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def member(
    version: int, minute: int, organization: str = "a", user: str = "users/1", **fields: object
) -> MemberVersion:
    given = {"state": FULL, **fields}
    return MemberVersion(version=version, time=at(minute), organization=organization, user=user, **given)  # type: ignore[arg-type]


def standing(version: int, minute: int, parent: str = "") -> Standing:
    return Standing(version=version, time=at(minute), parent=parent)


def held(member: str, begin: int, end: int | None = None) -> Post:
    return Post(post=SECRETARY, member=member, begin=at(begin), end=FOREVER if end is None else at(end))


def version(number: int, minute: int, term: int, begin: int, *officers: Post) -> OrganizationVersion:
    return OrganizationVersion(version=number, time=at(minute), term=term, term_begin=at(begin), officers=officers)


def test_a_member_belongs_where_each_version_says_until_the_next_one() -> None:
    def belonging(organization: str, begin: int, end: int) -> Belonging:
        return Belonging(user="users/1", state=FULL, organization=organization, begin=at(begin), end=at(end))

    versions = [member(1, 0), member(2, 3), member(3, 5, "b"), member(4, 7, "b", user=""), member(5, 9, state=ENDED)]
    assert belongings(versions) == {belonging("a", 0, 5), belonging("b", 5, 7)}


def test_posts_end_as_announced_or_with_their_term() -> None:
    elected = version(1, 0, 1, 0, held("m1", 0), held("m2", 0))
    changed = version(2, 3, 1, 0, held("m2", 0), held("m1", 0, 3))
    again = version(3, 9, 2, 8, held("m3", 8))
    assert posts([elected]) == {held("m1", 0), held("m2", 0)}
    assert posts([elected, changed, again]) == {held("m1", 0, 3), held("m2", 0, 8), held("m3", 8)}
    assert posts([again, elected]) == {held("m1", 0, 8), held("m2", 0, 8), held("m3", 8)}, "one never came"
    assert posts([elected, version(2, 4, 0, 0)]) == {held("m1", 0, 4), held("m2", 0, 4)}, "dissolved, entered again"


def test_a_line_follows_whoever_moves_within_it() -> None:
    def line(organization: str, above: str, begin: int, end: int | None = None) -> Line:
        return Line(organization=organization, above=above, begin=at(begin), end=FOREVER if end is None else at(end))

    tree = {
        "top": [standing(1, 0)],
        "other": [standing(1, 0)],
        "middle": [standing(1, 1, "top"), standing(2, 6, "other")],
        "low": [standing(1, 2, "middle")],
    }
    assert lines(tree) == {
        line("top", "top", 0),
        line("other", "other", 0),
        line("middle", "middle", 1),
        line("middle", "top", 1, 6),
        line("middle", "other", 6),
        line("low", "low", 2),
        line("low", "middle", 2),
        line("low", "top", 2, 6),
        line("low", "other", 6),
    }
    assert line("low", "middle", 2) in lines({"low": tree["low"]}), "the one above is not known yet"


standings = st.lists(
    st.builds(
        Standing,
        version=st.integers(1, 5),
        time=st.sampled_from(MINUTES).map(at),
        parent=st.sampled_from(("", *IDS)),
    ),
    max_size=4,
    unique_by=lambda each: each.version,
)


@given(st.dictionaries(st.sampled_from(IDS), standings))
def test_each_organization_is_at_or_below_what_its_parents_are_at_that_moment(tree: dict[str, list[Standing]]) -> None:
    found = lines(tree)
    for minute in MINUTES:
        now = at(minute)
        parents = {
            id_: max((each for each in of if each.time <= now), key=lambda each: each.version).parent
            for id_, of in tree.items()
            if any(each.time <= now for each in of)
        }
        for id_ in parents:
            above: list[str] = []
            step = id_
            while step and step not in above:
                above.append(step)
                step = parents.get(step, "")
            rows = [each.above for each in found if each.organization == id_ and each.begin <= now < each.end]
            assert sorted(rows) == sorted(above)


@given(st.lists(st.builds(member, st.integers(1, 6), st.sampled_from(MINUTES), st.sampled_from(IDS)), max_size=6))
def test_the_order_in_which_versions_came_makes_no_difference(versions: list[MemberVersion]) -> None:
    known = list({each.version: each for each in versions}.values())
    other = Random(1).sample(known, len(known))
    assert belongings(known) == belongings(other)
    spans = sorted((each.begin, each.end) for each in belongings(known))
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
