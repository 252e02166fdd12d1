"""Statements of xAPI."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from uuid import uuid4

from google.protobuf.message import Message

from onegrid.partyedu.v1 import statement_methods_pb2 as pb

from ..acting import DISTRICT
from ..calling import District

__all__ = ["CHANGES", "PREPARE", "elsewhere", "lists"]


def a_statement() -> str:
    """One that is not stored yet."""
    return json.dumps(
        {
            "id": str(uuid4()),
            "actor": {"account": {"homePage": "https://study.example.cn", "name": "1625378"}},
            "verb": {"id": "http://adlnet.gov/expapi/verbs/completed"},
            "object": {"id": "https://study.example.cn/courses/1"},
        }
    )


def storing() -> pb.StoreStatementsRequest:
    """A request that stores it."""
    return pb.StoreStatementsRequest(district=DISTRICT, statements=a_statement())


def elsewhere(district: District, place: str, *, there: bool) -> Iterator[Message]:
    """A request of every method that needs a permission; all are about the district that the place lies in."""
    name = f"statements/{DISTRICT}-{uuid4()}"
    if there:
        name = district.do(storing(), "admin", pb.StoreStatementsResponse).names[0]
    yield storing()
    yield pb.GetStatementRequest(name=name)


def lists(_: District) -> Mapping[str, tuple[Message, Message]]:
    """There are none: HTTP lists statements."""
    return {}


PREPARE: Mapping[str, Callable[[District], tuple[str, Message]]] = {"StoreStatements": lambda _: ("admin", storing())}
"""A request that can be made once, and by whom."""
CHANGES: Mapping[str, Callable[[Message], None]] = {
    "StoreStatements": lambda request: setattr(request, "statements", a_statement())
}
"""Something of each request that can be other without breaking its rules."""
