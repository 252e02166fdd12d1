"""The robots and webhooks of offices, over real gRPC and a real database."""

from __future__ import annotations

import asyncio
import json
import uuid
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import grpc
import pytest
from sqlalchemy import Engine, text

from onegrid.notify.v1.delivery_pb2 import Channel, Endpoint
from onegrid_kit import codes
from onegrid_kit.callers import Caller
from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.callers import administrator
from onegrid_notify.deliveries import OF_OFFICES
from onegrid_notify.endpoint import ENDPOINT, MAX_ENDPOINTS
from onegrid_notify.store import places
from onegrid_notify.store.deliveries import subscribed_endpoints
from onegrid_notify.store.endpoints import endpoints_by_id

from .editors import (
    ARCHIVED,
    CLERK,
    COMMANDER,
    DISTRICT,
    JOBS,
    NEWS,
    OFFICE,
    OTHER_OFFICE,
    RESIDENT,
    SECTION,
    STREET,
    Newsroom,
    Refused,
)

DINGTALK, FEISHU, WEBHOOK = Channel.CHANNEL_DINGTALK, Channel.CHANNEL_FEISHU, Channel.CHANNEL_WEBHOOK
URL = "https://oapi.dingtalk.com/robot/send?access_token=0a1b2c3d"
SECRET = "SEC0123456789abcdef"
HOOK, HOOK_SECRET = "https://oa.example.cn/hooks/7", "whsec_" + b64encode(bytes(range(24))).decode()
NAME = f"endpoints/{OFFICE}-robot"


@pytest.fixture
def api_settings() -> Mapping[str, object]:
    providers = [
        {"name": "dingtalk", "kind": "dingtalk", "districts": [DISTRICT]},
        {"name": "hooks", "kind": "webhook", "districts": ["210603"], "allow_private": True},
    ]
    return {"providers": json.dumps(providers)}


async def define(newsroom: Newsroom, by: Caller = COMMANDER, name: str = NAME, **fields: Any) -> Endpoint:
    given = {"channel": DINGTALK, "display_name": "值班群", "topics": ["petitions", JOBS], "url": URL, **fields}
    answer = await newsroom.call(by, "DefineEndpoint", name=name, **{k: v for k, v in given.items() if v is not None})
    return answer.endpoint


async def listed(newsroom: Newsroom, office: str = DISTRICT, by: Caller = COMMANDER) -> list[Endpoint]:
    return list((await newsroom.call(by, "ListEndpoints", office=office)).endpoints)


async def refused(newsroom: Newsroom, **fields: Any) -> Refused:
    with pytest.raises(Refused) as error:
        await define(newsroom, **fields)
    return error.value


async def test_an_endpoint_is_entered_changed_and_deleted(newsroom: Newsroom) -> None:
    entered = await define(newsroom, secret=SECRET)
    assert (entered.name, entered.channel, entered.display_name) == (NAME, DINGTALK, "值班群")
    assert (entered.topics, entered.host, entered.has_secret) == (["petitions", JOBS], "oapi.dingtalk.com", True)
    assert await listed(newsroom) == [entered]
    changed = await define(newsroom, url=None, display_name="改名", disabled=True, topics=[NEWS], etag=entered.etag)
    assert (changed.display_name, changed.disabled, list(changed.topics)) == ("改名", True, [NEWS])
    assert (changed.host, changed.has_secret, changed.etag) == (entered.host, True, "2")
    assert await define(newsroom, url=None, display_name="改名", disabled=True, topics=[NEWS]) == changed
    assert (await refused(newsroom, url=None, etag=entered.etag)).reason == "STALE_ETAG"
    assert not (await define(newsroom, url=None, secret="")).has_secret
    request_id = str(uuid.uuid4())
    for _ in range(2):
        await newsroom.call(COMMANDER, "DeleteEndpoint", name=NAME, request_id=request_id)
    assert await listed(newsroom) == []
    with pytest.raises(Refused) as error:
        await newsroom.call(COMMANDER, "DeleteEndpoint", name=NAME)
    assert error.value.code == grpc.StatusCode.NOT_FOUND


async def test_url_and_secret_stay_until_they_are_replaced(newsroom: Newsroom, api: Serving, engine: Engine) -> None:
    cipher = api.runtime.cipher

    def stored() -> tuple[str, str]:
        with engine.connect() as conn:
            (found,) = endpoints_by_id(conn, [ENDPOINT.id(NAME)]).values()
        return found.url(cipher), found.secret(cipher)

    await define(newsroom, secret=SECRET)
    assert stored() == (URL, SECRET)
    await define(newsroom, url=None, display_name="改名")
    assert stored() == (URL, SECRET)
    await define(newsroom, url=URL + "9", secret="SEC9")
    assert stored() == (URL + "9", "SEC9")
    # What was given for one messenger is nothing to another.
    assert (await refused(newsroom, channel=FEISHU, url=None)).fields == ["url"]
    await define(newsroom, channel=FEISHU, url="https://open.feishu.cn/open-apis/bot/v2/hook/1")
    assert stored() == ("https://open.feishu.cn/open-apis/bot/v2/hook/1", "")


async def test_neither_url_nor_secret_is_returned_or_readable_in_the_database(
    newsroom: Newsroom, engine: Engine
) -> None:
    answers = [
        await define(newsroom, secret=SECRET, request_id=str(uuid.uuid4())),
        await define(newsroom, name=f"endpoints/{OFFICE}-hook", channel=WEBHOOK, url=HOOK, secret=HOOK_SECRET),
        *await listed(newsroom),
    ]
    with engine.connect() as conn:
        tables = conn.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
        rows = [row for table in tables for row in conn.execute(text(f'SELECT t::text FROM "{table}" t')).scalars()]
        sealed = [
            bytes(value)
            for row in conn.execute(text("SELECT sealed_url, sealed_secret FROM endpoint"))
            for value in row
        ]
    assert len(sealed) == 4
    for secret in ("0a1b2c3d", SECRET, "hooks/7", HOOK_SECRET, HOOK_SECRET.removeprefix("whsec_")):
        assert secret not in "\n".join((*map(str, answers), *rows))
        assert not any(secret.encode() in each for each in sealed)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"url": None}, "url"),
        ({"url": "http://oapi.dingtalk.com/robot/send"}, "url"),
        ({"url": "https://dingtalk.example.cn/robot/send"}, "url"),
        ({"url": "https://user:password@oapi.dingtalk.com/"}, "url"),
        ({"url": "https:///robot"}, "url"),
        ({"url": "https://oapi.dingtalk.com:port/"}, "url"),
        ({"url": "ftp://oapi.dingtalk.com/"}, "url"),
        ({"channel": WEBHOOK, "url": "http://oa.example.cn/hooks/7", "secret": HOOK_SECRET}, "url"),
        ({"channel": WEBHOOK, "url": HOOK}, "secret"),
        ({"channel": WEBHOOK, "url": HOOK, "secret": ""}, "secret"),
        ({"channel": WEBHOOK, "url": HOOK, "secret": "whsec_"}, "secret"),
        ({"channel": WEBHOOK, "url": HOOK, "secret": "whsec_!" + HOOK_SECRET}, "secret"),
        ({"channel": WEBHOOK, "url": HOOK, "secret": "whsec_" + b64encode(bytes(65)).decode()}, "secret"),
        ({"channel": Channel.CHANNEL_EMAIL}, "channel"),
        ({"display_name": " "}, "display_name"),
        ({"topics": []}, "topics"),
        ({"topics": ["news"]}, "topics[0]"),
        ({"topics": [SECTION]}, "topics"),
        ({"topics": [ARCHIVED]}, "topics"),
        ({"topics": [f"columns/{DISTRICT}-nowhere"]}, "topics"),
        ({"topics": ["columns/210603-news"]}, "topics"),
        ({"name": f"endpoints/{DISTRICT}D99-robot"}, "name"),
    ],
)
async def test_what_nothing_can_be_sent_to_is_no_endpoint(newsroom: Newsroom, fields: Any, field: str) -> None:
    error = await refused(newsroom, **fields)
    assert (error.code, error.fields) == (grpc.StatusCode.INVALID_ARGUMENT, [field])
    assert await listed(newsroom) == []


async def test_a_webhook_without_tls_is_taken_where_the_districts_provider_sends_to_it(
    newsroom: Newsroom, engine: Engine
) -> None:
    with engine.begin() as conn:
        places.keep_place(conn, "210603", 1, "振兴区")
    hook = {"channel": WEBHOOK, "url": "http://10.0.0.7:8080/hooks", "secret": HOOK_SECRET, "topics": ["petitions"]}
    found = await define(newsroom, administrator("other", "210603"), "endpoints/210603-hook", **hook)
    assert found.host == "10.0.0.7"
    assert (await refused(newsroom, **hook)).fields == ["url"]


async def test_only_who_may_defines_endpoints_and_of_own_offices_alone(newsroom: Newsroom) -> None:
    await define(newsroom)
    for by in (CLERK, RESIDENT):
        for method, fields in (
            ("DefineEndpoint", {"name": NAME, "channel": DINGTALK, "display_name": "x", "topics": ["petitions"]}),
            ("ListEndpoints", {"office": OFFICE}),
            ("DeleteEndpoint", {"name": NAME}),
        ):
            with pytest.raises(Refused) as error:
                await newsroom.call(by, method, **fields)
            assert error.value.code == grpc.StatusCode.PERMISSION_DENIED
    elsewhere = await refused(newsroom, name="endpoints/210603D07-robot")
    assert elsewhere.code == grpc.StatusCode.PERMISSION_DENIED


async def test_an_office_has_only_so_many_endpoints(newsroom: Newsroom) -> None:
    names = [f"endpoints/{OFFICE}-robot{number}" for number in range(MAX_ENDPOINTS + 5)]
    outcomes = await asyncio.gather(*(define(newsroom, name=name) for name in names), return_exceptions=True)
    errors = [each for each in outcomes if isinstance(each, Refused)]
    assert {(each.code, each.reason) for each in errors} == {
        (grpc.StatusCode.FAILED_PRECONDITION, "ENDPOINT_LIMIT_REACHED")
    }
    assert len(errors) == 5
    assert errors[0].metadata == {"office": OFFICE, "limit": "20"}
    known = (await listed(newsroom))[0].name
    await define(newsroom, name=known, display_name="改名")
    await define(newsroom, name=f"endpoints/{OTHER_OFFICE}-robot")


async def test_an_office_gets_what_is_about_its_endpoints_topics(newsroom: Newsroom, engine: Engine) -> None:
    for office, word, topics, disabled in (
        (OFFICE, "all", ["petitions", "patrols", JOBS, NEWS], False),
        (OFFICE, "jobs", [JOBS], False),
        (OFFICE, "off", [JOBS], True),
        (STREET, "jobs", [JOBS], False),
        (DISTRICT, "jobs", [JOBS], False),
    ):
        await define(newsroom, name=f"endpoints/{office}-{word}", topics=topics, disabled=disabled)

    def found(topic: str, *offices: str) -> list[str]:
        with engine.connect() as conn:
            names = [name for name, _ in subscribed_endpoints(conn, DISTRICT, topic, OF_OFFICES)]
        return [id_ for id_ in map(ENDPOINT.id, names) if codes.office_of(id_) in offices]

    assert found(JOBS, OFFICE) == [f"{OFFICE}-all", f"{OFFICE}-jobs"]
    for topic in ("petitions", "patrols"):
        assert found(topic, OFFICE, STREET) == [f"{OFFICE}-all"]
    assert found(JOBS, OFFICE, STREET) == [f"{STREET}-jobs", f"{OFFICE}-all", f"{OFFICE}-jobs"]
    assert found(JOBS, DISTRICT) == [f"{DISTRICT}-jobs"]
    assert found(NEWS, OTHER_OFFICE) == []
    assert [each.name for each in await listed(newsroom, OFFICE)] == [
        f"endpoints/{OFFICE}-{word}" for word in ("all", "jobs", "off")
    ]
    assert len(await listed(newsroom)) == 5
