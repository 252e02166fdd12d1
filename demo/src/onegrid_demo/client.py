"""The platform as a client sees it: stubs over channels that keep the documented policy, and callers who log in.

The policy is docs/clients.md: how calls are spread and repeated comes with the contracts, as a gRPC service config;
settings that it can't hold are here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib.resources import files
from typing import Any, Final

import grpc
import grpc.aio

from onegrid.identity.v1 import identity_service_pb2 as identity_pb
from onegrid.identity.v1.resources_pb2 import Session
from onegrid.notify.v1 import notify_service_pb2 as notify_pb
from onegrid.notify.v1.resources_pb2 import InboxItem
from onegrid.stubs import Stubs

__all__ = ["DEADLINE_S", "Client", "Deadline", "LastCode", "Metadata", "bearer", "connect", "inbox_of"]

Metadata = Sequence[tuple[str, str]]
LastCode = Callable[[str], Awaitable[str]]
"""Asks for the one-time code that was sent to a number last."""

DEADLINE_S: Final = 300
"""Deadline in seconds of a call that sets none. It tells hung from slow, so that a busy machine does not meet it."""

OPTIONS: Final = (
    ("grpc.service_config", files("onegrid").joinpath("grpc_service_config.json").read_text()),
    # Detects a dead peer within 30 seconds; servers allow a ping every 10.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # Replicas come back under other addresses. gRPC would ask for them every 30 seconds at most, and back off for two
    # minutes at most: longer than a rolling restart takes.
    ("grpc.dns_min_time_between_resolutions_ms", 1_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)


class Deadline(grpc.aio.UnaryUnaryClientInterceptor):
    """Gives a call that sets no deadline one: who waits without one waits for ever."""

    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """The call, with a deadline."""
        if client_call_details.timeout is None:
            client_call_details = client_call_details._replace(timeout=DEADLINE_S)
        return await continuation(client_call_details, request)


def connect(target: str, credentials: grpc.ChannelCredentials | None = None) -> grpc.aio.Channel:
    """A channel of its own connections, by the documented policy; without credentials in plain text."""
    options = (*OPTIONS, ("grpc.use_local_subchannel_pool", 1))
    if credentials is None:
        return grpc.aio.insecure_channel(target, options, interceptors=[Deadline()])
    return grpc.aio.secure_channel(target, credentials, options, interceptors=[Deadline()])


class Client(Stubs):
    """A channel to each service that has a target, with its stub."""

    def __init__(
        self, targets: Mapping[str, str], last_code: LastCode, credentials: grpc.ChannelCredentials | None = None
    ) -> None:
        super().__init__({name: connect(target, credentials) for name, target in targets.items()})
        self._last_code = last_code

    async def log_in_staff(self, login: str, password: str) -> Session:
        """A member of staff's session."""
        answer = await self.identity.LoginWithPassword(
            identity_pb.LoginWithPasswordRequest(login=login, password=password)
        )
        return answer.session

    async def log_in_public(self, phone: str, district: str) -> Session:
        """The session of a resident or an enterprise, who logs in with the code that was just sent."""
        await self.identity.RequestOneTimeCode(identity_pb.RequestOneTimeCodeRequest(phone=phone))
        answer = await self.identity.LoginWithOneTimeCode(
            identity_pb.LoginWithOneTimeCodeRequest(phone=phone, code=await self._last_code(phone), district=district)
        )
        return answer.session

    async def staff(self, login: str, password: str) -> Metadata:
        """The metadata of a member of staff's calls."""
        return bearer((await self.log_in_staff(login, password)).access_token)

    async def public(self, phone: str, district: str) -> Metadata:
        """The metadata of a resident's or enterprise's calls."""
        return bearer((await self.log_in_public(phone, district)).access_token)

    async def close(self) -> None:
        """Close the channels."""
        for channel in self.channels.values():
            await channel.close()


def bearer(token: str) -> Metadata:
    """The metadata that a token is sent in."""
    return (("authorization", f"Bearer {token}"),)


async def inbox_of(client: Client, reader: Metadata, subject: str) -> list[InboxItem]:
    """The items about this subject in the reader's inbox, the newest first."""
    items: list[InboxItem] = []
    token = ""
    while True:
        page = await client.notify.ListInboxItems(
            notify_pb.ListInboxItemsRequest(page_size=500, page_token=token), metadata=reader
        )
        items += (item for item in page.items if item.subject == subject)
        token = page.next_page_token
        if not token:
            return items
