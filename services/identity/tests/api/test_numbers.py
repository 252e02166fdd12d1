"""One telephone number, however it is written, is one account."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy import Engine, text

from onegrid.common.v1.common_pb2 import AccountKind
from onegrid.identity.v1.resources_pb2 import User
from onegrid_identity import messages, store
from onegrid_identity.accounts import Account
from onegrid_identity.main import SERVICE
from onegrid_kit import ids
from onegrid_kit.cipher import Cipher
from onegrid_kit.clock import SettableClock
from onegrid_kit.embedded.code_gateway import CodeGateway
from onegrid_kit.testing.api import Refused, serving
from onegrid_kit.testing.waiting import eventually

from .acting import DISTRICT, Identity, bearer, login, posting_to

NORMAL, WITH_TRUNK_PREFIX = "+8613912345678", "+86013912345678"


async def log_in(identity: Identity, phone: str) -> Any:
    await identity.call(None, "RequestOneTimeCode", phone=phone)
    code = identity.codes.last_code(NORMAL)
    return (await identity.call(None, "LoginWithOneTimeCode", phone=phone, code=code, district=DISTRICT)).session


async def phone_of(identity: Identity, session: Any) -> str:
    metadata = bearer(session.access_token)
    return str((await identity.call_with(metadata, "GetCaller")).user.phone)


async def test_a_number_with_a_trunk_prefix_is_the_same_number(identity: Identity) -> None:
    first = await log_in(identity, NORMAL)
    second = await log_in(identity, WITH_TRUNK_PREFIX)
    assert second.user == first.user
    assert await phone_of(identity, second) == NORMAL
    await identity.call(None, "RequestOneTimeCode", phone=NORMAL)
    with pytest.raises(Refused) as refused:
        await identity.call(None, "RequestOneTimeCode", phone=WITH_TRUNK_PREFIX)
    assert refused.value.reason == "RATE_LIMITED"


async def test_an_administrator_can_not_enter_a_number_twice(identity: Identity) -> None:
    admin = await login(identity)
    kind = AccountKind.ACCOUNT_KIND_CITIZEN

    async def create(phone: str) -> User:
        fields = {"district": DISTRICT, "kind": kind, "display_name": "王小明", "phone": phone}
        user: User = (await identity.call_with(admin, "CreateUser", **fields)).user
        return user

    first, other = await create(WITH_TRUNK_PREFIX), await create("+8613912345679")
    assert first.phone == NORMAL
    with pytest.raises(Refused) as refused:
        await create(NORMAL)
    assert refused.value.reason == "LOGIN_TAKEN"
    changed = User(name=other.name, phone=WITH_TRUNK_PREFIX)
    with pytest.raises(Refused) as refused:
        await identity.call_with(admin, "UpdateUser", user=changed, update_mask=FieldMask(paths=["phone"]))
    assert refused.value.reason == "LOGIN_TAKEN"


def an_old_account(cipher: Cipher, clock: SettableClock, phone: str) -> Account:
    """As the first release entered it."""
    sealed, index = messages.seal_phone(phone, cipher)
    return Account(
        id=ids.new_id(),
        district=DISTRICT,
        kind=AccountKind.ACCOUNT_KIND_CITIZEN,
        sealed_name=messages.seal_name("王小明", cipher),
        sealed_phone=sealed,
        phone_index=index,
        phone_normalized=False,
        create_time=clock.now(),
        update_time=clock.now(),
    )


async def test_accounts_of_the_release_before_are_brought_to_the_one_form(
    database_url: str, engine: Engine, clock: SettableClock, codes: CodeGateway
) -> None:
    settings = {"clock": clock, **posting_to(codes)}
    async with serving(SERVICE, database_url, **settings) as identity:
        cipher = identity.runtime.cipher
    moved = an_old_account(cipher, clock, WITH_TRUNK_PREFIX)
    normal, doubled = (an_old_account(cipher, clock, phone) for phone in ("+8613900000001", "+86013900000001"))
    with engine.begin() as conn:
        for each in (moved, normal, doubled):
            store.insert_account(conn, each)

    def done() -> bool:
        with engine.connect() as conn:
            pending = text("SELECT count(*) FROM account WHERE phone_index IS NOT NULL AND NOT phone_normalized")
            return bool(conn.execute(pending).scalar_one() == 0)

    async with serving(SERVICE, database_url, **settings) as identity:
        await asyncio.to_thread(eventually, done)
        session = await log_in(Identity(**vars(identity), codes=codes), NORMAL)
        assert session.user == moved.name
        assert await phone_of(identity, session) == NORMAL
    with engine.connect() as conn:
        kept = {each.id: each for each in (store.find_account(conn, a.id) for a in (normal, doubled)) if each}
    # Only an administrator can decide which of two accounts stays.
    assert messages.open_phone(kept[normal.id], cipher) == "+8613900000001"
    assert messages.open_phone(kept[doubled.id], cipher) == "+86013900000001"
