"""Statements: stored once, found, voided. All that is in them is sealed: they name persons."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final
from uuid import uuid4

import orjson
from sqlalchemy import Connection

from onegrid.partyedu.v1.attempts_pb2 import Attempt
from onegrid.partyedu.v1.completions_pb2 import Completion
from onegrid.partyedu.v1.events_pb2 import AttemptScored
from onegrid_kit import codes
from onegrid_kit.callers import Call
from onegrid_kit.cipher import Cipher
from onegrid_kit.errors import PermissionDenied
from onegrid_partyedu.attempt import ATTEMPT
from onegrid_partyedu.errors import StatementDiffers
from onegrid_partyedu.member import MEMBER
from onegrid_partyedu.store import statements as store
from onegrid_partyedu.xapi.comparing import same
from onegrid_partyedu.xapi.finding import By, sought
from onegrid_partyedu.xapi.formats import instant, written
from onegrid_partyedu.xapi.own import home_page, statement_of_completion, statement_of_start, statements_of_score
from onegrid_partyedu.xapi.parts import Part, match
from onegrid_partyedu.xapi.showing import merged, named
from onegrid_partyedu.xapi.signatures import check_signatures
from onegrid_partyedu.xapi.statement import VOIDED, Json, check_statement, refuse

__all__ = [
    "PURPOSE",
    "Ready",
    "Sender",
    "attachment_key",
    "definition_key",
    "filter_keys",
    "opened",
    "prepared",
    "ready",
    "shown",
    "store_completions",
    "store_score",
    "store_start",
    "store_statements",
]

PURPOSE: Final = "partyedu.statement"
_MOST: Final = 1_000
"""Statements of a batch."""
_CHAIN: Final = 10
"""How far references are followed: a statement has the keys of so many others at most."""
_LONGEST_DEFINITION: Final = 64 * 1024
"""In bytes: languages are added to those that are kept, and each statement with the activity can be shown with all."""
_LARGE_BYTES: Final = 128 * 1024
"""What takes longer to prepare than others are to wait: some four milliseconds. A thread for less takes long itself."""
_VERSION: Final = "1.0.0"
_OURSELVES: Final = "partyedu"
"""Who asserts what members did here."""
_WITH_TIMESTAMP: Final = b'{"timestamp":'
"""How a stored statement begins that came with a timestamp."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who says that statements are true."""

    district: str
    user: str

    @property
    def authority(self) -> Json:
        """The same as an agent."""
        account = {"homePage": home_page(self.district), "name": self.user}
        return {"objectType": "Agent", "account": account}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A statement that can be stored."""

    id: str
    statement: Json
    """As it is returned, but for when it was stored."""
    sealed: bytes
    keys: Set[int]
    target: str
    """The statement that is its object; empty: none is."""
    voiding: bool


@dataclass(frozen=True, slots=True)
class _Link:
    """A statement among those that refer to one another."""

    place: store.Position
    keys: Collection[int]
    """What it is found by itself."""
    target: str
    """The statement that is its object, whether it is there or not; empty: none is."""


def ready(given: object, sender: Sender, cipher: Cipher) -> list[Ready]:
    """Check the statements, one or a list, and make them ready. Raises InvalidRequest; nothing is stored then."""
    batch = given if isinstance(given, list) else [given]
    if len(batch) > _MOST:
        refuse("", f"must be {_MOST} statements at most")
    authority = sender.authority
    # Statements of a batch have much in common.
    key = functools.cache(lambda by, text: _key(by, text, cipher))
    made = [
        _ready(check_statement(each, f"statements[{position}]"), authority, key, cipher)
        for position, each in enumerate(batch)
    ]
    if len({each.id for each in made}) < len(made):
        refuse("statements", "must have distinct ids")
    return made


async def prepared(
    given: object, data: Sequence[Part], size: int, sender: Sender, cipher: Cipher
) -> tuple[list[Ready], Mapping[str, Part]]:
    """Check the statements, and make them ready with their attachments' data, by hash; `size`: how many bytes they came
    in. Raises InvalidRequest.
    """

    def prepare() -> tuple[list[Ready], Mapping[str, Part]]:
        batch = ready(given, sender, cipher)
        statements = [each.statement for each in batch]
        used = match(statements, data)
        check_signatures(statements, used)
        return batch, used

    return await asyncio.to_thread(prepare) if size > _LARGE_BYTES else prepare()


def store_statements(
    conn: Connection,
    batch: Sequence[Ready],
    sender: Sender,
    cipher: Cipher,
    call: Call,
    *,
    parts: Mapping[str, Part] = MappingProxyType({}),
    audited: Sequence[tuple[Call, str]] = (),
) -> datetime:
    """Store what is new of them, all or nothing, and the entries that are to be `audited` with them. The moment such
    that all that was stored before it is seen by whoever asks from now on.

    Raises StatementDiffers for an id that another statement has; InvalidRequest or PermissionDenied if one voids what
    it can't.
    """
    district, authority = sender.district, _authority_key(sender, cipher)
    new = _new_of(conn, batch, district, authority, cipher) if batch else []
    if new and parts:
        sealed = {attachment_key(sha2, cipher): cipher.seal(part.data, PURPOSE) for sha2, part in parts.items()}
        store.add_attachments(conn, district, sealed)
    _refer(conn, district, authority, [each for each in new if each.target], call)
    references, through = store.conclude(conn, district, [each.id for each in new], audited)
    store.void(conn, district, {each.target for each in references if each.voiding and each.authority == authority})
    _link(conn, district, new, {each.id for each in references}, cipher)
    return through


def store_completions(conn: Connection, completions: Mapping[str, Completion], cipher: Cipher, call: Call) -> None:
    """Store that members completed something, as this service's own statements with these ids."""
    by_district: dict[str, list[Json]] = {}
    for id_, completion in completions.items():
        district = codes.district_of(MEMBER.id(completion.member))
        by_district.setdefault(district, []).append(statement_of_completion(completion, district, id_))
    for district, given in sorted(by_district.items()):
        _store_own(conn, given, Sender(district, _OURSELVES), cipher, call)


def store_start(conn: Connection, attempt: Attempt, cipher: Cipher, call: Call) -> None:
    """Store that a member began an attempt."""
    sender = _ourselves(ATTEMPT.id(attempt.name))
    _store_own(conn, [statement_of_start(attempt, sender.district)], sender, cipher, call)


def store_score(conn: Connection, scored: AttemptScored, cipher: Cipher, call: Call) -> None:
    """Store what an attempt reached, in the place of what was stored of it before."""
    sender = _ourselves(ATTEMPT.id(scored.attempt.name))
    _store_own(conn, statements_of_score(scored, sender.district, sender.authority), sender, cipher, call)


def filter_keys(filters: Iterable[Iterable[tuple[By, str]]], cipher: Cipher) -> list[list[int]]:
    """The keys of what is asked for."""
    return [[_key(by, text, cipher) for by, text in alternatives] for alternatives in filters]


def definition_key(by: By, iri: str, cipher: Cipher) -> int:
    """What the definition of a verb or activity is kept by."""
    return _key(by, f"definition\n{iri}", cipher)


def attachment_key(sha2: str, cipher: Cipher) -> int:
    """What the data of an attachment is kept by."""
    return _number(cipher.blind_index(f"attachment\n{sha2.lower()}", PURPOSE))


def opened(of: store.Stored, cipher: Cipher) -> bytes:
    """The statement's JSON. Raises CipherError."""
    body = cipher.open(of.sealed, PURPOSE)
    stored = written(of.stored)
    timestamp = "" if body.startswith(_WITH_TIMESTAMP) else f',"timestamp":"{stored}"'
    return body[:-1] + f',"stored":"{stored}"{timestamp}}}'.encode()


def shown(of: store.Stored, cipher: Cipher) -> Json:
    """The statement. Raises CipherError."""
    statement: Json = orjson.loads(opened(of, cipher))
    return statement


def _ourselves(id_: str) -> Sender:
    return Sender(codes.district_of(id_), _OURSELVES)


def _store_own(conn: Connection, given: Sequence[Json], sender: Sender, cipher: Cipher, call: Call) -> None:
    """Store what is new. A score that two announced, its attempt's end and a regrading, is said by who came first."""
    before = store.find_statements(conn, sender.district, [each["id"] for each in given])
    batch = ready([each for each in given if each["id"] not in before], sender, cipher)
    store_statements(conn, batch, sender, cipher, call)


def _ready(statement: Json, authority: Json, key: Callable[[By, str], int], cipher: Cipher) -> Ready:
    id_ = statement["id"].lower() if "id" in statement else str(uuid4())
    made: Json = {}
    if "timestamp" in statement:
        timestamp = statement["timestamp"]
        moment = None if timestamp.endswith("Z") else instant(timestamp)
        made["timestamp"] = timestamp if moment is None else written(moment)
    made |= {
        "id": id_,
        **{name: value for name, value in statement.items() if name not in ("id", "timestamp", "stored")},
    }
    made["authority"] = authority
    made.setdefault("version", _VERSION)
    try:
        body = orjson.dumps(made)
    except TypeError:
        refuse("statements", "has values that are nested too deep")
    return Ready(
        id=id_,
        statement=made,
        sealed=cipher.seal(body, PURPOSE),
        keys={key(by, text) for by, text in sought(made)},
        target=_target_of(statement),
        voiding=statement["verb"]["id"] == VOIDED,
    )


def _new_of(conn: Connection, batch: Sequence[Ready], district: str, authority: int, cipher: Cipher) -> Sequence[Ready]:
    """Those of the batch that are stored now, with what they say of verbs and activities."""
    new, said = batch, _said(batch, cipher)
    rows = [store.Row(id=each.id, voiding=each.voiding, sealed=each.sealed, keys=each.keys) for each in batch]
    alone = any(each.target for each in batch)
    before, kept = store.add_statements(conn, district, authority, rows, defining=said.keys(), alone=alone)
    if before:
        _require_same(conn, district, [each for each in batch if each.id in before], cipher)
        new = [each for each in batch if each.id not in before]
        said = _said(new, cipher)
    _keep_definitions(conn, district, authority, said, kept, cipher)
    return new


def _require_same(conn: Connection, district: str, again: Sequence[Ready], cipher: Cipher) -> None:
    before = store.find_statements(conn, district, [each.id for each in again])
    for each in again:
        if not same(shown(before[each.id], cipher), each.statement):
            raise StatementDiffers(each.id)


def _said(batch: Iterable[Ready], cipher: Cipher) -> dict[int, Json]:
    """What the statements say of verbs and activities, by their keys."""
    found: dict[tuple[By, str], Json] = {}
    for each in batch:
        for by, iri, words in named(each.statement):
            earlier = found.get((by, iri), {})
            if words and words != earlier:
                found[by, iri] = merged(earlier, words)
    return {definition_key(by, iri, cipher): words for (by, iri), words in found.items()}


def _keep_definitions(
    conn: Connection,
    district: str,
    authority: int,
    said: Mapping[int, Json],
    before: Mapping[int, store.Definition],
    cipher: Cipher,
) -> None:
    """Keep what is said of verbs and activities. Who said something of one first may change it."""
    # In one order, so that no two batches wait for one another.
    for key in sorted(said):
        first, sealed = before.get(key, (authority, b""))
        if first != authority:
            continue
        kept: Json = orjson.loads(cipher.open(sealed, PURPOSE)) if sealed else {}
        wanted = merged(kept, said[key])
        word = orjson.dumps(wanted)
        if wanted != kept and len(word) <= _LONGEST_DEFINITION:
            store.keep_definition(conn, district, key, authority, cipher.seal(word, PURPOSE))


def _refer(conn: Connection, district: str, authority: int, new: Sequence[Ready], call: Call) -> None:
    """Keep to what new statements refer, and void those that they void."""
    if not new:
        return
    store.add_references(conn, district, authority, [(each.target, each.id, each.voiding) for each in new])
    found = store.find_statements(conn, district, {each.target for each in new if each.voiding})
    for target in found.values():
        if target.voiding:
            refuse("object.id", "is of a statement that voids another one, and can't be voided")
        if target.authority != authority:
            raise PermissionDenied(call.permission)
    store.void(conn, district, found)


def _link(
    conn: Connection,
    district: str,
    new: Sequence[Ready],
    referring: Collection[str],
    cipher: Cipher,
) -> None:
    """Have what refers to other statements found by what those are found by: what is new, and what was there before it.

    `referring`: the ids of those that refer to new ones.
    """
    behind = {each.id for each in new if each.target} | set(referring)
    if not behind:
        return
    stored = store.find_statements(conn, district, [each.id for each in new])
    places = {id_: (of.stored, of.number) for id_, of in stored.items()}
    links = {each.id: _Link(places[each.id], each.keys, each.target) for each in new}
    nearer = set(referring)
    for _ in range(_CHAIN):
        nearer = {each.id for each in store.referring_to(conn, district, nearer)} - behind if nearer else set()
        behind |= nearer
    wanted = (behind | {each.target for each in links.values() if each.target}) - links.keys()
    for _ in range(_CHAIN + 1):
        found = store.find_statements(conn, district, wanted) if wanted else {}
        further = {id_: _link_of(of, cipher) for id_, of in found.items()}
        links |= further
        wanted = {each.target for each in further.values() if each.target} - links.keys()
    rows = (
        (key, links[id_].place, ahead.place[1])
        for id_ in sorted(behind & links.keys())
        for ahead in _ahead(links, id_)
        for key in ahead.keys
    )
    store.add_keys(conn, district, rows)


def _ahead(links: Mapping[str, _Link], id_: str) -> Sequence[_Link]:
    """The statements that one refers to, the nearest first."""
    seen: dict[str, _Link] = {}
    while (id_ := links[id_].target) in links and id_ not in seen and len(seen) < _CHAIN:
        seen[id_] = links[id_]
    return [*seen.values()]


def _link_of(of: store.Stored, cipher: Cipher) -> _Link:
    statement = shown(of, cipher)
    keys = [_key(by, text, cipher) for by, text in sought(statement)]
    return _Link((of.stored, of.number), keys, _target_of(statement))


def _target_of(statement: Json) -> str:
    of = statement["object"]
    return str(of["id"]).lower() if of.get("objectType") == "StatementRef" else ""


def _authority_key(sender: Sender, cipher: Cipher) -> int:
    return _number(cipher.blind_index(f"authority\n{sender.user}", PURPOSE))


def _key(by: By, text: str, cipher: Cipher) -> int:
    return _number(cipher.blind_index(f"{by}\n{text}", PURPOSE))


def _number(index: bytes) -> int:
    """Half as long as a UUID: of a billion statements, none is found by another one's."""
    return int.from_bytes(index[:8], signed=True)
