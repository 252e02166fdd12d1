"""Loads the demonstration district as an administrator would: over gRPC, with nothing but the contracts."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import grpc
import grpc.aio

from onegrid.common.v1.common_pb2 import AccountKind, Point, Polygon
from onegrid.grid.v1 import grid_service_pb2 as grid_pb
from onegrid.grid.v1.resources_pb2 import Post
from onegrid.identity.v1 import identity_service_pb2 as identity_pb
from onegrid.petition.v1 import petition_service_pb2 as petition_pb
from onegrid.petition.v1.resources_pb2 import WorkItem
from onegrid_demo import district
from onegrid_demo.client import Client, Metadata

__all__ = ["CELL", "CENTRE", "load"]

T = TypeVar("T")

COMMUNITY = "210602003007"
CELL = "210602003007005"
"""The cell of the reference case."""
CENTRE = "210602D07"
"""The talent and social-security centre (人才和社会保障服务中心)."""

_STAFF = (
    ("commander", "指挥中心值班员", "commander", district.CODE),
    ("centre", "人社中心经办人", "department-clerk", CENTRE),
    ("street", "广济街道平台", "street-coordinator", "210602003"),
    ("community", "朝凤社区平台", "community-coordinator", COMMUNITY),
    ("grid", "网格员", "grid-worker", CELL),
)
_PUBLIC = (
    ("citizen", "居民", AccountKind.ACCOUNT_KIND_CITIZEN, "+8613800000001", ""),
    ("enterprise", "儿童中心", AccountKind.ACCOUNT_KIND_ENTERPRISE, "+8613800000002", "元宝区儿童中心"),
)


async def load(client: Client, admin_password: str) -> dict[str, Any]:
    """Enter divisions, departments, cells, work items and an account for each OA level and kind; who can log in."""
    admin = await client.staff("admin", admin_password)
    await client.grid.ImportDivisions(
        grid_pb.ImportDivisionsRequest(district=district.CODE, csv=district.divisions_csv()), metadata=admin
    )
    for department in district.DEPARTMENTS:
        await client.identity.CreateDepartment(
            identity_pb.CreateDepartmentRequest(code=department.code, display_name=department.name), metadata=admin
        )
    await client.grid.BatchCreateCells(
        grid_pb.BatchCreateCellsRequest(parent=district.CODE, cells=[_new_cell(cell) for cell in district.cells()]),
        metadata=admin,
        timeout=60,
    )
    # petition hears of departments, and identity of places, by events: both are a moment behind.
    await _until_known(
        lambda: client.petition.BatchCreateWorkItems(
            petition_pb.BatchCreateWorkItemsRequest(
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
            ),
            metadata=admin,
        )
    )
    accounts: dict[str, Any] = {"admin": {"login": "admin", "password": admin_password}}
    for login, name, role, scope in _STAFF:
        password = secrets.token_urlsafe(12)
        user = await _staff(client, admin, login, name, password)
        await _until_known(
            lambda user=user, role=role, scope=scope: client.identity.GrantRole(  # type: ignore[misc]
                identity_pb.GrantRoleRequest(user=user, role=f"roles/{role}", scope=scope), metadata=admin
            )
        )
        accounts[login] = {"login": login, "password": password, "user": user}
    for key, name, kind, phone, organization in _PUBLIC:
        answer = await client.identity.CreateUser(
            identity_pb.CreateUserRequest(
                district=district.CODE, kind=kind, display_name=name, phone=phone, organization=organization
            ),
            metadata=admin,
        )
        accounts[key] = {"phone": phone, "user": answer.user.name}
    service = await client.identity.CreateServiceAccount(
        identity_pb.CreateServiceAccountRequest(
            district=district.CODE, display_name="12345 热线", organization="丹东市"
        ),
        metadata=admin,
    )
    accounts["service"] = {"name": service.user.name, "secret": service.secret}
    await client.grid.AppointWorker(
        grid_pb.AppointWorkerRequest(cell=f"cells/{CELL}", user=accounts["grid"]["user"], post=Post.POST_WORKER),
        metadata=admin,
    )
    return accounts


async def _staff(client: Client, admin: Metadata, login: str, name: str, password: str) -> str:
    answer = await client.identity.CreateUser(
        identity_pb.CreateUserRequest(
            district=district.CODE,
            kind=AccountKind.ACCOUNT_KIND_STAFF,
            display_name=name,
            login=login,
            password=password,
        ),
        metadata=admin,
    )
    return answer.user.name


def _new_cell(cell: district.Cell) -> grid_pb.NewCell:
    corners = [Point(longitude=longitude, latitude=latitude) for longitude, latitude in cell.corners]
    return grid_pb.NewCell(code=cell.code, display_name=cell.name, boundary=Polygon(corners=corners))


async def _until_known(call: Callable[[], Awaitable[T]]) -> T:
    """Call until what it names has been heard of; 30 seconds at most."""
    for _ in range(150):
        try:
            return await call()
        except grpc.aio.AioRpcError as error:
            if error.code() not in (grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.INVALID_ARGUMENT):
                raise
        await asyncio.sleep(0.2)
    return await call()
