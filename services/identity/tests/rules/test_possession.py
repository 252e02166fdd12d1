"""What is a public key of Ed25519, and what proves that somebody has the private key."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from onegrid_identity import possession
from onegrid_identity.errors import ProofInvalid, PublicKeyInvalid

ENROLMENT = "deviceEnrolments/0192f0c1-7a3e-7b1c-9d2e-5f60718293a4"
P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
PRIVATE = st.binary(min_size=32, max_size=32).map(Ed25519PrivateKey.from_private_bytes)

# RFC 8032, section 7.1: the public keys of its tests.
KEYS_OF_THE_RFC = [
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    "278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e",
    "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
]
# Each of the eight points whose order divides 8, by its y and the sign of its x; and what else decodes to one of them
# if y is taken modulo p, or the sign of an x that is 0 is ignored.
Y_OF_ORDER_8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022
SMALL = [(y, sign) for y in (1, P - 1, 0, Y_OF_ORDER_8, P - Y_OF_ORDER_8) for sign in (0, 1)]
NOT_CANONICAL = [(y, sign) for y in (P, P + 1) for sign in (0, 1)]


def encoded(y: int, sign: int) -> bytes:
    return (y | sign << 255).to_bytes(32, "little")


def decoded(key: bytes) -> tuple[int, int]:
    number = int.from_bytes(key, "little")
    y = number & (1 << 255) - 1
    x2 = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert (x * x - x2) % P == 0
    return (x if x & 1 == number >> 255 else P - x), y


def added(one: bytes, other: bytes) -> bytes:
    """The sum of two points, by the plain formula of affine coordinates (RFC 8032, section 5.1)."""
    (x1, y1), (x2, y2) = decoded(one), decoded(other)
    product = D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P
    return encoded(y, x & 1)


def prove(private: Ed25519PrivateKey, enrolment: str = ENROLMENT) -> tuple[bytes, bytes]:
    public = private.public_key().public_bytes_raw()
    return public, private.sign(possession.signed_bytes(enrolment, public))


@given(PRIVATE)
def test_who_has_the_private_key_proves_it(private: Ed25519PrivateKey) -> None:
    possession.require_possession(ENROLMENT, *prove(private))


@given(PRIVATE, st.integers(0, 511))
def test_a_proof_of_which_one_bit_is_other_is_none(private: Ed25519PrivateKey, bit: int) -> None:
    public, proof = prove(private)
    spoiled = (int.from_bytes(proof) ^ 1 << bit).to_bytes(64)
    with pytest.raises(ProofInvalid):
        possession.require_possession(ENROLMENT, public, spoiled)


@given(PRIVATE, PRIVATE)
def test_a_proof_is_good_for_its_own_enrolment_and_key_alone(one: Ed25519PrivateKey, other: Ed25519PrivateKey) -> None:
    public, proof = prove(one)
    with pytest.raises(ProofInvalid):
        possession.require_possession(ENROLMENT[:-1] + "5", public, proof)
    if one.private_bytes_raw() != other.private_bytes_raw():
        with pytest.raises(ProofInvalid):
            possession.require_possession(ENROLMENT, other.public_key().public_bytes_raw(), proof)


@pytest.mark.parametrize("key", KEYS_OF_THE_RFC)
def test_the_keys_of_the_standard_are_keys(key: str) -> None:
    with pytest.raises(ProofInvalid):
        possession.require_possession(ENROLMENT, bytes.fromhex(key), bytes(64))


@pytest.mark.parametrize(("y", "sign"), [*SMALL, *NOT_CANONICAL])
def test_points_of_small_order_are_no_keys(y: int, sign: int) -> None:
    with pytest.raises(PublicKeyInvalid):
        possession.require_possession(ENROLMENT, encoded(y, sign), bytes(64))


@given(PRIVATE, st.sampled_from([(y, 0) for y in (P - 1, 0, Y_OF_ORDER_8, P - Y_OF_ORDER_8)]))
def test_a_key_that_a_point_of_small_order_was_added_to_is_none(
    private: Ed25519PrivateKey, small: tuple[int, int]
) -> None:
    """Implementations differ in whether they accept its signatures."""
    public, proof = prove(private)
    with pytest.raises(PublicKeyInvalid):
        possession.require_possession(ENROLMENT, added(public, encoded(*small)), proof)


@given(st.binary(min_size=32, max_size=32))
def test_any_other_bytes_are_refused(key: bytes) -> None:
    with pytest.raises((PublicKeyInvalid, ProofInvalid)):
        possession.require_possession(ENROLMENT, key, bytes(64))
