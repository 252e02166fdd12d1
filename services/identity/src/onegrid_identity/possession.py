"""Proof that a device has the private key of the public key that it brings (RFC 8032, Ed25519).

The contract says which bytes are signed: EnrolDeviceRequest.proof.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from onegrid_identity.errors import ProofInvalid, PublicKeyInvalid

__all__ = ["require_possession", "signed_bytes"]

_CONTEXT: Final = b"onegrid.identity.v1.EnrolDevice"
"""What distinguishes a proof from whatever else a device signs."""

# RFC 8032, section 5.1.
_P: Final = 2**255 - 19
_D: Final = -121665 * pow(121666, -1, _P) % _P
_L: Final = 2**252 + 27742317777372353535851937790883648493
_SQRT_MINUS_ONE: Final = pow(2, (_P - 1) // 4, _P)

_Point: TypeAlias = tuple[int, int, int, int]
"""X, Y, Z and T of RFC 8032, section 5.1.4: x = X/Z, y = Y/Z, x * y = T/Z."""
_NEUTRAL: Final[_Point] = (0, 1, 1, 0)


def signed_bytes(enrolment: str, public_key: bytes) -> bytes:
    """What a device signs to enrol, with the enrolment of that name, a public key."""
    return b"\0".join((_CONTEXT, enrolment.encode(), public_key))


def require_possession(enrolment: str, public_key: bytes, proof: bytes) -> None:
    """Raise PublicKeyInvalid for bytes that are no key, or ProofInvalid for a proof that is not the key's."""
    point = _decoded(public_key)
    if point is None or _is_neutral(point) or not _is_neutral(_times(_L, point)):
        raise PublicKeyInvalid
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(proof, signed_bytes(enrolment, public_key))
    except InvalidSignature:
        raise ProofInvalid from None


def _decoded(encoded: bytes) -> _Point | None:
    """The point of an encoding; None if there is none (RFC 8032, section 5.1.3)."""
    number = int.from_bytes(encoded, "little")
    y, sign = number & (1 << 255) - 1, number >> 255
    if y >= _P:
        return None
    x2 = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(x2, (_P + 3) // 8, _P)
    if (x * x - x2) % _P:
        x = x * _SQRT_MINUS_ONE % _P
    if (x * x - x2) % _P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return x, y, 1, x * y % _P


def _sum(one: _Point, other: _Point) -> _Point:
    """The sum of two points (RFC 8032, section 5.1.4)."""
    a = (one[1] - one[0]) * (other[1] - other[0]) % _P
    b = (one[1] + one[0]) * (other[1] + other[0]) % _P
    c = 2 * one[3] * other[3] * _D % _P
    d = 2 * one[2] * other[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(scalar: int, point: _Point) -> _Point:
    """The point added to itself that often. Not in constant time: public keys alone come here."""
    total = _NEUTRAL
    while scalar:
        if scalar & 1:
            total = _sum(total, point)
        point = _sum(point, point)
        scalar >>= 1
    return total


def _is_neutral(point: _Point) -> bool:
    x, y, z, _ = point
    return x % _P == 0 and (y - z) % _P == 0
