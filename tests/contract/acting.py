"""What the tests do first to have something to do it with: petitions at some point of their life, users, grants."""

from __future__ import annotations

import itertools
import uuid
from datetime import UTC, datetime

from sqlalchemy import text

from onegrid.common.v1.common_pb2 import AccountKind
from onegrid.grid.v1 import grid_service_pb2 as grid_pb
from onegrid.grid.v1.resources_pb2 import Post
from onegrid.identity.v1 import identity_service_pb2 as identity_pb
from onegrid.identity.v1.resources_pb2 import User
from onegrid.notify.v1 import notify_service_pb2 as notify_pb
from onegrid.notify.v1.delivery_pb2 import Channel, WebPushSubscription
from onegrid.notify.v1.resources_pb2 import Article, Content
from onegrid.petition.v1 import petition_service_pb2 as pb
from onegrid.petition.v1.resources_pb2 import Kind, Petition
from onegrid_demo import district as demo
from onegrid_demo.loading import CELL, CENTRE
from onegrid_kit import sending
from onegrid_kit.sending import Sending
from onegrid_kit.testing.waiting import eventually

from .calling import District

__all__ = [
    "COLUMN",
    "DISTRICT",
    "ELSEWHERE",
    "OTHER_CENTRE",
    "PASSWORD",
    "appointable",
    "concluded",
    "delivery",
    "dispatched",
    "draft",
    "drafted",
    "filed",
    "in_review",
    "published",
    "request_id",
    "staff",
    "taken",
]

DISTRICT = demo.CODE
OTHER_CENTRE = "210602D08"
ELSEWHERE = next(cell.code for cell in demo.cells() if not cell.code.startswith("210602003"))
"""A cell of another street than the reference case's."""
COLUMN = f"columns/{DISTRICT}-service-notices"
"""A column of the demonstration's."""
PASSWORD = "correct horse battery"
_numbers = itertools.count(1)


def appointable(district: District) -> User:
    """A member of staff of whom grid has heard."""
    user, _ = staff(district)
    request = grid_pb.AppointWorkerRequest(cell=f"cells/{CELL}", user=user.name, post=Post.POST_WORKER)
    eventually(lambda: district.attempt(request, "admin").reason != "USER_UNKNOWN")
    query = grid_pb.ListAppointmentsRequest(parent=CELL, page_size=500)
    listed = district.do(query, "admin", grid_pb.ListAppointmentsResponse).appointments
    name = next(each.name for each in listed if each.user == user.name)
    district.do(grid_pb.EndAppointmentRequest(name=name), "admin", grid_pb.EndAppointmentResponse)
    return user


def request_id() -> str:
    return str(uuid.uuid4())


def filed(district: District, by: str = "citizen", place: str = CELL) -> Petition:
    request = pb.FilePetitionRequest(district=DISTRICT, kind=Kind.KIND_HELP, text="楼道灯不亮。", place=place)
    return district.do(request, by, pb.FilePetitionResponse).petition


def dispatched(district: District, by: str = "citizen", place: str = CELL, *offices: str) -> Petition:
    """Accepted, and given to these offices, the first one leading."""
    lead, *assistants = offices or (CENTRE,)
    name = filed(district, by, place).name
    district.do(pb.AcceptPetitionRequest(name=name), "commander", pb.AcceptPetitionResponse)
    request = pb.DispatchPetitionRequest(name=name, lead=lead, assistants=assistants)
    return district.do(request, "commander", pb.DispatchPetitionResponse).petition


def taken(district: District) -> Petition:
    """Being handled by the talent centre."""
    request = pb.TakeTaskRequest(name=f"{dispatched(district).name}/tasks/1")
    return district.do(request, "centre", pb.TakeTaskResponse).petition


def concluded(district: District) -> Petition:
    request = pb.ConcludeTaskRequest(name=f"{taken(district).name}/tasks/1", public_note="已修好。")
    return district.do(request, "centre", pb.ConcludeTaskResponse).petition


def draft(**fields: object) -> notify_pb.DraftArticle:
    """An article as an editor writes it."""
    content = Content(title="停水通知", body_html="<p>明日停水。</p>")
    return notify_pb.DraftArticle(column=COLUMN, content=content, **fields)


def endpoint(word: str, office: str = DISTRICT) -> notify_pb.DefineEndpointRequest:
    """A robot of an office."""
    return notify_pb.DefineEndpointRequest(
        name=f"endpoints/{office}-{word}",
        channel=Channel.CHANNEL_DINGTALK,
        display_name="值班群",
        topics=["petitions"],
        url="https://oapi.dingtalk.com/robot/send?access_token=1",
    )


def browser(number: int) -> WebPushSubscription:
    """What a browser gives an app to send messages to it by."""
    return WebPushSubscription(
        endpoint=f"https://push.example.com/{number}", p256dh=b"\x04" + bytes(64), auth=bytes(16)
    )


def drafted(district: District, **fields: object) -> Article:
    request = notify_pb.CreateArticleRequest(owner=DISTRICT, draft=draft(**fields))
    return district.do(request, "commander", notify_pb.CreateArticleResponse).article


def in_review(district: District, **fields: object) -> Article:
    request = notify_pb.SubmitArticleRequest(name=drafted(district, **fields).name)
    return district.do(request, "commander", notify_pb.SubmitArticleResponse).article


def published(district: District, **fields: object) -> Article:
    request = notify_pb.PublishArticleRequest(name=in_review(district, **fields).name)
    return district.do(request, "commander", notify_pb.PublishArticleResponse).article


def delivery(district: District, article: str, state: str, user: str = "users/00000000") -> str:
    """A delivery of the article that stands there, one of its own each time; its name."""
    id_ = f"{article.removeprefix('articles/')}/{user}/EMAIL/{next(_numbers)}"
    with district.engines["notify"].begin() as conn:
        mail = Sending(id=id_, channel="EMAIL", kind="article", district=DISTRICT, recipient=user, batch=article)
        sending.enqueue(conn, [mail], datetime.now(UTC))
        begin = text(
            """
            INSERT INTO attempt (sending, number, key, provider, deadline, outcome)
            VALUES (:id, 1, gen_random_uuid(), 'mail', now(), 'UNKNOWN')
            """
        )
        conn.execute(begin, {"id": id_})
        stand = text("UPDATE sending SET state = :state, attempts = 1, tries = 1, end_time = now() WHERE id = :id")
        conn.execute(stand, {"id": id_, "state": state})
    return f"deliveries/{id_.replace('/', '~')}"


def staff(district: District, *grants: tuple[str, str]) -> tuple[User, str]:
    """A new member of staff who holds these roles over these codes; and a token of theirs."""
    login = f"staff{next(_numbers)}"
    user = district.do(
        identity_pb.CreateUserRequest(
            district=DISTRICT,
            kind=AccountKind.ACCOUNT_KIND_STAFF,
            display_name="新来的",
            login=login,
            password=PASSWORD,
        ),
        "admin",
        identity_pb.CreateUserResponse,
    ).user
    for role, scope in grants:
        district.do(
            identity_pb.GrantRoleRequest(user=user.name, role=role, scope=scope),
            "admin",
            identity_pb.GrantRoleResponse,
        )
    return user, log_in(district, login).access_token


def log_in_again(district: District, *logins: str) -> None:
    """Callers who held a role for a while: with its end tokens of before are refused."""
    for login in logins:
        district.tokens[login] = log_in(district, login, district.accounts[login]["password"]).access_token


def log_in(district: District, login: str, password: str = PASSWORD) -> identity_pb.Session:  # type: ignore[name-defined]
    request = identity_pb.LoginWithPasswordRequest(login=login, password=password)
    return district.do(request, "", identity_pb.LoginWithPasswordResponse).session
