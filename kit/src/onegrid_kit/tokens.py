"""Access tokens: JWTs signed with EdDSA (RFC 8037), verified where they are used, with identity's public keys."""

from __future__ import annotations

import re
from collections.abc import Set
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from onegrid_kit.callers import Caller, Grant
from onegrid_kit.clock import Clock
from onegrid_kit.errors import Unauthenticated

__all__ = ["KeySource", "TokenVerifier", "encode"]

_ISSUER: Final = "onegrid"
_CACHED: Final = 20_000
_SKEW: Final = timedelta(seconds=30)
_SPELLING: Final = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_REQUIRED: Final = ["exp", "iat", "iss", "aud", "sub", "sid"]


class KeySource(Protocol):
    """Knows the public keys that tokens are signed with."""

    async def key(self, kid: str) -> Ed25519PublicKey | None:
        """The key of this id; None if there is none. Raises Unavailable when that can't be found out just now."""
        ...


def encode(caller: Caller, key: Ed25519PrivateKey, kid: str, issued: datetime, expires: datetime) -> str:
    """The token that makes its bearer this caller."""
    claims = {
        "iss": _ISSUER,
        "aud": _ISSUER,
        "sub": caller.user,
        "sid": caller.session,
        "iat": int(issued.timestamp()),
        "exp": int(expires.timestamp()),
        "kind": int(caller.kind),
        "org": caller.organization,
        "dst": caller.district,
        "grants": [
            {"s": grant.scope, "l": int(grant.level), "p": sorted(grant.permissions)} for grant in caller.grants
        ],
    }
    return jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": kid})


class TokenVerifier:
    """Turns tokens into callers; a token that was verified is remembered until it expires."""

    def __init__(self, keys: KeySource, clock: Clock) -> None:
        self.keys = keys
        """Where public keys come from."""
        self.revoked: Set[str] = frozenset()
        """The sessions whose tokens are refused."""
        self._clock = clock
        self._known: dict[str, tuple[Caller, datetime]] = {}

    def known(self, token: str, now: datetime) -> Caller | None:
        """The caller of a token that was verified before and is still good."""
        found = self._known.get(token)
        if found is None or now >= found[1] or found[0].session in self.revoked:
            return None
        return found[0]

    async def verify(self, token: str) -> Caller:
        """The caller of the token. Raises Unauthenticated, whatever is wrong with it."""
        # PyJWT takes padding too; one token has one spelling.
        if not _SPELLING.fullmatch(token):
            raise Unauthenticated
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            key = await self.keys.key(kid) if isinstance(kid, str) else None
            if key is None:
                raise Unauthenticated
            claims = jwt.decode(
                token,
                key,
                algorithms=["EdDSA"],
                audience=_ISSUER,
                issuer=_ISSUER,
                # Time is judged below, by the domain's clock.
                options={"require": _REQUIRED, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
            caller, issued, expires = _read(claims)
        except (jwt.PyJWTError, KeyError, TypeError, ValueError, OverflowError, OSError, RecursionError):
            raise Unauthenticated from None
        now = self._clock.now()
        if now >= expires or now + _SKEW < issued or caller.session in self.revoked:
            raise Unauthenticated
        if len(self._known) >= _CACHED:
            self._known.clear()
        self._known[token] = (caller, expires)
        return caller


def _read(claims: dict[str, Any]) -> tuple[Caller, datetime, datetime]:
    caller = Caller(
        user=claims["sub"],
        session=claims["sid"],
        kind=claims["kind"],
        organization=claims["org"],
        district=claims["dst"],
        grants=tuple(Grant(g["s"], g["l"], frozenset(g["p"])) for g in claims["grants"]),
    )
    issued, expires = (datetime.fromtimestamp(claims[name], UTC) for name in ("iat", "exp"))
    return caller, issued, expires
