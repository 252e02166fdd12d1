"""Whom something is for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Self

from onegrid.common.v1.common_pb2 import AccountKind, OaLevel
from onegrid.notify.v1 import resources_pb2
from onegrid.partyedu.v1.members_pb2 import MemberState
from onegrid.partyedu.v1.organizations_pb2 import OfficerPost
from onegrid_kit import codes
from onegrid_kit.names import ResourceName
from onegrid_notify.party import ORGANIZATION, office_of

__all__ = ["COLUMN", "GROUP", "Audience", "Group", "PartySelector", "Selector", "SelectorRow", "selector_rows"]

COLUMN: Final = ResourceName("columns/{column}")
GROUP: Final = ResourceName("groups/{group}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A set of accounts that other systems keep."""

    id: str
    """The district's code and a word."""
    display_name: str
    protected: bool
    """Whether belonging to it is sensitive."""
    version: int = 1
    update_time: datetime | None = None

    @property
    def name(self) -> str:
        """``groups/{group}``."""
        return GROUP.name(self.id)

    @property
    def etag(self) -> str:
        """Changes with every change."""
        return str(self.version)

    @property
    def district(self) -> str:
        """The code of the district that it belongs to."""
        return codes.district_of(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartySelector:
    """A description of members of the Party. What is empty asks for nothing."""

    organizations: tuple[str, ...] = ()
    """``organizations/{organization}``."""
    states: tuple[MemberState, ...] = ()
    posts: tuple[OfficerPost, ...] = ()

    @classmethod
    def of(cls, of: resources_pb2.PartySelector) -> Self:
        """The selector of a message."""
        return cls(organizations=tuple(of.organizations), states=tuple(of.states), posts=tuple(of.posts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """A description of people; all of it holds for one and the same membership of theirs. What is empty asks for
    nothing.
    """

    places: tuple[str, ...]
    """The codes of places and departments."""
    kinds: tuple[AccountKind, ...] = ()
    oa_levels: tuple[OaLevel, ...] = ()
    roles: tuple[str, ...] = ()
    """``roles/{role}``."""
    groups: tuple[str, ...] = ()
    """``groups/{group}``."""
    subscribed_columns: tuple[str, ...] = ()
    """``columns/{column}``."""
    party: PartySelector | None = None
    """None: whether they are members of the Party or not."""

    @classmethod
    def of_message(cls, message: resources_pb2.Selector) -> Self:
        """The selector of a message."""
        return cls(
            places=tuple(message.places),
            kinds=tuple(message.kinds),
            oa_levels=tuple(message.oa_levels),
            roles=tuple(message.roles),
            groups=tuple(message.groups),
            subscribed_columns=tuple(message.subscribed_columns),
            party=PartySelector.of(message.party) if message.HasField("party") else None,
        )

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> Self:
        """The selector as it is stored."""
        party = value.get("party")
        return cls(
            **{name: tuple(values) for name, values in value.items() if name != "party"},
            party=None if party is None else PartySelector(**{name: tuple(each) for name, each in party.items()}),
        )


@dataclass(frozen=True, slots=True)
class Audience:
    """Everybody whom at least one of the selectors describes, once."""

    any_of: tuple[Selector, ...]

    @classmethod
    def of_message(cls, message: resources_pb2.Audience) -> Self:
        """The audience of a message."""
        return cls(tuple(Selector.of_message(each) for each in message.any_of))

    def message(self) -> resources_pb2.Audience:
        """The audience as a message."""
        return resources_pb2.Audience(any_of=[resources_pb2.Selector(**asdict(each)) for each in self.any_of])

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> Self:
        """The audience as it is stored."""
        return cls(tuple(Selector.of_json(each) for each in value["any_of"]))

    def json(self) -> dict[str, Any]:
        """The audience to be stored."""
        described = [{name: value for name, value in asdict(each).items() if value is not None} for each in self.any_of]
        return {"any_of": described}

    @property
    def places(self) -> tuple[str, ...]:
        """The codes that it names, each once, in their order."""
        return tuple(sorted({code for each in self.any_of for code in each.places}))

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups that it names, each once, in their order."""
        return tuple(sorted({name for each in self.any_of for name in each.groups}))

    @property
    def subscribed_columns(self) -> tuple[str, ...]:
        """The columns that it names, each once, in their order."""
        return tuple(sorted({name for each in self.any_of for name in each.subscribed_columns}))

    @property
    def organizations(self) -> tuple[str, ...]:
        """The Party organizations that it names, each once, in their order."""
        return tuple(sorted({name for each in self._of_party for name in each.organizations}))

    def party_offices(self, district: str) -> tuple[str, ...]:
        """The codes over which somebody must be allowed to address members of the Party: of the organizations that it
        names, and the district's where it asks for members of any. Each once, in their order; none if it asks for none.
        """
        return tuple(
            sorted(
                {office_of(name) for each in self._of_party for name in each.organizations}
                | {district for each in self._of_party if not each.organizations}
            )
        )

    @property
    def _of_party(self) -> tuple[PartySelector, ...]:
        return tuple(each.party for each in self.any_of if each.party is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectorRow:
    """One place of one selector, as memberships are matched with it."""

    code: str
    number: int
    """Counts within the audience."""
    kinds: tuple[AccountKind, ...] = ()
    oa_levels: tuple[OaLevel, ...] = ()
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    """Ids."""
    columns: tuple[str, ...] = ()
    """Ids."""
    of_party: bool = False
    """Whether only members of the Party match."""
    organizations: tuple[str, ...] = ()
    """Ids."""
    member_states: tuple[MemberState, ...] = ()
    posts: tuple[OfficerPost, ...] = ()


def selector_rows(district: str, audience: Audience | None) -> tuple[SelectorRow, ...]:
    """What describes an audience in the district; without one, everyone who is at home there."""
    return tuple(_rows(district, audience))


def _rows(district: str, audience: Audience | None) -> Iterator[SelectorRow]:
    if audience is None:
        yield SelectorRow(code=district, number=1)
        return
    pairs = [(code, each) for each in audience.any_of for code in each.places]
    for number, (code, each) in enumerate(pairs, start=1):
        party = each.party or PartySelector()
        yield SelectorRow(
            code=code,
            number=number,
            kinds=each.kinds,
            oa_levels=each.oa_levels,
            roles=each.roles,
            groups=tuple(GROUP.id(name) for name in each.groups),
            columns=tuple(COLUMN.id(name) for name in each.subscribed_columns),
            of_party=each.party is not None,
            organizations=tuple(ORGANIZATION.id(name) for name in party.organizations),
            member_states=party.states,
            posts=party.posts,
        )
