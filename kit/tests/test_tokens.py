"""Access tokens, and the keys that they are verified with."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import grpc.aio
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from onegrid.common.v1.common_pb2 import AccountKind, OaLevel
from onegrid.identity.v1 import identity_service_pb2 as pb
from onegrid_kit import tokens
from onegrid_kit.callers import Caller, Grant, Period
from onegrid_kit.clock import SettableClock
from onegrid_kit.embedded.ports import free_port
from onegrid_kit.errors import Unauthenticated, Unavailable
from onegrid_kit.rpc import keys as remote
from onegrid_kit.rpc.keys import RemoteKeys
from onegrid_kit.settings import ServiceSettings
from onegrid_kit.tokens import TokenVerifier

NOW = datetime(2020, 11, 11, 6, 36, tzinfo=UTC)
ALICE = Caller(
    user="users/alice",
    session="s1",
    kind=AccountKind.ACCOUNT_KIND_STAFF,
    organization="a firm",
    district="210602",
    grants=(
        Grant("210602003", OaLevel.OA_LEVEL_STREET, frozenset({"a.b.c", "a.b.d"})),
        Grant("self", OaLevel.OA_LEVEL_UNSPECIFIED, frozenset({"a.b.e"})),
    ),
)


class Keys:
    """One key, and how often it was asked for."""

    def __init__(self) -> None:
        self.private = Ed25519PrivateKey.generate()
        self.asked = 0

    async def key(self, kid: str) -> Ed25519PublicKey | None:
        self.asked += 1
        return self.private.public_key() if kid == "k1" else None


class Bench:
    """A verifier whose time is told."""

    def __init__(self) -> None:
        self.keys = Keys()
        self.clock = SettableClock()
        self.clock.set(NOW)
        self.verifier = TokenVerifier(self.keys, self.clock)

    def token(
        self, lasts: timedelta = timedelta(minutes=15), issued: datetime = NOW, grants: Sequence[Grant] = ALICE.grants
    ) -> str:
        caller = replace(ALICE, grants=tuple(grants))
        return tokens.encode(caller, self.keys.private, "k1", issued, issued + lasts)

    def claims(self) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(self.token(), options={"verify_signature": False})
        return claims

    async def refuses(self, token: str) -> None:
        with pytest.raises(Unauthenticated):
            await self.verifier.verify(token)
        assert self.verifier.known(token, self.clock.now()) is None


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_a_caller_survives_the_journey(bench: Bench) -> None:
    assert await bench.verifier.verify(bench.token()) == ALICE


async def test_a_token_is_verified_once(bench: Bench) -> None:
    token = bench.token()
    assert bench.verifier.known(token, NOW) is None
    await bench.verifier.verify(token)
    assert bench.verifier.known(token, NOW) == ALICE
    assert bench.keys.asked == 1


async def test_a_known_token_ends_at_its_second(bench: Bench) -> None:
    token = bench.token(timedelta(minutes=15))
    await bench.verifier.verify(token)
    end = NOW + timedelta(minutes=15)
    assert bench.verifier.known(token, end - timedelta(microseconds=1))
    assert bench.verifier.known(token, end) is None
    bench.clock.set(end)
    await bench.refuses(token)


async def test_a_known_token_ends_with_its_session(bench: Bench) -> None:
    token = bench.token()
    await bench.verifier.verify(token)
    bench.verifier.revoked = frozenset({"s1"})
    await bench.refuses(token)


async def test_clocks_may_differ_by_half_a_minute(bench: Bench) -> None:
    assert await bench.verifier.verify(bench.token(issued=NOW + timedelta(seconds=29)))
    await bench.refuses(bench.token(issued=NOW + timedelta(seconds=40)))


async def test_only_eddsa_is_accepted_whatever_the_header_names(bench: Bench) -> None:
    public = bench.keys.private.public_key()
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    with pytest.warns(match="HMAC key"):
        await bench.refuses(jwt.encode(bench.claims(), raw[:16], algorithm="HS256", headers={"kid": "k1"}))
    await bench.refuses(jwt.encode(bench.claims(), None, algorithm="none", headers={"kid": "k1"}))


@pytest.mark.parametrize("claim", ["iss", "aud", "sub", "sid", "iat", "exp", "kind", "org", "dst", "grants"])
async def test_each_claim_is_needed(claim: str, bench: Bench) -> None:
    claims = bench.claims()
    del claims[claim]
    await bench.refuses(jwt.encode(claims, bench.keys.private, algorithm="EdDSA", headers={"kid": "k1"}))


async def test_a_stranger_or_another_key_is_refused(bench: Bench) -> None:
    stranger = Ed25519PrivateKey.generate()
    for kid in ("k1", "k2"):
        await bench.refuses(jwt.encode(bench.claims(), stranger, algorithm="EdDSA", headers={"kid": kid}))
    for garbage in ("", "x", "..", bench.token() + "=", bench.token() + ".x", bench.token()[:-5]):
        await bench.refuses(garbage)


async def test_what_is_remembered_has_an_end(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_CACHED", 3)
    made = [bench.token(timedelta(minutes=1 + n)) for n in range(8)]
    for token in made:
        await bench.verifier.verify(token)
    assert sum(bench.verifier.known(token, NOW) is not None for token in made) <= 3


# Grants with a beginning and an end

MOMENTS = st.none() | st.timedeltas(timedelta(minutes=-10), timedelta(minutes=20)).map(lambda passed: NOW + passed)
GRANTS = st.builds(
    lambda scope, period: Grant(scope, OaLevel.OA_LEVEL_STREET, frozenset({"a.b.c"}), period),
    st.sampled_from(["210602003", "210602004", "210602005"]),
    st.builds(Period, MOMENTS, MOMENTS),
)


def effective(grants: Sequence[Grant], moment: datetime) -> set[str]:
    """The scopes over which the permission is held at that moment, by what the contract says of the times."""
    return {
        grant.scope
        for grant in grants
        if (grant.period.begin is None or grant.period.begin <= moment)
        and (grant.period.expire is None or moment < grant.period.expire)
    }


@given(grants=st.lists(GRANTS, max_size=5), calls=st.lists(MOMENTS.map(lambda moment: moment or NOW), min_size=1))
def test_a_token_grants_at_each_moment_what_is_in_effect_then(grants: list[Grant], calls: list[datetime]) -> None:
    """Also at those when a grant begins or expires, in whichever order calls come, and without another look at the
    token's signature.
    """
    bench = Bench()
    moments = [*calls, *(m for grant in grants for m in (grant.period.begin, grant.period.expire) if m)]
    token = bench.token(timedelta(hours=1), NOW - timedelta(minutes=10), grants)
    asyncio.run(bench.verifier.verify(token))
    for moment in (m for m in moments if m >= NOW - timedelta(minutes=10)):
        caller = bench.verifier.known(token, moment)
        assert caller is not None
        expected = effective(grants, moment)
        assert set(caller.scopes("a.b.c")) == expected
        assert caller.holds("a.b.c") == bool(expected)
        for scope in ("210602003", "210602004", "210602005"):
            assert caller.may("a.b.c", f"{scope}007") == (scope in expected)
    assert bench.keys.asked == 1


async def test_a_caller_is_not_made_anew_while_no_grant_begins_or_expires(bench: Bench) -> None:
    ends = NOW + timedelta(minutes=5)
    street = Grant("210602003", OaLevel.OA_LEVEL_STREET, frozenset({"a.b.c"}), Period(expire=ends))
    token = bench.token(grants=[street])
    caller = await bench.verifier.verify(token)
    assert bench.verifier.known(token, ends - timedelta(microseconds=1)) is caller
    after = bench.verifier.known(token, ends)
    assert after is not None
    assert after.grants == ()
    assert bench.verifier.known(token, ends + timedelta(minutes=1)) is after


def test_a_release_that_knows_no_periods_does_not_take_a_grant_for_a_lasting_one(bench: Bench) -> None:
    until_noon = Grant("210602003", OaLevel.OA_LEVEL_STREET, frozenset({"a.b.c"}), Period(expire=NOW))
    claims = jwt.decode(bench.token(grants=[until_noon]), options={"verify_signature": False})
    assert claims["grants"] == []


# Keys from afar


class Identity:
    """Answers ListSigningKeys."""

    def __init__(self) -> None:
        self.keys = {"k1": Ed25519PrivateKey.generate()}
        self.asked = 0
        self.pause_s = 0.0

    async def list_signing_keys(self, _: bytes, __: Any) -> bytes:
        self.asked += 1
        await asyncio.sleep(self.pause_s)
        answer = pb.ListSigningKeysResponse()
        for kid, key in self.keys.items():
            x = base64.urlsafe_b64encode(key.public_key().public_bytes_raw()).rstrip(b"=").decode()
            answer.keys.add(kid=kid, x=x)
        return answer.SerializeToString()


@asynccontextmanager
async def listening(identity: Identity, port: int) -> AsyncIterator[None]:
    server = grpc.aio.server()
    handler = grpc.unary_unary_rpc_method_handler(identity.list_signing_keys)
    name = pb.DESCRIPTOR.services_by_name["IdentityService"].full_name
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(name, {"ListSigningKeys": handler})])
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    yield
    await server.stop(None)


def keys_from(port: int) -> RemoteKeys:
    return RemoteKeys(
        ServiceSettings(
            database_url="",
            page_token_key="k" * 32,
            cipher_keys="k:" + "00" * 32,
            identity_target=f"127.0.0.1:{port}",
        )
    )


async def test_keys_are_fetched_once_for_all_who_wait() -> None:
    identity, port = Identity(), free_port()
    identity.pause_s = 0.1
    async with listening(identity, port):
        keys = keys_from(port)
        found = await asyncio.gather(*(keys.key("k1") for _ in range(50)))
        assert all(found)
        assert identity.asked == 1


async def test_an_unknown_key_is_asked_for_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    identity, port = Identity(), free_port()
    async with listening(identity, port):
        keys = keys_from(port)
        assert await keys.key("k1")
        for _ in range(20):
            assert await keys.key("made up") is None
        assert identity.asked == 1
        identity.keys = {"k2": Ed25519PrivateKey.generate()}
        monkeypatch.setattr(remote, "_PAUSE_S", 0.0)
        assert await keys.key("k2")
        # What identity took back is no key any more.
        assert await keys.key("k1") is None


async def test_known_keys_stay_good_while_identity_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    identity, port = Identity(), free_port()
    keys = keys_from(port)
    async with listening(identity, port):
        assert await keys.key("k1")
    monkeypatch.setattr(remote, "_PAUSE_S", 0.0)
    assert await keys.key("k2") is None
    assert await keys.key("k1")


async def test_without_any_key_calls_fail_soon_and_the_first_answer_ends_it() -> None:
    """A hundred callers who ask an identity that does not answer, one after the other, would wait for minutes."""
    identity, port = Identity(), free_port()
    identity.pause_s = 10
    keys = keys_from(port)
    async with listening(identity, port):
        began = asyncio.get_running_loop().time()
        outcomes = await asyncio.gather(*(keys.key("k1") for _ in range(100)), return_exceptions=True)
        assert all(isinstance(outcome, Unavailable) for outcome in outcomes)
        assert asyncio.get_running_loop().time() - began < identity.pause_s
        assert identity.asked == 1
        identity.pause_s = 0
        await asyncio.sleep(0.6)
        assert await keys.key("k1")
