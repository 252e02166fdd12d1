"""Members (党员): on probation, full, ended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from onegrid.partyedu.v1.members_pb2 import EndReason, MemberState
from onegrid.partyedu.v1.organizations_pb2 import OfficerPost
from onegrid_kit import codes
from onegrid_kit.clock import CHINA
from onegrid_kit.lifecycle import short_name
from onegrid_kit.names import ResourceName
from onegrid_partyedu.calendar_years import day_after_months

__all__ = [
    "ME",
    "MEMBER",
    "NAME_PURPOSE",
    "Member",
    "Membership",
    "PostHeld",
    "earliest_confirmation",
    "extended",
    "probation_end",
]

MEMBER: Final = ResourceName("members/{member}")
ME: Final = "me"
"""The id by which callers name their own record."""

_PROBATION_SINCE: Final = datetime(1977, 8, 18, tzinfo=CHINA)
_PROBATION_MONTHS: Final = 12
_EXTENSION_MONTHS: Final = (6, 12)

NAME_PURPOSE: Final = "partyedu.member.person_name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member."""

    id: str
    version: int = 1
    organization: str
    """The id of the organization that the member belongs to, or belonged to last."""
    organization_time: datetime
    """Since when."""
    state: MemberState
    sealed_name: bytes
    name_index: bytes
    """Finds the member by the whole name."""
    number: str = ""
    """On the district's roll; empty: none."""
    user: str = ""
    """``users/{user}``; empty: none."""
    join_time: datetime
    probation_end_time: datetime
    probation_extended: bool = False
    confirm_time: datetime | None = None
    end_time: datetime | None = None
    end_reason: EndReason = EndReason.END_REASON_UNSPECIFIED
    create_time: datetime
    update_time: datetime

    @property
    def office(self) -> str:
        """The code of the place or department that the member's organization belongs to."""
        return codes.office_of(self.organization)

    @property
    def district(self) -> str:
        """The district that keeps the record."""
        return codes.district_of(self.id)

    @property
    def name(self) -> str:
        """``members/{member}``."""
        return MEMBER.name(self.id)

    @property
    def etag(self) -> str:
        """Changes with every change."""
        return str(self.version)

    @property
    def state_name(self) -> str:
        """``FULL``."""
        return short_name(MemberState, self.state)

    def changed(self, now: datetime, **fields: object) -> Member:
        """The member with these fields, one version on."""
        return replace(self, version=self.version + 1, update_time=now, **fields)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A time that a member spent in an organization."""

    organization: str
    begin_time: datetime
    end_time: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PostHeld:
    """A post that a member holds or held."""

    organization: str
    term: int
    post: OfficerPost
    begin_time: datetime
    end_time: datetime | None


def probation_end(join_time: datetime) -> datetime:
    """When probation ends: a year after it began (党章, art. 7)."""
    return day_after_months(join_time, _PROBATION_MONTHS)


def earliest_confirmation(join_time: datetime) -> datetime:
    """From when somebody who joined then is a full member: nobody was on probation before the Constitution of 1977."""
    return join_time if join_time < _PROBATION_SINCE else probation_end(join_time)


def extended(end: datetime) -> tuple[datetime, datetime]:
    """Within what probation that was to end then can be extended: by half a year to a year
    (《中国共产党发展党员工作细则》, 2014).
    """
    least, most = _EXTENSION_MONTHS
    return day_after_months(end, least), day_after_months(end, most)
