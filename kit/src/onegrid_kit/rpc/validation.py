"""Validation: the rules that the contract declares, and those of all contracts: times exist, and text holds no NUL."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Final, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.timestamp_pb2 import Timestamp
from protovalidate import ValidationError, Validator

from onegrid_kit.contracts import fields_under
from onegrid_kit.errors import FieldViolation, InvalidRequest, MalformedRequest

__all__ = ["parse", "validate", "violations"]

_validator = Validator()
# The years 1 to 9999, as timestamp.proto defines them.
_SECONDS: Final = range(-62_135_596_800, 253_402_300_800)
_NANOS: Final = range(1_000_000_000)


def parse(request_type: type[Message], raw: bytes) -> Message:
    """The message of these bytes. Raises MalformedRequest."""
    try:
        return request_type.FromString(raw)
    except DecodeError:
        raise MalformedRequest(f"not a {request_type.DESCRIPTOR.full_name}") from None


def validate(request: Message, raw: bytes) -> None:
    """Raise InvalidRequest, with each field that breaks a rule."""
    # Before the rules, which can't compare times that do not exist.
    if _has_times(request.DESCRIPTOR):
        field = _find(request, _is_no_time)
        if field:
            raise InvalidRequest(FieldViolation(field, "must lie in the years 1 to 9999"))
    found = violations(request)
    if found:
        raise InvalidRequest(*found)
    # Numbers hold zero bytes too, so this finds candidates only; text is looked at where there are any.
    if b"\0" in raw:
        field = _find(request, lambda value: isinstance(value, str) and "\0" in value)
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


@cache
def _has_times(message: Descriptor) -> bool:
    return any(field.message_type is Timestamp.DESCRIPTOR for field in fields_under(message))


def _is_no_time(value: object) -> bool:
    return isinstance(value, Timestamp) and not (value.seconds in _SECONDS and value.nanos in _NANOS)


def _find(message: Message, wrong: Callable[[object], bool], prefix: str = "") -> str | None:
    """The path of the first value, at any depth, that is wrong."""
    for field, value in message.ListFields():
        path = prefix + field.name
        for index, each in enumerate(_values(field, value)):
            at = f"{path}[{index}]" if field.is_repeated else path
            if wrong(each):
                return at
            if isinstance(each, Message):
                found = _find(each, wrong, at + ".")
                if found:
                    return found
    return None


def _values(field: FieldDescriptor, value: Any) -> Iterable[Any]:
    if not field.is_repeated:
        return (value,)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return (*value.keys(), *value.values())
    return cast("Iterable[Any]", value)
