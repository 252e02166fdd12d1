"""Prometheus' HTTP API, as far as the checks ask it."""

from __future__ import annotations

import asyncio
import json
import math
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any, Final

__all__ = ["Prometheus", "PrometheusError"]

_AT_ONCE: Final = 8
_PATIENCE_S: Final = 30
_LOOKS_BACK_S: Final = 15 * 60
_STEP_S: Final = 15


class PrometheusError(Exception):
    """Prometheus can't be reached, or refused a query; the message gives the cause."""


class Prometheus:
    """One server."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        """Where people find it."""
        self._limit = asyncio.Semaphore(_AT_ONCE)

    async def values(self, expression: str) -> Sequence[tuple[Mapping[str, str], float]]:
        """What it evaluates to now: labels and value of each series. Raises PrometheusError."""
        data = await self._ask("/api/v1/query", {"query": expression})
        if data["resultType"] in ("scalar", "string"):
            return [({}, float(data["result"][1]))]
        return [(series["metric"], float(series["value"][1])) for series in data["result"]]

    async def has_data(self, expression: str) -> bool:
        """Whether there was a number in the last quarter of an hour; a quotient of nothing by nothing is none."""
        now = time.time()
        window = {"start": f"{now - _LOOKS_BACK_S:.0f}", "end": f"{now:.0f}", "step": str(_STEP_S)}
        data = await self._ask("/api/v1/query_range", {"query": expression, **window})
        return any(not math.isnan(float(value)) for series in data["result"] for _, value in series["values"])

    async def label_values(self, label: str, selector: str = "") -> Sequence[str]:
        """The values of a label, of the series that the selector finds."""
        match = {"match[]": selector} if selector else {}
        return list(await self._ask(f"/api/v1/label/{urllib.parse.quote(label)}/values", match, get=True))

    async def rules(self) -> Sequence[Mapping[str, Any]]:
        """The rules that it has loaded."""
        groups = (await self._ask("/api/v1/rules", {}, get=True))["groups"]
        return [rule for group in groups for rule in group["rules"]]

    async def _ask(self, path: str, fields: Mapping[str, str], *, get: bool = False) -> Any:
        form = urllib.parse.urlencode(fields)
        # Queries are posted: some are longer than an address may be.
        request = (
            urllib.request.Request(f"{self.url}{path}?{form}")
            if get
            else urllib.request.Request(self.url + path, form.encode())
        )
        async with self._limit:
            return await asyncio.to_thread(_answer, request)


def _answer(request: urllib.request.Request) -> Any:
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:
            return json.load(answer)["data"]
    except urllib.error.HTTPError as error:
        with error:
            raise PrometheusError(_reason(error)) from None
    except (OSError, ValueError, KeyError) as error:
        raise PrometheusError(f"{request.full_url} does not answer: {error}") from None


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["error"])
    except (ValueError, KeyError):
        return str(error)
