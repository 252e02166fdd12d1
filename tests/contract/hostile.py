"""Generates requests from the descriptors alone: plausible ones, and those of an attacker."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from google.protobuf import field_mask_pb2, timestamp_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from buf.validate import validate_pb2

__all__ = ["EXAMPLES", "requests", "spoiled_bytes"]

_WANTED = os.environ.get("ONEGRID_EXAMPLES")
EXAMPLES = settings(
    max_examples=int(_WANTED or "20"),
    database=None,
    # The same requests each time, unless more are asked for.
    derandomize=_WANTED is None,
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True, eq=False)
class Corpus:
    """Plausible values by kind: names and codes of resources that exist, and of some that do not."""

    by_kind: Mapping[str, Sequence[str]]

    @cached_property
    def all(self) -> tuple[str, ...]:
        return tuple(value for values in self.by_kind.values() for value in values)


# Seconds of the first and the last time that is taken, those beside them, and what people write for "never".
_EDGES = (-30_610_224_001, -30_610_224_000, 221_845_391_999, 221_845_392_000, 253_402_300_799)

NASTY = (
    "\0",
    "a\0b",
    "\n",
    "\x7f\x1b[2J",
    "\ufeff",
    "\ufffe\uffff",
    "\U0010ffff",
    "\u202egnp.exe",
    "e" + "\u0301" * 300,
    "👩‍👩‍👧‍👦" * 20,
    "ﷺ" * 70,
    "İıſßẞ",
    "一" * 5000,
    "x" * 70000,
    "%",
    "_",
    "\\",
    "'; DROP TABLE petition; --",
    "$1 :name %(name)s {0} ${jndi:ldap://x}",
    "../../etc/passwd",
    "/",
    "//",
    "-",
    "null",
    "1e999",
    "٣٤٥",
    "²³",
    "true",
)
_STRINGS = st.one_of(st.sampled_from(NASTY), st.text(max_size=40))
_DOUBLES = st.one_of(
    st.sampled_from(
        [float("nan"), float("inf"), float("-inf"), -0.0, 5e-324, 1.7e308, -1.7e308, 180.0, -180.0, 90.0, -90.0, 1e-9]
    ),
    st.floats(),
)
_FLOOR, _CEILING = -(2**31), 2**31 - 1
_INT32 = st.one_of(st.sampled_from([_FLOOR, -1, 0, 1, 5, 6, 500, 501, _CEILING]), st.integers(_FLOOR, _CEILING))
_INT64 = st.one_of(
    st.sampled_from([-(2**63), -1, 0, 1, 104857600, 104857601, 2**63 - 1]), st.integers(-(2**63), 2**63 - 1)
)
_HOSTILE: Mapping[int, SearchStrategy[Any]] = {
    FieldDescriptor.TYPE_STRING: _STRINGS,
    FieldDescriptor.TYPE_BYTES: st.one_of(
        st.binary(max_size=64), st.sampled_from([b"\0", b"\xff" * 32, b"code,name,level\n" * 3, b"\xef\xbb\xbf"])
    ),
    FieldDescriptor.TYPE_DOUBLE: _DOUBLES,
    FieldDescriptor.TYPE_INT32: _INT32,
    FieldDescriptor.TYPE_INT64: _INT64,
    FieldDescriptor.TYPE_UINT32: st.one_of(st.sampled_from([0, 1, 2**31, 2**32 - 1]), st.integers(0, 2**32 - 1)),
    FieldDescriptor.TYPE_UINT64: st.one_of(st.sampled_from([0, 1, 2**63, 2**64 - 1]), st.integers(0, 2**64 - 1)),
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_ENUM: st.one_of(st.sampled_from([-1, 0, 1, 2, 15, 99, _FLOOR, _CEILING]), _INT32),
}
_TEXTS = ("朝凤社区", "企业用工服务", "Straße 5", "请帮忙", "a", "7")
_CSV = (
    b"code,name,level\n210602,Yuanbao,district\n",
    "code,name,level\n210602,元宝区,district\n210602009,新街道,street\n210602009001,新社区,community\n".encode(),
    b"code,name,level\n210602009001,orphan,community\n",
    b'code,name,level\n210602,"a\nb",district\n210603,x,district\n',
)


def requests(kind: Descriptor, corpus: Corpus) -> SearchStrategy[Message]:
    """Messages of which each field is plausible, absent or hostile; many are valid but for one or two fields."""
    return st.sampled_from([0.0, 0.0, 0.1, 0.1, 0.3, 1.0]).flatmap(lambda harm: _message(kind, corpus, harm))


@st.composite
def spoiled_bytes(draw: Callable[[SearchStrategy[Any]], Any], kind: Descriptor, corpus: Corpus) -> bytes:
    """Bytes that are seldom a message: random, cut short, with fields of other types, nested without end."""
    valid: bytes = draw(_message(kind, corpus, 0.1)).SerializeToString()
    how = draw(st.integers(0, 6))
    if how == 0:
        return bytes(draw(st.binary(max_size=200)))
    if how == 1:
        return valid[: draw(st.integers(0, max(0, len(valid) - 1)))]
    if how == 2:
        at = draw(st.integers(0, len(valid)))
        return valid[:at] + bytes(draw(st.binary(min_size=1, max_size=4))) + valid[at:]
    if how == 3:  # an unknown field, then each known number with another wire type
        number = draw(st.sampled_from([*(f.number for f in kind.fields), 536870911]))
        return valid + _varint(number << 3 | draw(st.integers(0, 7))) + bytes(draw(st.binary(max_size=12)))
    if how == 4:  # groups without end
        return valid + _varint(100 << 3 | 3) * draw(st.sampled_from([1, 99, 101, 50000]))
    if how == 5:  # a length that is longer than what follows
        return valid + _varint(1 << 3 | 2) + _varint(draw(st.sampled_from([2**31 - 1, 2**63 - 1, len(valid) + 1])))
    # text that is not UTF-8
    numbers = [f.number for f in kind.fields if f.type == FieldDescriptor.TYPE_STRING] or [1]
    bad = draw(st.sampled_from([b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"]))
    return valid + _varint(draw(st.sampled_from(numbers)) << 3 | 2) + bytes([len(bad)]) + bad


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


@st.composite
def _message(draw: Callable[[SearchStrategy[Any]], Any], kind: Descriptor, corpus: Corpus, harm: float) -> Message:
    made = GetMessageClass(kind)()
    if kind.full_name == "google.protobuf.Timestamp":
        made.seconds = draw(st.sampled_from([0, 1605075360, *_EDGES, 2**63 - 1, -(2**63)]))
        made.nanos = draw(st.sampled_from([0, -1, 999999999, 1000000000, _CEILING]))
        return made
    if kind.full_name == "google.protobuf.FieldMask":
        paths = st.sampled_from(["display_name", "phone", "organization", "boundary"])
        made.paths.extend(draw(st.lists(paths, min_size=1, max_size=2, unique=True)))
        if draw(st.floats(0, 1)) < harm:
            made.paths.extend(draw(st.lists(_STRINGS, max_size=3)))
        return made
    for field in kind.fields:
        spoil = harm > 0 and draw(st.floats(0, 1)) < harm
        one = _values(field, corpus, harm, spoil=spoil)
        if field.is_repeated:
            values = draw(st.lists(one, min_size=1, max_size=4))
            if spoil and draw(st.integers(0, 3)) == 0:
                values *= draw(st.sampled_from([0, 2, 50, 2100]))
            _fill(made, field, values)
        elif field.message_type is not None:
            if not (spoil and draw(st.booleans())):
                getattr(made, field.name).CopyFrom(draw(one))
        elif _rules(field).ignore != validate_pb2.IGNORE_IF_ZERO_VALUE or draw(st.booleans()):
            setattr(made, field.name, draw(one))
    return made


def _fill(made: Message, field: FieldDescriptor, values: list[Any]) -> None:
    if len(values) > 200:
        # Small values: the number of items is tested, not their size.
        small = type(values[0])() if field.message_type is not None else values[0]
        values = [small[:8] if isinstance(small, str) else small] * len(values)
    getattr(made, field.name).extend(values)


def _values(field: FieldDescriptor, corpus: Corpus, harm: float, *, spoil: bool) -> SearchStrategy[Any]:
    if field.message_type is not None:
        return _message(field.message_type, corpus, 0.5 if spoil else harm)
    if spoil:
        return _HOSTILE[field.type]
    return _plausible(field, corpus)


@cache
def _plausible(field: FieldDescriptor, corpus: Corpus) -> SearchStrategy[Any]:
    rules = _rules(field)
    if field.type == FieldDescriptor.TYPE_STRING:
        pattern = rules.string.pattern or rules.repeated.items.string.pattern
        if rules.string.uuid:
            return st.uuids().map(str)
        if pattern:
            fitting = [value for value in corpus.all if re.search(pattern, value)]
            made = st.from_regex(pattern, fullmatch=True).filter(str.isascii)
            return st.one_of(st.sampled_from(fitting), made) if fitting else made
        if field.name in ("name", "user"):
            return st.sampled_from([value for value in corpus.all if "/" in value])
        if "token" in field.name or field.name == "etag":
            return st.sampled_from(["", "", "1", "AAAA", *corpus.by_kind.get(field.name, ())])
        longest = rules.string.max_len or rules.string.max_bytes or 40
        shortest = rules.string.min_len or 0
        return st.one_of(
            st.sampled_from([text.ljust(shortest, "口") for text in _TEXTS]),
            # The first character is visible and none controls, as the rules for text want.
            st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=shortest).map(
                lambda text: ("口" + text)[:longest]
            ),
        )
    if field.type == FieldDescriptor.TYPE_ENUM:
        return st.sampled_from([value.number for value in field.enum_type.values if value.number] or [0])
    if field.name == "csv":
        return st.sampled_from(_CSV)
    if field.name == "sha256":
        return st.binary(min_size=32, max_size=32)
    if field.name in ("longitude", "latitude"):
        west, east = (124.33, 124.47) if field.name == "longitude" else (40.12, 40.16)
        return st.floats(west, east)
    if field.type in (FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64):
        return st.integers(1, 5)
    return _HOSTILE[field.type]


def _rules(field: FieldDescriptor) -> validate_pb2.FieldRules:
    return field.GetOptions().Extensions[validate_pb2.field]


assert timestamp_pb2
assert field_mask_pb2
