"""Validation: the rules that the contract declares, and those of all contracts: times exist, and text holds no NUL."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from operator import attrgetter
from typing import Any, Final, TypeAlias, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.timestamp_pb2 import Timestamp
from protovalidate import ValidationError, Validator

from onegrid_kit.contracts import fields_under
from onegrid_kit.errors import FieldViolation, InvalidRequest, MalformedRequest

__all__ = ["NO_TIME", "is_no_time", "parse", "validate", "violations"]

_validator = Validator()
# Of the years that timestamp.proto has those with room around them: what is computed of a time, or is the same time in
# another zone, has to be one as well.
_SECONDS: Final = range(-30_610_224_000, 221_845_392_000)
_NANOS: Final = range(1_000_000_000)
NO_TIME: Final = "must lie in the years 1000 to 8999"


def parse(request_type: type[Message], raw: bytes) -> Message:
    """The message of these bytes. Raises MalformedRequest."""
    try:
        return request_type.FromString(raw)
    except DecodeError:
        raise MalformedRequest(f"not a {request_type.DESCRIPTOR.full_name}") from None


def validate(request: Message, raw: bytes) -> None:
    """Raise InvalidRequest, with each field that breaks a rule."""
    # Before the rules, which can't compare times that do not exist.
    if _leading_to(request.DESCRIPTOR, False):
        field = _find(request, is_no_time, text=False)
        if field:
            raise InvalidRequest(FieldViolation(field, NO_TIME))
    found = violations(request)
    if found:
        raise InvalidRequest(*found)
    # Numbers hold zero bytes too, so this finds candidates only; text is looked at where there are any.
    if b"\0" in raw:
        field = _find(request, _has_nul, text=True)
        if field:
            raise InvalidRequest(FieldViolation(field, "must not contain a NUL character"))


def violations(message: Message) -> list[FieldViolation]:
    """What breaks the rules that the contract declares for the message."""
    try:
        _validator.validate(message)
    except ValidationError as error:
        return [FieldViolation(_path(v.proto.field), v.proto.message or v.proto.rule_id) for v in error.violations]
    return []


def _path(field: object) -> str:
    names = []
    for element in getattr(field, "elements", ()):
        name = element.field_name
        subscript = getattr(element, "subscript", None)
        value = getattr(subscript, "value", None)
        names.append(f"{name}[{value}]" if value is not None else name)
    return ".".join(names)


def is_no_time(value: Timestamp) -> bool:
    """Whether it lies outside of the years 1000 to 8999, or is no moment at all."""
    return not (value.seconds in _SECONDS and value.nanos in _NANOS)


def _has_nul(value: str) -> bool:
    return "\0" in value


def _find(message: Message, wrong: Callable[[Any], bool], *, text: bool) -> str | None:
    """The path of the first text, or time, at any depth, that is wrong."""
    for field, single, inner in _leading_to(message.DESCRIPTOR, text):
        name = field.name
        if single:
            if field.message_type is not None and not message.HasField(name):
                continue
            value = getattr(message, name)
            found = ("" if wrong(value) else None) if inner is None else _find(value, wrong, text=text)
            if found is not None:
                return f"{name}.{found}" if found else name
            continue
        values = _values(field, getattr(message, name))
        if text and inner is not None and not inner.GetOptions().map_entry:
            leaves = _leaves(inner)
            if leaves and not any(wrong("".join(map(read, values))) for read in leaves):
                continue
        for index, each in enumerate(values):
            if isinstance(each, Message) and inner is not None:
                found = _find(each, wrong, text=text)
            else:
                found = "" if isinstance(each, str if text else Timestamp) and wrong(each) else None
            if found is not None:
                return f"{name}[{index}].{found}" if found else f"{name}[{index}]"
    return None


_Leading: TypeAlias = tuple[FieldDescriptor, bool, Descriptor | None]
"""A field, whether it has one value, and its message if what is looked for is in that."""


@cache
def _leading_to(message: Descriptor, text: bool) -> tuple[_Leading, ...]:
    """The fields in which there can be text, or times, at any depth: a batch of a thousand readings has a thousand
    strings, and three thousand values that need not be looked at.
    """
    return tuple(
        (field, not field.is_repeated, None if _holds(field, text) else field.message_type)
        for field in message.fields
        if any(_holds(each, text) for each in _with_those_under(field))
    )


@cache
def _leaves(message: Descriptor) -> tuple[Callable[[Any], str], ...]:
    """Readers of all text of such messages, if each has it in fields of its own, one value each: what is short and
    comes by the thousand is looked at together.
    """
    leading = _leading_to(message, True)
    if any(not single or inner is not None for _, single, inner in leading):
        return ()
    return tuple(attrgetter(field.name) for field, _, _ in leading)


def _with_those_under(field: FieldDescriptor) -> Iterable[FieldDescriptor]:
    return (field, *(fields_under(field.message_type) if field.message_type is not None else ()))


def _holds(field: FieldDescriptor, text: bool) -> bool:
    return field.type == field.TYPE_STRING if text else field.message_type is Timestamp.DESCRIPTOR


def _values(field: FieldDescriptor, value: Any) -> Iterable[Any]:
    if not field.is_repeated:
        return (value,)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return (*value.keys(), *value.values())
    return cast("Iterable[Any]", value)
