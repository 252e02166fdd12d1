"""What the tests do first: accounts, logins and their metadata."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from onegrid.common.v1.common_pb2 import AccountKind
from onegrid.identity.v1.resources_pb2 import User
from onegrid_kit.embedded.code_gateway import CodeGateway
from onegrid_kit.testing.api import Refused, Serving

__all__ = [
    "DISTRICT",
    "PASSWORD",
    "PHONE",
    "Identity",
    "Metadata",
    "a_clerk",
    "at_once",
    "bearer",
    "login",
    "posting_to",
    "refused",
    "with_code",
]

PASSWORD = "correct horse battery"
DISTRICT = "210602"
PHONE = "+8613912345678"
Metadata = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Identity(Serving):
    """identity's api, and the gateway that it posts one-time codes to."""

    codes: CodeGateway


def posting_to(codes: CodeGateway, path: str = "") -> dict[str, object]:
    """The settings with which identity posts its codes to the gateway."""
    return {"code_sender": "onegrid_identity.senders:WebhookSender", "code_webhook_url": codes.url + path}


def bearer(token: str) -> Metadata:
    return (("authorization", f"Bearer {token}"),)


async def login(identity: Serving, name: str = "admin", password: str = PASSWORD) -> Metadata:
    answer = await identity.call(None, "LoginWithPassword", login=name, password=password)
    return bearer(answer.session.access_token)


async def with_code(identity: Identity, phone: str = PHONE, code: str = "", district: str = DISTRICT) -> Any:
    """The session of a login with a one-time code, which is asked for unless it is given."""
    if not code:
        await identity.call(None, "RequestOneTimeCode", phone=phone)
        code = identity.codes.last_code(phone)
    return (await identity.call(None, "LoginWithOneTimeCode", phone=phone, code=code, district=district)).session


async def a_clerk(identity: Serving, admin: Metadata, name: str = "clerk", password: str = PASSWORD) -> User:
    answer = await identity.call_with(
        admin,
        "CreateUser",
        district=DISTRICT,
        kind=AccountKind.ACCOUNT_KIND_STAFF,
        display_name="王小明",
        login=name,
        password=password,
    )
    user: User = answer.user
    return user


async def refused(call: Any) -> Refused:
    with pytest.raises(Refused) as error:
        await call
    return error.value


async def at_once(*calls: Any) -> list[Any]:
    """What each of the calls came to: its answer, or the reason it was refused with."""
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    unexpected = [each for each in outcomes if isinstance(each, BaseException) and not isinstance(each, Refused)]
    assert not unexpected
    return [each.reason if isinstance(each, Refused) else each for each in outcomes]
