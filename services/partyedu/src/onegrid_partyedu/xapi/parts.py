"""Statements with their attachments in one body: `multipart/mixed` (Communication, 1.5.2; RFC 2046)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from typing import Final

from onegrid_partyedu.xapi.statement import Json, refuse

__all__ = ["MIXED", "Part", "attachments_of", "boundary_of", "join", "match", "split"]

MIXED: Final = "multipart/mixed"
JSON: Final = "application/json"
_HASH: Final = "X-Experience-API-Hash"
_ALGORITHMS: Final = {56: hashlib.sha224, 64: hashlib.sha256, 96: hashlib.sha384, 128: hashlib.sha512}
_BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")


@dataclass(frozen=True, slots=True)
class Part:
    """An attachment's data."""

    sha2: str
    """In small letters."""
    content_type: str
    """As the statement has it."""
    data: bytes


def boundary_of(content_type: str) -> str:
    """The boundary that the header names. Raises InvalidRequest."""
    header = Message()
    header["Content-Type"] = content_type
    found = header.get_param("boundary")
    if not isinstance(found, str) or not _BOUNDARY.fullmatch(found):
        refuse("Content-Type", "must name a boundary")
    return found


def split(body: bytes, boundary: str) -> tuple[bytes, list[Part]]:
    """The statements' JSON, and the attachments' data. Raises InvalidRequest for what is not as it must be."""
    parts = [*_parts(body, boundary)]
    if not parts:
        refuse("", "has no parts")
    first, statements = parts[0]
    if (first.get_content_type() if "Content-Type" in first else "") != JSON:
        refuse("part 0", f"must be {JSON}")
    return statements, [_attachment(head, data, number) for number, (head, data) in enumerate(parts[1:], 1)]


def join(statements: bytes, parts: Iterable[Part], boundary: str) -> bytes:
    """The body with them."""
    body = bytearray(f"--{boundary}\r\nContent-Type: {JSON}\r\n\r\n".encode() + statements)
    for part in parts:
        head = (
            f"\r\n--{boundary}\r\nContent-Type: {part.content_type}\r\nContent-Transfer-Encoding: binary\r\n"
            f"Content-Length: {len(part.data)}\r\n{_HASH}: {part.sha2}\r\n\r\n"
        )
        body += head.encode() + part.data
    return bytes(body + f"\r\n--{boundary}--\r\n".encode())


def attachments_of(statement: Json) -> Iterator[Json]:
    """What the statement, and one in it, says of its attachments."""
    yield from statement.get("attachments", ())
    yield from statement["object"].get("attachments", ())


def match(statements: Iterable[Json], parts: Sequence[Part]) -> dict[str, Part]:
    """The parts by hash. Raises InvalidRequest for an attachment with neither data nor a `fileUrl`, for data that no
    statement has, and where the two say different things.
    """
    given = {part.sha2: part for part in parts}
    used: dict[str, Part] = {}
    for statement in statements:
        for attachment in attachments_of(statement):
            sha2 = attachment["sha2"].lower()
            part = given.get(sha2)
            if part is None:
                if "fileUrl" not in attachment:
                    refuse("attachments", "has one with neither a fileUrl nor data")
                continue
            if attachment["length"] != len(part.data):
                refuse("attachments.length", "is not that of the data")
            if part.content_type and not _same_type(part.content_type, attachment["contentType"]):
                refuse("attachments.contentType", "is not that of the data")
            used[sha2] = Part(sha2, attachment["contentType"], part.data)
    if len(used) < len(given):
        refuse("", "has data that no statement has as its attachment")
    return used


def _parts(body: bytes, boundary: str) -> Iterator[tuple[Message, bytes]]:
    # The line break before a boundary is the boundary's (RFC 2046, 5.1.1).
    delimiter = re.compile(rb"(?:\A|\r\n)--" + re.escape(boundary.encode()) + rb"(--)?[ \t]*(?:\r\n|\Z)")
    begin, ended = -1, False
    position = 0
    while (found := delimiter.search(body, position)) is not None:
        if begin >= 0:
            yield _parted(body[begin : found.start()])
        if found[1] is not None:
            ended = True
            break
        begin = found.end()
        # The next one may begin with the line break that this one ends with.
        position = max(found.end() - 2, found.start() + 1)
    if not ended:
        refuse("", "does not end with its boundary")


def _parted(part: bytes) -> tuple[Message, bytes]:
    if part.startswith(b"\r\n"):
        return Message(), part[2:]
    head, blank, data = part.partition(b"\r\n\r\n")
    if not blank:
        refuse("", "has a part without an empty line behind its headers")
    return BytesParser(policy=compat32).parsebytes(head + b"\r\n\r\n", headersonly=True), data


def _attachment(head: Message, data: bytes, number: int) -> Part:
    path = f"part {number}"
    if str(head.get("Content-Transfer-Encoding", "")).strip().lower() != "binary":
        refuse(path, "must have the Content-Transfer-Encoding binary")
    sha2 = str(head.get(_HASH, "")).strip().lower()
    algorithm = _ALGORITHMS.get(len(sha2))
    if algorithm is None or algorithm(data).hexdigest() != sha2:
        refuse(path, f"must have the SHA-2 of its data as {_HASH}")
    return Part(sha2, str(head.get("Content-Type", "")), data)


def _same_type(one: str, other: str) -> bool:
    return [each.strip().lower() for each in one.split(";")] == [each.strip().lower() for each in other.split(";")]
