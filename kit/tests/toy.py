"""A contract with one method of each kind, made here, and a servicer that does what a request's text tells it to."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Sequence
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from sqlalchemy import text

from buf.validate import validate_pb2
from onegrid.identity.v1.events_pb2 import UserDisabled
from onegrid.options.v1 import options_pb2
from onegrid_kit.batches import BatchStatement, Item
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound, Unavailable
from onegrid_kit.runtime import Runtime
from onegrid_kit.service import Service
from onegrid_kit.settings import ServiceSettings
from onegrid_kit.sizes import MAX_RESPONSE_BYTES
from onegrid_kit.testing.api import Serving

PERMISSION = "toy.things.keep"
SECRET = "password of the database"
_FIELD = descriptor_pb2.FieldDescriptorProto


def _field(message: descriptor_pb2.DescriptorProto, name: str, type_name: str = "", *, repeated: bool = False) -> Any:
    return message.field.add(
        name=name,
        number=len(message.field) + 1,
        type=_FIELD.TYPE_MESSAGE if type_name else _FIELD.TYPE_STRING,
        type_name=type_name or None,
        label=_FIELD.LABEL_REPEATED if repeated else _FIELD.LABEL_OPTIONAL,
    )


def _method(service: descriptor_pb2.ServiceDescriptorProto, name: str, *, command: bool = False, **access: Any) -> Any:
    method = service.method.add(name=name, input_type="Request", output_type="Response")
    if not command:
        method.options.idempotency_level = descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS
    method.options.Extensions[options_pb2.access].CopyFrom(options_pb2.Access(**access))
    return method


def toys(package: str) -> descriptor_pb2.FileDescriptorProto:
    """The file of a toy contract."""
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}/toy.proto", package=package, syntax="proto3")
    file.dependency.extend(["buf/validate/validate.proto", "onegrid/options/v1/options.proto"])
    thing = file.message_type.add(name="Thing")
    _field(thing, "name")
    _field(thing, "label").options.Extensions[validate_pb2.field].string.max_len = 5
    request = file.message_type.add(name="Request")
    place = _field(request, "place")
    place.options.Extensions[validate_pb2.field].string.pattern = "^([0-9]{6,15})?$"
    _field(request, "text")
    _field(request, "request_id")
    _field(request, "thing", "Thing")
    _field(request, "things", "Thing", repeated=True)
    labels = request.nested_type.add(name="LabelsEntry")
    labels.options.map_entry = True
    _field(labels, "key")
    _field(labels, "value")
    _field(request, "labels", "LabelsEntry", repeated=True)
    response = file.message_type.add(name="Response")
    _field(response, "text")
    _field(response, "thing", "Thing")
    service = file.service.add(name="ToyService")
    permitted = {"audience": options_pb2.AUDIENCE_PERMITTED, "permission": PERMISSION}
    _method(service, "Look", audience=options_pb2.AUDIENCE_PUBLIC)
    _method(service, "Ask", audience=options_pb2.AUDIENCE_AUTHENTICATED)
    _method(
        service, "Read", audience=options_pb2.AUDIENCE_AUTHENTICATED, reads_personal_data=True, resource_field="place"
    )
    _method(service, "Hold", **permitted)
    _method(service, "Keep", scope_field="place", **permitted)
    _method(service, "Move", scope_field="thing.name", **permitted)
    _method(service, "Make", command=True, response_resource_field="thing.name", **permitted)
    _method(service, "Pile", command=True, response_resource_field="thing.name", **permitted)
    _method(service, "Mend", command=True, resource_field="thing.name", **permitted)
    _method(service, "Watch", audience=options_pb2.AUDIENCE_AUTHENTICATED).server_streaming = True
    _method(service, "Follow", **permitted).server_streaming = True
    pour = _method(service, "Pour", command=True, scope_field="place", resource_field="place", **permitted)
    pour.client_streaming = pour.server_streaming = True
    return file


def contract(file: descriptor_pb2.FileDescriptorProto) -> Any:
    """The service that the file describes."""
    found = descriptor_pool.Default().AddSerializedFile(file.SerializeToString())
    return found.services_by_name[file.service[0].name]


CONTRACT = contract(toys("toy.v1"))
Request: type[Any] = GetMessageClass(CONTRACT.file.message_types_by_name["Request"])
Response: type[Any] = GetMessageClass(CONTRACT.file.message_types_by_name["Response"])


PILE = BatchStatement("effect text", "done AS (INSERT INTO effect (name) SELECT effect FROM fresh)")


class Toy:
    """The servicer."""

    def __init__(self, runtime: Runtime[ServiceSettings]) -> None:
        self._db = runtime.db
        self._piled = runtime.db.batched(PILE, name="pile")
        self.watching = 0
        self.calls = 0

    async def _do(self, request: Any, call: Call) -> Message:
        self.calls += 1
        match request.text:
            case "fail":
                raise RuntimeError(SECRET)
            case "miss":
                raise NotFound("things/1")
            case "pid":
                return Response(text=str(os.getpid()))  # type: ignore[no-any-return]
            case "large":
                return Response(text="x" * MAX_RESPONSE_BYTES)  # type: ignore[no-any-return]
            case "nap" | "long nap" as nap:
                await asyncio.sleep(1 if nap == "nap" else 3)
            case "sleep":
                await asyncio.sleep(60)
            case "slow sql":
                await self._db.read(lambda conn: conn.execute(text("SELECT pg_sleep(20)")))
            case "bad sql":
                await self._db.read(lambda conn: conn.execute(text("SELECT CAST('x' AS integer)")))
        fields = {name: getattr(call, name) for name in ("method", "request_id", "purpose", "traceparent", "address")}
        return Response(text=json.dumps({"user": call.caller.user, **fields}))  # type: ignore[no-any-return]

    Look = Ask = Read = Hold = Keep = Move = _do

    async def Make(self, request: Any, call: Call) -> bytes:
        self.calls += 1
        if request.text == "away":
            raise Unavailable
        return await self._db.command(
            call, lambda _: Response(thing={"name": request.text and f"things/{request.text}"})
        )

    Mend = Make

    async def Pile(self, request: Any, call: Call) -> bytes:
        self.calls += 1
        response = Response(thing={"name": f"things/{request.text}"})
        return await self._piled.run(Item(call, {"effect": request.text}, UserDisabled(user=request.text), response))

    async def Watch(self, request: Any, call: Call) -> AsyncIterator[Message]:
        self.watching += 1
        try:
            yield await self._do(request, call)
            if request.text == "flood":
                while True:
                    yield Response(text="x" * 10_000)
            if request.text != "once":
                await asyncio.Event().wait()
        finally:
            self.watching -= 1

    Follow = Watch

    async def Pour(self, requests: AsyncIterator[Any], call: Call) -> AsyncIterator[Message]:
        self.watching += 1
        try:
            async for request in requests:
                yield await self._do(request, call)
        finally:
            self.watching -= 1


def toy_of(api: Serving) -> Toy:
    """The servicer of a running api."""
    (toy,) = api.servicers
    assert isinstance(toy, Toy)
    return toy


def build(runtime: Runtime[ServiceSettings]) -> Sequence[object]:
    """The servicers."""
    return [Toy(runtime)]


SERVICE = Service(
    name="toy",
    descriptor=CONTRACT,
    settings=ServiceSettings,
    api="kit.tests.toy:build",
    http="kit.tests.toy_web:ROUTES",
    handlers="kit.tests.sample.handlers:HANDLERS",
    jobs="kit.tests.sample.jobs:JOBS",
    steps="kit.tests.sample.steps:STEPS",
    migrations="kit.tests.sample.migrations",
)
