"""One trace, from a client's call through the outbox and the broker to the handlers of its event."""

from __future__ import annotations

import asyncio
import json
import secrets
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from onegrid.petition.v1 import petition_service_pb2 as pb
from onegrid.petition.v1.resources_pb2 import Kind
from onegrid_checks import district
from onegrid_checks.checklist import Checklist
from onegrid_checks.observability.faults import settled
from onegrid_checks.settings import Settings
from onegrid_demo.district import CODE
from onegrid_demo.loading import CELL, until_known

__all__ = ["Span", "broken", "check", "spans"]

_CALL: Final = "onegrid.petition.v1.PetitionService.FilePetition"
_PUBLISH: Final = "onegrid.petition.v1.PetitionFiled publish"
_HANDLE: Final = "onegrid.petition.v1.PetitionFiled handle"
_WHAT: Final = "one trace spans the api's call, the relay's publishing and a worker's handling"
_LOOK: Final = (
    "ONEGRID_OTLP_ENDPOINT of api, relay and worker leads to the sink? Events not carried: onegrid_outbox_events; "
    "not handled: the worker's log"
)


@dataclass(frozen=True)
class Span:
    """A span, as far as the check needs it."""

    service: str
    name: str
    id: str
    parent: str


async def check(settings: Settings, deadline: float, checklist: Checklist) -> None:
    """File a petition whose trace was begun here, and wait until all of it has come to the sink."""
    trace_id, begun = secrets.token_hex(16), secrets.token_hex(8)
    with checklist.step(_WHAT, "`helm test onegrid --filter name=onegrid-checks-loop --logs` shows more"):
        async with district.connected(settings) as client:
            accounts = await district.load(client, settings)
            metadata = await client.public(accounts["citizen"]["phone"], CODE)
            request = pb.FilePetitionRequest(
                district=CODE, kind=Kind.KIND_HELP, place=CELL, text="路灯不亮", request_id=str(uuid.uuid4())
            )
            traced = (*metadata, ("traceparent", f"00-{trace_id}-{begun}-01"))
            await until_known(lambda: client.petition.FilePetition(request, metadata=traced))

    async def faults() -> list[str]:
        answer = await asyncio.to_thread(_asked, f"{settings.sink}/api/traces/{trace_id}")
        return [answer] if isinstance(answer, str) else broken(spans(answer), begun)

    left = await settled(faults, deadline)
    checklist.expect(_WHAT, not left, actual=f"trace {trace_id}: {'; '.join(left)}", look=_LOOK)


def spans(answer: Mapping[str, Any]) -> Sequence[Span]:
    """The spans of an answer of Jaeger's query service."""
    found = []
    for trace in answer["data"]:
        for span in trace["spans"]:
            parents = [each["spanID"] for each in span["references"] if each["refType"] == "CHILD_OF"]
            service = trace["processes"][span["processID"]]["serviceName"]
            found.append(Span(service, span["operationName"], span["spanID"], parents[0] if parents else ""))
    return found


def broken(found: Sequence[Span], begun: str) -> list[str]:
    """The link of the chain that is missing; empty if it is complete."""
    parents = {begun}
    for name, role in ((_CALL, "api"), (_PUBLISH, "relay"), (_HANDLE, "worker")):
        links = [span for span in found if span.name == name and span.parent in parents]
        if not links:
            others = ", ".join(f"{span.name} below {span.parent or 'nothing'}" for span in found) or "nothing"
            return [f"no span {name!r} of the {role} below {' or '.join(sorted(parents))}; there is {others}"]
        parents = {span.id for span in links}
    return []


def _asked(url: str) -> dict[str, Any] | str:
    """The sink's answer, or why there is none."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        with error:
            return f"the sink has nothing of it ({error.code})"
    except (OSError, ValueError) as error:
        return f"{url} does not answer: {error}"
