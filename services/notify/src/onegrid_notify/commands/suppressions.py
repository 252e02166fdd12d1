"""Addresses that nothing is sent to any more, and what ends that."""

from __future__ import annotations

from sqlalchemy import Connection

from onegrid.notify.v1.delivery_pb2 import SuppressionReason
from onegrid_kit.callers import Call
from onegrid_kit.cipher import Cipher
from onegrid_kit.errors import NotFound
from onegrid_notify.address import Destination
from onegrid_notify.store import suppressions as store
from onegrid_notify.suppression import SUPPRESSION, Suppression, suppression_id

__all__ = ["lift", "suppress"]


def suppress(
    conn: Connection, district: str, destination: Destination, note: str, cipher: Cipher, call: Call
) -> Suppression:
    """Have nothing sent to an address. One that is suppressed already stays as it is."""
    index = destination.index(cipher)
    new = Suppression(
        district=district,
        value_index=index,
        channel=destination.channel,
        reason=SuppressionReason.SUPPRESSION_REASON_OPERATOR,
        note=note,
        create_time=call.now,
    )
    store.insert_suppressions(conn, [new])
    return store.find_suppression(conn, district, index) or new


def lift(conn: Connection, district: str, destination: Destination, cipher: Cipher) -> Suppression:
    """Have things sent to an address again. Raises NotFound."""
    index = destination.index(cipher)
    lifted = store.delete_suppression(conn, district, index)
    if lifted is None:
        raise NotFound(SUPPRESSION.name(suppression_id(district, index)))
    return lifted
