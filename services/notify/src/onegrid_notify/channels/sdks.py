"""What the libraries of Aliyun and Tencent have in common: both block, log what they send, and take the environment's
proxy.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from urllib.request import getproxies

import requests
import urllib3

from onegrid_kit.sending import Result
from onegrid_kit.settings import SettingsError
from onegrid_notify.channels.adapters import Adapter
from onegrid_notify.providers import OverHttp

__all__ = ["SdkAdapter", "network_failure"]

T = TypeVar("T")


class SdkAdapter(Adapter):
    """Calls a library in threads of its own, as many as calls may run."""

    def __init__(self, config: OverHttp) -> None:
        """Raise SettingsError if the library would go by a proxy that the entry does not name."""
        super().__init__(config)
        if not config.proxy and getproxies().keys() & {"http", "https"}:
            raise SettingsError(
                f"ONEGRID_PROVIDERS: {config.name}, proxy: the library of this kind takes the environment's; "
                "name that here, or unset HTTP_PROXY and HTTPS_PROXY"
            )
        # The numbers that messages go to would be in their log.
        for name in ("urllib3", "darabonba-core", "tencentcloud_sdk_common"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._threads = ThreadPoolExecutor(config.concurrency, thread_name_prefix=config.name)

    async def _call(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function)

    async def close(self) -> None:
        """Take no further calls."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def network_failure(error: BaseException) -> Result:
    """What an attempt comes to that ended without an answer, by the error at the root of it."""
    causes = list(_causes(error))
    if any(
        isinstance(each, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError)
        for each in causes
    ):
        return Result.failed("CONNECT", provider_away=True)
    if any(isinstance(each, requests.exceptions.SSLError) for each in causes):
        return Result.failed("TLS", provider_away=True)
    if any(isinstance(each, TimeoutError | requests.exceptions.Timeout) for each in causes):
        return Result.unknown("TIMEOUT")
    return Result.unknown("CONNECTION_LOST")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        yield from (each for each in (getattr(error, "reason", None), *error.args) if isinstance(each, BaseException))
        error = error.__cause__ or error.__context__
