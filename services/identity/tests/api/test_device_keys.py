"""The keys of devices: how a device gets one, and what becomes of it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, text

from onegrid.identity.v1.devices_pb2 import DeviceKey, DeviceKeyAction, DeviceKeyState
from onegrid.identity.v1.error_reason_pb2 import WrongState
from onegrid.identity.v1.events_pb2 import DeviceKeyDefined
from onegrid_identity import current, jobs
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.events import announced_as, forget_announced
from onegrid_kit.timestamps import timestamp

from .acting import DISTRICT, Identity, Metadata, a_clerk, at_once, bearer, login, refused, with_code

STREET, COMMUNITY, CELL = "210602003", "210602003007", "210602003007005"
DEPARTMENT = "210602D07"
START = datetime(2020, 11, 11, 6, 36, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACTIVE, LOST, REVOKED = (state for state in DeviceKeyState.values() if state)
REPORT_LOST, REPORT_FOUND, REVOKE = (action for action in DeviceKeyAction.values() if action)
UNKNOWN = "0192f0c1-7a3e-7b1c-9d2e-5f60718293a4"
NO_ENROLMENT, NO_KEY = f"deviceEnrolments/{UNKNOWN}", f"deviceKeys/{UNKNOWN}"


@dataclass(frozen=True)
class Phone:
    """A device in somebody's hand, with the enrolment that it was shown."""

    private: Ed25519PrivateKey
    enrolment: str
    code: str

    @property
    def public(self) -> bytes:
        return self.private.public_key().public_bytes_raw()

    @property
    def wrong_code(self) -> str:
        return "000000" if self.code != "000000" else "000001"

    def says(self) -> Mapping[str, Any]:
        """The request that the contract describes, made by hand."""
        signed = b"onegrid.identity.v1.EnrolDevice\0" + self.enrolment.encode() + b"\0" + self.public
        return {
            "enrolment": self.enrolment,
            "code": self.code,
            "public_key": self.public,
            "proof": self.private.sign(signed),
        }


async def a_phone(identity: Serving, who: Metadata, place: str = COMMUNITY, name: str = "江桥哨 2 号手机") -> Phone:
    answer = await identity.call_with(who, "CreateDeviceEnrolment", place=place, display_name=name)
    return Phone(Ed25519PrivateKey.generate(), answer.enrolment.name, answer.code)


async def enrol(identity: Serving, who: Metadata, phone: Phone, **changes: Any) -> DeviceKey:
    key: DeviceKey = (await identity.call_with(who, "EnrolDevice", **(dict(phone.says()) | changes))).device_key
    return key


async def a_key(identity: Serving, who: Metadata, place: str = COMMUNITY) -> DeviceKey:
    return await enrol(identity, who, await a_phone(identity, who, place))


async def do(identity: Serving, who: Metadata, method: str, key: DeviceKey, **fields: Any) -> DeviceKey:
    changed: DeviceKey = (await identity.call_with(who, method, name=key.name, **fields)).device_key
    return changed


async def holder(identity: Serving, name: str, role: str, scope: str) -> Metadata:
    """A member of staff who holds the role over the place."""
    admin = await login(identity)
    user = await a_clerk(identity, admin, name)
    await identity.call_with(admin, "GrantRole", user=user.name, role=f"roles/{role}", scope=scope)
    return await login(identity, name)


def stored(engine: Engine, table: str) -> str:
    with engine.connect() as conn:
        return " ".join(conn.execute(text(f"SELECT t::text FROM {table} AS t")).scalars())


# Enrolment


async def test_a_device_is_enrolled_with_a_code_and_its_key_is_announced(identity: Serving, engine: Engine) -> None:
    admin = await login(identity)
    answer = await identity.call_with(admin, "CreateDeviceEnrolment", place=COMMUNITY, display_name="江桥哨 2 号手机")
    made = answer.enrolment
    assert (made.place, made.display_name) == (COMMUNITY, "江桥哨 2 号手机")
    assert made.expire_time == timestamp(START + timedelta(minutes=15))
    phone = Phone(Ed25519PrivateKey.generate(), made.name, answer.code)
    key = await enrol(identity, admin, phone)
    assert (key.place, key.display_name, key.public_key) == (COMMUNITY, "江桥哨 2 号手机", phone.public)
    assert (key.state, key.create_time, key.update_time) == (ACTIVE, timestamp(START), timestamp(START))
    assert {field.name for field, _ in key.ListFields()}.isdisjoint({"lost_time", "revoke_time", "revoke_reason"})
    assert str(uuid.UUID(key.name.removeprefix("deviceKeys/"))) == key.name.removeprefix("deviceKeys/")
    assert (await identity.call_with(admin, "GetDeviceKey", name=key.name)).device_key == key
    assert announced_as(engine, DeviceKeyDefined, key.name) == [
        DeviceKeyDefined(
            device_key=key.name,
            place=COMMUNITY,
            public_key=phone.public,
            state=ACTIVE,
            version=1,
            update_time=timestamp(START),
        )
    ]


async def test_whoever_holds_the_device_enrols_it_and_is_not_kept_with_its_key(
    identity: Identity, engine: Engine
) -> None:
    phone = await a_phone(identity, await login(identity))
    resident = await with_code(identity)
    key = await enrol(identity, bearer(resident.access_token), phone)
    person = resident.user.removeprefix("users/")
    assert person not in stored(engine, "device_key") + stored(engine, "device_enrolment")
    assert person not in str(announced_as(engine, DeviceKeyDefined, key.name))
    assert person in stored(engine, "audit_entry")


async def test_a_code_is_not_stored(identity: Serving, engine: Engine) -> None:
    phone = await a_phone(identity, await login(identity))
    assert phone.code not in stored(engine, "device_enrolment").replace(phone.enrolment, "")


async def test_a_department_keeps_devices_too(identity: Serving) -> None:
    admin = await login(identity)
    error = await refused(a_phone(identity, admin, DEPARTMENT))
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "SCOPE_UNKNOWN")
    await identity.call_with(admin, "CreateDepartment", code=DEPARTMENT, display_name="边防大队")
    assert (await a_key(identity, admin, DEPARTMENT)).place == DEPARTMENT


async def test_a_place_that_nobody_knows_keeps_no_device(identity: Serving) -> None:
    error = await refused(a_phone(identity, await login(identity), "210602999"))
    assert (error.reason, error.metadata) == ("SCOPE_UNKNOWN", {"scope": "210602999"})


async def wrong_code(identity: Serving, phone: Phone, clock: SettableClock) -> Phone:
    return replace(phone, code=phone.wrong_code)


async def no_enrolment(identity: Serving, phone: Phone, clock: SettableClock) -> Phone:
    return replace(phone, enrolment=NO_ENROLMENT)


async def code_of_another(identity: Serving, phone: Phone, clock: SettableClock) -> Phone:
    other = await a_phone(identity, await login(identity))
    while other.code == phone.code:
        other = await a_phone(identity, await login(identity))
    return replace(phone, code=other.code)


async def used(identity: Serving, phone: Phone, clock: SettableClock) -> Phone:
    await enrol(identity, await login(identity), phone)
    return replace(phone, private=Ed25519PrivateKey.generate())


async def expired(identity: Serving, phone: Phone, clock: SettableClock) -> Phone:
    clock.set(START + timedelta(minutes=15))
    return phone


async def guessed(identity: Serving, phone: Phone, clock: SettableClock) -> Phone:
    admin = await login(identity)
    for _ in range(5):
        await refused(enrol(identity, admin, phone, code=phone.wrong_code))
    return phone


@pytest.mark.parametrize(
    "spoil", [wrong_code, no_enrolment, code_of_another, used, expired, guessed], ids=lambda spoil: spoil.__name__
)
async def test_the_answer_does_not_reveal_what_is_wrong_with_an_enrolment(
    spoil: Any, identity: Serving, clock: SettableClock, engine: Engine
) -> None:
    bad = await spoil(identity, await a_phone(identity, await login(identity)), clock)
    forget_announced(engine)
    error = await refused(enrol(identity, await login(identity), bad))
    assert (error.code, error.reason, error.metadata) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "ENROLMENT_REJECTED",
        {},
    )
    assert str(error) == "this enrolment and code are not accepted; have another enrolment made"
    assert not announced_as(engine, DeviceKeyDefined)


async def test_four_wrong_codes_leave_an_enrolment_good(identity: Serving, clock: SettableClock) -> None:
    admin = await login(identity)
    phone = await a_phone(identity, admin)
    for _ in range(4):
        assert (await refused(enrol(identity, admin, phone, code=phone.wrong_code))).reason == "ENROLMENT_REJECTED"
    clock.set(START + timedelta(minutes=14, seconds=59))
    assert (await enrol(identity, await login(identity), phone)).state == ACTIVE


async def test_a_repeated_request_gets_the_same_code_and_the_same_key(
    identity: Serving, clock: SettableClock, engine: Engine
) -> None:
    admin = await login(identity)
    fields = {"place": COMMUNITY, "display_name": "手机", "request_id": str(uuid.uuid4())}
    first, again = [await identity.call_with(admin, "CreateDeviceEnrolment", **fields) for _ in range(2)]
    assert first == again
    phone = Phone(Ed25519PrivateKey.generate(), first.enrolment.name, first.code)
    used_id = str(uuid.uuid4())
    key = await enrol(identity, admin, phone, request_id=used_id)
    assert await enrol(identity, admin, phone, request_id=used_id) == key
    clock.set(START + HOUR)
    (forget,) = (job for job in jobs.JOBS if job.name == "forget expired sessions")
    with engine.begin() as conn:
        forget.run(conn, clock.now())
    assert not stored(engine, "device_enrolment")
    assert await enrol(identity, await login(identity), phone, request_id=used_id) == key
    assert len(announced_as(engine, DeviceKeyDefined)) == 1


async def test_a_request_that_was_refused_can_be_repeated_with_the_right_code(identity: Serving) -> None:
    admin = await login(identity)
    phone = await a_phone(identity, admin)
    used_id = str(uuid.uuid4())
    await refused(enrol(identity, admin, phone, code=phone.wrong_code, request_id=used_id))
    assert (await enrol(identity, admin, phone, request_id=used_id)).state == ACTIVE


async def test_no_two_devices_have_the_same_key(identity: Serving) -> None:
    admin = await login(identity)
    first = await a_phone(identity, admin)
    key = await enrol(identity, admin, first)
    await do(identity, admin, "RevokeDeviceKey", key, reason="换机。")
    second = replace(await a_phone(identity, admin), private=first.private)
    error = await refused(enrol(identity, admin, second))
    assert (error.code, error.reason, error.metadata) == (grpc.StatusCode.ALREADY_EXISTS, "DEVICE_KEY_EXISTS", {})
    fresh = replace(second, private=Ed25519PrivateKey.generate())
    assert (await enrol(identity, admin, fresh)).public_key == fresh.public


POINTS_OF_SMALL_ORDER = {
    "neutral": "0100000000000000000000000000000000000000000000000000000000000000",
    "of order 2": "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "of order 4": "0000000000000000000000000000000000000000000000000000000000000080",
    "of order 8": "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
}
NO_POINTS = {
    "no point": "0200000000000000000000000000000000000000000000000000000000000000",
    "neutral, not canonical": "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
}


@pytest.mark.parametrize("encoded", [*POINTS_OF_SMALL_ORDER.values(), *NO_POINTS.values()])
async def test_what_is_no_public_key_is_refused_and_costs_no_try(encoded: str, identity: Serving) -> None:
    """The neutral point and 0 are its signature of everything, which some implementations accept."""
    admin = await login(identity)
    phone = await a_phone(identity, admin)
    signature = bytes.fromhex(POINTS_OF_SMALL_ORDER["neutral"]) + bytes(32)
    for _ in range(5):
        changes = {"public_key": bytes.fromhex(encoded), "proof": signature}
        error = await refused(enrol(identity, admin, phone, **changes, code=phone.wrong_code))
        assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "PUBLIC_KEY_INVALID")
        assert (error.fields, error.metadata) == (["public_key"], {"field": "public_key"})
    assert (await enrol(identity, admin, phone)).state == ACTIVE


@pytest.mark.parametrize(
    "prove",
    [
        lambda phone: bytes(64),
        lambda phone: phone.private.sign(phone.public),
        lambda phone: phone.private.sign(phone.enrolment.encode() + phone.public),
        lambda phone: replace(phone, enrolment=NO_ENROLMENT).says()["proof"],
        lambda phone: replace(phone, private=Ed25519PrivateKey.generate()).says()["proof"],
    ],
    ids=["zeros", "of the key alone", "without the context", "of another enrolment", "by another key"],
)
async def test_a_device_proves_that_it_has_the_private_key(prove: Callable[[Phone], bytes], identity: Serving) -> None:
    admin = await login(identity)
    phone = await a_phone(identity, admin)
    error = await refused(enrol(identity, admin, phone, proof=prove(phone)))
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "PROOF_INVALID")
    assert (error.fields, error.metadata) == (["proof"], {"field": "proof"})
    assert (await enrol(identity, admin, phone)).state == ACTIVE


@pytest.mark.parametrize(
    "changes",
    [{"public_key": bytes(31)}, {"proof": bytes(65)}, {"code": "12345"}, {"enrolment": "deviceEnrolments/1"}],
    ids=lambda changes: next(iter(changes)),
)
async def test_a_malformed_request_is_refused(changes: Mapping[str, Any], identity: Serving) -> None:
    admin = await login(identity)
    error = await refused(enrol(identity, admin, await a_phone(identity, admin), **changes))
    assert (error.reason, error.fields) == ("INVALID_REQUEST", list(changes))


# At the same moment


async def test_of_two_devices_that_use_one_code_at_the_same_moment_one_is_enrolled(
    identity: Serving, engine: Engine
) -> None:
    admin = await login(identity)
    phone = await a_phone(identity, admin)
    phones = [replace(phone, private=Ed25519PrivateKey.generate()) for _ in range(8)]
    outcomes = await at_once(*(enrol(identity, admin, each) for each in phones))
    assert outcomes.count("ENROLMENT_REJECTED") == 7
    (key,) = (each for each in outcomes if isinstance(each, DeviceKey))
    (told,) = announced_as(engine, DeviceKeyDefined)
    assert (told.device_key, told.public_key) == (key.name, key.public_key)


async def test_of_two_enrolments_of_one_key_at_the_same_moment_one_succeeds(identity: Serving) -> None:
    admin = await login(identity)
    private = Ed25519PrivateKey.generate()
    phones = [replace(await a_phone(identity, admin), private=private) for _ in range(4)]
    outcomes = await at_once(*(enrol(identity, admin, each) for each in phones))
    assert outcomes.count("DEVICE_KEY_EXISTS") == 3


async def test_guesses_of_one_moment_are_counted_one_by_one(identity: Serving, engine: Engine) -> None:
    admin = await login(identity)
    phone = await a_phone(identity, admin)
    guesses = (enrol(identity, admin, phone, code=phone.wrong_code) for _ in range(12))
    assert await at_once(*guesses) == ["ENROLMENT_REJECTED"] * 12
    with engine.connect() as conn:
        assert conn.execute(text("SELECT tries FROM device_enrolment")).scalar_one() == 5
    assert (await refused(enrol(identity, admin, phone))).reason == "ENROLMENT_REJECTED"


async def test_one_request_that_is_sent_ten_times_at_once_is_answered_alike(identity: Serving) -> None:
    admin = await login(identity)
    phone = await a_phone(identity, admin)
    used_id = str(uuid.uuid4())
    first, *others = await at_once(*(enrol(identity, admin, phone, request_id=used_id) for _ in range(10)))
    assert others == [first] * 9


async def test_of_a_revocation_and_reports_of_the_same_moment_nothing_is_lost(
    identity: Serving, engine: Engine
) -> None:
    admin = await login(identity)
    key = await a_key(identity, admin)
    times = [timestamp(START - n * HOUR) for n in range(6)]
    await at_once(
        *(do(identity, admin, "ReportDeviceLost", key, lost_time=time) for time in times),
        do(identity, admin, "RevokeDeviceKey", key, reason="丢失。"),
    )
    found = (await identity.call_with(admin, "GetDeviceKey", name=key.name)).device_key
    told = announced_as(engine, DeviceKeyDefined, key.name)
    assert [each.version for each in told] == list(range(1, len(told) + 1))
    last = told[-1]
    assert (found.state, found.lost_time, found.etag) == (last.state, last.lost_time, str(last.version))
    assert found.state == REVOKED


# Lost, found, revoked


async def test_each_change_of_a_key_is_announced(identity: Serving, engine: Engine, clock: SettableClock) -> None:
    admin = await login(identity)
    key = await a_key(identity, admin)
    clock.set(START + timedelta(minutes=1))
    await do(identity, admin, "ReportDeviceLost", key, lost_time=timestamp(START - HOUR))
    clock.set(START + timedelta(minutes=2))
    await do(identity, admin, "ReportDeviceFound", key)
    clock.set(START + timedelta(minutes=3))
    await do(identity, admin, "ReportDeviceLost", key)
    clock.set(START + timedelta(minutes=4))
    last = await do(identity, admin, "RevokeDeviceKey", key, reason="找不到了。\n已另配手机。")
    told = announced_as(engine, DeviceKeyDefined, key.name)
    assert [(each.version, each.state) for each in told] == [
        (1, ACTIVE),
        (2, LOST),
        (3, ACTIVE),
        (4, LOST),
        (5, REVOKED),
    ]
    assert {(each.device_key, each.place, each.public_key) for each in told} == {(key.name, COMMUNITY, key.public_key)}
    since = timestamp(START + timedelta(minutes=3))
    assert [each.lost_time for each in told if each.HasField("lost_time")] == [timestamp(START - HOUR), since, since]
    assert [each.HasField("lost_time") for each in told] == [False, True, False, True, True]
    assert [each.HasField("revoke_time") for each in told] == [False] * 4 + [True]
    assert told[-1].revoke_time == told[-1].update_time == timestamp(START + timedelta(minutes=4))
    assert (last.lost_time, last.revoke_time, last.revoke_reason) == (
        since,
        told[-1].revoke_time,
        "找不到了。\n已另配手机。",
    )


async def test_of_two_reports_of_a_loss_the_earlier_time_stands(identity: Serving, engine: Engine) -> None:
    admin = await login(identity)
    key = await a_key(identity, admin)
    reports = [
        await do(identity, admin, "ReportDeviceLost", key, **({"lost_time": timestamp(START - h * HOUR)} if h else {}))
        for h in (1, 0, 1, 3, 2)
    ]
    assert [each.lost_time for each in reports] == [timestamp(START - h * HOUR) for h in (1, 1, 1, 3, 3)]
    assert [each.etag for each in reports] == ["2", "2", "2", "3", "3"]
    assert [each.version for each in announced_as(engine, DeviceKeyDefined, key.name)] == [1, 2, 3]


async def test_a_device_is_not_lost_in_the_future(identity: Serving) -> None:
    admin = await login(identity)
    key = await a_key(identity, admin)
    later = timestamp(START + timedelta(seconds=1))
    error = await refused(do(identity, admin, "ReportDeviceLost", key, lost_time=later))
    assert (error.reason, error.fields) == ("INVALID_REQUEST", ["lost_time"])
    assert (await do(identity, admin, "ReportDeviceLost", key, lost_time=timestamp(START))).state == LOST


async def assert_wrong_state(call: Any, state: str, allowed: list[Any]) -> None:
    error = await refused(call)
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "WRONG_STATE")
    names = [DeviceKeyAction.Name(each).removeprefix("DEVICE_KEY_ACTION_") for each in allowed]
    assert error.metadata == {"state": state, "allowed_actions": ",".join(names)}
    detail = WrongState()
    error.details["WrongState"].Unpack(detail)
    assert (DeviceKeyState.Name(detail.state), list(detail.allowed_actions)) == (f"DEVICE_KEY_STATE_{state}", allowed)


async def test_what_can_not_be_done_names_what_can(identity: Serving) -> None:
    admin = await login(identity)
    key = await a_key(identity, admin)
    await assert_wrong_state(do(identity, admin, "ReportDeviceFound", key), "ACTIVE", [REPORT_LOST, REVOKE])
    await do(identity, admin, "RevokeDeviceKey", key, reason="换机。")
    for method, fields in (
        ("ReportDeviceLost", {}),
        ("ReportDeviceFound", {}),
        ("RevokeDeviceKey", {"reason": "又换机。"}),
    ):
        await assert_wrong_state(do(identity, admin, method, key, **fields), "REVOKED", [])


async def test_a_stale_etag_is_refused(identity: Serving) -> None:
    admin = await login(identity)
    key = await a_key(identity, admin)
    lost = await do(identity, admin, "ReportDeviceLost", key, etag=key.etag)
    for method, fields in (("ReportDeviceFound", {}), ("RevokeDeviceKey", {"reason": "丢失。"})):
        error = await refused(do(identity, admin, method, key, etag=key.etag, **fields))
        assert (error.reason, error.metadata) == ("STALE_ETAG", {"resource": key.name, "etag": lost.etag})


async def test_why_a_key_is_revoked_must_be_said(identity: Serving) -> None:
    admin = await login(identity)
    key = await a_key(identity, admin)
    error = await refused(do(identity, admin, "RevokeDeviceKey", key))
    assert (error.reason, error.fields) == ("INVALID_REQUEST", ["reason"])


# Who may


@pytest.mark.parametrize(
    ("role", "scope"),
    [("commander", DISTRICT), ("street-coordinator", STREET), ("community-coordinator", COMMUNITY)],
)
async def test_who_runs_a_place_enrols_and_manages_its_devices(role: str, scope: str, identity: Serving) -> None:
    me = await holder(identity, "runner", role, scope)
    key = await a_key(identity, me, CELL)
    await do(identity, me, "ReportDeviceLost", key)
    await do(identity, me, "ReportDeviceFound", key)
    await do(identity, me, "RevokeDeviceKey", key, reason="换机。")
    listed = await identity.call_with(me, "ListDeviceKeys", place=scope)
    assert [(each.name, each.state) for each in listed.device_keys] == [(key.name, REVOKED)]


async def test_a_grid_worker_carries_a_device_and_manages_none(identity: Serving) -> None:
    admin = await login(identity)
    worker = await holder(identity, "worker", "grid-worker", CELL)
    assert (await refused(a_phone(identity, worker, CELL))).reason == "PERMISSION_DENIED"
    key = await enrol(identity, worker, await a_phone(identity, admin, CELL))
    for method, fields in (("GetDeviceKey", {}), ("ReportDeviceLost", {}), ("RevokeDeviceKey", {"reason": "x"})):
        assert (await refused(do(identity, worker, method, key, **fields))).reason == "PERMISSION_DENIED"


async def test_another_places_key_is_as_one_that_does_not_exist(identity: Serving) -> None:
    admin = await login(identity)
    me = await holder(identity, "neighbour", "community-coordinator", COMMUNITY)
    key = await a_key(identity, admin, STREET)

    def answer(error: Refused) -> tuple[Any, ...]:
        return error.code, error.reason, str(error), error.metadata

    for method, fields in (
        ("GetDeviceKey", {}),
        ("ReportDeviceLost", {"etag": "9"}),
        ("ReportDeviceFound", {}),
        ("RevokeDeviceKey", {"reason": "x"}),
    ):
        there = await refused(do(identity, me, method, key, **fields))
        nowhere = await refused(do(identity, me, method, DeviceKey(name=NO_KEY), **fields))
        assert answer(there) == answer(nowhere)
        assert there.reason == "PERMISSION_DENIED"
    for place in (STREET, DISTRICT):
        assert (await refused(identity.call_with(me, "ListDeviceKeys", place=place))).reason == "PERMISSION_DENIED"


async def test_who_manages_all_of_a_district_learns_that_there_is_no_such_key(identity: Serving) -> None:
    me = await holder(identity, "duty", "commander", DISTRICT)
    error = await refused(identity.call_with(me, "GetDeviceKey", name=NO_KEY))
    assert (error.code, error.metadata) == (grpc.StatusCode.NOT_FOUND, {"resource": NO_KEY})


# Lists and late subscribers


async def test_keys_are_listed_by_place_and_state_page_by_page(identity: Serving) -> None:
    admin = await login(identity)
    await identity.call_with(admin, "CreateDepartment", code=DEPARTMENT, display_name="边防大队")
    places = (DEPARTMENT, COMMUNITY, STREET, COMMUNITY, CELL, DISTRICT)
    keys = [await a_key(identity, admin, place) for place in places]
    department, first, street, second, cell, district = keys
    lost = await do(identity, admin, "ReportDeviceLost", second)
    gone = await do(identity, admin, "RevokeDeviceKey", street, reason="换机。")

    async def listed(place: str, *states: int) -> list[DeviceKey]:
        found: list[DeviceKey] = []
        token = ""
        while True:
            page = await identity.call_with(
                admin, "ListDeviceKeys", place=place, states=states, page_size=2, page_token=token
            )
            found += page.device_keys
            token = page.next_page_token
            if not token:
                return found

    assert await listed(DISTRICT) == [district, gone, first, lost, cell, department]
    assert await listed(STREET) == [gone, first, lost, cell]
    assert await listed(COMMUNITY) == [first, lost, cell]
    assert await listed(CELL) == [cell]
    assert await listed(DEPARTMENT) == [department]
    assert await listed(DISTRICT, LOST) == [lost]
    assert await listed(STREET, LOST, REVOKED) == [gone, lost]
    assert await listed("210602004") == []


async def test_who_subscribes_later_hears_of_every_key_as_it_is_now(
    identity: Serving, engine: Engine, clock: SettableClock
) -> None:
    admin = await login(identity)
    keys = [await a_key(identity, admin) for _ in range(3)]
    await do(identity, admin, "ReportDeviceLost", keys[0])
    await do(identity, admin, "RevokeDeviceKey", keys[1], reason="换机。")
    newest = {each.device_key: each for each in announced_as(engine, DeviceKeyDefined)}
    (announcing,) = (each for each in current.CURRENT if each.message is DeviceKeyDefined)
    told = []
    with engine.connect() as conn:
        after: Any = ()
        while page := announcing.page(conn, clock.now(), after, 2):
            told += [(subject, event) for _, subject, event in page]
            after = page[-1][0]
    assert told == [(key.name, newest[key.name]) for key in keys]
