"""The Statement resource (Communication, 2.1)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from email.utils import format_datetime
from types import MappingProxyType
from typing import Any, Final

import orjson
from sqlalchemy import Connection

from onegrid_kit.database import Database
from onegrid_kit.errors import NotFound
from onegrid_kit.http.answers import Answer, json_answer
from onegrid_kit.http.requests import Request
from onegrid_kit.http.routes import ReadOnlyDatabase
from onegrid_partyedu.commands import statements as commands
from onegrid_partyedu.settings import PartyeduSettings
from onegrid_partyedu.store import statements as store
from onegrid_partyedu.store.statement_pages import page
from onegrid_partyedu.web import continuing
from onegrid_partyedu.web.continuing import Query
from onegrid_partyedu.web.requests import VERSION_HEADERS, district_of, irl, require_version, sender_of
from onegrid_partyedu.xapi import parts, query, showing
from onegrid_partyedu.xapi.finding import By
from onegrid_partyedu.xapi.formats import is_uuid, written
from onegrid_partyedu.xapi.parts import Part
from onegrid_partyedu.xapi.statement import DISTRICT, STATEMENT, Json, refuse

__all__ = ["HEADERS", "MAX_BYTES", "post", "put", "show"]

MAX_BYTES: Final = 3 * 1024 * 1024
"""Of a request, with attachments: so that a statement can be answered with its own."""
_THROUGH: Final = "X-Experience-API-Consistent-Through"
HEADERS: Final[Mapping[str, str]] = MappingProxyType({**VERSION_HEADERS, _THROUGH: "1970-01-01T00:00:00.000000Z"})
"""What answers have that do not know better."""
_JSON: Final = "application/json"


async def put(request: Request[PartyeduSettings], db: Database) -> Answer:
    """Store one statement under its id. Raises InvalidRequest, StatementDiffers or PermissionDenied."""
    require_version(request)
    id_ = request.query.get("statementId", "")
    if request.query.keys() != {"statementId"} or not is_uuid(id_):
        refuse("statementId", "must be a UUID, and the only parameter")
    given, data = _read(request)
    if not isinstance(given, dict):
        refuse("", "must be one statement")
    own = given.setdefault("id", id_)
    if not is_uuid(own) or own.lower() != id_.lower():
        refuse("statements[0].id", "is not the statementId")
    _, through = await _store(request, db, given, data)
    return Answer(204, headers=through)


async def post(request: Request[PartyeduSettings], db: Database) -> Answer:
    """Store a statement, or all of a list or none; their ids. Raises InvalidRequest, StatementDiffers or
    PermissionDenied.
    """
    require_version(request)
    if request.query:
        refuse(next(iter(request.query))[:64], "is not a parameter of this resource")
    given, data = _read(request)
    if not isinstance(given, list | dict):
        refuse("", "must be a statement or a list of statements")
    ids, through = await _store(request, db, given, data)
    return replace(json_answer(ids), headers=through)


async def show(request: Request[PartyeduSettings], db: ReadOnlyDatabase) -> Answer:
    """One statement, or those that match. Raises InvalidRequest, InvalidToken or NotFound."""
    require_version(request)
    one = query.of_one(request.query)
    if one is not None:
        return await _show_one(request, db, *one)
    if "more" in request.query:
        wanted = continuing.opened(request)
    else:
        wanted = continuing.query_of(query.wanted(request.query), request)
    return await _show_many(request, db, wanted)


async def _show_one(request: Request[PartyeduSettings], db: ReadOnlyDatabase, id_: str, voided: bool) -> Answer:
    district = district_of(request)
    name = STATEMENT.name(f"{district}-{id_}")
    written_down = db.audit_read(replace(request.call, resource=name))
    through = await _through(db)
    found = await db.read(lambda conn: store.find_statement(conn, district, id_, voided=voided))
    await written_down
    if found is None:
        raise NotFound(name)
    wanted = query.wanted(request.query)
    [body] = await _bodies(request, db, [found], wanted.format)
    headers = {**through, "Last-Modified": format_datetime(found.stored, usegmt=True)}
    return await _answer(request, db, body, [found], headers, attachments=wanted.attachments)


async def _show_many(request: Request[PartyeduSettings], db: ReadOnlyDatabase, wanted: Query) -> Answer:
    district = district_of(request)
    written_down = db.audit_read(replace(request.call, resource=wanted.resource or DISTRICT.name(district)))
    # Before what is read: what is stored between the two is seen.
    through = await _through(db)

    def read(conn: Connection) -> tuple[list[store.Stored], store.Position | None]:
        return page(
            conn,
            district,
            filters=wanted.filters,
            since=wanted.since,
            until=wanted.until,
            after=wanted.after,
            ascending=wanted.ascending,
            limit=wanted.limit,
            room=request.settings.page_bytes,
        )

    found, after = await db.read(read)
    await written_down
    if wanted.attachments and (fitting := _fitting(found, request)) < len(found):
        found, after = found[:fitting], (found[fitting - 1].stored, found[fitting - 1].number)
    bodies = await _bodies(request, db, found, wanted.format)
    next_ = ""
    if after is not None:
        token = continuing.token(replace(wanted, after=after), request)
        next_ = f"{irl(request, 'statements')}?more={token}"
    body = b'{"statements":[' + b",".join(bodies) + b'],"more":' + orjson.dumps(next_) + b"}"
    return await _answer(request, db, body, found, through, attachments=wanted.attachments)


async def _store(
    request: Request[PartyeduSettings], db: Database, given: Any, data: Sequence[Part]
) -> tuple[list[str], dict[str, str]]:
    """The ids of the statements, and the header that says through when all are seen."""
    sender, cipher = sender_of(request), request.cipher
    batch, used = await commands.prepared(given, data, len(request.body), sender, cipher)
    name = STATEMENT.name(f"{sender.district}-{batch[0].id}") if len(batch) == 1 else DISTRICT.name(sender.district)

    def store_all(conn: Connection) -> datetime:
        return commands.store_statements(
            conn, batch, sender, cipher, request.call, parts=used, audited=[(request.call, name)]
        )

    through = await db.write(store_all)
    return [each.id for each in batch], {_THROUGH: written(through)}


def _read(request: Request[PartyeduSettings]) -> tuple[Any, list[Part]]:
    """The JSON of the request, and the data of attachments. Raises InvalidRequest."""
    data: list[Part] = []
    body = request.body
    if request.content_type == parts.MIXED:
        body, data = parts.split(body, parts.boundary_of(request.headers["Content-Type"]))
    elif request.content_type != _JSON:
        refuse("Content-Type", f"must be {_JSON} or {parts.MIXED}")
    try:
        return orjson.loads(body), data
    except orjson.JSONDecodeError:
        refuse("", "must be JSON")


async def _bodies(
    request: Request[PartyeduSettings], db: ReadOnlyDatabase, found: Sequence[store.Stored], format_: str
) -> list[bytes]:
    cipher, district = request.cipher, district_of(request)
    if format_ == "exact":
        return [commands.opened(each, cipher) for each in found]
    statements = [commands.shown(each, cipher) for each in found]
    if format_ == "ids":
        return [orjson.dumps(showing.ids(each)) for each in statements]
    keys = {
        commands.definition_key(by, iri, cipher): (by, iri) for each in statements for by, iri, _ in showing.named(each)
    }
    sealed = await db.read(lambda conn: store.definitions(conn, district, keys))
    kept: dict[tuple[By, str], Json] = {
        keys[key]: orjson.loads(cipher.open(word, commands.PURPOSE)) for key, (_, word) in sealed.items()
    }
    wanted = showing.languages(request.headers.get("Accept-Language", ""))
    return [orjson.dumps(showing.canonical(each, kept, wanted)) for each in statements]


async def _answer(
    request: Request[PartyeduSettings],
    db: ReadOnlyDatabase,
    body: bytes,
    found: Sequence[store.Stored],
    headers: Mapping[str, str],
    *,
    attachments: bool,
) -> Answer:
    tagged = {**headers, "ETag": f'"{hashlib.sha256(body).hexdigest()[:32]}"'}
    if not attachments:
        return Answer(200, body, _JSON, tagged)
    cipher, district = request.cipher, district_of(request)
    listed = {
        commands.attachment_key(each["sha2"], cipher): each
        for statement in found
        for each in parts.attachments_of(commands.shown(statement, cipher))
    }
    sealed = await db.read(lambda conn: store.attachments(conn, district, listed))
    data = [
        Part(each["sha2"].lower(), each["contentType"], cipher.open(sealed[key], commands.PURPOSE))
        for key, each in listed.items()
        if key in sealed
    ]
    boundary = secrets.token_hex(16)
    return Answer(200, parts.join(body, data, boundary), f"{parts.MIXED}; boundary={boundary}", tagged)


def _fitting(found: Sequence[store.Stored], request: Request[PartyeduSettings]) -> int:
    """How many of these can be sent with their attachments; one at least."""
    room = request.settings.page_bytes
    listed: set[str] = set()
    for number, each in enumerate(found):
        room -= len(each.sealed)
        for attachment in parts.attachments_of(commands.shown(each, request.cipher)):
            if attachment["sha2"] not in listed:
                listed.add(attachment["sha2"])
                room -= attachment["length"]
        if room < 0:
            return max(number, 1)
    return len(found)


async def _through(db: ReadOnlyDatabase) -> dict[str, str]:
    moment: datetime = await db.read(store.consistent_through)
    return {_THROUGH: written(moment)}
