"""HTTP/2 by hand: frames that no client library would send."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from contextlib import suppress

__all__ = [
    "CONTINUATION",
    "DATA",
    "END_HEADERS",
    "END_STREAM",
    "HEADERS",
    "PING",
    "PREFACE",
    "RST_STREAM",
    "SETTINGS",
    "WINDOW_UPDATE",
    "exchange",
    "fields",
    "frame",
    "grpc_message",
    "opening",
]

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS = 0x1, 0x4


def frame(kind: int, flags: int, stream: int, payload: bytes = b"", *, length: int | None = None) -> bytes:
    """A frame; its header may lie about its length."""
    size = len(payload) if length is None else length
    return struct.pack(">I", size)[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def fields(pairs: Sequence[tuple[bytes, bytes]]) -> bytes:
    """A header block: literals without indexing or Huffman coding (RFC 7541, 6.2.2)."""
    return b"".join(b"\0" + _string(name) + _string(value) for name, value in pairs)


def opening(path: str, *more: tuple[bytes, bytes]) -> bytes:
    """Preface, settings and the headers of a call on stream 1."""
    block = fields(
        [
            (b":method", b"POST"),
            (b":scheme", b"http"),
            (b":path", path.encode()),
            (b":authority", b"localhost"),
            (b"content-type", b"application/grpc"),
            (b"te", b"trailers"),
            *more,
        ]
    )
    return PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS, 1, block)


def grpc_message(body: bytes, *, flag: int = 0, length: int | None = None) -> bytes:
    """gRPC's own prefix and the message; the prefix may lie."""
    return struct.pack(">BI", flag, len(body) if length is None else length) + body


def exchange(port: int, sent: bytes, *, wait_s: float = 0.3) -> bytes:
    """Send it on a connection of its own; what comes back until the other side closes, or for so long."""
    got = bytearray()
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        with suppress(ConnectionError, TimeoutError):
            connection.sendall(sent)
        connection.settimeout(wait_s)
        with suppress(ConnectionError, TimeoutError):
            while chunk := connection.recv(65536):
                got += chunk
    return bytes(got)


def _string(data: bytes) -> bytes:
    return _integer(len(data)) + data


def _integer(value: int) -> bytes:
    if value < 127:
        return bytes([value])
    out = bytearray([127])
    value -= 127
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
