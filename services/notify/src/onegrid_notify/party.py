"""Who belongs to which Party organization, which organizations it is below, and who holds its posts, and when: derived
from what partyedu announced.

Pure functions of everything that is known, as those of ``memberships``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from onegrid.partyedu.v1.members_pb2 import MemberState
from onegrid.partyedu.v1.organizations_pb2 import OfficerPost
from onegrid_kit import codes
from onegrid_kit.names import ResourceName
from onegrid_notify.memberships import FOREVER, periods

__all__ = [
    "MEMBER",
    "ORGANIZATION",
    "Announced",
    "Belonging",
    "Line",
    "MemberVersion",
    "OrganizationVersion",
    "Post",
    "Standing",
    "belongings",
    "lines",
    "office_of",
    "posts",
]

ORGANIZATION: Final = ResourceName("organizations/{organization}")
MEMBER: Final = ResourceName("members/{member}")

_MOST_ABOVE: Final = 16
"""Twice as many organizations as partyedu has in one line: what comes late may make more of them for a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberVersion:
    """A member as one version announced it."""

    version: int
    time: datetime
    """Since when it was so."""
    user: str
    """``users/{user}``; empty: none."""
    state: MemberState
    organization: str
    """The organization's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Belonging:
    """A user's belonging to an organization, from one moment until before another."""

    user: str
    state: MemberState
    organization: str
    begin: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A post in an organization, from one moment until before another."""

    post: OfficerPost
    member: str
    """The member's id."""
    begin: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationVersion:
    """An organization's officers as one version announced them."""

    version: int
    time: datetime
    """Since when it was so."""
    term: int
    """0: none."""
    term_begin: datetime
    officers: tuple[Post, ...]
    """Of the term; those who hold a post still have it FOREVER."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """One version of an organization, with all that is kept of it."""

    id: str
    version: OrganizationVersion
    parent: str
    """The id of the one above it; empty: none is."""
    display_name: str
    dissolved: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An organization's place in the tree, as one version announced it."""

    version: int
    time: datetime
    parent: str
    """The id of the one above it; empty: none is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """That an organization stands at or below another one, from one moment until before another."""

    organization: str
    above: str
    begin: datetime
    end: datetime


def belongings(versions: Iterable[MemberVersion]) -> frozenset[Belonging]:
    """Where a member belonged with an account; who ended, or has none, belongs nowhere."""
    found = [
        Belonging(user=each.user, state=each.state, organization=each.organization, begin=begin, end=end)
        for each, begin, end in periods(versions)
        if each.user and each.state != MemberState.MEMBER_STATE_ENDED
    ]
    joined: list[Belonging] = []
    for each in sorted(found, key=lambda each: each.begin):
        if joined and joined[-1] == replace(each, begin=joined[-1].begin, end=each.begin):
            joined[-1] = replace(joined[-1], end=each.end)
        else:
            joined.append(each)
    return frozenset(joined)


def posts(versions: Iterable[OrganizationVersion]) -> frozenset[Post]:
    """Who held which post. One that no version ended, and that a later one does not hold any more, ended with its
    term: when the next one began, or when the organization had none any more.
    """
    ends: dict[tuple[int, OfficerPost, str, datetime], datetime] = {}
    over: dict[int, datetime] = {}
    for of in sorted(versions, key=lambda each: each.version):
        for term in {key[0] for key in ends} - {of.term}:
            over[term] = min(over.get(term, FOREVER), of.term_begin if of.term else of.time)
        for each in of.officers:
            key = (of.term, each.post, each.member, each.begin)
            ends[key] = min(ends.get(key, FOREVER), each.end)
    return frozenset(
        Post(post=post, member=member, begin=begin, end=max(begin, min(end, over.get(term, FOREVER))))
        for (term, post, member, begin), end in ends.items()
    )


def lines(organizations: Mapping[str, Sequence[Standing]]) -> frozenset[Line]:
    """What each of a district's organizations stood below, itself included."""
    standings = {
        id_: [(each.parent, begin, end) for each, begin, end in periods(versions)]
        for id_, versions in organizations.items()
    }
    spans: dict[tuple[str, str], list[tuple[datetime, datetime]]] = {}
    for id_, of in standings.items():
        for _, begin, end in of:
            for above, since, until in _upwards(id_, begin, end, standings, ()):
                spans.setdefault((id_, above), []).append((since, until))
    return frozenset(
        Line(organization=organization, above=above, begin=begin, end=end)
        for (organization, above), some in spans.items()
        for begin, end in _joined(some)
    )


def office_of(organization: str) -> str:
    """The code of the place or department that an organization, given by its name, belongs to."""
    return codes.office_of(ORGANIZATION.id(organization))


def _upwards(
    id_: str,
    begin: datetime,
    end: datetime,
    standings: Mapping[str, Sequence[tuple[str, datetime, datetime]]],
    below: Collection[str],
) -> Iterator[tuple[str, datetime, datetime]]:
    """The organizations at and above one between two moments, each with the part of that time."""
    yield id_, begin, end
    for parent, from_, to in standings.get(id_, ()):
        since, until = max(from_, begin), min(to, end)
        if parent and since < until and parent not in below and len(below) < _MOST_ABOVE:
            yield from _upwards(parent, since, until, standings, (*below, id_))


def _joined(spans: Sequence[tuple[datetime, datetime]]) -> Iterator[tuple[datetime, datetime]]:
    """The times that the spans cover, each once."""
    first, last = min(spans)
    for begin, end in sorted(spans):
        if begin > last:
            yield first, last
            first, last = begin, end
        last = max(last, end)
    yield first, last
