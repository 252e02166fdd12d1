"""Authentication: from the `authorization` metadata to a caller."""

from __future__ import annotations

from datetime import datetime

from onegrid_kit import metrics
from onegrid_kit.callers import ANONYMOUS, Caller
from onegrid_kit.errors import Unauthenticated
from onegrid_kit.tokens import TokenVerifier

__all__ = ["Authenticator"]


class Authenticator:
    """Knows callers by their bearer tokens."""

    def __init__(self, service: str, tokens: TokenVerifier) -> None:
        self._tokens = tokens
        self._cached = metrics.TOKEN_LOOKUPS.labels(service, "cached")
        self._verified = metrics.TOKEN_LOOKUPS.labels(service, "verified")
        self._refused = metrics.TOKEN_LOOKUPS.labels(service, "refused")

    async def caller(self, authorization: str | None, now: datetime) -> Caller:
        """Who bears the token; ANONYMOUS without one. Raises Unauthenticated."""
        if authorization is None:
            return ANONYMOUS
        # RFC 6750 spells it Bearer; by RFC 9110 case does not matter.
        if authorization[:7].lower() != "bearer ":
            self._refused.inc()
            raise Unauthenticated
        token = authorization[7:]
        caller = self._tokens.known(token, now)
        if caller is not None:
            self._cached.inc()
            return caller
        try:
            caller = await self._tokens.verify(token)
        except Unauthenticated:
            self._refused.inc()
            raise
        self._verified.inc()
        return caller
