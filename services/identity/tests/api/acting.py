"""What the tests do first: accounts, logins and their metadata."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from onegrid.common.v1.common_pb2 import AccountKind
from onegrid.identity.v1.resources_pb2 import User
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.codes import KeptCodes

__all__ = ["DISTRICT", "PASSWORD", "PHONE", "Metadata", "a_clerk", "bearer", "login", "refused", "with_code"]

PASSWORD = "correct horse battery"
DISTRICT = "210602"
PHONE = "+8613912345678"
Metadata = Sequence[tuple[str, str]]


def bearer(token: str) -> Metadata:
    return (("authorization", f"Bearer {token}"),)


async def login(identity: Serving, name: str = "admin", password: str = PASSWORD) -> Metadata:
    answer = await identity.call(None, "LoginWithPassword", login=name, password=password)
    return bearer(answer.session.access_token)


async def with_code(identity: Serving, phone: str = PHONE, code: str = "", district: str = DISTRICT) -> Any:
    """The session of a login with a one-time code, which is asked for unless it is given."""
    if not code:
        await identity.call(None, "RequestOneTimeCode", phone=phone)
        code = KeptCodes.last[phone]
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
