"""The smoke suite: every service is healthy, describes its contract, answers public calls and refuses others."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final

import grpc
import grpc.aio
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from onegrid.contracts import CONTRACTS, SERVICES
from onegrid.identity.v1 import identity_service_pb2 as identity_pb
from onegrid.notify.v1 import notify_service_pb2 as notify_pb
from onegrid.options.v1 import options_pb2
from onegrid.petition.v1 import petition_service_pb2 as petition_pb
from onegrid_checks.checklist import Checklist, describe
from onegrid_checks.settings import Settings
from onegrid_demo import district, refusals
from onegrid_demo.client import Client
from onegrid_kit.contracts import access_of

__all__ = ["check"]

_BESIDE: Final = frozenset(
    {"grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"}
)
_PATIENCE_S: Final = 10
_NO_PETITION: Final = f"petitions/{district.CODE}-20201111-00000000"


async def check(settings: Settings, checklist: Checklist) -> None:
    """Ask each service."""
    client = Client(settings.targets, _no_code, settings.credentials())
    try:
        for service in settings.targets:
            # Of a service that is down, each further call would report the same.
            if await _healthy(client.channels[service], service, settings.targets[service], checklist):
                await _describes_its_contracts(client.channels[service], service, checklist)
                await _admits(client, service, checklist)
    finally:
        await client.close()


async def _healthy(channel: grpc.aio.Channel, service: str, target: str, checklist: Checklist) -> bool:
    """Whether the health service reports SERVING, for the server and for each contract of the service."""
    stub = health_pb2_grpc.HealthStub(channel)
    names = [CONTRACTS[name].full_name for name in SERVICES[service]]
    answers = []
    for each in ("", *names):
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(service=each), timeout=_PATIENCE_S)
            answers.append(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))
        except grpc.aio.AioRpcError as error:
            answers.append(describe(error))
    return checklist.expect(
        f"{service}: {' and '.join(names)} is SERVING at {target}",
        set(answers) == {"SERVING"},
        actual=" and ".join(dict.fromkeys(answers)),
        look=f"kubectl get pods -l app.kubernetes.io/name={service}; not ready: its database, see its log",
    )


async def _describes_its_contracts(channel: grpc.aio.Channel, service: str, checklist: Checklist) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    contracts = [CONTRACTS[name] for name in SERVICES[service]]
    names = [contract.full_name for contract in contracts]
    methods = {f"{contract.full_name}.{contract.methods[0].name}" for contract in contracts}
    requests = (
        reflection_pb2.ServerReflectionRequest(list_services=""),
        *(reflection_pb2.ServerReflectionRequest(file_containing_symbol=name) for name in names),
    )
    listed: set[str] = set()
    described: set[str] = set()
    try:
        async for answer in stub.ServerReflectionInfo(iter(requests), timeout=_PATIENCE_S):
            listed.update(each.name for each in answer.list_services_response.service)
            described.update(
                f"{file.package}.{each.name}.{one.name}"
                for file in map(FileDescriptorProto.FromString, answer.file_descriptor_response.file_descriptor_proto)
                for each in file.service
                for one in each.method
            )
        missing = sorted(methods - described)
        actual = f"lists {', '.join(sorted(listed))}; does not describe {', '.join(missing) or 'nothing'}"
    except grpc.aio.AioRpcError as error:
        actual = describe(error)
    checklist.expect(
        f"{service}: reflection lists {' and '.join(names)} and no other contract, and describes what it lists",
        listed == {*names, *_BESIDE} and methods <= described,
        actual=actual,
        look=f"CHECKS_{service.upper()}_TARGET: does it lead to another service, or to pods of another version?",
    )


async def _admits(client: Client, service: str, checklist: Checklist) -> None:
    """Check that public methods answer without a token, and others refuse."""
    if service == "identity":
        what = "identity: the signing keys are public"
        try:
            answer = await client.identity.ListSigningKeys(identity_pb.ListSigningKeysRequest())
            checklist.expect(what, met=bool(answer.keys), actual="none", look=_log_of(service))
        except grpc.aio.AioRpcError as error:
            checklist.expect(what, met=False, actual=describe(error), look=_log_of(service))
    if service == "notify":
        what = "notify: a district's columns may be listed without a token"
        try:
            await client.notify.ListColumns(notify_pb.ListColumnsRequest(district=district.CODE))
            checklist.expect(what, met=True, actual="", look="")
        except grpc.aio.AioRpcError as error:
            checklist.expect(what, met=False, actual=describe(error), look=_log_of(service))
    if service == "petition":
        await _refuses(
            checklist,
            "petition: a public timeline may be read without a token; an unknown petition is NOT_FOUND",
            client.petition.GetPublicTimeline(petition_pb.GetPublicTimelineRequest(name=_NO_PETITION)),
            (grpc.StatusCode.NOT_FOUND, "NOT_FOUND"),
            service,
            service,
        )
    for contract in SERVICES[service]:
        await _refuses(
            checklist,
            f"{contract}: a call without a token is UNAUTHENTICATED, of the domain onegrid.{contract}",
            _call(client.channels[service], _protected(contract)),
            (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED"),
            service,
            contract,
        )


def _protected(contract: str) -> MethodDescriptor:
    """A method of the contract that is not open to everybody."""
    return next(
        method
        for method in CONTRACTS[contract].methods
        if access_of(method).audience != options_pb2.AUDIENCE_PUBLIC and not method.server_streaming
    )


async def _call(channel: grpc.aio.Channel, method: MethodDescriptor) -> Message:
    """Call it with an empty request."""
    call: grpc.aio.UnaryUnaryMultiCallable[bytes, Message] = channel.unary_unary(
        f"/{method.containing_service.full_name}/{method.name}",
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
    answer: Message = await call(b"")
    return answer


async def _refuses(
    checklist: Checklist,
    what: str,
    call: Awaitable[Message],
    refusal: tuple[grpc.StatusCode, str],
    service: str,
    contract: str,
) -> None:
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        info = refusals.info(error)
        met = (error.code(), info.reason) == refusal and info.domain == f"onegrid.{contract}"
        checklist.expect(
            what, met, actual=f"{describe(error)} of domain {info.domain or 'none'}", look=_log_of(service)
        )
    else:
        checklist.expect(
            what, met=False, actual=f"it was answered, with {answer.ByteSize()} bytes", look=_log_of(service)
        )


async def _no_code(_: str) -> str:
    raise AssertionError("the smoke suite does not log in")


def _log_of(service: str) -> str:
    return f"kubectl logs -l app.kubernetes.io/name={service},app.kubernetes.io/component=api --tail=50"
