"""Organizations and elections over real gRPC and a real database."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from onegrid.common.v1.common_pb2 import Point
from onegrid.partyedu.v1.events_pb2 import OrganizationDefined
from onegrid.partyedu.v1.organizations_pb2 import OfficerPost, OrganizationForm, OrganizationKind
from onegrid_kit.callers import Caller
from onegrid_kit.clock import CHINA
from onegrid_kit.testing.events import announced, forget_announced
from onegrid_kit.timestamps import moment

from .line import BRANCH, COMMUNITY_COMMITTEE, OTHER_COMMITTEE, SECRETARY, STREET_COMMITTEE, Line, elected
from .people import (
    CELL,
    CITIZEN,
    COMMUNITY,
    COMMUNITY_DESK,
    DISTRICT,
    KEEPER,
    OTHER_STREET_DESK,
    STREET,
    STREET_DESK,
    SUPERVISOR,
    WORKER,
)

DEPUTY, PUBLICITY = OfficerPost.OFFICER_POST_DEPUTY_SECRETARY, OfficerPost.OFFICER_POST_PUBLICITY


async def test_an_organization_is_entered_changed_dissolved_and_entered_again(line: Line) -> None:
    name = f"organizations/{COMMUNITY}-mill"
    new = await line.define(name, parent=COMMUNITY_COMMITTEE, cells=[CELL], location=Point(longitude=124, latitude=40))
    assert (new.parent, list(new.cells), new.location.longitude) == (COMMUNITY_COMMITTEE, [CELL], 124)
    same = {"parent": COMMUNITY_COMMITTEE, "cells": [CELL], "location": new.location}
    assert await line.define(name, **same) == new
    changed = await line.define(name, parent=STREET_COMMITTEE, etag=new.etag)
    assert (changed.parent, list(changed.cells), changed.HasField("location")) == (STREET_COMMITTEE, [], False)
    stale = await line.refused(KEEPER, "DissolveOrganization", name=name, etag=new.etag)
    assert stale.reason == "STALE_ETAG"
    dissolved = (await line.api.call(KEEPER, "DissolveOrganization", name=name)).organization
    assert moment(dissolved.dissolve_time) == line.clock.now()
    assert (await line.api.call(KEEPER, "DissolveOrganization", name=name)).organization == dissolved
    again = await line.define(name)
    assert not again.HasField("dissolve_time")
    defined = [new, changed, dissolved, again]
    assert announced(line.engine) == [
        OrganizationDefined(organization=each, version=version) for version, each in enumerate(defined, start=1)
    ]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"parent": BRANCH}, "INVALID_REQUEST"),
        ({"parent": COMMUNITY_COMMITTEE}, "INVALID_REQUEST"),
        ({"parent": "organizations/210603-committee"}, "INVALID_REQUEST"),
        ({"parent": f"organizations/{DISTRICT}-nobody"}, "NOT_FOUND"),
        ({"cells": ["210602004002001"]}, "INVALID_REQUEST"),
        ({"cells": [f"{COMMUNITY}999"]}, "CELL_UNKNOWN"),
        ({"display_name": "中共怡景支部13912345678"}, "PERSON_IN_TEXT"),
    ],
)
async def test_an_organization_stands_where_one_can_stand(line: Line, fields: dict[str, object], reason: str) -> None:
    of = await line.organization(COMMUNITY_COMMITTEE)
    for field in ("parent", "cells"):
        of.ClearField(field)
    for name, value in fields.items():
        if name == "cells":
            of.cells.extend(value)  # type: ignore[arg-type]
        else:
            setattr(of, name, value)
    refused = await line.refused(KEEPER, "DefineOrganization", organization=of)
    assert refused.reason == reason


async def test_a_line_has_eight_organizations_at_most_wherever_one_is_put_between(line: Line) -> None:
    names = [f"organizations/{DISTRICT}-{letter}" for letter in "abcdefg"]
    for above, name in zip(["", *names], names, strict=False):
        await line.define(name, parent=above)
    await line.define(STREET_COMMITTEE, parent=names[4])
    refused = await line.refused(
        KEEPER, "DefineOrganization", organization=_moved(await line.organization(STREET_COMMITTEE), names[5])
    )
    assert refused.fields == ["organization.parent"]


async def test_posts_that_change_twice_at_a_moment_are_held_or_not(line: Line) -> None:
    member = await line.admit()
    await line.elect(BRANCH, (SECRETARY, member.name))
    line.later(days=1)
    for held in (False, True, False, True):
        posts = elected((SECRETARY, member.name)) if held else []
        answer = await line.api.call(KEEPER, "ChangeOfficers", name=BRANCH, officers=posts)
        of_now = [each.member for each in answer.organization.term.officers if not each.HasField("end_time")]
        assert of_now == ([member.name] if held else [])


async def test_what_is_in_use_is_not_dissolved(line: Line) -> None:
    member = await line.admit(BRANCH)
    refused = await line.refused(KEEPER, "DissolveOrganization", name=BRANCH)
    assert (refused.reason, refused.metadata["members"]) == ("ORGANIZATION_IN_USE", "1")
    refused = await line.refused(KEEPER, "DissolveOrganization", name=COMMUNITY_COMMITTEE)
    assert refused.metadata["organizations"] == "1"
    await line.transfer(member, OTHER_COMMITTEE)
    refused = await line.refused(KEEPER, "DissolveOrganization", name=OTHER_COMMITTEE)
    assert refused.metadata["transfers"] == "1"
    # Nobody accepted it in time: it waits no more.
    line.later(days=90)
    await line.api.call(KEEPER, "DissolveOrganization", name=OTHER_COMMITTEE)
    refused = await line.refused(KEEPER, "AdmitMember", **_newcomer(OTHER_COMMITTEE))
    assert refused.reason == "ORGANIZATION_DISSOLVED"


async def test_organizations_are_listed_by_the_places_that_they_belong_to(line: Line) -> None:
    async def listed(caller: Caller, scope: str, **fields: object) -> list[str]:
        answer = await line.api.call(caller, "ListOrganizations", scope=scope, **fields)
        return [each.name for each in answer.organizations]

    assert await listed(SUPERVISOR, DISTRICT) == [STREET_COMMITTEE, COMMUNITY_COMMITTEE, BRANCH, OTHER_COMMITTEE]
    assert await listed(STREET_DESK, STREET, parent=STREET_COMMITTEE) == [COMMUNITY_COMMITTEE]
    compound = OrganizationKind.ORGANIZATION_KIND_COMPOUND
    assert await listed(COMMUNITY_DESK, COMMUNITY, kind=compound) == [BRANCH]
    await line.api.call(KEEPER, "DissolveOrganization", name=BRANCH)
    assert BRANCH not in await listed(STREET_DESK, STREET)
    assert BRANCH in await listed(STREET_DESK, STREET, show_dissolved=True)


async def test_offices_look_after_their_own_organizations_alone(line: Line) -> None:
    of = await line.organization(COMMUNITY_COMMITTEE)
    await line.api.call(COMMUNITY_DESK, "DefineOrganization", organization=of)
    for caller in (OTHER_STREET_DESK, WORKER, CITIZEN, SUPERVISOR):
        refused = await line.refused(caller, "DefineOrganization", organization=of)
        assert refused.reason == "PERMISSION_DENIED"


@pytest.mark.parametrize(
    ("name", "form", "years"),
    [
        (STREET_COMMITTEE, OrganizationForm.ORGANIZATION_FORM_COMMITTEE, 5),
        (BRANCH, OrganizationForm.ORGANIZATION_FORM_BRANCH, 5),
        (f"organizations/{STREET}-mill", OrganizationForm.ORGANIZATION_FORM_BRANCH, 3),
        (f"organizations/{STREET}-works", OrganizationForm.ORGANIZATION_FORM_COMMITTEE, 5),
    ],
)
async def test_a_term_has_the_years_that_such_an_organization_has(
    line: Line, name: str, form: OrganizationForm, years: int
) -> None:
    await line.define(name, form=form)
    member = await line.admit(name)
    term = (await line.elect(name, (SECRETARY, member.name))).term
    assert moment(term.due_time) == datetime(2020 + years, 11, 11, tzinfo=CHINA)
    assert (term.name, [each.member for each in term.officers]) == (f"{name}/terms/1", [member.name])


async def test_an_election_ends_the_term_before(line: Line) -> None:
    first, second = await line.admit(), await line.admit(person_name="李秀英")
    before = (await line.elect(BRANCH, (SECRETARY, first.name), (PUBLICITY, first.name), term_years=3)).term
    forget_announced(line.engine)
    line.later(days=1000)
    now = await line.elect(BRANCH, (SECRETARY, second.name), (DEPUTY, first.name))
    terms = (await line.api.call(SUPERVISOR, "ListTerms", organization=BRANCH)).terms
    assert [each.name for each in terms] == [f"{BRANCH}/terms/2", f"{BRANCH}/terms/1"]
    assert terms[0] == now.term
    assert moment(terms[1].end_time) == line.clock.now()
    assert terms[1].due_time == before.due_time
    assert {moment(each.end_time) for each in terms[1].officers} == {line.clock.now()}
    assert announced(line.engine) == [OrganizationDefined(organization=now, version=int(now.etag))]
    for begin, field in (
        (line.clock.now() + timedelta(hours=1), "begin_time"),
        (moment(before.begin_time), "begin_time"),
    ):
        refused = await line.refused(
            KEEPER,
            "RecordElection",
            name=BRANCH,
            begin_time=begin,
            officers=elected((SECRETARY, first.name)),
        )
        assert refused.fields == [field]


async def test_officers_change_within_a_term(line: Line) -> None:
    first, second = await line.admit(), await line.admit(person_name="李秀英")
    refused = await line.refused(KEEPER, "ChangeOfficers", name=BRANCH, officers=elected((SECRETARY, first.name)))
    assert refused.reason == "NO_TERM"
    term = (await line.elect(BRANCH, (SECRETARY, first.name), (PUBLICITY, second.name))).term
    changed_at = line.later(days=30)
    answer = await line.api.call(
        KEEPER,
        "ChangeOfficers",
        name=BRANCH,
        officers=elected((SECRETARY, second.name), (PUBLICITY, second.name)),
    )
    after = answer.organization.term
    assert (after.begin_time, after.due_time) == (term.begin_time, term.due_time)
    assert [(each.post, each.member, each.HasField("end_time")) for each in after.officers] == [
        (SECRETARY, second.name, False),
        (PUBLICITY, second.name, False),
        (SECRETARY, first.name, True),
    ]
    assert after.officers[1].begin_time == term.begin_time
    assert moment(after.officers[2].end_time) == changed_at


async def test_posts_above_end_where_an_organization_is_moved_to_another_line(line: Line) -> None:
    member, stays = await line.admit(), await line.admit(COMMUNITY_COMMITTEE, person_name="李秀英")
    await line.elect(COMMUNITY_COMMITTEE, (SECRETARY, stays.name), (DEPUTY, member.name))
    await line.elect(STREET_COMMITTEE, (SECRETARY, member.name))
    forget_announced(line.engine)
    moved_at = line.later(days=1)
    await line.define(BRANCH, parent=STREET_COMMITTEE)
    ended = [
        (each.member, moment(each.end_time))
        for each in (await line.organization(COMMUNITY_COMMITTEE)).term.officers
        if each.HasField("end_time")
    ]
    assert ended == [(member.name, moved_at)]
    assert not (await line.organization(STREET_COMMITTEE)).term.officers[0].HasField("end_time")
    assert {each.organization.name for each in announced(line.engine)} == {BRANCH, COMMUNITY_COMMITTEE}


async def test_an_organization_comes_under_one_of_another_place_only_if_that_lets_it(line: Line) -> None:
    of = await line.organization(COMMUNITY_COMMITTEE)
    await line.api.call(COMMUNITY_DESK, "DefineOrganization", organization=of)
    refused = await line.refused(COMMUNITY_DESK, "DefineOrganization", organization=_moved(of, OTHER_COMMITTEE))
    assert refused.reason == "PERMISSION_DENIED"
    await line.define(COMMUNITY_COMMITTEE, parent=OTHER_COMMITTEE)


async def test_nobody_may_hold_a_post_for_a_while(line: Line) -> None:
    member = await line.admit()
    ahead = line.clock.now() + timedelta(minutes=4)
    await line.elect(BRANCH, (SECRETARY, member.name), begin_time=ahead)
    after = (await line.api.call(KEEPER, "ChangeOfficers", name=BRANCH, officers=[])).organization.term
    assert [(moment(each.begin_time), moment(each.end_time)) for each in after.officers] == [(ahead, ahead)]


@pytest.mark.parametrize("twice", [(SECRETARY, SECRETARY), (PUBLICITY, PUBLICITY)])
async def test_a_post_is_given_once(line: Line, twice: tuple[OfficerPost, OfficerPost]) -> None:
    first = await line.admit()
    second = await line.admit(person_name="李秀英") if twice[0] == SECRETARY else first
    refused = await line.refused(
        KEEPER,
        "RecordElection",
        name=BRANCH,
        begin_time=line.clock.now(),
        officers=elected((twice[0], first.name), (twice[1], second.name)),
    )
    assert refused.fields == ["officers[1]"]


async def test_only_full_members_of_the_organization_hold_its_posts(line: Line) -> None:
    elsewhere = await line.admit(OTHER_COMMITTEE)
    on_probation = await line.admit(join_time=line.clock.now(), confirm_time=None)
    ended = await line.admit()
    await line.api.call(KEEPER, "EndMembership", name=ended.name, reason=1)
    for member, reason in (
        (elsewhere.name, "MEMBER_NOT_ELIGIBLE"),
        (on_probation.name, "MEMBER_NOT_ELIGIBLE"),
        (ended.name, "MEMBER_NOT_ELIGIBLE"),
        (f"members/{DISTRICT}-{'0' * 8}", "NOT_FOUND"),
    ):
        refused = await line.refused(
            KEEPER,
            "RecordElection",
            name=BRANCH,
            begin_time=line.clock.now(),
            officers=elected((SECRETARY, member)),
        )
        assert refused.reason == reason
    # Who belongs to a branch is elected in the committees above it, too.
    of_branch = await line.admit()
    assert (await line.elect(STREET_COMMITTEE, (SECRETARY, of_branch.name))).term.officers[0].member == of_branch.name


async def test_elections_due_are_listed_the_first_first(line: Line) -> None:
    async def due(**fields: object) -> list[str]:
        found: list[str] = []
        token = ""
        while True:
            page = await line.api.call(
                SUPERVISOR, "ListElectionsDue", scope=DISTRICT, page_size=1, page_token=token, **fields
            )
            found += [each.name for each in page.organizations]
            token = page.next_page_token
            if not token:
                return found

    members = {name: await line.admit(name) for name in (STREET_COMMITTEE, BRANCH, OTHER_COMMITTEE)}
    begun = line.clock.now() - timedelta(days=365 * 4)
    await line.elect(BRANCH, (SECRETARY, members[BRANCH].name), begin_time=begun, term_years=3)
    await line.elect(OTHER_COMMITTEE, (SECRETARY, members[OTHER_COMMITTEE].name), begin_time=begun)
    await line.elect(STREET_COMMITTEE, (SECRETARY, members[STREET_COMMITTEE].name))
    assert await due() == [COMMUNITY_COMMITTEE, BRANCH]
    in_two_years = line.clock.now() + timedelta(days=730)
    assert await due(before_time=in_two_years) == [COMMUNITY_COMMITTEE, BRANCH, OTHER_COMMITTEE]


def _moved(organization: object, parent: str) -> object:
    organization.parent = parent  # type: ignore[attr-defined]
    return organization


def _newcomer(organization: str) -> dict[str, object]:
    return {"organization": organization, "person_name": "赵钱", "join_time": datetime(2020, 7, 1, tzinfo=CHINA)}
