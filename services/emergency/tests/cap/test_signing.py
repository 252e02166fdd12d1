"""Messages that their source must sign."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from lxml import etree
from signxml import XMLSigner

from onegrid_emergency.cap.reading import document_of, read_document
from onegrid_emergency.cap.schema import SIGNATURE
from onegrid_emergency.cap.signing import is_certificate, verified

from .documents import document

NOW = datetime(2020, 11, 11, tzinfo=UTC)


class Signer:
    """A source with a key and a certificate."""

    def __init__(self, now: datetime = NOW) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "weather")])
        self.key = key
        self.certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
            .sign(key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
            .decode()
        )

    def sign(self, data: bytes) -> bytes:
        signer = XMLSigner(signature_algorithm="ecdsa-sha256")
        return bytes(etree.tostring(signer.sign(etree.fromstring(data), key=self.key, cert=self.certificate)))


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()


def root(data: bytes) -> Any:
    found, violations = document_of(data)
    assert violations == ()
    return found


def test_what_its_key_signed_is_read(signer: Signer) -> None:
    signed = verified(root(signer.sign(document())), signer.certificate, NOW)
    assert read_document(signed) == read_document(root(document()))


def test_nothing_else_is(signer: Signer) -> None:
    signed = signer.sign(document())
    changed = signed.replace("江沿街道".encode(), "临江街道".encode()).replace(b"&#27839;", b"&#28023;")
    assert changed != signed
    twice = etree.fromstring(signed)
    twice.append(etree.fromstring(etree.tostring(twice.find(SIGNATURE))))
    wrapped = etree.fromstring(document("Alert", "other"))
    wrapped.append(etree.fromstring(etree.tostring(etree.fromstring(signed).find(SIGNATURE))))
    inside = etree.fromstring(document("Alert", "other"))
    inside.append(etree.fromstring(signed))
    for data in (document(), changed, etree.tostring(twice), etree.tostring(wrapped), etree.tostring(inside)):
        assert verified(root(data), signer.certificate, NOW) is None
    assert verified(root(signed), Signer().certificate, NOW) is None
    assert verified(root(signed), signer.certificate, NOW + timedelta(days=2)) is None
    assert verified(root(Signer().sign(document())), signer.certificate, NOW) is None


def test_a_certificate_is_known_by_its_form(signer: Signer) -> None:
    assert is_certificate(signer.certificate)
    assert not is_certificate("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----")
