"""What the tests of all contracts do with warnings."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from google.protobuf.message import Message

from onegrid.emergency.v1 import warnings_pb2 as pb

from .acting import DISTRICT
from .calling import District

__all__ = ["CHANGES", "PREPARE", "content", "elsewhere", "lists"]

_NOWHERE = "0" * 16
_numbers = itertools.count(1)


def content() -> pb.WarningContent:
    """What may be said."""
    return pb.WarningContent(
        categories=[pb.CAP_CATEGORY_MET],
        event="暴雨",
        colour=pb.WARNING_COLOUR_BLUE,
        headline="暴雨蓝色预警",
        description="十二小时内降雨量将达五十毫米以上。",
        areas=[pb.WarningArea(description="元宝区", places=[DISTRICT])],
    )


def _issued(district: District) -> pb.Warning:
    request = pb.IssueWarningRequest(district=DISTRICT, content=content(), status=pb.CAP_STATUS_EXERCISE)
    return district.do(request, "commander", pb.IssueWarningResponse).warning


def _source(district: District, number: int = 0) -> pb.WarningSource:
    return pb.WarningSource(
        name=f"warningSources/{DISTRICT}-weather{number}",
        display_name="气象台",
        sender=f"weather{number}@example.cn",
        account=district.accounts["commander"]["user"],
    )


def _defined(district: District, number: int = 0) -> pb.WarningSource:
    request = pb.DefineWarningSourceRequest(source=_source(district, number))
    return district.do(request, "commander", pb.DefineWarningSourceResponse).source


def _document(kind: str = "Alert", references: str = "") -> bytes:
    return f"""<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
      <identifier>{next(_numbers)}</identifier><sender>weather0@example.cn</sender>
      <sent>2020-11-11T06:00:00+08:00</sent><status>Test</status><msgType>{kind}</msgType><scope>Public</scope>
      {references}
    </alert>""".encode()


def _received(district: District) -> pb.WarningMessage:
    _defined(district)
    request = pb.ReceiveWarningRequest(district=DISTRICT, document=_document())
    return district.do(request, "commander", pb.ReceiveWarningResponse).message


def elsewhere(district: District, *, there: bool) -> Iterator[Message]:
    """A request of every method that needs a permission, about something that exists or not."""
    warning = _issued(district).name if there else f"warnings/{DISTRICT}-{_NOWHERE}"
    yield pb.DefineWarningSourceRequest(source=_source(district, 0 if there else 9))
    yield pb.ListWarningSourcesRequest(district=DISTRICT)
    yield pb.ReceiveWarningRequest(district=DISTRICT, document=_document())
    yield pb.GetWarningRequest(name=warning)
    yield pb.ListWarningsRequest(district=DISTRICT)
    yield pb.GetWarningMessageRequest(name=warning.replace("warnings/", "warningMessages/"))
    yield pb.ListWarningMessagesRequest(district=DISTRICT)
    yield pb.IssueWarningRequest(district=DISTRICT, content=content())
    yield pb.UpdateWarningRequest(name=warning, content=content())
    yield pb.CancelWarningRequest(name=warning, note="x")


def lists(district: District) -> Mapping[str, tuple[Message, Message]]:
    """For each list a query of several pages, and another query of the same method."""
    for number in range(4):
        _defined(district, number)
        _issued(district)
        references = f"<references>weather0@example.cn,none{number},2020-11-11T06:00:00+08:00</references>"
        held = pb.ReceiveWarningRequest(district=DISTRICT, document=_document("Cancel", references))
        district.do(held, "commander", pb.ReceiveWarningResponse)
    return {
        "ListWarningSources": (
            pb.ListWarningSourcesRequest(district=DISTRICT),
            pb.ListWarningSourcesRequest(district=DISTRICT),
        ),
        "ListWarnings": (
            pb.ListWarningsRequest(district=DISTRICT),
            pb.ListWarningsRequest(district=DISTRICT, states=[pb.WARNING_STATE_IN_FORCE]),
        ),
        "ListWarningMessages": (
            pb.ListWarningMessagesRequest(district=DISTRICT),
            pb.ListWarningMessagesRequest(district=DISTRICT, held=True),
        ),
    }


def _defining(district: District) -> tuple[str, Message]:
    number = next(_numbers) + 100
    before = _defined(district, number)
    changed = _source(district, number)
    changed.display_name = "省气象台"
    return "commander", pb.DefineWarningSourceRequest(source=changed, etag=before.etag)


def _receiving(district: District) -> tuple[str, Message]:
    _received(district)
    return "commander", pb.ReceiveWarningRequest(district=DISTRICT, document=_document())


def _updating(district: District) -> tuple[str, Message]:
    issued = _issued(district)
    return "commander", pb.UpdateWarningRequest(name=issued.name, content=content(), etag=issued.etag)


def _cancelling(district: District) -> tuple[str, Message]:
    issued = _issued(district)
    return "commander", pb.CancelWarningRequest(name=issued.name, note="解除", etag=issued.etag)


PREPARE: Mapping[str, Callable[[District], tuple[str, Message]]] = {
    "DefineWarningSource": _defining,
    "ReceiveWarning": _receiving,
    "IssueWarning": lambda _: (
        "commander",
        pb.IssueWarningRequest(district=DISTRICT, content=content(), status=pb.CAP_STATUS_TEST),
    ),
    "UpdateWarning": _updating,
    "CancelWarning": _cancelling,
}
"""For each command who calls it, and with what."""
CHANGES: Mapping[str, Callable[[Any], None]] = {
    "DefineWarningSource": lambda request: setattr(request.source, "display_name", "别的"),
    "ReceiveWarning": lambda request: setattr(request, "document", _document()),
    "IssueWarning": lambda request: setattr(request, "note", "别的"),
}
"""What makes a request another one, where an etag does not."""
