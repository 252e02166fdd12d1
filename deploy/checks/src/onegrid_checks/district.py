"""The demonstration district of an installed platform, and who can log in to it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

import grpc.aio

from onegrid.identity.v1.resources_pb2 import Session
from onegrid_checks.settings import Settings
from onegrid_demo import loading, refusals
from onegrid_demo.client import Client, LastCode

__all__ = ["PatientClient", "codes_of", "connected", "load"]

_TRIES: Final = 5
# A number gets one code a minute, unless it was used.
_PATIENCE_S: Final = 75


class PatientClient(Client):
    """Waits when a number asked for a code just now: another run of the checks may have, and not used it yet."""

    async def log_in_public(self, phone: str, district: str) -> Session:
        """The session of a resident or an enterprise."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return await super().log_in_public(phone, district)
            except grpc.aio.AioRpcError as error:
                # A code that the other run used, or that a newer one replaced, is not accepted: ask again.
                if (
                    refusals.info(error).reason not in ("RATE_LIMITED", "CREDENTIALS_REJECTED", "UNAVAILABLE")
                    or time.monotonic() > deadline
                ):
                    raise
                # Shorter than the full delay: a new code can be had as soon as that one is used.
                await asyncio.sleep(min(refusals.retry_delay_s(error), 1))


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[PatientClient]:
    """A client whose one-time codes come from the sink."""
    client = PatientClient(settings.targets, codes_of(settings.sink), settings.credentials())
    try:
        yield client
    finally:
        await client.close()


async def load(client: Client, settings: Settings) -> Mapping[str, Mapping[str, str]]:
    """See to it that the district is loaded; who can log in."""
    for tries_left in reversed(range(_TRIES)):
        try:
            return await loading.load(
                client,
                settings.admin_password,
                password_of(settings.admin_password),
                admin_login=settings.admin_login,
            )
        except grpc.aio.AioRpcError as error:
            # Another run loads it at the same moment: what it has done by now is found the next time.
            if not tries_left or refusals.info(error).reason not in ("LOGIN_TAKEN", "RESOURCE_EXISTS", "CONFLICT"):
                raise
    raise AssertionError("the last try returns or raises")


def password_of(admin_password: str) -> Callable[[str], str]:
    """Derives the password of each demonstration login from the administrator's, so that any pod can compute it."""

    def derive(login: str) -> str:
        digest = hmac.digest(admin_password.encode(), f"onegrid demonstration account {login}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    return derive


def codes_of(sink: str) -> LastCode:
    """Asks the sink for codes."""

    def ask(phone: str) -> str:
        try:
            with urllib.request.urlopen(f"{sink}/codes/{phone}", timeout=10) as answer:
                code: str = json.load(answer)["code"]
                return code
        except urllib.error.URLError as error:
            raise LookupError(
                f"the sink at {sink} has no code for {phone[:6]}… ({error}): does identity's "
                "ONEGRID_CODE_WEBHOOK_URL lead to it?"
            ) from None

    async def last_code(phone: str) -> str:
        return await asyncio.to_thread(ask, phone)

    return last_code
