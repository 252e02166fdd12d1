"""The formats of values in statements (Data, 4)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

__all__ = [
    "instant",
    "is_duration",
    "is_iri",
    "is_language",
    "is_mailto",
    "is_media_type",
    "is_sha1",
    "is_sha2",
    "is_uuid",
    "same_mailto",
    "written",
]

# A scheme, and behind it none of the characters that RFC 3987 excludes.
_IRI: Final = re.compile(r'[A-Za-z][A-Za-z0-9+.-]*+:[^\s<>"{}|\\^`\x00-\x1f]++')
_MAILTO: Final = re.compile(r'mailto:[^\s@<>"\x00-\x1f]+@[^\s@<>"\x00-\x1f]+')
_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_SHA1: Final = re.compile(r"[0-9A-Fa-f]{40}")
_SHA2: Final = re.compile(r"(?:[0-9A-Fa-f]{56}|[0-9A-Fa-f]{64}|[0-9A-Fa-f]{96}|[0-9A-Fa-f]{128})")
# No control characters: the type of an attachment is a header of a part.
_MEDIA_TYPE: Final = re.compile(r"[!#$&^_.+\w-]+/[!#$&^_.+\w-]+[ \t]*(?:;[\t\x20-\x7e]*)?", re.ASCII)
# RFC 5646, 2.1; the irregular tags that were registered before it are listed.
_LANGUAGE: Final = re.compile(
    r"(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})"
    r"(?:-[a-z]{4})?(?:-(?:[a-z]{2}|[0-9]{3}))?(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*"
    r"(?:-[a-wyz0-9](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?"
    r"|x(?:-[a-z0-9]{1,8})+"
    r"|en-gb-oed|i-(?:ami|bnn|default|enochian|hak|klingon|lux|mingo|navajo|pwn|tao|tay|tsu)|sgn-(?:be-fr|be-nl|ch-de)",
    re.IGNORECASE | re.ASCII,
)
# Of most statements: the grammar takes much of the time in which one is checked.
_USUAL_LANGUAGES: Final = frozenset(("zh-CN", "zh", "en-US", "en"))
_NUMBER: Final = r"[0-9]+(?:[.,][0-9]+)?"
_DURATION: Final = re.compile(
    rf"P(?:{_NUMBER}W"
    # The standard wants a T before seconds; Data, 4.6, gives an example without one.
    rf"|{_NUMBER}S"
    rf"|(?=[0-9T])(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:{_NUMBER}D)?(?:T(?=[0-9])(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?)"
)
_LAST_FRACTION: Final = re.compile(r"[^.,]*(?:[.,][0-9]+[A-Z])?")
_TIMESTAMP: Final = re.compile(
    r"[0-9]{4}(?:-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
    r"|[0-9]{4}T[0-9]{4}(?:[0-9]{2}(?:[.,][0-9]+)?)?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)"
)
_NO_OFFSET: Final = re.compile(r".*-00(?::?00)?")


def is_iri(value: object) -> bool:
    """Whether it is an IRI with a scheme."""
    return type(value) is str and _IRI.fullmatch(value) is not None


def is_mailto(value: object) -> bool:
    """Whether it is the IRI of an e-mail address."""
    return type(value) is str and _MAILTO.fullmatch(value) is not None


def same_mailto(value: str) -> str:
    """The IRI with its domain in small letters, whose case does not matter."""
    local, _, domain = value.rpartition("@")
    return f"{local}@{domain.lower()}"


def is_uuid(value: object) -> bool:
    """Whether it is a UUID in its standard form."""
    return type(value) is str and _UUID.fullmatch(value) is not None


def is_sha1(value: object) -> bool:
    """Whether it is a SHA-1, hexadecimal."""
    return type(value) is str and _SHA1.fullmatch(value) is not None


def is_sha2(value: object) -> bool:
    """Whether it is a SHA-224, SHA-256, SHA-384 or SHA-512, hexadecimal."""
    return type(value) is str and _SHA2.fullmatch(value) is not None


def is_language(value: object) -> bool:
    """Whether it is a language tag (RFC 5646)."""
    return type(value) is str and (value in _USUAL_LANGUAGES or _LANGUAGE.fullmatch(value) is not None)


def is_media_type(value: object) -> bool:
    """Whether it is an Internet media type."""
    return type(value) is str and _MEDIA_TYPE.fullmatch(value) is not None


def is_duration(value: object) -> bool:
    """Whether it is a duration of ISO 8601:2004, 4.4.3.2: only its last number may have a fraction."""
    return (
        type(value) is str
        and _DURATION.fullmatch(value) is not None
        and _LAST_FRACTION.fullmatch(value) is not None
        and value[-1] != "T"
    )


def instant(value: object) -> datetime | None:
    """The moment of a timestamp of ISO 8601, in UTC if it names no zone; None if it is none. `-00:00` is no zone."""
    if type(value) is not str or _TIMESTAMP.fullmatch(value) is None:
        return None
    if _NO_OFFSET.fullmatch(value, value.index("T")):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    try:
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError:
        return None


def written(moment: datetime) -> str:
    """The timestamp of a moment: in UTC, to the microsecond."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
