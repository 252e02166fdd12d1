"""Clients of the learning record store, for its tests."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import aiohttp

from onegrid.common.v1.common_pb2 import AccountKind, OaLevel
from onegrid_kit.callers import Caller, Grant
from onegrid_kit.testing.api import Serving
from onegrid_partyedu.web.requests import READ, WRITE

from .people import DISTRICT

__all__ = ["LMS", "OTHER_LMS", "READER", "Lrs", "a_statement", "an_agent"]

VERSION = {"X-Experience-API-Version": "1.0.3"}


def system(name: str, *permissions: str) -> Caller:
    """A service account."""
    grant = Grant(DISTRICT, OaLevel.OA_LEVEL_UNSPECIFIED, frozenset(permissions))
    kind = AccountKind.ACCOUNT_KIND_SERVICE
    return Caller(user=f"users/{name}", session=name, kind=kind, district=DISTRICT, grants=(grant,))


LMS = system("lms00000", READ, WRITE)
OTHER_LMS = system("lms00001", READ, WRITE)
READER = system("reader00", READ)


def an_agent(name: str = "ben") -> dict[str, Any]:
    """Somebody."""
    return {"objectType": "Agent", "name": f"{name} name", "mbox": f"mailto:{name}@example.com"}


def a_statement(**fields: Any) -> dict[str, Any]:
    """One of the specification's examples, but for what is given; None leaves a property out."""
    given = {
        "id": str(uuid4()),
        "actor": an_agent(),
        "verb": {"id": "http://example.com/verbs/passed", "display": {"en-US": "passed", "zh-CN": "通过"}},
        "object": {"id": "http://example.com/activities/explosives"},
        **fields,
    }
    return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True)
class Answered:
    """What was answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)

    @property
    def ids(self) -> list[str]:
        """Of the statements that were found."""
        return [each["id"] for each in self.json["statements"]]


class Lrs:
    """The store as one of its callers uses it."""

    def __init__(self, api: Serving, http: aiohttp.ClientSession, caller: Caller = LMS) -> None:
        self._api = api
        self._http = http
        self._caller = caller

    def of(self, caller: Caller) -> Lrs:
        """The same, as another caller."""
        return Lrs(self._api, self._http, caller)

    async def ask(
        self,
        method: str,
        resource: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        **parameters: Any,
    ) -> Answered:
        """The answer to any request."""
        path = resource if resource.startswith("/") else f"/xapi/{resource}"
        given = {**dict(self._api.token(self._caller)), **VERSION, **(headers or {})}
        query = {name: value for name, value in parameters.items() if value is not None} or None
        async with self._http.request(
            method, self._api.http_url + path, data=io.BytesIO(body) if body else None, headers=given, params=query
        ) as answer:
            return Answered(answer.status, answer.headers, await answer.read())

    async def bare(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answered:
        """The answer to a request with no headers but these."""
        async with self._http.request(method, self._api.http_url + path, data=body, headers=headers) as answer:
            return Answered(answer.status, answer.headers, await answer.read())

    async def post(self, given: Any, **headers: str) -> Answered:
        """The answer to statements as JSON."""
        return await self.ask(
            "POST", "statements", body=json.dumps(given).encode(), headers={"Content-Type": "application/json"}
        )

    async def put(self, given: Any, id_: str) -> Answered:
        """The answer to a statement as JSON."""
        headers = {"Content-Type": "application/json"}
        return await self.ask("PUT", "statements", body=json.dumps(given).encode(), headers=headers, statementId=id_)

    async def store(self, *given: dict[str, Any]) -> list[str]:
        """The ids of statements that are stored."""
        answer = await self.post([*given])
        assert answer.status == 200, answer.body
        ids: list[str] = answer.json
        return ids

    async def get(self, **parameters: Any) -> Answered:
        """The answer to a query."""
        return await self.ask("GET", "statements", **parameters)


def basic(name: str, secret: str) -> str:
    """The header of HTTP Basic."""
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()
