"""Bytes that are no gRPC, no HTTP/2, or only half of it: the connection may end, the platform does not."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from onegrid.identity.v1 import identity_service_pb2 as identity_pb
from onegrid.petition.v1 import petition_service_pb2 as petition_pb
from onegrid.petition.v1.resources_pb2 import Kind
from onegrid_kit.testing.waiting import HANG_S

from .calling import METHODS, District, path
from .wire import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    exchange,
    fields,
    frame,
    grpc_message,
    opening,
)

PATHS = {method.name: path(method) for method in METHODS}
FILE, KEYS, LIST = PATHS["FilePetition"], PATHS["ListSigningKeys"], PATHS["ListPetitions"]
MESSAGE = petition_pb.FilePetitionRequest(district="210602", kind=Kind.KIND_HELP, text="漏水", place="210602")
BODY = MESSAGE.SerializeToString()


def half_of_it() -> Iterator[tuple[str, bytes]]:
    """Each kind of malformed input, with a name."""
    yield "nothing", b""
    yield "noise", os.urandom(4096)
    yield "zeros", bytes(65536)
    yield "HTTP/1.1", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    yield "TLS hello", bytes.fromhex("16030100a5010000a10303") + bytes(160)
    yield "half a preface", PREFACE[:10]
    yield "no settings", PREFACE
    yield "settings cut short", PREFACE + frame(SETTINGS, 0, 0, bytes(6))[:-3]
    yield "settings of odd length", PREFACE + frame(SETTINGS, 0, 0, bytes(5))
    yield "settings on a stream", PREFACE + frame(SETTINGS, 0, 3)
    yield "initial window of 2^32-1", PREFACE + frame(SETTINGS, 0, 0, b"\0\x04\xff\xff\xff\xff")
    yield "frame of 16 MiB announced", PREFACE + frame(SETTINGS, 0, 0) + frame(DATA, 0, 1, b"x", length=2**24 - 1)
    yield "unknown frame kinds", PREFACE + frame(SETTINGS, 0, 0) + frame(0xEE, 0xFF, 1, b"x") * 100
    yield "data before headers", PREFACE + frame(SETTINGS, 0, 0) + frame(DATA, END_STREAM, 1, grpc_message(BODY))
    yield "data on stream 0", opening(FILE) + frame(DATA, 0, 0, b"x")
    yield "an even stream", PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS, 2, fields([]))
    yield "headers that end at once", opening(FILE) + frame(DATA, END_STREAM, 1)
    yield "headers that never end", PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, 0, 1, fields([(b"a", b"b")]))
    yield (
        "continuations without end",
        PREFACE
        + frame(SETTINGS, 0, 0)
        + frame(HEADERS, 0, 1, fields([(b":method", b"POST")]))
        + frame(CONTINUATION, 0, 1, fields([(b"a", b"b" * 90)])) * 5000,
    )
    yield "continuation of nothing", opening(FILE) + frame(CONTINUATION, END_HEADERS, 1, b"")
    yield (
        "index of no header",
        PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff\x0f"),
    )
    yield "endless integer", PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS, 1, b"\0" + b"\xff" * 500)
    yield "no path", PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, 5, 1, fields([(b":method", b"POST")]))
    yield "path of nonsense", opening("/\xff/\0//..") + frame(DATA, END_STREAM, 1, grpc_message(BODY))
    yield (
        "no such method",
        opening("/onegrid.petition.v1.PetitionService/Nothing") + frame(DATA, 1, 1, grpc_message(b"")),
    )
    yield "another content type", opening(FILE, (b"content-type", b"text/html")) + frame(DATA, 1, 1, grpc_message(BODY))
    yield "GET", opening(FILE, (b":method", b"GET")) + frame(DATA, END_STREAM, 1, grpc_message(BODY))
    yield "prefix cut short", opening(FILE) + frame(DATA, END_STREAM, 1, b"\0\0\0")
    yield "message cut short", opening(FILE) + frame(DATA, END_STREAM, 1, grpc_message(BODY)[:-4])
    yield "message that never ends", opening(FILE) + frame(DATA, 0, 1, grpc_message(BODY)[:-4])
    yield "length of 4 GiB", opening(FILE) + frame(DATA, END_STREAM, 1, grpc_message(BODY, length=2**32 - 1))
    yield "length that is too small", opening(FILE) + frame(DATA, END_STREAM, 1, grpc_message(BODY, length=3))
    yield "compressed, in no way that was named", opening(FILE) + frame(DATA, 1, 1, grpc_message(BODY, flag=1))
    yield (
        "gzip that is none",
        opening(FILE, (b"grpc-encoding", b"gzip")) + frame(DATA, END_STREAM, 1, grpc_message(BODY, flag=1)),
    )
    yield (
        "unknown encoding",
        opening(FILE, (b"grpc-encoding", b"br\xff")) + frame(DATA, END_STREAM, 1, grpc_message(BODY, flag=1)),
    )
    yield "unknown flags", opening(FILE) + frame(DATA, END_STREAM, 1, grpc_message(BODY, flag=0xFE))
    yield "two messages", opening(FILE) + frame(DATA, END_STREAM, 1, grpc_message(BODY) * 2)
    yield "no message", opening(KEYS) + frame(DATA, END_STREAM, 1)
    yield "data after the end", opening(KEYS) + frame(DATA, END_STREAM, 1, grpc_message(b"")) * 2
    yield "reset at once", (opening(FILE) + frame(RST_STREAM, 0, 1, bytes(4))) + frame(RST_STREAM, 0, 1, bytes(4)) * 500
    yield "window of nothing", opening(KEYS) + frame(WINDOW_UPDATE, 0, 1, bytes(4))
    yield "window overflow", opening(KEYS) + frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff") * 3
    yield "pings", PREFACE + frame(SETTINGS, 0, 0) + frame(PING, 0, 0, bytes(8)) * 2000
    yield "ping of odd length", PREFACE + frame(SETTINGS, 0, 0) + frame(PING, 0, 0, bytes(7))
    yield "bad timeouts", opening(KEYS, (b"grpc-timeout", b"-99999999999999H")) + frame(DATA, 1, 1, grpc_message(b""))
    yield "timeout of nothing", opening(LIST, (b"grpc-timeout", b"0n")) + frame(DATA, 1, 1, grpc_message(b""))
    yield (
        "details that only servers send",
        opening(KEYS, (b"grpc-status", b"0"), (b"grpc-status-details-bin", b"!"))
        + frame(DATA, 1, 1, grpc_message(b"")),
    )


@pytest.mark.parametrize("sent", [pytest.param(sent, id=name) for name, sent in half_of_it()])
def test_it_serves_after(sent: bytes, district: District) -> None:
    before = district.count("petition", "petition")
    exchange(district.port, sent, wait_s=0.15)
    assert district.serving()
    assert district.count("petition", "petition") == before


HOSTILE_VALUES = (b"\xff\xfe", b"\xed\xa0\x80", b"a\0b", "区".encode(), b"\xc3", b"\x01\x7f", b"x" * 5000)


@pytest.mark.parametrize(
    "name", [b"x-purpose", b"x-purpose-bin", b"traceparent", b"authorization", b"user-agent", b"x-any", b"x-any-bin"]
)
def test_it_takes_or_refuses_metadata_that_no_client_would_send(name: bytes, district: District) -> None:
    """Metadata that is not text does not reach the audit trail; faults would be in the platform's log."""
    token = ("Bearer " + district.tokens["citizen"]).encode()
    body = petition_pb.ListPetitionsRequest(district="210602", petitioner_self=True).SerializeToString()
    for value in HOSTILE_VALUES:
        sent = opening(LIST, (b"authorization", token), (name, value)) + frame(DATA, END_STREAM, 1, grpc_message(body))
        exchange(district.port, sent, wait_s=0.1)
    assert district.serving()


def test_a_well_made_call_by_hand_is_answered(district: District) -> None:
    """So that the tests above fail for what they change, and for nothing else."""
    got = exchange(district.port, opening(KEYS) + frame(DATA, END_STREAM, 1, grpc_message(b"")))
    listed = district.do(identity_pb.ListSigningKeysRequest(), "", identity_pb.ListSigningKeysResponse)
    assert listed.keys[0].x.encode() in got
    token = ("Bearer " + district.tokens["citizen"]).encode()
    before = district.count("petition", "petition")
    exchange(district.port, opening(FILE, (b"authorization", token)) + frame(DATA, END_STREAM, 1, grpc_message(BODY)))
    assert district.count("petition", "petition") == before + 1


def test_many_idle_connections_do_not_block_others(district: District) -> None:
    crowd = [socket.create_connection(("127.0.0.1", district.port), timeout=HANG_S) for _ in range(300)]
    try:
        for connection in crowd[::2]:
            connection.sendall(opening(FILE) + frame(DATA, 0, 1, grpc_message(BODY)[:7]))
        assert district.serving()
    finally:
        for connection in crowd:
            connection.close()
    assert district.serving()
