"""The five-level line, as far as these tests need it: a street, a community of it, a compound; another street."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from onegrid.common.v1.common_pb2 import AccountKind
from onegrid.grid.v1.events_pb2 import CellDefined
from onegrid.identity.v1.events_pb2 import UserDefined
from onegrid.identity.v1.resources_pb2 import UserState
from onegrid.partyedu.v1.members_pb2 import Member, Transfer
from onegrid.partyedu.v1.organization_methods_pb2 import Elected
from onegrid.partyedu.v1.organizations_pb2 import OfficerPost, Organization, OrganizationForm, OrganizationKind
from onegrid_kit.callers import Caller
from onegrid_kit.clock import CHINA, SettableClock
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.events import Events, forget_announced

from .people import CELL, COMMUNITY, DISTRICT, KEEPER, OTHER_STREET, STREET

STREET_COMMITTEE = f"organizations/{STREET}-committee"
COMMUNITY_COMMITTEE = f"organizations/{COMMUNITY}-committee"
BRANCH = f"organizations/{COMMUNITY}-yijing"
OTHER_COMMITTEE = f"organizations/{OTHER_STREET}-committee"
SECRETARY = OfficerPost.OFFICER_POST_SECRETARY
JOINED, CONFIRMED = datetime(2010, 7, 1, tzinfo=CHINA), datetime(2011, 7, 1, tzinfo=CHINA)

_KINDS = {
    STREET_COMMITTEE: OrganizationKind.ORGANIZATION_KIND_STREET,
    OTHER_COMMITTEE: OrganizationKind.ORGANIZATION_KIND_STREET,
    COMMUNITY_COMMITTEE: OrganizationKind.ORGANIZATION_KIND_COMMUNITY,
    BRANCH: OrganizationKind.ORGANIZATION_KIND_COMPOUND,
}
_PARENTS = {COMMUNITY_COMMITTEE: STREET_COMMITTEE, BRANCH: COMMUNITY_COMMITTEE}


class Line:
    """Organizations, and who is in them."""

    def __init__(self, api: Serving, engine: Engine, clock: SettableClock, events: Events) -> None:
        self.api = api
        self.engine = engine
        self.clock = clock
        self._events = events

    async def prepare(self) -> None:
        """Have grid's cell known, and the organizations."""
        self._events.deliver(CellDefined(code=CELL, version=1))
        for name in (STREET_COMMITTEE, COMMUNITY_COMMITTEE, BRANCH, OTHER_COMMITTEE):
            await self.define(name)
        forget_announced(self.engine)

    async def define(self, name: str, caller: Caller = KEEPER, **fields: Any) -> Organization:
        """Define an organization."""
        branch = name not in _KINDS or name == BRANCH
        given = {
            "name": name,
            "display_name": name.rpartition("-")[2],
            "kind": _KINDS.get(name, OrganizationKind.ORGANIZATION_KIND_ENTERPRISE),
            "form": OrganizationForm.ORGANIZATION_FORM_BRANCH
            if branch
            else OrganizationForm.ORGANIZATION_FORM_COMMITTEE,
            "parent": _PARENTS.get(name, ""),
            **fields,
        }
        answer = await self.api.call(caller, "DefineOrganization", organization=Organization(**given))
        defined: Organization = answer.organization
        return defined

    async def organization(self, name: str) -> Organization:
        """The organization as it is now."""
        found: Organization = (await self.api.call(KEEPER, "GetOrganization", name=name)).organization
        return found

    async def admit(self, organization: str = BRANCH, caller: Caller = KEEPER, **fields: Any) -> Member:
        """Admit a full member, unless it is otherwise said."""
        given = {"person_name": "王建国", "join_time": JOINED, "confirm_time": CONFIRMED, **fields}
        answer = await self.api.call(caller, "AdmitMember", organization=organization, **given)
        admitted: Member = answer.member
        return admitted

    async def member(self, name: str, caller: Caller = KEEPER) -> Member:
        """The member as the caller sees it now."""
        found: Member = (await self.api.call(caller, "GetMember", name=name)).member
        return found

    async def elect(self, organization: str, *posts: tuple[OfficerPost, str], **fields: Any) -> Organization:
        """Have these elected, now unless it is otherwise said."""
        given = {"begin_time": self.clock.now(), **fields}
        answer = await self.api.call(KEEPER, "RecordElection", name=organization, officers=elected(*posts), **given)
        with_term: Organization = answer.organization
        return with_term

    async def transfer(self, member: Member, target: str, caller: Caller = KEEPER) -> Transfer:
        """Request a transfer."""
        answer = await self.api.call(caller, "RequestTransfer", member=member.name, target=target)
        requested: Transfer = answer.transfer
        return requested

    async def refused(self, caller: Caller, method: str, **fields: Any) -> Refused:
        """What a call is refused with."""
        try:
            await self.api.call(caller, method, **fields)
        except Refused as refused:
            return refused
        raise AssertionError(f"{method} was not refused")

    def know(self, user: str, version: int = 1, *, active: bool = True) -> None:
        """Have identity announce a user."""
        self._events.deliver(
            UserDefined(
                user=user,
                kind=AccountKind.ACCOUNT_KIND_CITIZEN,
                district=DISTRICT,
                state=UserState.USER_STATE_ACTIVE if active else UserState.USER_STATE_DISABLED,
                version=version,
            )
        )

    def later(self, **time: float) -> datetime:
        """Let time pass."""
        self.clock.set(self.clock.now() + timedelta(**time))
        return self.clock.now()


def elected(*posts: tuple[OfficerPost, str]) -> list[Elected]:
    """Who is to hold which post."""
    return [Elected(post=post, member=member) for post, member in posts]
