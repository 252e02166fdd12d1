"""What anybody learns who has a certificate's code."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from onegrid.partyedu.v1.certificates_pb2 import VerifiedCertificate
from onegrid_kit.cipher import Cipher
from onegrid_kit.errors import NotFound
from onegrid_partyedu import certificate_messages as messages
from onegrid_partyedu.certificate_code import read_code
from onegrid_partyedu.store import certificates as store

__all__ = ["verify"]


def verify(conn: Connection, written: str, now: datetime, cipher: Cipher) -> VerifiedCertificate:
    """The certificate of the code. Raises NotFound, alike for whatever is wrong with the code."""
    code = read_code(written)
    found = None if code is None else store.find_by_code(conn, messages.code_index(code, cipher))
    if found is None:
        raise NotFound("certificates")
    successor = store.find_certificate(conn, found.superseded_by) if found.superseded_by else None
    return messages.verified(found, successor, now, cipher)
