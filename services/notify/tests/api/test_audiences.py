"""Groups, subscriptions, and how many people an audience holds."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import grpc
import pytest
from sqlalchemy import Engine, text

from onegrid.common.v1.common_pb2 import AccountKind, OaLevel
from onegrid.identity.v1.events_pb2 import DepartmentDefined, RoleGranted, RoleRevoked, UserDefined
from onegrid.identity.v1.resources_pb2 import Grant, UserState
from onegrid.options.v1.options_pb2 import BuiltInRole
from onegrid_kit.callers import Caller
from onegrid_kit.jobs import run_job
from onegrid_kit.testing.api import Refused
from onegrid_kit.testing.callers import administrator, public, staff
from onegrid_kit.testing.events import Events
from onegrid_kit.testing.jobs import job_of
from onegrid_kit.timestamps import timestamp
from onegrid_notify.main import SERVICE

from .editors import (
    ARCHIVED,
    CLERK,
    COMMANDER,
    COMMUNITY,
    DISTRICT,
    NEWS,
    OFFICE,
    OTHER_STREET,
    RESIDENT,
    SECTION,
    STREET,
    STREET_DESK,
    Newsroom,
)

GROUP, CARE = f"groups/{DISTRICT}-firms-of-note", f"groups/{DISTRICT}-living-alone"
ADMINISTRATOR = administrator("admin", DISTRICT)
REGISTRY = administrator("registry", DISTRICT)
ACTIVE, DISABLED = UserState.USER_STATE_ACTIVE, UserState.USER_STATE_DISABLED


def defined(of: Caller, home: str = "", version: int = 1, **fields: Any) -> UserDefined:
    return UserDefined(
        user=of.user, kind=of.kind, district=of.district, home=home, version=version, **{"state": ACTIVE, **fields}
    )


def granted(newsroom: Newsroom, of: Caller, role: str, scope: str, level: OaLevel, id_: str = "1") -> RoleGranted:
    grant = Grant(name=f"{of.user}/grants/{id_}", role=role, scope=scope, create_time=timestamp(newsroom.now))
    return RoleGranted(user=of.user, role=role, scope=scope, oa_level=level, grant=grant)


async def count(newsroom: Newsroom, *any_of: dict[str, Any], by: Caller = COMMANDER) -> int:
    audience = {"any_of": any_of} if any_of else None
    people: int = (await newsroom.call(by, "CountAudience", district=DISTRICT, audience=audience)).people
    return people


async def define(newsroom: Newsroom, group: str = GROUP, by: Caller = COMMANDER, **fields: Any) -> Any:
    given = {"name": group, "display_name": "重点企业", **fields}
    etag = given.pop("etag", "")
    return (await newsroom.call(by, "DefineGroup", group=given, etag=etag, request_id=str(uuid.uuid4()))).group


async def change(newsroom: Newsroom, group: str, added: list[str], removed: list[str], by: Caller = REGISTRY) -> int:
    answer = await newsroom.call(
        by, "ChangeGroupMembers", group=group, added=added, removed=removed, request_id=str(uuid.uuid4())
    )
    members: int = answer.member_count
    return members


async def refused(awaitable: Any) -> Refused:
    with pytest.raises(Refused) as error:
        await awaitable
    return error.value


async def test_people_are_counted_where_they_are_at_home_each_once(newsroom: Newsroom, events: Events) -> None:
    neighbor, firm = public("neighbor", DISTRICT), public("firm", DISTRICT, AccountKind.ACCOUNT_KIND_ENTERPRISE)
    events.deliver(defined(RESIDENT, COMMUNITY), defined(neighbor, STREET), defined(firm))
    assert await count(newsroom) == 3
    assert await count(newsroom, {"places": [STREET]}) == 2
    assert await count(newsroom, {"places": [COMMUNITY]}, {"places": [STREET, DISTRICT]}) == 3
    assert await count(newsroom, {"places": [DISTRICT], "kinds": [AccountKind.ACCOUNT_KIND_ENTERPRISE]}) == 1
    assert await count(newsroom, {"places": [OTHER_STREET]}) == 0


async def test_who_moves_or_is_disabled_is_counted_there_no_more(newsroom: Newsroom, events: Events) -> None:
    events.deliver(defined(RESIDENT, COMMUNITY))
    newsroom.wait(timedelta(minutes=1))
    events.deliver(defined(RESIDENT, OTHER_STREET, version=2))
    assert (await count(newsroom, {"places": [STREET]}), await count(newsroom, {"places": [OTHER_STREET]})) == (0, 1)
    newsroom.wait(timedelta(minutes=1))
    events.deliver(defined(RESIDENT, OTHER_STREET, version=3, state=DISABLED))
    assert await count(newsroom) == 0


async def test_roles_and_levels_mean_who_holds_them_over_the_place_or_inside_it(
    newsroom: Newsroom, events: Events
) -> None:
    clerk, worker = CLERK, staff("worker", BuiltInRole.BUILT_IN_ROLE_GRID_WORKER, COMMUNITY + "001")
    events.deliver(
        # A grant may be heard of before the account.
        granted(newsroom, clerk, "roles/department-clerk", OFFICE, OaLevel.OA_LEVEL_DEPARTMENT),
        defined(clerk),
        defined(worker),
        granted(newsroom, worker, "roles/grid-worker", COMMUNITY + "001", OaLevel.OA_LEVEL_GRID),
        granted(newsroom, worker, "roles/self", "self", OaLevel.OA_LEVEL_UNSPECIFIED, "2"),
    )
    grid = {"places": [STREET], "oa_levels": [OaLevel.OA_LEVEL_GRID]}
    assert await count(newsroom, grid) == 1
    assert await count(newsroom, {"places": [OFFICE], "roles": ["roles/department-clerk"]}) == 1
    assert await count(newsroom, {"places": [OFFICE]}) == 0, "nobody is at home in a department"
    assert await count(newsroom, {"places": [STREET], "roles": ["roles/department-clerk"]}) == 0
    newsroom.wait(timedelta(minutes=1))
    ended = granted(newsroom, worker, "roles/grid-worker", COMMUNITY + "001", OaLevel.OA_LEVEL_GRID).grant
    events.deliver(RoleRevoked(user=worker.user, role="roles/grid-worker", scope=COMMUNITY + "001", grant=ended))
    assert await count(newsroom, grid) == 0


async def test_the_scope_of_who_counts_holds_every_place(newsroom: Newsroom) -> None:
    assert await count(newsroom, {"places": [COMMUNITY]}, by=STREET_DESK) == 0
    for places in ([OTHER_STREET], [COMMUNITY, OTHER_STREET], [DISTRICT]):
        error = await refused(count(newsroom, {"places": places}, by=STREET_DESK))
        assert (error.code, error.reason) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")
    assert (await refused(count(newsroom, by=STREET_DESK))).reason == "PERMISSION_DENIED"


async def test_an_audience_names_what_the_district_has(newsroom: Newsroom, events: Events) -> None:
    async def reason(**selector: Any) -> tuple[str, dict[str, str]]:
        error = await refused(count(newsroom, {"places": [DISTRICT], **selector}, by=ADMINISTRATOR))
        assert error.code == grpc.StatusCode.INVALID_ARGUMENT
        return error.reason, error.metadata

    assert await reason(places=["210602999"]) == ("PLACE_UNKNOWN", {"place": "210602999"})
    assert await reason(groups=[GROUP]) == ("GROUP_UNKNOWN", {"group": GROUP})
    column = f"columns/{DISTRICT}-none"
    assert await reason(subscribed_columns=[column]) == ("COLUMN_UNUSABLE", {"column": column})
    events.deliver(DepartmentDefined(code="210602D30", display_name="人社局", version=1))
    assert await count(newsroom, {"places": ["210602D30"]}, by=ADMINISTRATOR) == 0


async def test_groups_are_defined_changed_and_listed(newsroom: Newsroom) -> None:
    group = await define(newsroom)
    assert (group.name, group.protected) == (GROUP, False)
    assert (await define(newsroom)).etag == group.etag, "nothing has changed"
    renamed = await define(newsroom, display_name="规上企业", etag=group.etag)
    assert renamed.etag != group.etag
    assert (await refused(define(newsroom, display_name="企业", etag=group.etag))).reason == "STALE_ETAG"
    care = await define(newsroom, CARE, protected=True, display_name="独居老人")
    first = await newsroom.call(COMMANDER, "ListGroups", district=DISTRICT, page_size=1)
    rest = await newsroom.call(
        COMMANDER, "ListGroups", district=DISTRICT, page_size=1, page_token=first.next_page_token
    )
    assert [*first.groups, *rest.groups] == [renamed, care]
    assert (await refused(define(newsroom, by=STREET_DESK))).reason == "PERMISSION_DENIED"


async def test_members_come_go_and_return(newsroom: Newsroom, events: Events) -> None:
    neighbor = public("neighbor", DISTRICT)
    events.deliver(defined(RESIDENT, STREET), defined(neighbor))
    await define(newsroom)
    of_group = {"places": [DISTRICT], "groups": [GROUP]}
    assert await change(newsroom, GROUP, [RESIDENT.user, neighbor.user], []) == 2
    assert await change(newsroom, GROUP, [RESIDENT.user], ["users/nobodyatall"]) == 2
    assert await count(newsroom, of_group) == 2
    assert await count(newsroom, {**of_group, "places": [STREET]}) == 1
    newsroom.wait(timedelta(minutes=1))
    assert await change(newsroom, GROUP, [], [RESIDENT.user]) == 1
    assert await count(newsroom, of_group) == 1
    assert await change(newsroom, GROUP, [RESIDENT.user], []) == 2, "at the same moment"
    assert await change(newsroom, GROUP, [], [RESIDENT.user]) == 1
    assert await change(newsroom, GROUP, [RESIDENT.user], []) == 2
    assert await count(newsroom, of_group) == 2
    both = await refused(change(newsroom, GROUP, [RESIDENT.user], [RESIDENT.user]))
    assert (both.reason, both.fields) == ("INVALID_REQUEST", ["removed"])
    assert (await refused(change(newsroom, CARE, [RESIDENT.user], []))).reason == "NOT_FOUND"
    assert (await refused(change(newsroom, GROUP, [RESIDENT.user], [], by=COMMANDER))).reason == "PERMISSION_DENIED"


async def test_protected_groups_need_a_permission_of_their_own(newsroom: Newsroom, events: Events) -> None:
    events.deliver(defined(RESIDENT, STREET))
    await define(newsroom, CARE, protected=True)
    await change(newsroom, CARE, [RESIDENT.user], [])
    of_care = {"places": [STREET], "groups": [CARE]}
    assert await count(newsroom, of_care, by=ADMINISTRATOR) == 1
    audience = {"any_of": [of_care]}
    for attempt in (
        count(newsroom, of_care),
        newsroom.draft(audience=audience),
        define(newsroom, CARE, protected=False),
    ):
        error = await refused(attempt)
        assert (error.code, error.reason) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")
    article = await newsroom.submitted(ADMINISTRATOR, audience=audience)
    assert list(article.audience.any_of[0].groups) == [CARE]
    error = await refused(newsroom.call(COMMANDER, "PublishArticle", name=article.name))
    assert error.reason == "PERMISSION_DENIED"
    await newsroom.call(ADMINISTRATOR, "PublishArticle", name=article.name)
    assert await newsroom.listed(RESIDENT) == [article.name]


async def test_readers_subscribe_to_columns_and_end_it(newsroom: Newsroom, events: Events) -> None:
    async def subscribe(column: str, subscribed: bool = True) -> list[str]:
        answer = await newsroom.call(RESIDENT, "SetSubscription", column=column, subscribed=subscribed)
        assert answer.subscribed == subscribed
        return list((await newsroom.call(RESIDENT, "ListSubscriptions")).columns)

    events.deliver(defined(RESIDENT))
    subscribed = {"places": [DISTRICT], "subscribed_columns": [NEWS]}
    assert await subscribe(NEWS) == await subscribe(NEWS) == [NEWS]
    assert await count(newsroom, subscribed) == 1
    newsroom.wait(timedelta(minutes=1))
    assert await subscribe(NEWS, False) == []
    assert await count(newsroom, subscribed) == 0
    assert await subscribe(NEWS) == [NEWS]
    assert await subscribe(SECTION, False) == [NEWS]
    for column in (ARCHIVED, SECTION, f"columns/{DISTRICT}-none"):
        assert (await refused(subscribe(column))).reason == "COLUMN_UNUSABLE"
    assert list((await newsroom.call(COMMANDER, "ListSubscriptions")).columns) == []


async def test_who_belonged_to_an_audience_keeps_the_article_and_who_comes_later_does_not_get_it(
    newsroom: Newsroom, events: Events
) -> None:
    neighbor = public("neighbor", DISTRICT)
    events.deliver(defined(RESIDENT, STREET), defined(neighbor, OTHER_STREET))
    newsroom.wait(timedelta(minutes=1))
    article = await newsroom.published(audience={"any_of": [{"places": [STREET]}]})
    newsroom.wait(timedelta(minutes=1))
    events.deliver(defined(RESIDENT, OTHER_STREET, version=2), defined(neighbor, STREET, version=2))
    assert await newsroom.listed(RESIDENT) == [article.name]
    assert await newsroom.listed(neighbor) == []


async def test_where_people_belonged_more_than_a_year_ago_is_forgotten_and_nothing_else_changes(
    newsroom: Newsroom, events: Events, engine: Engine
) -> None:
    def stored(table: str) -> list[tuple[object, ...]]:
        with engine.connect() as conn:
            return sorted(tuple(row) for row in conn.execute(text(f"SELECT * FROM {table}")))

    def forget() -> None:
        job = job_of(SERVICE, "forget where people belonged")
        assert run_job("notify", engine, job, newsroom.now)

    gone = public("gone", DISTRICT)
    events.deliver(defined(RESIDENT, STREET), defined(gone, STREET))
    newsroom.wait(timedelta(days=1))
    moved = defined(RESIDENT, OTHER_STREET, version=2)
    events.deliver(moved, defined(gone, STREET, version=2, state=DISABLED))
    await define(newsroom)
    await change(newsroom, GROUP, [RESIDENT.user, gone.user], [])
    newsroom.wait(timedelta(days=1))
    await change(newsroom, GROUP, [], [gone.user])
    before = stored("membership")
    forget()
    assert stored("membership") == before
    newsroom.wait(timedelta(days=366))
    forget()
    assert [row[:3] for row in stored("membership")] == [(DISTRICT, RESIDENT.user, OTHER_STREET)]
    assert [row[2] for row in stored("group_member")] == [RESIDENT.user]
    assert [(row[0], row[1], row[5]) for row in stored("person_version")] == [
        (gone.user, 2, ""),
        (RESIDENT.user, 2, OTHER_STREET),
    ]
    forget()
    assert await count(newsroom, {"places": [OTHER_STREET]}) == 1
