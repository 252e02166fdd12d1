"""What was recorded by an entry: read as the service's message, or refused."""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.message import Message

from onegrid.field.v1.field_pb2 import Entry, RefusalReason
from onegrid_kit.errors import FieldViolation, InvalidRequest
from onegrid_kit.field.errors import EntryRefused
from onegrid_kit.rpc.validation import validate

__all__ = ["content_in", "content_refused"]

M = TypeVar("M", bound=Message)
_PREFIX = "type.googleapis.com/"


def content_in(entry: Entry, message: type[M]) -> M:
    """What was recorded by an entry that has just come. Raises EntryRefused for what is no such message, or breaks a
    rule of the contract.
    """
    if entry.content.type_url != _PREFIX + message.DESCRIPTOR.full_name:
        raise EntryRefused(RefusalReason.REFUSAL_REASON_UNKNOWN_CONTENT)
    content = message()
    try:
        content.ParseFromString(entry.content.value)
        validate(content, entry.content.value)
    except InvalidRequest as wrong:
        violations = [FieldViolation(f"content.{field}", description) for field, description in wrong.violations]
        raise content_refused(*violations) from None
    except Exception:
        raise content_refused() from None
    return content


def content_refused(*violations: FieldViolation) -> EntryRefused:
    """That an entry is not taken for what it says; the paths of these fields begin with `content`."""
    return EntryRefused(RefusalReason.REFUSAL_REASON_CONTENT_REFUSED, *violations)
