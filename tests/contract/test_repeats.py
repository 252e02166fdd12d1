"""A repeated request gets the first answer; another request with the same id is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from sqlalchemy import text

from onegrid.common.v1.common_pb2 import AccountKind, OaLevel, Point, Polygon
from onegrid.emergency.v1.resources_pb2 import IncidentKind
from onegrid.grid.v1 import grid_service_pb2 as grid_pb
from onegrid.grid.v1.resources_pb2 import Cell, Post
from onegrid.identity.v1 import identity_service_pb2 as identity_pb
from onegrid.identity.v1.resources_pb2 import User
from onegrid.notify.v1 import notify_service_pb2 as notify_pb
from onegrid.notify.v1.delivery_pb2 import Address, Channel, Preferences, QuietHours
from onegrid.notify.v1.resources_pb2 import Acknowledgement, AidKind, Column, Content, Group, Record, VisitOutcome
from onegrid.notify.v1.templates_pb2 import Wording
from onegrid.petition.v1 import petition_service_pb2 as pb
from onegrid.petition.v1.resources_pb2 import Kind, WorkItem
from onegrid_demo.loading import CELL, CENTRE, COMMUNITY
from onegrid_kit.testing.waiting import eventually

from . import border, cap_warnings, device_keys, drills, emergencies, party, plans, relief, rosters, rounds, sensors
from .acting import (
    COLUMN,
    DISTRICT,
    ELSEWHERE,
    PASSWORD,
    appointable,
    browser,
    concluded,
    delivery,
    dispatched,
    draft,
    drafted,
    endpoint,
    filed,
    in_review,
    log_in,
    published,
    request_id,
    staff,
    taken,
)
from .calling import METHODS, District

Prepared = tuple[str, Message]
"""Who calls, and with what."""
Prepare = Callable[[District], Prepared]


def new_user(_: District) -> Prepared:
    kind = AccountKind.ACCOUNT_KIND_CITIZEN
    return "admin", identity_pb.CreateUserRequest(
        district=DISTRICT, kind=kind, display_name="新居民", phone="+8613900000001"
    )


def own_password(district: District) -> Prepared:
    """With the old one, which is not the password any more when the call is repeated."""
    user, _ = staff(district)
    district.tokens["changing"] = log_in(district, user.login).access_token
    return "changing", identity_pb.SetPasswordRequest(
        name=user.name, old_password=PASSWORD, new_password="something else"
    )


def a_cell(code: str, east: float) -> grid_pb.NewCell:
    corners = [Point(longitude=east + x, latitude=10 + y) for x, y in ((0, 0), (0.001, 0), (0.001, 0.001), (0, 0.001))]
    return grid_pb.NewCell(code=code, display_name="新网格", boundary=Polygon(corners=corners))


def a_grant(district: District) -> Prepared:
    user, _ = staff(district)
    return "admin", identity_pb.GrantRoleRequest(user=user.name, role="roles/grid-worker", scope=CELL)


def a_grant_to_end(district: District) -> Prepared:
    user, _ = staff(district, ("roles/grid-worker", CELL))
    grants = district.do(identity_pb.ListGrantsRequest(user=user.name), "admin", identity_pb.ListGrantsResponse).grants
    name = next(grant.name for grant in grants if grant.scope == CELL)
    return "admin", identity_pb.RevokeRoleRequest(name=name)


def an_appointment(district: District) -> Prepared:
    user = appointable(district)
    return "admin", grid_pb.AppointWorkerRequest(cell=f"cells/{ELSEWHERE}", user=user.name, post=Post.POST_WORKER)


def an_appointment_to_end(district: District) -> Prepared:
    caller, request = an_appointment(district)
    appointment = district.do(request, caller, grid_pb.AppointWorkerResponse).appointment
    return "admin", grid_pb.EndAppointmentRequest(name=appointment.name)


def renamed_user(district: District) -> Prepared:
    user, _ = staff(district)
    mask = FieldMask(paths=["display_name"])
    changed = User(name=user.name, display_name="改名", etag=user.etag)
    return "admin", identity_pb.UpdateUserRequest(user=changed, update_mask=mask)


def renamed_cell(district: District) -> Prepared:
    found = district.do(grid_pb.GetCellRequest(name=f"cells/{CELL}"), "admin", grid_pb.GetCellResponse).cell
    changed = Cell(name=found.name, display_name="改名", etag=found.etag)
    return "admin", grid_pb.UpdateCellRequest(cell=changed, update_mask=FieldMask(paths=["display_name"]))


def renamed_department(district: District) -> Prepared:
    name = f"departments/{CENTRE}"
    found = district.do(identity_pb.GetDepartmentRequest(name=name), "admin", identity_pb.GetDepartmentResponse)
    return "admin", identity_pb.UpdateDepartmentRequest(name=name, display_name="改名", etag=found.department.etag)


def accepted(district: District) -> Prepared:
    petition = filed(district)
    return "commander", pb.AcceptPetitionRequest(name=petition.name, etag=petition.etag)


def declined(district: District) -> Prepared:
    petition = filed(district)
    return "commander", pb.DeclinePetitionRequest(name=petition.name, public_note="不属本区。", etag=petition.etag)


def given(district: District) -> Prepared:
    name = filed(district).name
    accept = pb.AcceptPetitionRequest(name=name)
    petition = district.do(accept, "commander", pb.AcceptPetitionResponse).petition
    return "commander", pb.DispatchPetitionRequest(name=name, work_item=f"workItems/{CENTRE}-001", etag=petition.etag)


def withdrawn(district: District) -> Prepared:
    petition = filed(district)
    return "citizen", pb.WithdrawPetitionRequest(name=petition.name, etag=petition.etag)


def closed(district: District) -> Prepared:
    petition = taken(district)
    return "commander", pb.ClosePetitionRequest(name=petition.name, public_note="督办。", etag=petition.etag)


def extended(district: District) -> Prepared:
    petition = taken(district)
    return "admin", pb.ExtendPetitionRequest(name=petition.name, public_note="案情复杂。", etag=petition.etag)


def escalated(district: District) -> Prepared:
    petition = filed(district)
    kind = IncidentKind.INCIDENT_KIND_ACCIDENT
    return "commander", pb.ReportEmergencyRequest(name=petition.name, incident_kind=kind, etag=petition.etag)


def rated(district: District) -> Prepared:
    petition = concluded(district)
    return "citizen", pb.RatePetitionRequest(name=petition.name, satisfied=False, stars=1, etag=petition.etag)


def verified(district: District) -> Prepared:
    petition = concluded(district)
    return "grid", pb.VerifyPetitionRequest(name=petition.name, solved=True, etag=petition.etag)


def took(district: District) -> Prepared:
    petition = dispatched(district)
    return "centre", pb.TakeTaskRequest(name=f"{petition.name}/tasks/1", etag=petition.etag)


def returned(district: District) -> Prepared:
    petition = dispatched(district)
    name = f"{petition.name}/tasks/1"
    return "centre", pb.ReturnTaskRequest(name=name, internal_note="不归我们。", etag=petition.etag)


def reported(district: District) -> Prepared:
    petition = taken(district)
    return "centre", pb.ReportTaskRequest(name=f"{petition.name}/tasks/1", public_note="在办。", etag=petition.etag)


def ended(district: District) -> Prepared:
    petition = taken(district)
    return "centre", pb.ConcludeTaskRequest(name=f"{petition.name}/tasks/1", public_note="已办。", etag=petition.etag)


def disabled(district: District) -> Prepared:
    user, _ = staff(district)
    return "admin", identity_pb.DisableUserRequest(name=user.name, etag=user.etag)


def enabled(district: District) -> Prepared:
    caller, request = disabled(district)
    user = district.do(request, caller, identity_pb.DisableUserResponse).user
    return "admin", identity_pb.EnableUserRequest(name=user.name, etag=user.etag)


def renamed_column(district: District) -> Prepared:
    column = Column(name=f"columns/{DISTRICT}-tests", display_name="栏目")
    found = district.do(notify_pb.DefineColumnRequest(column=column), "admin", notify_pb.DefineColumnResponse).column
    column.display_name = "改名"
    return "admin", notify_pb.DefineColumnRequest(column=column, etag=found.etag)


def renamed_group(district: District) -> Prepared:
    group = Group(name=f"groups/{DISTRICT}-tests", display_name="人群")
    found = district.do(notify_pb.DefineGroupRequest(group=group), "admin", notify_pb.DefineGroupResponse).group
    group.display_name = "改名"
    return "admin", notify_pb.DefineGroupRequest(group=group, etag=found.etag)


def reworded(district: District) -> Prepared:
    name = f"templates/{DISTRICT}-petition.TaskReturned-petitioner-zh"
    found = district.do(notify_pb.GetTemplateRequest(name=name), "admin", notify_pb.GetTemplateResponse).template
    wording = Wording(title=f"退回{found.version}", text="文", short_text="文")
    return "admin", notify_pb.PublishTemplateRequest(name=name, wording=wording, etag=found.etag)


def unworded(district: District) -> Prepared:
    _, request = reworded(district)
    found = district.do(request, "admin", notify_pb.PublishTemplateResponse).template
    return "admin", notify_pb.DeleteTemplateRequest(name=found.name, etag=found.etag)


def members(district: District) -> Prepared:
    renamed_group(district)
    user = district.accounts["grid"]["user"]
    return "admin", notify_pb.ChangeGroupMembersRequest(group=f"groups/{DISTRICT}-tests", added=[user])


def rewritten(district: District) -> Prepared:
    article = drafted(district)
    return "commander", notify_pb.UpdateArticleRequest(name=article.name, draft=draft(pinned=True), etag=article.etag)


def discarded(district: District) -> Prepared:
    article = drafted(district)
    return "commander", notify_pb.DeleteArticleRequest(name=article.name, etag=article.etag)


def submitted(district: District) -> Prepared:
    article = drafted(district)
    return "commander", notify_pb.SubmitArticleRequest(name=article.name, etag=article.etag)


def sent_back(district: District) -> Prepared:
    article = in_review(district)
    return "commander", notify_pb.ReturnArticleRequest(name=article.name, reason="请补充。", etag=article.etag)


def put_out(district: District) -> Prepared:
    article = in_review(district)
    return "commander", notify_pb.PublishArticleRequest(name=article.name, etag=article.etag)


def corrected(district: District) -> Prepared:
    article = published(district)
    content = Content(title="更正", body_html="<p>后日停水。</p>")
    return "commander", notify_pb.CorrectArticleRequest(
        name=article.name, content=content, correction_note="日期有误。", etag=article.etag
    )


def taken_back(district: District) -> Prepared:
    article = published(district)
    return "commander", notify_pb.WithdrawArticleRequest(name=article.name, reason="有误。", etag=article.etag)


def read(district: District) -> Prepared:
    """A message to the petitioner."""
    filed(district)

    def items() -> list[str]:
        answer = district.do(notify_pb.ListInboxItemsRequest(), "citizen", notify_pb.ListInboxItemsResponse)
        return [item.name for item in answer.items]

    eventually(lambda: bool(items()))
    return "citizen", notify_pb.AcknowledgeInboxItemsRequest(
        items=[notify_pb.AcknowledgedItem(name=items()[0])], acknowledgement=Acknowledgement.ACKNOWLEDGEMENT_READ
    )


def records(district: District) -> Prepared:
    column = Column(
        name=f"columns/{DISTRICT}-records",
        display_name="数据",
        parent=renamed_column(district)[1].column.name,
        owner=DISTRICT,  # type: ignore[attr-defined]
    )
    district.do(notify_pb.DefineColumnRequest(column=column), "admin", notify_pb.DefineColumnResponse)
    record = Record(source_id="a-1", title="招聘电工")
    record.source_time.GetCurrentTime()
    return "admin", notify_pb.PushRecordsRequest(column=column.name, records=[record])


def legal_aid(district: District) -> Prepared:
    """By somebody who has not asked for any yet: so many requests of one person can be open."""
    _, district.tokens["asking"] = staff(district, ("roles/petitioner", DISTRICT))
    return "asking", notify_pb.RequestAidRequest(kind=AidKind.AID_KIND_LEGAL_AID, text="拖欠工资。", place=CELL)


def added(district: District) -> Address:
    """A browser of the citizen's."""
    request = notify_pb.CreateAddressRequest(browser=browser(1))
    return district.do(request, "citizen", notify_pb.CreateAddressResponse).address


def stopped(district: District) -> Prepared:
    return "commander", notify_pb.StopDeliveryRequest(article=published(district).name)


def resumed(district: District) -> Prepared:
    article = published(district).name
    district.do(notify_pb.StopDeliveryRequest(article=article), "commander", notify_pb.StopDeliveryResponse)
    delivery(district, article, "STOPPED")
    return "commander", notify_pb.ResumeDeliveryRequest(article=article)


def sent_to_oneself(district: District) -> Prepared:
    """To a browser of the commander's."""
    request = notify_pb.CreateAddressRequest(browser=browser(2))
    district.do(request, "commander", notify_pb.CreateAddressResponse)
    return "commander", notify_pb.SendTestRequest(subject=drafted(district).name, channel=Channel.CHANNEL_WEB_PUSH)


def replayed(district: District) -> Prepared:
    name = delivery(district, published(district).name, "FAILED")
    return "commander", notify_pb.ReplayDeliveryRequest(name=name)


def settled(district: District) -> Prepared:
    name = delivery(district, published(district).name, "UNKNOWN")
    return "commander", notify_pb.SettleDeliveryRequest(name=name, delivered=True)


def another_code(district: District) -> Prepared:
    """For an address to which none was sent just now."""
    request = notify_pb.CreateAddressRequest(email="citizen2@example.cn")
    address = district.do(request, "citizen", notify_pb.CreateAddressResponse).address
    with district.engines["notify"].begin() as conn:
        conn.execute(text("UPDATE code_request SET last_time = NULL"))
    return "citizen", notify_pb.SendVerificationCodeRequest(name=address.name)


def preferred(district: District) -> Prepared:
    quiet = QuietHours(start="22:00", end="07:00")
    before = notify_pb.SetPreferencesRequest(preferences=Preferences(quiet_hours=quiet))
    found = district.do(before, "citizen", notify_pb.SetPreferencesResponse).preferences
    found.language = "en"
    return "citizen", notify_pb.SetPreferencesRequest(preferences=found, etag=found.etag)


def changed_endpoint(district: District) -> Prepared:
    request = endpoint("tests")
    found = district.do(request, "admin", notify_pb.DefineEndpointResponse).endpoint
    request.ClearField("url")
    request.etag, request.display_name = found.etag, "改名"
    return "admin", request


def deleted_endpoint(district: District) -> Prepared:
    found = district.do(endpoint("gone"), "admin", notify_pb.DefineEndpointResponse).endpoint
    return "admin", notify_pb.DeleteEndpointRequest(name=found.name)


def lifted(district: District) -> Prepared:
    request = notify_pb.SuppressAddressRequest(district=DISTRICT, phone="+8613900000002", note="停机")
    district.do(request, "admin", notify_pb.SuppressAddressResponse)
    return "admin", notify_pb.LiftSuppressionRequest(district=DISTRICT, phone=request.phone)


def visited(district: District) -> Prepared:
    """Somebody who is to confirm a notice, once that is written down."""
    article = published(district, push=True, must_confirm=True)
    listing = notify_pb.ListRecipientsRequest(article=article.name, place=DISTRICT)

    def recipients() -> list[str]:
        answer = district.do(listing, "commander", notify_pb.ListRecipientsResponse)
        return [] if answer.counting else [each.user for each in answer.recipients]

    eventually(lambda: bool(recipients()))
    return "commander", notify_pb.ConfirmRecipientRequest(
        article=article.name, user=recipients()[0], outcome=VisitOutcome.VISIT_OUTCOME_BY_PHONE
    )


PREPARE: Mapping[str, Prepare] = {
    **emergencies.PREPARE,
    **rosters.PREPARE,
    **sensors.PREPARE,
    **cap_warnings.PREPARE,
    **plans.PREPARE,
    **drills.PREPARE,
    **device_keys.PREPARE,
    **border.PREPARE,
    **party.PREPARE,
    **rounds.PREPARE,
    "CreateUser": new_user,
    "UpdateUser": renamed_user,
    "SetPassword": own_password,
    "DisableUser": disabled,
    "EnableUser": enabled,
    "CreateServiceAccount": lambda _: (
        "admin",
        identity_pb.CreateServiceAccountRequest(district=DISTRICT, display_name="12345 热线"),
    ),
    "CreateDepartment": lambda _: (
        "admin",
        identity_pb.CreateDepartmentRequest(code="210602D80", display_name="新局"),
    ),
    "UpdateDepartment": renamed_department,
    "CreateRole": lambda _: (
        "admin",
        identity_pb.CreateRoleRequest(
            district=DISTRICT,
            role_id="reader",
            display_name="读者",
            oa_level=OaLevel.OA_LEVEL_DISTRICT,
            permissions=["petition.petitions.get"],
        ),
    ),
    "GrantRole": a_grant,
    "RevokeRole": a_grant_to_end,
    "ImportDivisions": lambda _: (
        "admin",
        grid_pb.ImportDivisionsRequest(district=DISTRICT, csv="code,name,level\n210602098,新街道,street\n".encode()),
    ),
    "BatchCreateCells": lambda _: (
        "admin",
        grid_pb.BatchCreateCellsRequest(parent=COMMUNITY, cells=[a_cell(COMMUNITY + "901", 10)]),
    ),
    "UpdateCell": renamed_cell,
    "AppointWorker": an_appointment,
    "EndAppointment": an_appointment_to_end,
    "FilePetition": lambda _: (
        "citizen",
        pb.FilePetitionRequest(district=DISTRICT, kind=Kind.KIND_REPORT, text="井盖丢了。", place=CELL),
    ),
    "AcceptPetition": accepted,
    "DeclinePetition": declined,
    "DispatchPetition": given,
    "TakeTask": took,
    "ReturnTask": returned,
    "ReportTask": reported,
    "ConcludeTask": ended,
    "RatePetition": rated,
    "VerifyPetition": verified,
    "WithdrawPetition": withdrawn,
    "ExtendPetition": extended,
    "ReportEmergency": escalated,
    "ClosePetition": closed,
    "BatchCreateWorkItems": lambda _: (
        "admin",
        pb.BatchCreateWorkItemsRequest(
            district=DISTRICT,
            work_items=[
                WorkItem(
                    name=f"workItems/{CENTRE}-900", display_name="新事项", department=CENTRE, promised_working_days=3
                )
            ],
        ),
    ),
    "DefineColumn": renamed_column,
    "CreateArticle": lambda _: ("commander", notify_pb.CreateArticleRequest(owner=DISTRICT, draft=draft())),
    "UpdateArticle": rewritten,
    "DeleteArticle": discarded,
    "SubmitArticle": submitted,
    "ReturnArticle": sent_back,
    "PublishArticle": put_out,
    "CorrectArticle": corrected,
    "WithdrawArticle": taken_back,
    "DefineGroup": renamed_group,
    "ChangeGroupMembers": members,
    "PublishTemplate": reworded,
    "DeleteTemplate": unworded,
    "AcknowledgeInboxItems": read,
    "SetSubscription": lambda _: ("citizen", notify_pb.SetSubscriptionRequest(column=COLUMN, subscribed=True)),
    "PushRecords": records,
    "RequestAid": legal_aid,
    "CreateAddress": lambda _: ("citizen", notify_pb.CreateAddressRequest(email="citizen1@example.cn")),
    "SendVerificationCode": another_code,
    "VerifyAddress": lambda d: ("citizen", notify_pb.VerifyAddressRequest(name=added(d).name, code="000000")),
    "DeleteAddress": lambda d: ("citizen", notify_pb.DeleteAddressRequest(name=added(d).name)),
    "SetPreferences": preferred,
    "DefineEndpoint": changed_endpoint,
    "DeleteEndpoint": deleted_endpoint,
    "SuppressAddress": lambda _: (
        "admin",
        notify_pb.SuppressAddressRequest(district=DISTRICT, phone="+8613900000001", note="停机"),
    ),
    "LiftSuppression": lifted,
    "ConfirmRecipient": visited,
    "StopDelivery": stopped,
    "ResumeDelivery": resumed,
    "SendTest": sent_to_oneself,
    "ReplayDelivery": replayed,
    "SettleDelivery": settled,
    **relief.PREPARE,
}
# Something of each request that can be other without breaking its rules.
CHANGES: Mapping[str, Callable[[Message], None]] = {
    **emergencies.CHANGES,
    **rosters.CHANGES,
    **sensors.CHANGES,
    **cap_warnings.CHANGES,
    **plans.CHANGES,
    **drills.CHANGES,
    **device_keys.CHANGES,
    **border.CHANGES,
    **party.CHANGES,
    **rounds.CHANGES,
    "RevokeRole": lambda request: setattr(request, "name", request.name[:-8] + "00000000"),
    "EndAppointment": lambda request: setattr(request, "name", request.name[:-8] + "00000000"),
    "GrantRole": lambda request: setattr(request, "scope", ELSEWHERE),
    "AppointWorker": lambda request: setattr(request, "post", Post.POST_LEADER),
    "DispatchPetition": lambda request: setattr(request, "instruction", "快"),
    "ReportEmergency": lambda request: setattr(request, "internal_note", "别的"),
    "UpdateUser": lambda request: setattr(request.user, "display_name", "又改"),
    "UpdateCell": lambda request: setattr(request.cell, "display_name", "又改"),
    "SetPassword": lambda request: setattr(request, "new_password", "a third password"),
    "ImportDivisions": lambda request: setattr(request, "csv", request.csv + b"\n"),
    "BatchCreateCells": lambda request: setattr(request.cells[0], "display_name", "别的"),
    "BatchCreateWorkItems": lambda request: setattr(request.work_items[0], "display_name", "别的"),
    "FilePetition": lambda request: setattr(request, "text", "别的"),
    "RatePetition": lambda request: setattr(request, "stars", 2),
    "VerifyPetition": lambda request: setattr(request, "stars", 2),
    "ReturnTask": lambda request: setattr(request, "internal_note", "别的"),
    "DefineColumn": lambda request: setattr(request.column, "display_name", "别的"),
    "DefineGroup": lambda request: setattr(request.group, "display_name", "别的"),
    "CreateArticle": lambda request: setattr(request.draft, "pinned", True),
    "UpdateArticle": lambda request: setattr(request.draft, "pinned", False),
    "ReturnArticle": lambda request: setattr(request, "reason", "别的"),
    "CorrectArticle": lambda request: setattr(request, "correction_note", "别的"),
    "WithdrawArticle": lambda request: setattr(request, "reason", "别的"),
    "PublishTemplate": lambda request: setattr(request.wording, "title", "别的"),
    "DeleteTemplate": lambda request: setattr(request, "name", request.name[:-2] + "en"),
    "ChangeGroupMembers": lambda request: request.added.append("users/00000000"),
    "AcknowledgeInboxItems": lambda request: setattr(request, "acknowledgement", 1),
    "SetSubscription": lambda request: setattr(request, "subscribed", False),
    "PushRecords": lambda request: setattr(request.records[0], "title", "别的"),
    "RequestAid": lambda request: setattr(request, "text", "别的"),
    "CreateAddress": lambda request: setattr(request, "email", "else@example.cn"),
    "SendVerificationCode": lambda request: setattr(request, "name", request.name[:-8] + "00000000"),
    "VerifyAddress": lambda request: setattr(request, "code", "000001"),
    "DeleteAddress": lambda request: setattr(request, "name", request.name[:-8] + "00000000"),
    "SetPreferences": lambda request: setattr(request.preferences, "language", "zh"),
    "DeleteEndpoint": lambda request: setattr(request, "name", request.name + "x"),
    "SuppressAddress": lambda request: setattr(request, "note", "别的"),
    "LiftSuppression": lambda request: setattr(request, "phone", "+8613900000003"),
    "ConfirmRecipient": lambda request: setattr(request, "outcome", 3),
    "StopDelivery": lambda request: setattr(request, "article", request.article[:-8] + "00000000"),
    "ResumeDelivery": lambda request: setattr(request, "article", request.article[:-8] + "00000000"),
    "SendTest": lambda request: setattr(request, "channel", 2),
    "ReplayDelivery": lambda request: setattr(request, "name", request.name + "x"),
    "SettleDelivery": lambda request: setattr(request, "delivered", False),
    **relief.CHANGES,
}


def other_content(name: str, request: Message) -> Message:
    changed = type(request)()
    changed.CopyFrom(request)
    if name in CHANGES:
        CHANGES[name](changed)
    else:
        field = next(f for f in ("display_name", "public_note", "etag") if f in changed.DESCRIPTOR.fields_by_name)
        setattr(changed, field, "别的" if field != "etag" else "")
    assert changed != request
    return changed


def test_there_is_a_case_for_every_method_with_a_request_id() -> None:
    assert set(PREPARE) == {m.name for m in METHODS if "request_id" in m.input_type.fields_by_name}


@pytest.mark.parametrize("name", PREPARE)
def test_a_repeated_request_is_answered_as_the_first_one(name: str, district: District) -> None:
    caller, request = PREPARE[name](district)
    request.request_id = request_id()  # type: ignore[attr-defined]
    first = district.attempt(request, caller)
    assert first.ok, first

    def repeated() -> bool:
        again = district.attempt(request, caller)
        assert (again.ok, again.answer) == (True, first.answer), again

        other = district.attempt(other_content(name, request), caller)
        assert (other.code, other.reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")
        assert dict(other.info.metadata) == {"request_id": request.request_id}  # type: ignore[attr-defined]
        assert not first.answer or first.answer not in other.details

        # Request ids are the caller's own: another caller's request with the same id is a new one.
        stranger = district.attempt(request, "enterprise" if caller != "enterprise" else "citizen")
        assert stranger.reason != "REQUEST_ID_REUSED"
        return not stranger.ok

    assert_nothing_changes(district, repeated)


def assert_nothing_changes(district: District, attempt: Callable[[], bool]) -> None:
    """Once the attempt leaves everything as it was, or says that it may change something. What it does it does each
    time; what changes only now and then is a deadline that climbed meanwhile.
    """
    for _ in range(10):
        district.settle()
        before = district.content()
        leaves_all = attempt()
        district.settle()
        after = district.content()
        if not leaves_all or after == before:
            return
    assert after == before


def test_a_request_id_is_good_for_one_method(district: District) -> None:
    petition = filed(district)
    used = request_id()
    accept = pb.AcceptPetitionRequest(name=petition.name, public_note="x", request_id=used)
    decline = pb.DeclinePetitionRequest(name=petition.name, public_note="x", request_id=used)
    assert accept.SerializeToString() == decline.SerializeToString()
    assert district.attempt(accept, "commander").ok
    assert district.attempt(decline, "commander").reason == "REQUEST_ID_REUSED"


def test_a_refused_request_leaves_its_id_free(district: District) -> None:
    name, used = filed(district).name, request_id()
    dispatch = pb.DispatchPetitionRequest(name=name, lead=CENTRE, request_id=used)
    assert district.attempt(dispatch, "commander").reason == "WRONG_STATE"
    district.do(pb.AcceptPetitionRequest(name=name), "commander", pb.AcceptPetitionResponse)
    assert district.attempt(dispatch, "commander").ok


def at_once(district: District, request: Message, caller: str, times: int) -> set[bytes]:
    with ThreadPoolExecutor(times) as pool:
        outcomes = list(pool.map(lambda _: district.attempt(request, caller), range(times)))
    assert all(outcome.ok for outcome in outcomes), outcomes
    return {outcome.answer for outcome in outcomes}


def test_a_petition_that_is_filed_twenty_times_at_once_is_filed_once(district: District) -> None:
    before = district.count("petition", "petition"), district.count("petition", "timeline")
    request = pb.FilePetitionRequest(
        district=DISTRICT, kind=Kind.KIND_HELP, text="水管爆裂！", place=CELL, request_id=request_id()
    )
    answers = at_once(district, request, "citizen", 20)
    assert len(answers) == 1
    after = district.count("petition", "petition"), district.count("petition", "timeline")
    assert after == (before[0] + 1, before[1] + 1)


@pytest.mark.parametrize("name", ["AcceptPetition", "CreateUser", "AppointWorker", "SetPassword"])
def test_what_is_asked_ten_times_at_once_is_done_once(name: str, district: District) -> None:
    caller, request = PREPARE[name](district)
    if name == "CreateUser":
        request.phone = "+8613900000002"  # type: ignore[attr-defined]
    request.request_id = request_id()  # type: ignore[attr-defined]
    assert len(at_once(district, request, caller, 10)) == 1


STALE = [
    method.name
    for method in METHODS
    if "etag" in method.input_type.fields_by_name or method.name in ("UpdateUser", "UpdateCell")
]


@pytest.mark.parametrize("name", STALE)
def test_a_stale_etag_is_refused_and_changes_nothing(name: str, district: District) -> None:
    caller, request = PREPARE[name](district)
    holder = {"UpdateUser": "user", "UpdateCell": "cell"}.get(name)
    resource = getattr(request, holder) if holder else request
    inside = {
        "DefineColumn": "column",
        "DefineGroup": "group",
        "SetPreferences": "preferences",
        "DefineWarningSource": "source",
    }.get(name)
    named = getattr(request, inside) if inside else resource
    current = resource.etag
    assert current

    def stale() -> bool:
        for etag in ("0", "999", current + " ", " " + current, "x", "'", "W/" + current):
            resource.etag = etag
            outcome = district.attempt(request, caller)
            assert (outcome.code, outcome.reason) == (grpc.StatusCode.ABORTED, "STALE_ETAG")
            assert outcome.info.metadata["etag"] == current
            assert outcome.info.metadata["resource"] == named.name.split("/tasks/")[0]
        return True

    assert_nothing_changes(district, stale)
    resource.etag = current
    assert district.attempt(request, caller).ok
