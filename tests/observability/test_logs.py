"""Logs hold no personal data: not of calls, not at level debug, and not of failures."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import amqp
import grpc.aio
import pytest
from sqlalchemy import text
from tests.system.fleet import Fleet, FleetClient

from onegrid.identity.v1 import identity_service_pb2 as identity_pb
from onegrid.petition.v1 import petition_service_pb2 as pb
from onegrid.petition.v1.resources_pb2 import Kind
from onegrid_demo import case, district
from onegrid_demo.loading import CELL
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.waiting import HANG_S, eventually

PETITION_TEXT = f"我叫王小明，邻居张大山每晚吵闹 {secrets.token_hex(6)}"
ADDRESS = f"锦江街88号3单元 {secrets.token_hex(6)}"
PHONE = "+8613911112222"
NOTE = f"已电话联系王小明本人 {secrets.token_hex(6)}"
# gRPC logs these for calls that fail for no reason of ours.
_OF_GRPC = re.compile(r"^[EWI]\d{4} |^WARNING: All log messages before absl")


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    started = Fleet(tmp_path_factory.mktemp("fleet"), "", LOG_LEVEL="debug", HANDLER_ATTEMPTS="2", RETRY_BASE_S="0.2")
    try:
        started.start()
        yield started
    finally:
        started.close()


@contextmanager
def broken(fleet: Fleet, service: str, *statements: tuple[str, str]) -> Iterator[None]:
    """With the database changed so that it refuses; each statement goes with the one that takes it back."""

    def run(index: int) -> None:
        for pair in statements:
            with fleet.connection(service) as conn:
                conn.execute(text(pair[index]))
                conn.commit()

    run(0)
    try:
        yield
    finally:
        run(1)


def never(table: str, condition: str) -> tuple[str, str]:
    """A condition that refuses what comes with a row that it quotes."""
    return (
        f"ALTER TABLE {table} ADD CONSTRAINT never CHECK ({condition}) NOT VALID",
        f"ALTER TABLE {table} DROP CONSTRAINT never",
    )


def filing() -> pb.FilePetitionRequest:
    return pb.FilePetitionRequest(
        district=district.CODE,
        kind=Kind.KIND_COMPLAINT,
        place=CELL,
        text=PETITION_TEXT,
        address=ADDRESS,
        contact_phone=PHONE,
        request_id=str(uuid.uuid4()),
    )


async def refused(call: object, request: object, metadata: object) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call(request, metadata=metadata, timeout=HANG_S)  # type: ignore[operator]
    code: grpc.StatusCode = error.value.code()
    return code


async def live(fleet: Fleet) -> set[str]:
    """Make calls that succeed and calls that fail; return the personal data and secrets that no log may hold."""
    client = FleetClient(fleet)
    accounts = fleet.accounts
    assert case.succeeded(await case.replay(client, SettableClock(), accounts))
    admin = await client.staff("admin", accounts["admin"]["password"])
    citizen = await client.public(accounts["citizen"]["phone"], district.CODE)
    commander = await client.staff("commander", accounts["commander"]["password"])
    for login in ("street", "community", "grid", "centre"):
        await client.staff(login, accounts[login]["password"])
    found = await client.identity.ListUsers(
        identity_pb.ListUsersRequest(district=district.CODE, page_size=100), metadata=admin, timeout=HANG_S
    )
    people = {value for user in found.users for value in (user.display_name, user.phone, user.organization) if value}
    petition = (await client.petition.FilePetition(filing(), metadata=citizen, timeout=HANG_S)).petition

    with broken(fleet, "petition", never("petition", "text = ''")):
        assert await refused(client.petition.FilePetition, filing(), citizen) is grpc.StatusCode.INTERNAL
    accepting = pb.AcceptPetitionRequest(name=petition.name, public_note=NOTE)
    with broken(fleet, "petition", never("timeline", "public_note = ''")):
        assert await refused(client.petition.AcceptPetition, accepting, commander) is grpc.StatusCode.INTERNAL
    hiding = ("ALTER TABLE account RENAME TO gone", "ALTER TABLE gone RENAME TO account")
    with broken(fleet, "identity", hiding):
        login = identity_pb.LoginWithPasswordRequest(login="commander", password=accounts["commander"]["password"])
        assert await refused(client.identity.LoginWithPassword, login, ()) is grpc.StatusCode.INTERNAL
    with broken(fleet, "petition", never("search", "grams = '{}'")):
        await client.petition.FilePetition(filing(), metadata=citizen, timeout=HANG_S)
        parked = "SELECT count(*) FROM parked_event WHERE next_attempt_at IS NULL"
        await asyncio.to_thread(eventually, lambda: fleet.rows("petition", parked)[0][0] >= 1)
    fleet.kill("postgres")
    assert await refused(client.petition.FilePetition, filing(), citizen) is grpc.StatusCode.UNAVAILABLE
    await asyncio.sleep(2)
    await client.close()
    secret = {
        value
        for account in accounts.values()
        for key, value in account.items()
        if key in ("password", "secret", "phone")
    }
    tokens = {dict(who)["authorization"].removeprefix("Bearer ") for who in (admin, citizen, commander)}
    of_case = {"招不到保育员", "朝凤社区儿童中心", "非常及时", "已上门，正在了解岗位需求"}
    return people | secret | tokens | of_case | {PETITION_TEXT, ADDRESS, PHONE, NOTE, "王小明", "张大山"}


def publish_what_is_no_event(fleet: Fleet) -> None:
    with amqp.Connection(fleet.broker) as connection:
        for headers in ({}, {"cloudEvents:id": PETITION_TEXT, "cloudEvents:type": NOTE}):
            message = amqp.Message(PETITION_TEXT, application_headers=headers, content_type="application/protobuf")
            connection.channel().basic_publish(message, routing_key="onegrid.petition")


def test_no_log_holds_personal_data_and_every_line_is_json(fleet: Fleet) -> None:
    publish_what_is_no_event(fleet)
    try:
        private = asyncio.run(live(fleet))
    finally:
        fleet.restart("postgres")
    assert len(private) > 20
    logs = {part.name: part.log.read_text(errors="replace") for part in fleet.parts.values()}
    events = set()
    for name, log in logs.items():
        for line in filter(lambda line: not _OF_GRPC.match(line), log.splitlines()):
            entry = json.loads(line)
            assert {"event", "level", "service", "timestamp"} <= entry.keys(), (name, line)
            events.add(entry["event"])
            if entry["event"] in ("call failed", "handler failed"):
                assert re.fullmatch(r"[0-9a-f]{32}", entry["trace_id"]), line
    everything = "\n".join(logs.values())
    assert [value for value in sorted(private) if value in everything] == []
    # The provoked errors are in the logs.
    assert events >= {"call failed", "handler failed", "message is no event", "background task failed", "tick failed"}
    for cause in ("CheckViolation", "42P01", "23514"):
        assert cause in everything
