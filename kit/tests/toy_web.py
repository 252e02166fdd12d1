"""The toy's HTTP routes: what they do follows from the path or the body."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import text

from onegrid_kit.database import Database
from onegrid_kit.errors import FieldViolation, InvalidRequest, NotFound, RateLimited, SignatureInvalid
from onegrid_kit.http.answers import NO_CONTENT, Answer, json_answer, page
from onegrid_kit.http.requests import Request
from onegrid_kit.http.routes import PUBLIC, Permitted, ReadOnlyDatabase, Signed, get, post

SIGNATURE: Final = "sesame"
SECRET: Final = "password of the database"
_WRITE: Final = text("INSERT INTO effect (name) VALUES (:name)")
_COUNT: Final = text("SELECT count(*) FROM effect")


async def look(request: Request[Any], db: ReadOnlyDatabase) -> Answer:
    """What the request says, or what its path asks for."""
    match request.parameters["what"]:
        case "page":
            return page("<!doctype html><title>页</title>")
        case "effects":
            return json_answer(await db.read(lambda conn: conn.execute(_COUNT).scalar_one()))
        case "write":
            await db.read(lambda conn: conn.execute(_WRITE, {"name": "from a GET"}))
        case "miss":
            raise NotFound("things/1")
        case "limit":
            raise RateLimited(timedelta(seconds=1.5))
        case "invalid":
            raise InvalidRequest(FieldViolation("thing.label", "is too long"), metadata={"thing": "1"})
        case "fail":
            raise RuntimeError(SECRET)
        case "sleep":
            await asyncio.sleep(60)
        case "nap":
            await asyncio.sleep(0.2)
    call = request.call
    said = {name: getattr(call, name) for name in ("method", "permission", "traceparent", "address")}
    return json_answer({**said, "user": call.caller.user, **request.parameters, "query": dict(request.query)})


async def keep(request: Request[Any], db: Database) -> Answer:
    """Store what the body says."""
    if request.json()["name"] == "nap":
        await asyncio.sleep(0.5)
    await db.write(lambda conn: conn.execute(_WRITE, {"name": request.json()["name"]}))
    return NO_CONTENT


async def fill_in(request: Request[Any], _: Database) -> Answer:
    """Repeat the form."""
    return json_answer({"verified": request.verified, **request.form()})


def verify(request: Request[Any]) -> str:
    """By the toy's own way of signing."""
    if request.headers.get("x-signature") != SIGNATURE:
        raise SignatureInvalid
    return f"{len(request.body)} bytes"


ROUTES: Final = (
    get("/v1/looks/{what}", PUBLIC, look),
    post("/v1/things", PUBLIC, keep, max_body_bytes=1000),
    get("/v1/places/{place}/{what}", Permitted("toy.things.keep", lambda request: request.parameters["place"]), look),
    get("/v1/anywhere/{what}", Permitted("toy.things.keep"), look),
    post("/v1/forms", Signed(verify), fill_in),
)
