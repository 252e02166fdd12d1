"""Party organizations (党组织) and their terms of office (任期), as the rules see them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from onegrid.partyedu.v1.organizations_pb2 import OfficerPost, OrganizationForm, OrganizationKind
from onegrid_kit import codes
from onegrid_kit.locations import Location
from onegrid_kit.names import ResourceName
from onegrid_partyedu.calendar_years import day_after_months

__all__ = [
    "DEEPEST",
    "MOST_OFFICERS",
    "ORGANIZATION",
    "TERM",
    "Elected",
    "Officer",
    "Organization",
    "Term",
    "in_order",
    "kept_posts",
    "term_end",
    "term_years_of",
    "violations_of",
]

ORGANIZATION: Final = ResourceName("organizations/{organization}")
TERM: Final = ResourceName("organizations/{organization}/terms/{term}")
DEEPEST: Final = 8
"""How many organizations stand in one line, from the top of the tree down, at most."""

MOST_OFFICERS: Final = 300
"""How often a post is given in a term at most: each answer and event of an organization holds them all."""

_LOCAL: Final = frozenset({OrganizationKind.ORGANIZATION_KIND_COMMUNITY, OrganizationKind.ORGANIZATION_KIND_COMPOUND})
_SECRETARY: Final = OfficerPost.OFFICER_POST_SECRETARY


@dataclass(frozen=True, slots=True, kw_only=True)
class Officer:
    """Somebody who holds or held a post."""

    post: OfficerPost
    member: str
    """The member's id."""
    begin_time: datetime
    end_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Elected:
    """Who is to hold a post."""

    post: OfficerPost
    member: str
    """The member's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """From one election to the next."""

    organization: str
    """The organization's id."""
    number: int
    """Counted from 1."""
    begin_time: datetime
    due_time: datetime
    """When the next election is due."""
    end_time: datetime | None = None
    officers: tuple[Officer, ...] = ()
    """Those of now first, then by post and beginning."""

    @property
    def name(self) -> str:
        """``organizations/{organization}/terms/{term}``."""
        return TERM.name(self.organization, self.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """A Party organization."""

    id: str
    version: int = 1
    display_name: str
    kind: OrganizationKind
    form: OrganizationForm
    parent: str = ""
    """The id of the one above it; empty: none is."""
    location: Location | None = None
    cells: tuple[str, ...] = ()
    """The codes of those that it answers for."""
    term: Term | None = None
    """The one that it is in."""
    dissolve_time: datetime | None = None
    create_time: datetime
    update_time: datetime

    @property
    def office(self) -> str:
        """The code of the place or department that it belongs to."""
        return codes.office_of(self.id)

    @property
    def district(self) -> str:
        """The district that keeps it."""
        return codes.district_of(self.id)

    @property
    def name(self) -> str:
        """``organizations/{organization}``."""
        return ORGANIZATION.name(self.id)

    @property
    def etag(self) -> str:
        """Changes with every change."""
        return str(self.version)


def term_years_of(organization: Organization) -> int:
    """How many years a term has if nothing else is asked for.

    Committees five, other general branches and branches three; in communities and villages all of them five
    (《关于党的基层组织任期的意见》, 2018).
    """
    committee = organization.form == OrganizationForm.ORGANIZATION_FORM_COMMITTEE
    return 5 if committee or organization.kind in _LOCAL else 3


def term_end(begin: datetime, years: int) -> datetime:
    """When the next election is due."""
    return day_after_months(begin, 12 * years)


def violations_of(elected: Sequence[Elected]) -> Iterator[tuple[int, str]]:
    """What is wrong with whom: the position, and what."""
    seen: Counter[Elected] = Counter()
    secretaries = 0
    for position, each in enumerate(elected):
        seen[each] += 1
        secretaries += each.post == _SECRETARY
        if seen[each] > 1:
            yield position, "holds this post twice"
        elif each.post == _SECRETARY and secretaries > 1:
            yield position, "is a second secretary"


def kept_posts(term: Term, elected: Sequence[Elected], now: datetime) -> tuple[Officer, ...]:
    """The officers once these hold the posts: who stays goes on, who is not named any more ends, the others begin. A
    post that ended at this moment, and had begun at it, goes on.
    """
    wanted = set(elected)
    of_now = [each for each in term.officers if each.end_time is None]
    held = {Elected(each.post, each.member) for each in of_now}
    former = [
        each
        for each in term.officers
        if each.end_time is not None and (each.begin_time != now or Elected(each.post, each.member) not in wanted)
    ]
    staying = [each for each in of_now if Elected(each.post, each.member) in wanted]
    leaving = [
        Officer(post=each.post, member=each.member, begin_time=each.begin_time, end_time=max(now, each.begin_time))
        for each in of_now
        if Elected(each.post, each.member) not in wanted
    ]
    coming = [Officer(post=each.post, member=each.member, begin_time=now) for each in elected if each not in held]
    return in_order([*staying, *coming, *leaving, *former])


def in_order(officers: Sequence[Officer]) -> tuple[Officer, ...]:
    """Those of now first, then by post and beginning."""
    return tuple(
        sorted(officers, key=lambda each: (each.end_time is not None, each.post, each.begin_time, each.member))
    )
