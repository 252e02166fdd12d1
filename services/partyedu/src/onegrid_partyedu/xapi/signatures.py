"""Signed statements (Data, 2.6): that a signature is well formed, and fits the statement and the certificate that it
names. Whose certificate that is, nobody knows here.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any, Final

import jwt
import orjson
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from onegrid_partyedu.xapi.comparing import same
from onegrid_partyedu.xapi.parts import Part
from onegrid_partyedu.xapi.statement import Json, refuse

__all__ = ["check_signatures"]

_SIGNATURE: Final = "http://adlnet.gov/expapi/attachments/signature"
_OCTETS: Final = "application/octet-stream"
_ALGORITHMS: Final = ("RS256", "RS384", "RS512")


def check_signatures(statements: Iterable[Json], parts: Mapping[str, Part]) -> None:
    """Raise InvalidRequest for a signature that is malformed."""
    for statement in statements:
        for attachment in statement.get("attachments", ()):
            if attachment["usageType"] == _SIGNATURE:
                if attachment["contentType"] != _OCTETS:
                    refuse("attachments.contentType", f"must be {_OCTETS} of a signature")
                part = parts.get(attachment["sha2"].lower())
                if part is not None:
                    _check(part.data, statement)


def _check(data: bytes, statement: Json) -> None:
    try:
        header = jwt.get_unverified_header(data)
        algorithm = header.get("alg")
        if algorithm not in _ALGORITHMS:
            refuse("signature", f"must be by {', '.join(_ALGORITHMS)}")
        key = _key_of(header)
        signed = jwt.PyJWS().decode(
            data, key or "", algorithms=[algorithm], options={"verify_signature": key is not None}
        )
        original = orjson.loads(signed)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, binascii.Error):
        refuse("signature", "is no JSON Web Signature of a statement, or not by the certificate that it names")
    if not isinstance(original, dict) or not _equivalent(original, statement):
        refuse("signature", "is of another statement")


def _key_of(header: Mapping[str, Any]) -> RSAPublicKey | None:
    """The key of the certificate that the header holds; None if it holds none. Raises ValueError."""
    if "x5c" not in header:
        return None
    certificate = x509.load_der_x509_certificate(base64.b64decode(header["x5c"][0], validate=True))
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey):
        raise ValueError("not RSA")
    return key


def _equivalent(original: Json, statement: Json) -> bool:
    """Whether it is the statement, before the signature was added."""
    unsigned = dict(statement)
    unsigned["attachments"] = [each for each in statement["attachments"] if each["usageType"] != _SIGNATURE]
    if not unsigned["attachments"]:
        del unsigned["attachments"]
    try:
        return same(original, unsigned)
    except (KeyError, TypeError, AttributeError):
        return False
