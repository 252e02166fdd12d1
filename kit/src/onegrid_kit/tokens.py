"""Access tokens: JWTs signed with EdDSA (RFC 8037), verified where they are used, with identity's public keys."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from onegrid_kit.callers import ALWAYS, Caller, Grant, Period
from onegrid_kit.clock import Clock
from onegrid_kit.errors import GrantRevoked, SessionEnded, TokenExpired, Unauthenticated

__all__ = ["MAX_BYTES", "KeySource", "Revocation", "TokenVerifier", "encode", "size"]

MAX_BYTES: Final = 16 * 1024
"""How large a token may become by what it grants: half of the metadata that servers accept with a call."""
_FRAME_BYTES: Final = 200
"""Of a token's header and signature, nearly."""
_ISSUER: Final = "onegrid"
_CACHED: Final = 20_000
_SKEW: Final = timedelta(seconds=30)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SPELLING: Final = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_REQUIRED: Final = ["exp", "iat", "iss", "aud", "sub", "sid"]


class KeySource(Protocol):
    """Knows the public keys that tokens are signed with."""

    async def key(self, kid: str) -> Ed25519PublicKey | None:
        """The key of this id; None if there is none. Raises Unavailable when that can't be found out just now."""
        ...


def encode(caller: Caller, key: Ed25519PrivateKey, kid: str, issued: datetime, expires: datetime) -> str:
    """The token that makes its bearer this caller."""
    return jwt.encode(_claims(caller, issued, expires), key, algorithm="EdDSA", headers={"kid": kid})


def size(caller: Caller) -> int:
    """How many bytes the caller's token has, without signing one; to some dozens."""
    moment = datetime.now(UTC)
    claims = json.dumps(_claims(caller, moment, moment), separators=(",", ":")).encode()
    return _FRAME_BYTES + len(claims) * 4 // 3


def _claims(caller: Caller, issued: datetime, expires: datetime) -> dict[str, Any]:
    return {
        "iss": _ISSUER,
        "aud": _ISSUER,
        "sub": caller.user,
        "sid": caller.session,
        # With its fraction: a token that is refreshed in the second of a revocation is not an older one.
        "iat": issued.timestamp(),
        "exp": int(expires.timestamp()),
        "kind": int(caller.kind),
        "org": caller.organization,
        "dst": caller.district,
        **({} if caller.grant_revision is None else {"rev": caller.grant_revision}),
        "grants": [_claim(grant) for grant in caller.grants if grant.period == ALWAYS],
        # By themselves: a service of the release before, which knows no periods, must not take them for lasting ones.
        "periods": [_claim(grant) for grant in caller.grants if grant.period != ALWAYS],
    }


@dataclass(frozen=True, slots=True)
class _Verified:
    """A token that was verified, and its caller at the time of the last call."""

    token_caller: Caller
    """With all grants of the token."""
    caller: Caller
    """With those that are in effect…"""
    since: datetime
    """… from this moment on…"""
    until: datetime
    """… and before this one."""


@dataclass(frozen=True, slots=True)
class Revocation:
    """That a grant of a user was revoked."""

    time: datetime
    grant_revision: int
    """Of the user's grants since then; 0 if the release that revoked it did not count."""

    def outdates(self, caller: Caller) -> bool:
        """Whether the caller's token may still hold the grant.

        Revisions alone are exact: a token's grants may have been read before the revocation and issued after it.
        """
        if caller.grant_revision is not None and caller.grant_revision < self.grant_revision:
            return True
        return caller.issue_time is not None and caller.issue_time < self.time


class TokenVerifier:
    """Turns tokens into callers; a token that was verified is remembered until it expires."""

    def __init__(self, keys: KeySource, clock: Clock) -> None:
        self.keys = keys
        """Where public keys come from."""
        self.revoked: Set[str] = frozenset()
        """The sessions whose tokens are refused."""
        self.outdated: Mapping[str, Revocation] = {}
        """The users of whom a grant was revoked: their older tokens are refused."""
        self._clock = clock
        self._known: dict[str, _Verified] = {}

    def known(self, token: str, now: datetime) -> Caller | None:
        """The caller of a token that was verified before and is still good."""
        found = self._known.get(token)
        if found is None or self._refusal(found.caller, now):
            return None
        if not found.since <= now < found.until:
            # A grant has begun or expired since the last call.
            return self._remember(token, found.token_caller, now)
        return found.caller

    def require_current(self, caller: Caller, now: datetime) -> None:
        """Raise TokenExpired, SessionEnded or GrantRevoked once the token that was verified is no longer good."""
        refusal = self._refusal(caller, now)
        if refusal is not None:
            raise refusal

    async def verify(self, token: str) -> Caller:
        """The caller of the token at the present. Raises Unauthenticated, whatever is wrong with it."""
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
            caller, issued = _read(claims)
        except (jwt.PyJWTError, KeyError, TypeError, ValueError, OverflowError, OSError, RecursionError):
            raise Unauthenticated from None
        now = self._clock.now()
        if now + _SKEW < issued or self._refusal(caller, now):
            raise Unauthenticated
        if len(self._known) >= _CACHED:
            self._known.clear()
        return self._remember(token, caller, now)

    def _remember(self, token: str, token_caller: Caller, now: datetime) -> Caller:
        caller = token_caller.at(now)
        self._known[token] = _Verified(token_caller, caller, *token_caller.unchanged_around(now))
        return caller

    def _refusal(self, caller: Caller, now: datetime) -> Unauthenticated | None:
        if caller.expire_time is not None and now >= caller.expire_time:
            return TokenExpired()
        if caller.session in self.revoked:
            return SessionEnded()
        revoked = self.outdated.get(caller.user)
        return GrantRevoked() if revoked is not None and revoked.outdates(caller) else None


def _claim(grant: Grant) -> dict[str, Any]:
    claim: dict[str, Any] = {"s": grant.scope, "l": int(grant.level), "p": sorted(grant.permissions)}
    for name, moment in (("b", grant.period.begin), ("e", grant.period.expire)):
        if moment is not None:
            claim[name] = (moment - _EPOCH) // timedelta(microseconds=1)
    return claim


def _moment(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else _EPOCH + timedelta(microseconds=microseconds)


def _read(claims: dict[str, Any]) -> tuple[Caller, datetime]:
    issued, expires = (datetime.fromtimestamp(claims[name], UTC) for name in ("iat", "exp"))
    caller = Caller(
        user=claims["sub"],
        session=claims["sid"],
        kind=claims["kind"],
        organization=claims["org"],
        district=claims["dst"],
        grants=tuple(
            Grant(g["s"], g["l"], frozenset(g["p"]), Period(_moment(g.get("b")), _moment(g.get("e"))))
            for g in (*claims["grants"], *claims.get("periods", ()))
        ),
        expire_time=expires,
        issue_time=issued,
        grant_revision=claims.get("rev"),
    )
    return caller, issued
