"""Who calls the learning record store and how: a client that is not ours, HTTP Basic, requests in forms, versions."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import aiohttp
import grpc
import grpc.aio
import pytest
import pytest_asyncio
import tincan

from onegrid.identity.v1 import identity_service_pb2 as pb
from onegrid.identity.v1 import identity_service_pb2_grpc
from onegrid.identity.v1.resources_pb2 import Session
from onegrid_kit.callers import Caller
from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.waiting import HANG_S

from .learning import LMS, READER, Answered, Lrs, a_statement, an_agent, basic
from .people import DISTRICT

SECRET = "s:ecret"


class Identity(identity_service_pb2_grpc.IdentityServiceServicer):
    """identity, as far as service accounts log in."""

    def __init__(self) -> None:
        self.tokens: dict[str, str] = {}
        self.asked = 0
        self.away = False
        self.port = 0

    async def LoginServiceAccount(
        self, request: pb.LoginServiceAccountRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> pb.LoginServiceAccountResponse:
        self.asked += 1
        if self.away:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "away")
        if request.secret != SECRET or request.name not in self.tokens:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "no")
        return pb.LoginServiceAccountResponse(session=Session(access_token=self.tokens[request.name]))


@pytest_asyncio.fixture
async def identity() -> AsyncIterator[Identity]:
    """It runs."""
    server, serving = grpc.aio.server(), Identity()
    identity_service_pb2_grpc.add_IdentityServiceServicer_to_server(serving, server)
    serving.port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield serving
    await server.stop(None)


@pytest.fixture
def api_settings(identity: Identity) -> Mapping[str, Any]:
    """Settings of the api."""
    return {"identity_target": f"127.0.0.1:{identity.port}", "http_url": "https://study.example.cn/party"}


def account(api: Serving, identity: Identity, caller: Caller) -> None:
    """Have the caller log in with the secret."""
    [(_, bearer)] = api.token(caller)
    identity.tokens[caller.user] = bearer.removeprefix("Bearer ")


@pytest_asyncio.fixture
async def lrs(api: Serving, identity: Identity) -> AsyncIterator[Lrs]:
    """The store, whose callers have accounts."""
    for caller in (LMS, READER):
        account(api, identity, caller)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(HANG_S)) as http:
        yield Lrs(api, http)


async def test_a_client_that_is_not_ours_exchanges_statements(api: Serving, lrs: Lrs) -> None:
    await asyncio.to_thread(_exchange, api.http_url)


def _exchange(url: str) -> None:
    client = tincan.RemoteLRS(
        endpoint=f"{url}/xapi/", version="1.0.1", username=LMS.user.removeprefix("users/"), password=SECRET
    )
    about = client.about()
    assert about.success
    assert about.content.version[0] == "1.0.3"
    ben = tincan.Agent(name="Ben", mbox="mailto:ben@example.com")
    passed = tincan.Verb(id="http://adlnet.gov/expapi/verbs/passed", display=tincan.LanguageMap({"en-US": "passed"}))
    course = tincan.Activity(
        id="http://example.com/courses/1",
        definition=tincan.ActivityDefinition(name={"en-US": "Explosives"}, description={"en-US": "How to."}),
    )
    data = b"a certificate"
    attachment = tincan.Attachment(
        usage_type="http://example.com/certificate",
        display={"en-US": "Certificate"},
        content_type="text/plain",
        length=len(data),
        sha2=hashlib.sha256(data).hexdigest(),
        fileurl="http://example.com/certificate.txt",
    )
    sent = tincan.Statement(
        actor=ben,
        verb=passed,
        object=course,
        result=tincan.Result(score=tincan.Score(scaled=0.9), success=True, duration="PT1H30M"),
        context=tincan.Context(
            registration=uuid4(),
            instructor=tincan.Agent(account=tincan.AgentAccount(home_page="http://example.com", name="1")),
            language="zh-CN",
            context_activities=tincan.ContextActivities(parent=[tincan.Activity(id="http://example.com/programs/1")]),
        ),
        attachments=[attachment],
    )
    stored = client.save_statement(sent)
    assert stored.success, stored.data
    id_ = stored.content.id
    found = client.retrieve_statement(id_)
    assert found.success, found.data
    assert found.content.actor.mbox == ben.mbox
    assert found.content.result.score.scaled == 0.9
    assert found.content.authority.account.name == LMS.user
    assert found.content.authority.account.home_page == f"urn:onegrid:{DISTRICT}"
    given = tincan.Statement(id=uuid4(), actor=ben, verb=passed, object=course)
    assert client.save_statement(given).success
    assert client.save_statement(given).success
    batch = [tincan.Statement(actor=ben, verb=passed, object=course) for _ in range(3)]
    assert client.save_statements(batch).success
    answer = client.query_statements({"agent": ben, "verb": passed, "limit": 2})
    assert answer.success, answer.data
    statements = [*answer.content.statements]
    while answer.content.more:
        # Behind a proxy that adds the path of `http_url`, as here nothing does.
        answer.content.more = answer.content.more.removeprefix("/party")
        answer = client.more_statements(answer.content)
        assert answer.success, answer.data
        statements += answer.content.statements
    assert len({each.id for each in statements}) == 5
    voided = client.save_statement(
        tincan.Statement(
            actor=ben,
            verb=tincan.Verb(id="http://adlnet.gov/expapi/verbs/voided"),
            object=tincan.StatementRef(id=id_),
        )
    )
    assert voided.success, voided.data
    assert not client.retrieve_statement(id_).success
    assert client.retrieve_voided_statement(id_).content.id == UUID(str(id_))
    state = client.retrieve_state(course, ben, "bookmark")
    assert not state.success
    assert json.loads(state.data)["reason"] == "RESOURCE_NOT_SERVED"
    stranger = tincan.RemoteLRS(endpoint=f"{url}/xapi/", version="1.0.1", username="lms00000", password="wrong")
    refused = stranger.query_statements({})
    assert refused.response.status == 401


def with_secret(lrs: Lrs, name: str, secret: str = SECRET) -> Any:
    """The answer to a service account."""
    return lrs.ask("GET", "statements", headers={"Authorization": basic(name, secret)})


async def test_a_secret_is_exchanged_once_for_some_minutes(lrs: Lrs, identity: Identity) -> None:
    answers = await asyncio.gather(*(with_secret(lrs, READER.user) for _ in range(5)))
    assert {answer.status for answer in answers} == {200}
    assert identity.asked == 1
    assert (await with_secret(lrs, READER.user.removeprefix("users/"))).status == 200
    assert (await with_secret(lrs, READER.user, "wrong")).status == 401
    assert (await with_secret(lrs, "nobody00")).status == 401
    for header in ("Basic", "Basic !", "Basic " + "AAAA"):
        assert (await lrs.ask("GET", "statements", headers={"Authorization": header})).status == 401
    identity.away = True
    assert (await with_secret(lrs, READER.user)).status == 200
    assert (await with_secret(lrs, LMS.user)).status == 503


async def test_a_session_that_was_ended_is_replaced_by_a_new_one(lrs: Lrs, identity: Identity, api: Serving) -> None:
    first, later = (replace(READER, user="users/again000", session=session) for session in ("first", "later"))
    account(api, identity, first)
    assert (await with_secret(lrs, first.user)).status == 200
    await api.end_session("first")
    assert (await with_secret(lrs, first.user)).status == 401
    account(api, identity, later)
    assert (await with_secret(lrs, later.user)).status == 200


async def tunnel(lrs: Lrs, method: str, query: str = "", **fields: str) -> Answered:
    """The answer to a request in a form, without headers."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    authorization = {"Authorization": basic(LMS.user, SECRET), "X-Experience-API-Version": "1.0.3"}
    body = urlencode({**authorization, **fields}).encode()
    return await lrs.bare("POST", f"/xapi/statements?method={method}{query}", body, headers)


async def test_a_form_holds_any_request(lrs: Lrs) -> None:
    sent = a_statement()
    content = json.dumps(sent)
    assert (await tunnel(lrs, "PUT", statementId=sent["id"], content=content)).status == 204
    answer = await tunnel(lrs, "POST", content=json.dumps([a_statement(actor=an_agent("张伟"))]))
    assert answer.status == 200
    found = await tunnel(lrs, "GET", agent=json.dumps(an_agent("张伟")))
    assert found.ids == answer.json
    assert (await tunnel(lrs, "GET", limit="1")).json["more"].startswith("/party/xapi/statements?more=")
    head = await tunnel(lrs, "HEAD", statementId=sent["id"])
    assert (head.status, head.body) == (200, b"")


async def test_a_form_that_is_none_is_refused(lrs: Lrs) -> None:
    sent = a_statement()
    content = json.dumps(sent)
    assert (await tunnel(lrs, "PUT", f"&statementId={sent['id']}", content=content)).status == 400
    assert (await tunnel(lrs, "PUT", statementId=sent["id"])).status == 400
    assert (await tunnel(lrs, "DELETE")).status == 400
    assert (await tunnel(lrs, "GET", Authorization=basic(LMS.user, "wrong"))).status == 401
    assert (await tunnel(lrs, "GET", **{"X-Experience-API-Version": "0.9"})).status == 400
    assert (await lrs.bare("POST", "/xapi/statements?method=PUT", b"{}", {})).status == 400
    assert (await lrs.ask("GET", "/xapi/statements?method=GET")).status == 400
    assert (await lrs.get()).ids == []


@pytest.mark.parametrize(
    ("version", "status"),
    [
        ("1.0.3", 200),
        ("1.0", 200),
        ("1.0.0", 200),
        ("1.0.99", 200),
        ("0.95", 400),
        ("1.1.0", 400),
        ("2.0.0", 400),
        ("", 400),
    ],
)
async def test_versions_1_0_are_served_and_no_others(lrs: Lrs, version: str, status: int) -> None:
    answer = await lrs.ask("GET", "statements", headers={"X-Experience-API-Version": version})
    assert answer.status == status
    assert answer.headers["X-Experience-API-Version"] == "1.0.3"


async def test_head_answers_as_get_without_the_body(lrs: Lrs) -> None:
    [id_] = await lrs.store(a_statement())
    got = await lrs.get(statementId=id_)
    head = await lrs.ask("HEAD", "statements", statementId=id_)
    assert (head.status, head.body) == (200, b"")
    for name in ("ETag", "Last-Modified", "Content-Type", "X-Experience-API-Version"):
        assert head.headers[name] == got.headers[name]
    assert (await lrs.ask("HEAD", "statements", statementId=str(uuid4()))).status == 404


async def test_about_is_for_everybody_and_documents_for_nobody(lrs: Lrs) -> None:
    answer = await lrs.bare("GET", "/xapi/about", b"", {})
    assert answer.json == {"version": ["1.0.3", "1.0.2", "1.0.1", "1.0.0"]}
    for resource in ("activities/state", "activities/profile", "agents/profile"):
        for method in ("GET", "PUT", "POST"):
            answer = await lrs.bare(method, f"/xapi/{resource}", b"", {})
            assert answer.status == 501
            assert answer.json["metadata"] == {"resource": resource}


async def test_an_agent_is_no_more_than_what_was_asked_with(lrs: Lrs) -> None:
    await lrs.store(a_statement(actor=an_agent("ben")))
    answer = await lrs.ask("GET", "agents", agent=json.dumps({"mbox": "mailto:ben@example.com"}))
    assert answer.json == {"objectType": "Person", "mbox": ["mailto:ben@example.com"]}
    assert (await lrs.ask("GET", "agents", agent="{}")).status == 400


@pytest.mark.parametrize(
    "query",
    [
        {"statementId": str(uuid4()), "voidedStatementId": str(uuid4())},
        {"statementId": str(uuid4()), "limit": "1"},
        {"statementId": "1"},
        {"agent": "{}"},
        {"agent": "no json"},
        {"agent": '{"objectType":"Group","member":[]}'},
        {"verb": "passed"},
        {"activity": "/x"},
        {"registration": "1"},
        {"since": "yesterday"},
        {"until": "2026-07-01"},
        {"limit": "-1"},
        {"limit": "one"},
        {"ascending": "True"},
        {"related_agents": "1"},
        {"format": "IDS"},
        {"unknown": "1"},
        {"StatementId": str(uuid4())},
        {"more": "1"},
    ],
)
async def test_a_query_that_is_not_of_the_specification_is_refused(lrs: Lrs, query: dict[str, str]) -> None:
    assert (await lrs.get(**query)).status == 400
