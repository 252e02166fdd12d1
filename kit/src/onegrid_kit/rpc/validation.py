"""Validation: the rules that the contract declares, and the one that PostgreSQL adds: no NUL in text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from protovalidate import ValidationError, Validator

from onegrid_kit.errors import FieldViolation, InvalidRequest, MalformedRequest

__all__ = ["parse", "validate", "violations"]

_validator = Validator()


def parse(request_type: type[Message], raw: bytes) -> Message:
    """The message of these bytes. Raises MalformedRequest."""
    try:
        return request_type.FromString(raw)
    except DecodeError:
        raise MalformedRequest(f"not a {request_type.DESCRIPTOR.full_name}") from None


def validate(request: Message, raw: bytes) -> None:
    """Raise InvalidRequest, with each field that breaks a rule."""
    found = violations(request)
    if found:
        raise InvalidRequest(*found)
    # Numbers hold zero bytes too, so this finds candidates only; text is looked at where there are any.
    if b"\0" in raw:
        field = _nul_field(request, "")
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


def _nul_field(message: Message, prefix: str) -> str | None:
    for field, value in message.ListFields():
        path = prefix + field.name
        for index, each in enumerate(_values(field, value)):
            at = f"{path}[{index}]" if field.is_repeated else path
            if isinstance(each, str) and "\0" in each:
                return at
            if isinstance(each, Message):
                found = _nul_field(each, at + ".")
                if found:
                    return found
    return None


def _values(field: FieldDescriptor, value: Any) -> Iterable[Any]:
    if not field.is_repeated:
        return (value,)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return (*value.keys(), *value.values())
    return cast("Iterable[Any]", value)
