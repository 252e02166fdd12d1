"""Text for people has something to see and no control characters, in every request of every service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.rpc import error_details_pb2

from buf.validate import validate_pb2
from onegrid.options.v1 import rules_pb2
from onegrid_demo.loading import CELL, CENTRE

from .calling import METHODS, District, Outcome, access, request_of

INVISIBLE = {
    "spaces": "  ",
    "no-break space": "\u00a0",
    "ideographic space": "\u3000",
    "zero width space": "\u200b",
    "zero width joiner": "\u200d",
    "word joiner": "\u2060",
    "soft hyphen": "\u00ad",
    "byte order mark": "\ufeff",
    "Hangul filler": "\u3164",
    "halfwidth Hangul filler": "\uffa0",
    "Hangul initial filler": "\u115f",
    "Hangul medial filler": "\u1160",
    "braille blank": "\u2800",
    "bidirectional override": "\u202e\u202c",
    "bidirectional isolate": "\u2067\u2069",
    "variation selector": "\ufe0f",
    "tag characters": "\U000e0041\U000e007f",
    "combining mark": "\u0301",
    "noncharacter": "\uffff",
    "line break": "\n",
    "tab": "\t",
    "line separator": "\u2028",
    "several of them": " \u3000\u200b\u3164\n",
}
CONTROLS = {
    "NUL": "a\0b",
    "bell": "a\x07b",
    "escape sequence": "\x1b[2Jb",
    "carriage return": "a\r\nb",
    "delete": "a\x7f",
    "C1 control": "a\x85b",
}
LINE_BREAKS = {
    "line feed": "a\nb",
    "final line feed": "a\n",
    "tab": "a\tb",
    "line separator": "a\u2028b",
    "paragraph separator": "a\u2029b",
}
GOOD = {
    "Chinese": "张三",
    "ideograph outside of the basic plane": "𠮷",
    "private use": "\ue000",
    "emoji": "👍🏽",
    "emoji joined": "👩‍👩‍👧‍👦",
    "flag": "🇨🇳",
    "combining mark on a letter": "e\u0301",
    "Devanagari": "नमस्ते",
    "Hebrew": "שלום",
    "Arabic in an isolate": "\u2067مرحبا\u2069",
    "spaces around": " 路灯 ",
    "punctuation": "!",
}


def text_fields(message: Descriptor, prefix: str = "") -> Iterator[tuple[str, FieldDescriptor]]:
    """The text for people in a request, with the paths that violations name."""
    for field in message.fields:
        path = f"{prefix}{field.name}[0]" if field.is_repeated else prefix + field.name
        if field.type == FieldDescriptor.TYPE_STRING and (declares(field, "one_line") or declares(field, "multi_line")):
            yield path, field
        elif field.message_type is not None and field.message_type.file.package.startswith("onegrid."):
            yield from text_fields(field.message_type, f"{path}.")


def declares(field: FieldDescriptor, rule: str) -> bool:
    rules = field.GetOptions().Extensions[validate_pb2.field]
    declared = rules.repeated.items.string if field.is_repeated else rules.string
    return bool(declared.Extensions[getattr(rules_pb2, rule)])


FIELDS = [
    pytest.param(method, path, field, id=f"{method.name}.{path}")
    for method in METHODS
    for path, field in text_fields(method.input_type)
]


def put(request: Message, path: str, value: str) -> None:
    *parents, last = path.split(".")
    at = request
    for name in parents:
        at = getattr(at, name.removesuffix("[0]"))
        if name.endswith("[0]"):
            at = at.add() if not len(at) else at[0]
    if last.endswith("[0]"):
        getattr(at, last.removesuffix("[0]")).append(value)
    else:
        setattr(at, last, value)


ANSWERED: dict[str, str] = {}
"""For each method the last caller whom validation answered."""


def attempt(district: District, method: MethodDescriptor, path: str, value: str) -> Outcome:
    """Call with this text and little else, as the first caller whom validation answers."""
    request = request_of(method)()
    put(request, path, value)
    scope = access(method).scope_field
    if scope:
        put(request, scope, place_of(method))
    raw = request.SerializeToString()
    for caller in dict.fromkeys((ANSWERED.get(method.full_name, ""), "", *district.tokens)):
        outcome = district.send(method, raw, caller).keeps_the_contract()
        if outcome.reason not in ("UNAUTHENTICATED", "PERMISSION_DENIED"):
            ANSWERED[method.full_name] = caller
            return outcome
    raise AssertionError(f"no caller may call {method.name}: {outcome}")


@cache
def place_of(method: MethodDescriptor) -> str:
    """A place, or what lies in one, as the method takes it."""
    scope = access(method).scope_field
    at: Descriptor = method.input_type
    for name in scope.split(".")[:-1]:
        at = at.fields_by_name[name].message_type
    pattern = at.fields_by_name[scope.split(".")[-1]].GetOptions().Extensions[validate_pb2.field].string.pattern
    codes = [CELL[:6], CELL, CENTRE]
    known = [*codes, *(f"{kind}/{code}" for kind in ("divisions", "cells", "departments") for code in codes)]
    if kind := re.match(r"\^\(?([\w-]+)[/|]", pattern):
        known.append(f"{kind[1]}/{CELL[:6]}-word")
    known.append(f"pools/{CELL[:6]}-word/items/word")
    known.append(f"findings/{CELL}-{'0' * 32}")
    known.append(f"warnings/{CELL[:6]}-{'0' * 16}")
    known.append(f"drills/{CELL[:6]}-{'0' * 20}")
    known.append(f"depots/{CELL[:6]}-word/stocks/word")
    known.append(f"assets/{CELL[:6]}-word/inspections/1")
    known.append(f"templates/{CELL[:6]}-petition.PetitionFiled-petitioner-zh")
    return next(each for each in known if re.search(pattern or "^cells/", each))


def violated(outcome: Outcome) -> list[str]:
    bad = outcome.detail(error_details_pb2.BadRequest)
    return [violation.field for violation in bad.field_violations] if bad else []


@pytest.mark.parametrize(("method", "path", "field"), FIELDS)
def test_text_without_a_visible_character_is_refused(
    method: MethodDescriptor, path: str, field: FieldDescriptor, district: District
) -> None:
    accepted = [
        name for name, value in INVISIBLE.items() if path not in violated(attempt(district, method, path, value))
    ]
    assert not accepted


@pytest.mark.parametrize(("method", "path", "field"), FIELDS)
def test_control_characters_are_refused_and_line_breaks_where_text_is_one_line(
    method: MethodDescriptor, path: str, field: FieldDescriptor, district: District
) -> None:
    refused = {
        name
        for name, value in (CONTROLS | LINE_BREAKS).items()
        if path in violated(attempt(district, method, path, value))
    }
    assert refused == (set(CONTROLS | LINE_BREAKS) if declares(field, "one_line") else set(CONTROLS))


@pytest.mark.parametrize(("method", "path", "field"), FIELDS)
def test_text_of_every_script_is_accepted(
    method: MethodDescriptor, path: str, field: FieldDescriptor, district: District
) -> None:
    refused = [name for name, value in GOOD.items() if path in violated(attempt(district, method, path, value))]
    assert not refused


def test_there_is_text_in_every_service() -> None:
    services = {method.values[0].containing_service.name for method in FIELDS}  # type: ignore[attr-defined]
    assert len(services) >= 3
