"""No byte that a member gets before submission holds a key: every method, every HTTP route, every error, the logs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

import aiohttp
import grpc.aio
import pytest
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from buf.validate import validate_pb2
from onegrid.partyedu.v1 import partyedu_service_pb2
from onegrid.partyedu.v1.quizzes_pb2 import ReviewTime
from onegrid_kit.testing.waiting import HANG_S
from onegrid_partyedu.web import ROUTES

from .exams import COLLEAGUE, EXPLANATION, NAME, POOL, TAKER, Exam
from .line import BRANCH
from .people import COMMUNITY, DISTRICT, KEEPER, STREET

METHODS = partyedu_service_pb2.DESCRIPTOR.services_by_name["PartyeduService"].methods
ENDING = "SubmitAttempt"


async def test_no_byte_that_a_member_gets_before_submission_holds_a_key(
    exam: Exam, capfd: pytest.CaptureFixture[str]
) -> None:
    exam.define(review_time=ReviewTime.REVIEW_TIME_CLOSE)
    first = await exam.start()
    await exam.submit(first.name)
    open_, other = await exam.start(), await exam.start(COLLEAGUE)
    for slot, answer in exam.right((await exam.get(open_.name))[1]).items():
        await exam.save(open_.name, slot, answer)
    # The next revision is another quiz; the attempt is still judged by its own.
    exam.define(close_time=exam.clock.now() + timedelta(days=9))
    names = (first.name, open_.name, other.name, open_.member, other.member, "members/me", BRANCH)
    values = (*names, NAME, f"pools/{POOL}", f"pools/{POOL}/items/i0", DISTRICT, STREET, COMMUNITY, TAKER.user)
    answered, sent = set(), b""
    for method in METHODS:
        assert not method.server_streaming, f"{method.name} is a stream, which is not listened to here"
        for request in requests(method, values) if method.name != ENDING else ():
            raw, ok = await exchanged(exam, method, request)
            sent += raw
            answered |= {method.name} if ok else set()
    sent += await served(exam, values)
    assert answered >= {"GetAttempt", "GetQuiz", "GetMember", "ListCompletions", "ListOwnAttempts", "StartAttempt"}
    sent += "".join(capfd.readouterr()).encode()
    evidence = [await exam.evidence(name, KEEPER) for name in (first.name, open_.name, other.name)]
    ids = {option for of in evidence for item in of.items for option in item.options}
    for secret in (EXPLANATION, *ids, *(of.seed for of in evidence)):
        assert secret.encode() not in sent
    # What was read is still open, and is found in what is sent once it has ended.
    assert (await exam.submit(open_.name)).score.percent == 100
    exam.later(days=10)
    exam.conclude()
    raw, _ = await exchanged(exam, method_of("GetAttempt"), {"name": open_.name})
    assert EXPLANATION.encode() in raw


def method_of(name: str) -> MethodDescriptor:
    return next(method for method in METHODS if method.name == name)


def requests(method: MethodDescriptor, values: Sequence[str]) -> Iterator[Mapping[str, str]]:
    """Requests with every one of these values wherever it fits."""
    fitting = {
        field.name: [value for value in values if re.search(pattern, value)]
        for field in method.input_type.fields
        if (pattern := pattern_of(field)) and not field.is_repeated
    }
    for number in range(max((len(found) for found in fitting.values()), default=1)):
        yield {name: found[min(number, len(found) - 1)] for name, found in fitting.items() if found}


def pattern_of(field: FieldDescriptor) -> str:
    return field.GetOptions().Extensions[validate_pb2.field].string.pattern


async def exchanged(exam: Exam, method: MethodDescriptor, fields: Mapping[str, str]) -> tuple[bytes, bool]:
    """All that a call of the member's is answered with, and whether it was not refused."""
    request: Message = GetMessageClass(method.input_type)(**fields)
    stub: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = exam.api.channel.unary_unary(
        f"/{method.containing_service.full_name}/{method.name}"
    )
    call = stub(request.SerializeToString(), metadata=exam.api.token(TAKER), timeout=HANG_S)
    try:
        return await call + str(await call.trailing_metadata()).encode(), True
    except grpc.aio.AioRpcError as error:
        trailing = b"".join(
            value if isinstance(value, bytes) else value.encode() for _, value in error.trailing_metadata()
        )
        return (error.details() or "").encode() + trailing, False


async def served(exam: Exam, values: Sequence[str]) -> bytes:
    """All that HTTP routes answer the member with, also what is meant for programs."""
    sent = b""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(HANG_S)) as session:
        for route in ROUTES:
            for value in values:
                path = re.sub(r"\{\w+\}", value.rpartition("/")[2], route.path)
                headers = {**dict(exam.api.token(TAKER)), "X-Experience-API-Version": "1.0.3"}
                given = {"activityId": value, "agent": value, "statementId": value} if "{" not in route.path else {}
                async with session.get(f"{exam.api.http_url}{path}", headers=headers, params=given) as answer:
                    sent += await answer.read() + str(answer.headers).encode()
    return sent
