"""XML signatures of messages (XML Signature, enveloped), by the certificate of a source."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from lxml import etree
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, VerifyResult, XMLVerifier

from onegrid_emergency.cap.schema import SIGNATURE

__all__ = ["is_certificate", "verified"]

_FAILURES: Final = (SignXMLException, InvalidSignature, etree.LxmlError, ValueError, TypeError, KeyError)


def is_certificate(pem: str) -> bool:
    """Whether the text is a certificate in PEM."""
    try:
        x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        return False
    return True


def verified(root: Any, certificate: str, now: datetime) -> Any:
    """The element that the key of the certificate has signed, which is all that may be read; None if it signed none.

    The signature stands in the document's own root, and signs all of it.
    """
    if sum(1 for _ in root.iterchildren(SIGNATURE)) != 1:
        return None
    key = x509.load_pem_x509_certificate(certificate.encode())
    expected = SignatureConfiguration(location="./", ignore_ambiguous_key_info=True, verification_time=now)
    try:
        result = XMLVerifier().verify(root, x509_cert=key, expect_config=expected)
    except _FAILURES:
        return None
    signed = result.signed_xml if isinstance(result, VerifyResult) else None
    return signed if signed is not None and signed.tag == root.tag else None
