"""An HTTP request, as a handler gets it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes, policy
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl

import orjson

from onegrid_kit.callers import Call
from onegrid_kit.cipher import Cipher
from onegrid_kit.errors import MalformedRequest
from onegrid_kit.http.errors import UnsupportedMediaType
from onegrid_kit.service import Service
from onegrid_kit.settings import ServiceSettings

__all__ = ["Request"]

S_co = TypeVar("S_co", bound=ServiceSettings, covariant=True)

_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
_FIELDS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Generic[S_co]):
    """What the caller sent, and what the route works with beside its database."""

    call: Call
    """Who calls, when, from where; `method` is the route's, ``POST /v1/receipts/{provider}``."""
    service: Service
    settings: S_co
    cipher: Cipher
    parameters: Mapping[str, str]
    """What stands in the path for the names of the route's pattern, decoded."""
    query: Mapping[str, str]
    """The query's parameters, decoded; of one that is repeated, the first."""
    headers: Mapping[str, str]
    """By names in any case."""
    content_type: str = ""
    """The media type of the body, in small letters, without its parameters."""
    body: bytes = b""
    verified: Any = None
    """What the route's own verification returned, if it has one."""

    def json(self) -> Any:
        """The body as JSON. Raises MalformedRequest."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise MalformedRequest("the body is no JSON") from None

    def form(self) -> Mapping[str, str]:
        """The fields of a form, of either type. Raises MalformedRequest or UnsupportedMediaType."""
        try:
            if self.content_type == _FORM:
                return dict(parse_qsl(self.body.decode(), keep_blank_values=True, max_num_fields=_FIELDS))
            if self.content_type == _MULTIPART:
                return self._multipart()
        except ValueError:
            raise MalformedRequest("the body is no form") from None
        raise UnsupportedMediaType(f"{_FORM} or {_MULTIPART}")

    def _multipart(self) -> Mapping[str, str]:
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        message = message_from_bytes(head + self.body, policy=policy.HTTP)
        if not message.is_multipart():
            raise ValueError("not multipart")
        fields: dict[str, str] = {}
        for part in message.iter_parts():
            name = part.get_param("name", header="content-disposition")
            content = part.get_payload(decode=True)
            if isinstance(name, str) and isinstance(content, bytes):
                fields[name] = content.decode()
        return fields
