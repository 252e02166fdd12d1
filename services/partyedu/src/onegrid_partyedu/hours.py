"""Hours of study in a year (年度学时): who is to study how much, and of which organizations figures can be shown."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from onegrid.partyedu.v1.organizations_pb2 import OfficerPost
from onegrid_kit import codes
from onegrid_kit.clock import CHINA
from onegrid_kit.names import ResourceName
from onegrid_partyedu.rollup import rolled_up

__all__ = [
    "HOURS_DUTY",
    "MOST_DUTIES",
    "SMALLEST_GROUP",
    "HoursDuty",
    "HoursFigures",
    "at_in_year",
    "duty_minutes",
    "hours_figures",
    "span_of",
    "standing_duties",
    "with_standing",
]

HOURS_DUTY: Final = ResourceName("hoursDuties/{hours_duty}")
MOST_DUTIES: Final = 50
"""How many duties a district has at most: each of its hours is counted by all of them."""
SMALLEST_GROUP: Final = 5
"""Of how many members figures are at least, so that nobody's own can be read out of them."""
_HOUR: Final = 60
_OFFICERS: Final = (
    OfficerPost.OFFICER_POST_SECRETARY,
    OfficerPost.OFFICER_POST_DEPUTY_SECRETARY,
    OfficerPost.OFFICER_POST_ORGANIZATION,
    OfficerPost.OFFICER_POST_PUBLICITY,
    OfficerPost.OFFICER_POST_DISCIPLINE,
    OfficerPost.OFFICER_POST_COMMITTEE_MEMBER,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursDuty:
    """How much is to be studied in a year."""

    id: str
    display_name: str
    posts: tuple[OfficerPost, ...] = ()
    """Only for holders of one of these; empty: for each member."""
    minutes: int
    first_year: int = 0
    """0: always."""
    last_year: int = 0
    """0: it goes on."""
    update_time: datetime | None = None
    """None: it stands from the start."""

    @property
    def district(self) -> str:
        """The district that it is of."""
        return codes.district_of(self.id)

    @property
    def name(self) -> str:
        """``hoursDuties/{hours_duty}``."""
        return HOURS_DUTY.name(self.id)

    def holds_in(self, year: int) -> bool:
        """Whether it is one of that year."""
        return self.first_year <= year and (not self.last_year or year <= self.last_year)


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursFigures:
    """What the members of an organization, and of those below it, studied in a year."""

    organization: str
    members: int
    minutes: int
    """Of all together."""
    reached: int
    """How many studied as much as they are to."""
    shown: bool
    """Whether anything but the number of members can be shown."""

    @property
    def average_minutes(self) -> int:
        """Of a member."""
        return self.minutes // self.members

    @property
    def reached_percent(self) -> int:
        """How many in a hundred, rounded down."""
        return 100 * self.reached // self.members

    @property
    def rank(self) -> tuple[int, int, int, str]:
        """The lower, the better; those that can't be shown come last."""
        if not self.shown:
            return (1, 0, 0, self.organization)
        return (0, -self.reached_percent, -self.average_minutes, self.organization)


def standing_duties(district: str) -> tuple[HoursDuty, ...]:
    """Those that stand from the start: 32 hours for members (《中国共产党党员教育管理工作条例》, 2019, art. 20), 56 for
    secretaries and others who hold posts (《2019－2023年全国党员教育培训工作规划》).
    """
    return (
        HoursDuty(id=f"{district}-members", display_name="党员年度学时", minutes=32 * _HOUR),
        HoursDuty(
            id=f"{district}-officers",
            display_name="党组织书记和班子成员年度学时",
            posts=_OFFICERS,
            minutes=56 * _HOUR,
        ),
    )


def with_standing(district: str, defined: Collection[HoursDuty]) -> tuple[HoursDuty, ...]:
    """Those that a district defined, and those from the start that it did not define otherwise, by id."""
    by_id = {each.id: each for each in (*standing_duties(district), *defined)}
    return tuple(by_id[id_] for id_ in sorted(by_id))


def duty_minutes(duties: Collection[HoursDuty], posts: Collection[OfficerPost], year: int) -> int:
    """How much a member is to study who holds these posts: the most of what holds for them."""
    held = set(posts)
    return max(
        (each.minutes for each in duties if each.holds_in(year) and (not each.posts or held.intersection(each.posts))),
        default=0,
    )


def span_of(year: int) -> tuple[datetime, datetime]:
    """When a year begins and ends in China."""
    return datetime(year, 1, 1, tzinfo=CHINA), datetime(year + 1, 1, 1, tzinfo=CHINA)


def at_in_year(year: int, now: datetime) -> datetime:
    """The moment at which a year is looked at: its end, or now."""
    return min(now, span_of(year)[1])


def hours_figures(parents: Mapping[str, str], own: Mapping[str, tuple[int, int, int]]) -> dict[str, HoursFigures]:
    """The figures of each organization of a district that has members, itself or below.

    `parents`: of each organization the one above it. `own`: of each its own members, their minutes, and how many of
    them studied enough.
    """
    sums = rolled_up(parents, own)
    shown = _shown(parents, {id_: members for id_, (members, _, _) in sums.items()})
    return {
        id_: HoursFigures(organization=id_, members=members, minutes=minutes, reached=reached, shown=id_ in shown)
        for id_, (members, minutes, reached) in sums.items()
    }


def _shown(parents: Mapping[str, str], sizes: Mapping[str, int]) -> frozenset[str]:
    """The organizations whose figures can be shown: subtracting what is shown of those below from what is shown of an
    organization leaves nobody, or five at least. Where it would leave fewer, the smallest of those below is not shown.
    """
    below: dict[str, list[str]] = {}
    for id_ in sizes:
        below.setdefault(parents[id_], []).append(id_)
    inside: dict[str, set[str]] = {}
    """Of each that is shown, the largest ones below it that are."""

    def largest(id_: str) -> set[str]:
        """The largest ones at or below it that are shown."""
        found = set[str]().union(*(largest(each) for each in below.get(id_, ())))
        while found and 0 < _rest(id_, found, sizes) < SMALLEST_GROUP:
            smallest = min(found, key=lambda each: (sizes[each], each))
            found.remove(smallest)
            found |= inside.pop(smallest)
        if _rest(id_, found, sizes) not in range(1, SMALLEST_GROUP) and sizes[id_] >= SMALLEST_GROUP:
            inside[id_] = found
            return {id_}
        return found

    for root in (id_ for id_ in sizes if parents[id_] not in sizes):
        largest(root)
    return frozenset(inside)


def _rest(id_: str, found: Collection[str], sizes: Mapping[str, int]) -> int:
    return sizes[id_] - sum(sizes[each] for each in found)
