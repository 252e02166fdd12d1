"""Loads the demonstration district as an administrator would: over gRPC, with nothing but the contracts.

Every step may be repeated: a load that was cut short is begun again and finds what is there already.
"""

from __future__ import annotations

import asyncio
import secrets
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeVar

import grpc
import grpc.aio
from google.protobuf.field_mask_pb2 import FieldMask

from onegrid.common.v1.common_pb2 import AccountKind, Point, Polygon
from onegrid.grid.v1 import grid_service_pb2 as grid_pb
from onegrid.grid.v1.resources_pb2 import Post
from onegrid.identity.v1 import identity_service_pb2 as identity_pb
from onegrid.identity.v1.resources_pb2 import User
from onegrid.notify.v1 import notify_service_pb2 as notify_pb
from onegrid.notify.v1 import resources_pb2 as notify
from onegrid.petition.v1 import petition_service_pb2 as petition_pb
from onegrid.petition.v1.resources_pb2 import WorkItem
from onegrid_demo import content, district, refusals
from onegrid_demo.client import Client, Metadata
from onegrid_kit.clock import CHINA, SettableClock

__all__ = [
    "ACCOUNTS",
    "CELL",
    "CENTRE",
    "COMMUNITY",
    "PHONES",
    "SERVICES",
    "STREET",
    "load",
    "unless",
    "until",
    "until_available",
    "until_known",
]

T = TypeVar("T")

SERVICES = ("identity", "grid", "petition", "notify")
"""Whom the district is loaded into; the cases need no other."""
STREET = "210602003"
COMMUNITY = "210602003007"
CELL = "210602003007005"
"""The cell of the reference case."""
CENTRE = "210602D07"
"""The talent and social-security centre (人才和社会保障服务中心)."""

_STAFF = (
    ("commander", "指挥中心值班员", "commander", district.CODE),
    ("centre", "人社中心经办人", "department-clerk", CENTRE),
    ("street", "广济街道平台", "street-coordinator", STREET),
    ("community", "朝凤社区平台", "community-coordinator", COMMUNITY),
    ("grid", "网格员", "grid-worker", CELL),
)
_PUBLIC = (
    ("citizen", "居民", AccountKind.ACCOUNT_KIND_CITIZEN, "+8613800000001", ""),
    ("neighbour", "邻街居民", AccountKind.ACCOUNT_KIND_CITIZEN, "+8613800000003", ""),
    ("enterprise", "儿童中心", AccountKind.ACCOUNT_KIND_ENTERPRISE, "+8613800000002", "元宝区儿童中心"),
)
_HOMES: Final = {"citizen": COMMUNITY, "neighbour": "210602004001"}
"""Where the residents are at home: in the street, and in another one."""
PHONES: Final = tuple(phone for _, _, _, phone, _ in _PUBLIC)
"""The numbers of those who log in with one-time codes."""
ACCOUNTS: Final = frozenset({"admin", *(login for login, *_ in _STAFF), *(key for key, *_ in _PUBLIC)})
"""Whose accounts `load` returns, beside the service account when it is made."""
# The day before the reference case, so that people are there when it begins.
_FOUNDED: Final = datetime(2020, 11, 10, 9, 0, tzinfo=CHINA)


def drawn(_: str) -> str:
    """A new random password for any login."""
    return secrets.token_urlsafe(12)


async def load(
    client: Client,
    admin_password: str,
    password_for: Callable[[str], str] = drawn,
    *,
    admin_login: str = "admin",
    clock: SettableClock | None = None,
) -> dict[str, dict[str, str]]:
    """Enter divisions, departments, cells, work items and an account for each OA level and kind, on the day before
    the reference case if the services go by this clock; then columns and articles. Returns who can log in.

    Existing accounts get the password that `password_for` returns for their login, if it is another one.
    """
    if clock is not None:
        clock.set(_FOUNDED)
    accounts = await _load_district(client, admin_password, password_for, admin_login)
    if clock is not None:
        clock.reset()
    await _publish(client, await client.staff(admin_login, admin_password))
    return accounts


async def _load_district(
    client: Client, admin_password: str, password_for: Callable[[str], str], admin_login: str
) -> dict[str, dict[str, str]]:
    admin = await client.staff(admin_login, admin_password)
    await client.grid.ImportDivisions(
        grid_pb.ImportDivisionsRequest(district=district.CODE, csv=district.divisions_csv(), request_id=_new_id()),
        metadata=admin,
    )
    for department in district.DEPARTMENTS:
        await unless(
            "RESOURCE_EXISTS",
            client.identity.CreateDepartment(
                identity_pb.CreateDepartmentRequest(
                    code=department.code, display_name=department.name, request_id=_new_id()
                ),
                metadata=admin,
            ),
        )
    # All or none: where one is, all of them are.
    await unless(
        "RESOURCE_EXISTS",
        client.grid.BatchCreateCells(
            grid_pb.BatchCreateCellsRequest(
                parent=district.CODE, cells=[_new_cell(cell) for cell in district.cells()], request_id=_new_id()
            ),
            metadata=admin,
        ),
    )
    # petition hears of departments, and identity of places, by events: both are a moment behind.
    await until_known(lambda: client.petition.BatchCreateWorkItems(_work_items(), metadata=admin))
    accounts: dict[str, dict[str, str]] = {"admin": {"login": admin_login, "password": admin_password}}
    there = await _users(client, admin)
    for login, name, role, scope in _STAFF:
        password = password_for(login)
        user = await _staff(client, admin, there, login, name, password)
        grant = identity_pb.GrantRoleRequest(user=user, role=f"roles/{role}", scope=scope, request_id=_new_id())
        await until_known(lambda grant=grant: client.identity.GrantRole(grant, metadata=admin))  # type: ignore[misc]
        accounts[login] = {"login": login, "password": password, "user": user}
    for key, name, kind, phone, organization in _PUBLIC:
        accounts[key] = {"phone": phone, "user": await _member(client, admin, there, name, kind, phone, organization)}
    if not any(user.kind == AccountKind.ACCOUNT_KIND_SERVICE for user in there):
        service = await client.identity.CreateServiceAccount(
            identity_pb.CreateServiceAccountRequest(
                district=district.CODE, display_name="12345 热线", organization="丹东市", request_id=_new_id()
            ),
            metadata=admin,
        )
        accounts["service"] = {"name": service.user.name, "secret": service.secret}
    worker = grid_pb.AppointWorkerRequest(
        cell=f"cells/{CELL}", user=accounts["grid"]["user"], post=Post.POST_WORKER, request_id=_new_id()
    )
    # grid hears of users by events, a moment after they were made.
    await until_known(lambda: unless("POST_TAKEN", client.grid.AppointWorker(worker, metadata=admin)))
    at_home = {user.name: user.home for user in there}
    for key, home in _HOMES.items():
        if at_home.get(accounts[key]["user"]) != home:
            await _settle(client, accounts[key], home)
    return accounts


async def _settle(client: Client, account: Mapping[str, str], home: str) -> None:
    """Have a resident say where they are at home, which nobody else can."""
    metadata = await client.public(account["phone"], district.CODE)
    request = identity_pb.UpdateUserRequest(
        user=User(name=account["user"], home=home), update_mask=FieldMask(paths=["home"]), request_id=_new_id()
    )
    await client.identity.UpdateUser(request, metadata=metadata)


async def _publish(client: Client, admin: Metadata) -> None:
    """Define columns, and publish the articles that are not there."""
    for column in content.columns():
        await client.notify.DefineColumn(
            notify_pb.DefineColumnRequest(column=column.message(), request_id=_new_id()),
            metadata=admin,
        )
    there = await _articles(client, admin)
    for article in content.articles():
        found = there.get(article.title) or await _begin(client, admin, article)
        if found.state == notify.ARTICLE_STATE_DRAFT:
            submit = notify_pb.SubmitArticleRequest(name=found.name, request_id=_id_of("submit", article.title))
            found = (await client.notify.SubmitArticle(submit, metadata=admin)).article
        if found.state == notify.ARTICLE_STATE_IN_REVIEW:
            publish = notify_pb.PublishArticleRequest(name=found.name, request_id=_id_of("publish", article.title))
            await client.notify.PublishArticle(publish, metadata=admin)


async def _articles(client: Client, admin: Metadata) -> Mapping[str, notify.Article]:
    """The articles that are there, by title."""
    articles: list[notify.Article] = []
    token = ""
    while True:
        page = await client.notify.ListOwnedArticles(
            notify_pb.ListOwnedArticlesRequest(owner=district.CODE, page_size=500, page_token=token), metadata=admin
        )
        articles += page.articles
        token = page.next_page_token
        if not token:
            return {article.content.title: article for article in articles}


async def _begin(client: Client, admin: Metadata, article: content.Article) -> notify.Article:
    draft = notify_pb.DraftArticle(
        column=article.column,
        content=notify.Content(title=article.title, summary=article.summary, body_html=article.body_html),
        push=article.push,
    )
    request = notify_pb.CreateArticleRequest(
        owner=article.owner, draft=draft, request_id=_id_of("create", article.title)
    )
    # notify hears of departments by events.
    return (await until_known(lambda: client.notify.CreateArticle(request, metadata=admin))).article


async def until_known(call: Callable[[], Awaitable[T]]) -> T:
    """Retry until events have announced what the call names; five minutes at most."""
    for _ in range(1500):
        try:
            return await call()
        except grpc.aio.AioRpcError as error:
            if error.code() not in (grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.INVALID_ARGUMENT):
                raise
        await asyncio.sleep(0.2)
    return await call()


async def until_available(call: Callable[[], Awaitable[T]]) -> T:
    """Retry while nobody answers; five minutes at most. Only for what may be done again."""
    for _ in range(1500):
        try:
            return await call()
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
        await asyncio.sleep(0.2)
    return await call()


async def until(call: Callable[[], Awaitable[T]], done: Callable[[T], bool]) -> T:
    """Ask again until the answer is as wanted; five minutes at most. The answer."""
    for _ in range(1500):
        answer = await call()
        if done(answer):
            return answer
        await asyncio.sleep(0.2)
    return await call()


async def unless(reason: str, call: Awaitable[object]) -> None:
    """Accept the refusal whose reason means that an earlier run did it already."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        if refusals.info(error).reason != reason:
            raise


async def _users(client: Client, admin: Metadata) -> list[User]:
    """The accounts that are there."""
    users: list[User] = []
    token = ""
    while True:
        page = await client.identity.ListUsers(
            identity_pb.ListUsersRequest(district=district.CODE, page_size=500, page_token=token),
            metadata=(*admin, ("x-purpose-bin", "载入演示区数据".encode())),
        )
        users += page.users
        token = page.next_page_token
        if not token:
            return users


async def _staff(client: Client, admin: Metadata, there: Sequence[User], login: str, name: str, password: str) -> str:
    """A member of staff who can log in with the password; the account's name."""
    found = next((user.name for user in there if user.login == login), "")
    if found:
        try:
            await client.staff(login, password)
        except grpc.aio.AioRpcError as error:
            if refusals.info(error).reason != "CREDENTIALS_REJECTED":
                raise
            await client.identity.SetPassword(
                identity_pb.SetPasswordRequest(name=found, new_password=password, request_id=_new_id()), metadata=admin
            )
        return found
    answer = await client.identity.CreateUser(
        identity_pb.CreateUserRequest(
            district=district.CODE,
            kind=AccountKind.ACCOUNT_KIND_STAFF,
            display_name=name,
            login=login,
            password=password,
            request_id=_new_id(),
        ),
        metadata=admin,
    )
    return answer.user.name


async def _member(
    client: Client,
    admin: Metadata,
    there: Sequence[User],
    name: str,
    kind: AccountKind,
    phone: str,
    organization: str,
) -> str:
    """A resident or an enterprise; the account's name."""
    found = next((user.name for user in there if user.phone == phone), "")
    if found:
        return found
    answer = await client.identity.CreateUser(
        identity_pb.CreateUserRequest(
            district=district.CODE,
            kind=kind,
            display_name=name,
            phone=phone,
            organization=organization,
            request_id=_new_id(),
        ),
        metadata=admin,
    )
    return answer.user.name


def _work_items() -> petition_pb.BatchCreateWorkItemsRequest:
    return petition_pb.BatchCreateWorkItemsRequest(
        district=district.CODE,
        work_items=[
            WorkItem(
                name=item.name,
                display_name=item.display_name,
                department=item.department,
                promised_working_days=item.promised_working_days,
            )
            for item in district.work_items()
        ],
        request_id=_new_id(),
    )


def _new_cell(cell: district.Cell) -> grid_pb.NewCell:
    corners = [Point(longitude=longitude, latitude=latitude) for longitude, latitude in cell.corners]
    return grid_pb.NewCell(code=cell.code, display_name=cell.name, boundary=Polygon(corners=corners))


def _new_id() -> str:
    return str(uuid.uuid4())


def _id_of(*what: str) -> str:
    """The same each time, so that of two runs at the same moment one does it."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, " ".join(("onegrid demonstration", *what))))
