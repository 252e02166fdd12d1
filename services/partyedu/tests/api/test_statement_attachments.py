"""Attachments: multipart in and out, bytes as they are, hashes checked; and signatures."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.parser import BytesParser
from typing import Any

import aiohttp
import jwt
import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Engine, text

from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.waiting import HANG_S
from onegrid_partyedu.xapi import parts

from .learning import LMS, Answered, Lrs, a_statement, an_agent
from .people import DISTRICT

BOUNDARY = "abcABC0123'()+_,-./:=?"
HEADERS = {"Content-Type": f'multipart/mixed; boundary="{BOUNDARY}"'}


@pytest_asyncio.fixture
async def lrs(api: Serving) -> AsyncIterator[Lrs]:
    """The store."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(HANG_S)) as http:
        yield Lrs(api, http)


def attached(data: bytes, **fields: Any) -> dict[str, Any]:
    """What a statement says of an attachment."""
    given = {
        "usageType": "http://example.com/attachment-usage/test",
        "display": {"en-US": "A test attachment"},
        "contentType": "text/plain; charset=ascii",
        "length": len(data),
        "sha2": hashlib.sha256(data).hexdigest(),
        **fields,
    }
    return {name: value for name, value in given.items() if value is not None}


def mixed(given: Any, *data: bytes, head: str = "", boundary: str = BOUNDARY) -> bytes:
    """A body as clients write it, with an epilogue that nobody reads."""
    body = f"--{boundary}\r\nContent-Type:application/json\r\n\r\n{json.dumps(given)}".encode()
    for each in data:
        sha2 = hashlib.sha256(each).hexdigest()
        usual = f"Content-Transfer-Encoding:binary\r\nX-Experience-API-Hash:{sha2}"
        own = head or f"Content-Type:text/plain; charset=ascii\r\n{usual}"
        body += f"\r\n--{boundary}\r\n{own}\r\n\r\n".encode() + each
    return body + f"\r\n--{boundary}--\r\nepilogue".encode()


async def send(lrs: Lrs, body: bytes, **headers: str) -> Answered:
    """The answer to a multipart body."""
    return await lrs.ask("POST", "statements", body=body, headers={**HEADERS, **headers})


def split(answer: Answered) -> list[Any]:
    """The parts of a body, as Python's own library reads them."""
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    message = BytesParser().parsebytes(head + answer.body)
    assert not message.defects
    return list(message.get_payload())


@pytest.mark.parametrize(
    "data",
    [b"here is a simple attachment", b"", b"\r\n", b"\r\n--\r\n", b"--abc\r\n", bytes(range(256)), b"\0\r\n\r\n"],
)
async def test_an_attachment_comes_back_byte_by_byte(lrs: Lrs, data: bytes) -> None:
    sent = a_statement(attachments=[attached(data)])
    assert (await send(lrs, mixed(sent, data))).status == 200
    for query in ({"statementId": sent["id"]}, {}):
        answer = await lrs.get(attachments="true", **query)
        assert answer.status == 200
        first, *others = split(answer)
        assert first.get_content_type() == "application/json"
        found = json.loads(first.get_payload())
        assert (found if query else found["statements"][0])["attachments"] == sent["attachments"]
        [part] = others
        assert part["X-Experience-API-Hash"] == sent["attachments"][0]["sha2"]
        assert part["Content-Transfer-Encoding"] == "binary"
        assert part["Content-Type"] == "text/plain; charset=ascii"
        boundary = parts.boundary_of(answer.headers["Content-Type"])
        assert parts.split(answer.body, boundary)[1][0].data == data
        plain = await lrs.get(attachments="false", **query)
        assert plain.headers["Content-Type"] == "application/json"


async def test_data_of_several_statements_is_sent_and_kept_once_and_sealed(lrs: Lrs, engine: Engine) -> None:
    data, other = b"a certificate of Zhang Weiguo", os.urandom(100_000)
    first = a_statement(attachments=[attached(data)])
    second = a_statement(attachments=[attached(data, sha2=hashlib.sha256(data).hexdigest().upper()), attached(other)])
    assert (await send(lrs, mixed([first, second], data, other))).status == 200
    assert len(split(await lrs.get(attachments="true"))) == 3
    with engine.connect() as conn:
        kept = conn.execute(text("SELECT sealed FROM statement_attachment")).scalars().all()
    assert len(kept) == 2
    assert not any(data in bytes(each) or other in bytes(each) for each in kept)


async def test_each_kind_of_sha_2_is_known(lrs: Lrs) -> None:
    data = b"x"
    for algorithm in (hashlib.sha224, hashlib.sha384, hashlib.sha512):
        sha2 = algorithm(data).hexdigest()
        sent = a_statement(attachments=[attached(data, sha2=sha2)])
        head = f"Content-Transfer-Encoding: binary\r\nX-Experience-API-Hash: {sha2}"
        assert (await send(lrs, mixed(sent, data, head=head))).status == 200


async def test_a_file_elsewhere_needs_no_data(lrs: Lrs) -> None:
    sent = a_statement(attachments=[attached(b"x", fileUrl="http://example.com/x")])
    assert (await lrs.post(sent)).status == 200
    assert (await send(lrs, mixed(a_statement(attachments=sent["attachments"])))).status == 200
    assert (await send(lrs, mixed([a_statement(), a_statement()]))).status == 200


async def test_statements_by_grpc_are_checked_as_by_http(api: Serving) -> None:
    signature = "http://adlnet.gov/expapi/attachments/signature"
    elsewhere = {"usageType": signature, "fileUrl": "http://example.com/x"}
    for fields, field in (({**elsewhere}, "attachments.contentType"), ({}, "attachments")):
        sent = a_statement(attachments=[attached(b"x", **fields)])
        with pytest.raises(Refused) as refused:
            await api.call(LMS, "StoreStatements", district=DISTRICT, statements=json.dumps(sent))
        assert refused.value.fields == [field]
    sent = a_statement(attachments=[attached(b"x", **{**elsewhere, "contentType": "application/octet-stream"})])
    await api.call(LMS, "StoreStatements", district=DISTRICT, statements=json.dumps([sent, a_statement()]))


async def test_what_does_not_fit_is_refused(lrs: Lrs) -> None:
    data = b"x"
    sent = a_statement(attachments=[attached(data)])
    sha2 = sent["attachments"][0]["sha2"]
    hashed, binary = f"X-Experience-API-Hash: {sha2}", "Content-Transfer-Encoding: binary"
    bodies = {
        "no data": mixed(sent),
        "data that nobody has": mixed(a_statement(), data),
        "no hash": mixed(sent, data, head=binary),
        "another hash": mixed(sent, data, head=f"{binary}\r\nX-Experience-API-Hash: {'0' * 64}"),
        "no encoding": mixed(sent, data, head=hashed),
        "another encoding": mixed(sent, data, head=f"{hashed}\r\nContent-Transfer-Encoding: base64"),
        "an encoding of other bytes": mixed(sent, data, head="@@").replace(
            b"@@", f"{hashed}\r\nContent-Transfer-Encoding: \xff".encode("latin-1"), 1
        ),
        "a type with a header": mixed(
            a_statement(attachments=[attached(data, contentType="text/plain\r\n\r\n;x")]),
            data,
            head=f"{hashed}\r\n{binary}",
        ),
        "another type": mixed(sent, data, head=f"{hashed}\r\n{binary}\r\nContent-Type: image/png"),
        "another length": mixed(a_statement(attachments=[attached(data, length=2)]), data),
        "another boundary": mixed(sent, data, boundary="other"),
        "no end": mixed(sent, data).partition(f"\r\n--{BOUNDARY}--".encode())[0],
        "no json": mixed(sent, data).replace(b"Content-Type:application/json\r\n", b"", 1),
        "nothing": b"",
    }
    answers = {name: (await send(lrs, body)).status for name, body in bodies.items()}
    assert answers == dict.fromkeys(bodies, 400)
    assert (await lrs.post(sent)).status == 400
    for content_type in ("multipart/mixed", "multipart/mixed; boundary=", "text/plain", "multipart/form-data"):
        assert (await send(lrs, mixed(sent, data), **{"Content-Type": content_type})).status == 400
    assert (await lrs.get()).ids == []


async def test_a_page_ends_before_its_attachments_are_too_large(lrs: Lrs) -> None:
    ids = []
    for _ in range(3):
        data = os.urandom(2_000_000)
        ids.append((sent := a_statement(attachments=[attached(data)]))["id"])
        assert (await send(lrs, mixed(sent, data))).status == 200
    found = []
    answer = await lrs.get(attachments="true", ascending="true")
    while True:
        page = json.loads(split(answer)[0].get_payload())
        found += [each["id"] for each in page["statements"]]
        if not page["more"]:
            break
        answer = await lrs.ask("GET", page["more"])
    assert found == ids


class Signer:
    """Who signs statements."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "signer")])
        now = datetime.now(UTC)
        made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self.key.public_key())
        made = made.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
        certificate = made.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)
        self.header = {"x5c": [base64.b64encode(certificate).decode()]}

    def sign(self, statement: Any, algorithm: str = "RS256", header: dict[str, Any] | None = None) -> bytes:
        """The statement's signature."""
        key: Any = "0" * 64 if algorithm == "HS256" else self.key
        payload = json.dumps(statement).encode()
        return jwt.PyJWS().encode(payload, key, algorithm, self.header if header is None else header).encode()


def signed(statement: dict[str, Any], signature: bytes, **fields: Any) -> bytes:
    """The statement with its signature as an attachment."""
    usage = "http://adlnet.gov/expapi/attachments/signature"
    given = {"usageType": usage, "contentType": "application/octet-stream", **fields}
    sha2 = hashlib.sha256(signature).hexdigest()
    head = f"Content-Transfer-Encoding: binary\r\nX-Experience-API-Hash: {sha2}"
    return mixed({**statement, "attachments": [attached(signature, **given)]}, signature, head=head)


async def test_a_signature_fits_its_statement_and_certificate(lrs: Lrs) -> None:
    signer, statement = Signer(), a_statement(timestamp="2026-07-01T00:00:00Z")
    for algorithm in ("RS256", "RS384", "RS512"):
        assert (await send(lrs, signed(statement, signer.sign(statement, algorithm)))).status in (200, 409)
    assert (await send(lrs, signed(other := a_statement(), signer.sign(other, header={})))).status == 200
    forged = Signer().sign(statement, header=signer.header)
    bad = {
        "other statement": signed(statement, signer.sign({**statement, "actor": an_agent("eva")})),
        "no statement": signed(statement, signer.sign([])),
        "other algorithm": signed(statement, signer.sign(statement, "HS256")),
        "other key": signed(statement, forged),
        "no signature": signed(statement, b"here is a simple attachment"),
        "no certificate": signed(statement, signer.sign(statement, header={"x5c": ["AAAA"]})),
        "other type": signed(statement, signer.sign(statement), contentType="text/plain"),
    }
    answers = {name: (await send(lrs, body)).status for name, body in bad.items()}
    assert answers == dict.fromkeys(bad, 400)
