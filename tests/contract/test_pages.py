"""Pages: together they hold each item once, none is larger than it may be, and tokens are good for their own query."""

from __future__ import annotations

import base64
from collections.abc import Mapping

import grpc
import pytest
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from onegrid.common.v1.common_pb2 import AccountKind
from onegrid.grid.v1 import grid_service_pb2 as grid_pb
from onegrid.grid.v1.resources_pb2 import DivisionLevel, Post
from onegrid.identity.v1 import identity_service_pb2 as identity_pb
from onegrid.notify.v1 import notify_service_pb2 as notify_pb
from onegrid.notify.v1.resources_pb2 import AidKind, Column, Content, Group, Record
from onegrid.notify.v1.templates_pb2 import Wording
from onegrid.petition.v1 import petition_service_pb2 as pb
from onegrid.petition.v1.resources_pb2 import State
from onegrid_demo.loading import CELL, CENTRE, COMMUNITY
from onegrid_kit.testing.waiting import HANG_S, eventually

from . import border, cap_warnings, device_keys, drills, emergencies, party, plans, relief, rosters, rounds, sensors
from .acting import COLUMN, DISTRICT, ELSEWHERE, appointable, delivery, dispatched, endpoint, filed, published, staff
from .calling import METHODS, OF_REQUEST, District, path

Query = Message


@pytest.fixture(scope="module")
def queries(district: District) -> Mapping[str, tuple[Query, Query]]:
    """For each list a query of several pages, and another query of the same method."""
    user, _ = staff(district, ("roles/grid-worker", CELL), ("roles/grid-worker", ELSEWHERE))
    worker = appointable(district)
    for post in (Post.POST_WORKER, Post.POST_LEADER):
        district.do(
            grid_pb.AppointWorkerRequest(cell=f"cells/{COMMUNITY}001", user=worker.name, post=post),
            "admin",
            grid_pb.AppointWorkerResponse,
        )
    petition = dispatched(district)
    for _ in range(3):
        filed(district)
    notices = [published(district, push=True, must_confirm=True) for _ in range(4)]
    content = Content(title="更正", body_html="<p>后日停水。</p>")
    for notice in (notices[0], notices[0], notices[0], notices[1]):
        correction = notify_pb.CorrectArticleRequest(name=notice.name, content=content, correction_note="更正")
        district.do(correction, "commander", notify_pb.CorrectArticleResponse)
    records = Column(name=f"columns/{DISTRICT}-pages", display_name="数据", parent=COLUMN, owner=DISTRICT)
    district.do(notify_pb.DefineColumnRequest(column=records), "admin", notify_pb.DefineColumnResponse)
    pushed = [Record(source_id=f"record-{number}", title="招聘电工") for number in range(4)]
    for number, record in enumerate(pushed):
        record.source_time.FromSeconds(1_600_000_000 + number)
    push = notify_pb.PushRecordsRequest(column=records.name, records=pushed)
    district.do(push, "admin", notify_pb.PushRecordsResponse)
    for number in range(3):
        group = Group(name=f"groups/{DISTRICT}-pages{number}", display_name="人群")
        district.do(notify_pb.DefineGroupRequest(group=group), "admin", notify_pb.DefineGroupResponse)
    aid = notify_pb.RequestAidRequest(kind=AidKind.AID_KIND_LEGAL_AID, text="拖欠工资。", place=COMMUNITY)
    for _ in range(3):
        # Refused if there are as many already as somebody may have.
        district.attempt(aid, "admin")
    admin = district.do(identity_pb.GetCallerRequest(), "admin", identity_pb.GetCallerResponse).user.name
    for number in range(4):
        robot = endpoint(f"robot{number}", CENTRE if number else DISTRICT)
        district.do(robot, "admin", notify_pb.DefineEndpointResponse)
        suppress = notify_pb.SuppressAddressRequest(
            district=DISTRICT, email=f"nobody{number}@example.cn", note="停用的信箱，所有人都知道"
        )
        district.do(suppress, "admin", notify_pb.SuppressAddressResponse)
    for state in ("ACCEPTED", "FAILED", "UNKNOWN", "FAILED"):
        delivery(district, notices[0].name, state)
    recipients = notify_pb.ListRecipientsRequest(article=notices[0].name, place=DISTRICT)
    eventually(lambda: not district.do(recipients, "admin", notify_pb.ListRecipientsResponse).counting)
    templates = [f"templates/{DISTRICT}-petition.{event}-petitioner-en" for event in ("TaskTaken", "TaskReported")]
    for number in range(4):
        wording = Wording(title=f"标题{number}", text="文", short_text="文")
        publish = notify_pb.PublishTemplateRequest(name=templates[0], wording=wording)
        district.do(publish, "commander", notify_pb.PublishTemplateResponse)
    return {
        **emergencies.lists(district),
        **rosters.lists(district),
        **relief.lists(district),
        **sensors.lists(district),
        **cap_warnings.lists(district),
        **plans.lists(district),
        **drills.lists(district),
        **device_keys.lists(district),
        **border.lists(district),
        **party.lists(district),
        **rounds.lists(district),
        "ListTemplates": (
            notify_pb.ListTemplatesRequest(district=DISTRICT),
            notify_pb.ListTemplatesRequest(district=DISTRICT),
        ),
        "ListTemplateVersions": (
            notify_pb.ListTemplateVersionsRequest(name=templates[0]),
            notify_pb.ListTemplateVersionsRequest(name=templates[1]),
        ),
        "ListArticles": (
            notify_pb.ListArticlesRequest(column=COLUMN),
            notify_pb.ListArticlesRequest(column=records.name),
        ),
        "ListOwnedArticles": (
            notify_pb.ListOwnedArticlesRequest(owner=DISTRICT),
            notify_pb.ListOwnedArticlesRequest(owner=CENTRE),
        ),
        "ListArticleVersions": (
            notify_pb.ListArticleVersionsRequest(article=notices[0].name),
            notify_pb.ListArticleVersionsRequest(article=notices[1].name),
        ),
        "ListRecords": (
            notify_pb.ListRecordsRequest(column=records.name),
            notify_pb.ListRecordsRequest(column=COLUMN),
        ),
        "ListEndpoints": (
            notify_pb.ListEndpointsRequest(office=DISTRICT),
            notify_pb.ListEndpointsRequest(office=CENTRE),
        ),
        "ListSuppressions": (
            notify_pb.ListSuppressionsRequest(district=DISTRICT),
            notify_pb.ListSuppressionsRequest(district=DISTRICT, email="nobody1@example.cn"),
        ),
        "ListDeliveries": (
            notify_pb.ListDeliveriesRequest(parent=DISTRICT, article=notices[0].name),
            notify_pb.ListDeliveriesRequest(parent=DISTRICT),
        ),
        "ListGroups": (notify_pb.ListGroupsRequest(district=DISTRICT), notify_pb.ListGroupsRequest(district=DISTRICT)),
        "ListInboxItems": (notify_pb.ListInboxItemsRequest(), notify_pb.ListInboxItemsRequest(unread_only=True)),
        "ListRecipients": (
            recipients,
            notify_pb.ListRecipientsRequest(article=notices[1].name, place=DISTRICT),
        ),
        "ListAidRequests": (notify_pb.ListAidRequestsRequest(user=admin), notify_pb.ListAidRequestsRequest(user=admin)),
        "ListUsers": (
            identity_pb.ListUsersRequest(district=DISTRICT),
            identity_pb.ListUsersRequest(district=DISTRICT, kind=AccountKind.ACCOUNT_KIND_STAFF),
        ),
        "ListDepartments": (
            identity_pb.ListDepartmentsRequest(district=DISTRICT),
            identity_pb.ListDepartmentsRequest(district="210603"),
        ),
        "ListRoles": (identity_pb.ListRolesRequest(), identity_pb.ListRolesRequest()),
        "ListGrants": (
            identity_pb.ListGrantsRequest(user=user.name),
            identity_pb.ListGrantsRequest(user=district.accounts["grid"]["user"]),
        ),
        "ListDivisions": (
            grid_pb.ListDivisionsRequest(parent=DISTRICT),
            grid_pb.ListDivisionsRequest(parent=DISTRICT, level=DivisionLevel.DIVISION_LEVEL_COMMUNITY),
        ),
        "ListCells": (grid_pb.ListCellsRequest(parent=COMMUNITY), grid_pb.ListCellsRequest(parent=DISTRICT)),
        "ListAppointments": (
            grid_pb.ListAppointmentsRequest(parent=DISTRICT),
            grid_pb.ListAppointmentsRequest(parent=DISTRICT, show_ended=True),
        ),
        "ListPetitions": (
            pb.ListPetitionsRequest(district=DISTRICT, place=COMMUNITY),
            pb.ListPetitionsRequest(district=DISTRICT, place=COMMUNITY, states=[State.STATE_FILED]),
        ),
        "GetPublicTimeline": (
            pb.GetPublicTimelineRequest(name=petition.name),
            pb.GetPublicTimelineRequest(name=filed(district).name),
        ),
        "ListTimeline": (
            pb.ListTimelineRequest(petition=petition.name),
            pb.ListTimelineRequest(petition=filed(district).name),
        ),
        "ListWorkItems": (
            pb.ListWorkItemsRequest(district=DISTRICT),
            pb.ListWorkItemsRequest(district=DISTRICT, department=CENTRE),
        ),
    }


LISTS = [method.name for method in METHODS if "page_token" in method.input_type.fields_by_name]
COMPLETE = {"ListSigningKeys", "ListColumns", "ListSubscriptions", "ListAddresses"}
"""Read at once: the keys of RFC 7517, which are two or three, and columns and addresses, which are few."""
each_list = pytest.mark.parametrize("name", LISTS)


def page(district: District, query: Query, size: int, token: str = "") -> tuple[list[Message], str]:
    asked = type(query)()
    asked.CopyFrom(query)
    asked.page_size, asked.page_token = size, token  # type: ignore[attr-defined]
    answer = district.do(asked, "admin", GetMessageClass(OF_REQUEST[query.DESCRIPTOR.full_name].output_type))
    return list(getattr(answer, items_of(answer))), answer.next_page_token  # type: ignore[attr-defined]


def items_of(answer: Message) -> str:
    return next(field.name for field in answer.DESCRIPTOR.fields if field.is_repeated)


def test_every_list_is_paged() -> None:
    for method in METHODS:
        fields = {*method.input_type.fields_by_name, *method.output_type.fields_by_name}
        paged = {"page_size", "page_token", "next_page_token"} & fields
        if method.name.startswith("List") and method.name not in COMPLETE:
            assert len(paged) == 3, method.full_name
        assert len(paged) in (0, 3), method.full_name


@each_list
def test_a_page_ends_by_its_bytes(name: str, district: District, queries: Mapping[str, tuple[Query, Query]]) -> None:
    query, _ = queries[name]
    method = OF_REQUEST[query.DESCRIPTOR.full_name]
    call = district.small_pages_channel.unary_unary(path(method))
    metadata = (("authorization", f"Bearer {district.tokens['admin']}"),)
    asked = type(query)()
    asked.CopyFrom(query)
    asked.page_size = 500  # type: ignore[attr-defined]
    found: list[Message] = []
    pages = 0
    while pages == 0 or asked.page_token:  # type: ignore[attr-defined]
        answer = GetMessageClass(method.output_type).FromString(
            call(asked.SerializeToString(), metadata=metadata, timeout=HANG_S)
        )
        items = list(getattr(answer, items_of(answer)))
        assert len(items) == 1 or sum(item.ByteSize() for item in items) <= 100
        found += items
        pages += 1
        asked.page_token = answer.next_page_token  # type: ignore[attr-defined]
    assert pages > 1, "the list is too short to show anything"
    assert found == page(district, query, 500)[0]


@each_list
def test_pages_together_hold_every_item(
    name: str, district: District, queries: Mapping[str, tuple[Query, Query]]
) -> None:
    query, _ = queries[name]
    listed, token = page(district, query, 500)
    assert not token
    assert len(listed) > 2
    for size in (1, 2, len(listed) - 1, len(listed)) if len(listed) < 20 else (7, len(listed) - 1, len(listed)):
        found: list[Message] = []
        while True:
            some, token = page(district, query, size, token)
            assert len(some) == size or not token
            found += some
            if not token:
                break
        assert found == listed


@each_list
def test_no_page_is_longer_than_fifty_unless_it_is_asked_to_be(
    name: str, district: District, queries: Mapping[str, tuple[Query, Query]]
) -> None:
    for query in queries[name]:
        some, token = page(district, query, 0)
        assert len(some) <= 50
        assert bool(token) == (len(page(district, query, 51)[0]) == 51)


def assert_no_token(district: District, query: Query, token: str, field: str = "page_token") -> None:
    asked = type(query)()
    asked.CopyFrom(query)
    setattr(asked, field, token)
    outcome = district.attempt(asked, "admin")
    assert (outcome.code, outcome.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_TOKEN"), (token, outcome)
    assert dict(outcome.info.metadata) == {"field": field}


def spoiled(token: str) -> set[str]:
    """The token with each letter changed, cut, prolonged, or forged."""
    others = ("A", "=", "!", "区")
    changed = set()
    for index, letter in enumerate(token):
        other = others[index % 4] if others[index % 4] != letter else "B"
        changed.add(token[:index] + other + token[index + 1 :])
    forged = base64.urlsafe_b64encode(bytes(16) + b'["210602"]').decode().rstrip("=")
    return changed | {
        token[:-1],
        token[1:],
        token + "A",
        token + "!",
        token + "=",
        " " + token,
        "x",
        "A" * 1024,
        forged,
    }


@each_list
def test_a_page_token_is_good_for_its_own_query_alone(
    name: str, district: District, queries: Mapping[str, tuple[Query, Query]]
) -> None:
    query, another = queries[name]
    _, token = page(district, query, 1)
    assert token
    assert page(district, query, 2, token)[0], "another size is no other query"
    if another != query:
        assert_no_token(district, another, token)
    for other in LISTS:
        if other != name:
            assert_no_token(district, queries[other][0], token)
    for bad in spoiled(token):
        assert_no_token(district, query, bad)


def test_a_resume_token_is_good_for_its_own_petition_alone(district: District) -> None:
    petition, other = dispatched(district), filed(district)
    method = next(m for m in METHODS if m.name == "WatchPetition")
    watch = pb.WatchPetitionRequest(name=petition.name)

    def first(token: str = "") -> pb.WatchPetitionResponse:
        watch.resume_token = token
        return district.do(watch, "citizen", pb.WatchPetitionResponse)

    steps = [first()]
    for _ in range(2):
        steps.append(first(steps[-1].resume_token))
    assert [step.entry.sequence for step in steps] == [1, 2, 3]
    token = steps[0].resume_token
    for bad in spoiled(token):
        assert_no_token(district, pb.WatchPetitionRequest(name=petition.name), bad, "resume_token")
    assert_no_token(district, pb.WatchPetitionRequest(name=other.name), token, "resume_token")
    assert_no_token(district, pb.ListTimelineRequest(petition=petition.name), token)
    assert method.server_streaming
