"""The people to whom something is sent: what they decided, and where they get it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection

from onegrid_kit import sending
from onegrid_kit.cipher import Cipher, CipherError
from onegrid_kit.sending import Outgoing
from onegrid_notify.address import Address
from onegrid_notify.deliveries import channel_of, is_endpoint, is_person
from onegrid_notify.delivery import Decision, Delivery, address_for, decide
from onegrid_notify.endpoint import ENDPOINT
from onegrid_notify.preferences import Preferences
from onegrid_notify.store.addresses import addresses_of_users
from onegrid_notify.store.endpoints import endpoints_by_id
from onegrid_notify.store.preferences import preferences_of_users
from onegrid_notify.store.suppressions import suppressed

__all__ = ["Destinations", "People"]


class People:
    """What is known of the people to whom deliveries go."""

    def __init__(self, conn: Connection, to: Collection[tuple[str, str]]) -> None:
        """`to`: for whom and for which district each is sent."""
        users = {user for user, _ in to}
        self._preferences = preferences_of_users(conn, users) if users else {}
        self._addresses = addresses_of_users(conn, users) if users else {}
        indexes = {
            (district, address.value_index) for user, district in to for address in self._addresses.get(user, ())
        }
        self._suppressed = suppressed(conn, indexes)

    def preferences(self, user: str) -> Preferences:
        """What the person decided."""
        return self._preferences[user]

    def addresses(self, user: str) -> Sequence[Address]:
        """The person's addresses."""
        return self._addresses.get(user, ())

    def suppressed(self, user: str, district: str) -> set[bytes]:
        """The blind indexes of those of their addresses to which nothing is sent for the district."""
        return {
            address.value_index
            for address in self.addresses(user)
            if (district, address.value_index) in self._suppressed
        }

    def address_used(self, outgoing: Outgoing, key: str) -> Address | None:
        """The address that a delivery went to, by its key, if its person still has it; without a key the one that it
        goes to: of those that can be sent to, the one that is decided on.
        """
        if key:
            used = (each for each in self.addresses(outgoing.recipient) if each.value_index.hex() == key)
            return next(used, None)
        for each in self.addresses(outgoing.recipient):
            # A code goes to the address that it verifies.
            if each.name == outgoing.subject:
                return each
        address = address_for(
            channel_of(outgoing.channel),
            self.addresses(outgoing.recipient),
            self.suppressed(outgoing.recipient, outgoing.district),
        )
        return address if isinstance(address, Address) else None

    def decide(self, delivery: Delivery, user: str, district: str, now: datetime) -> Decision:
        """What to do with a delivery now."""
        return decide(delivery, self.preferences(user), self.addresses(user), self.suppressed(user, district), now)


class Destinations:
    """Where deliveries go, as operators see it."""

    def __init__(
        self, conn: Connection, outgoings: Sequence[Outgoing], cipher: Cipher, people: People | None = None
    ) -> None:
        """`people`: who is known already."""
        self._cipher = cipher
        attempted = [each.id for each in outgoings if each.attempts and is_person(each.recipient)]
        attempts = sending.attempts_of_all(conn, attempted) if attempted else ()
        self._keys = {each.sending: each.address_key for each in attempts}
        """Where the last attempt of each went."""
        self._people = people or People(
            conn, {(each.recipient, each.district) for each in outgoings if is_person(each.recipient)}
        )
        ids = {ENDPOINT.id(each.recipient) for each in outgoings if is_endpoint(each.recipient)}
        self._endpoints = endpoints_by_id(conn, ids) if ids else {}

    def masked(self, outgoing: Outgoing) -> str:
        """The person's address that it went to, or goes to, masked; or the host of an endpoint. Empty if none is known
        any more or can be read.
        """
        if is_endpoint(outgoing.recipient):
            endpoint = self._endpoints.get(ENDPOINT.id(outgoing.recipient))
            return endpoint.host if endpoint else ""
        key = self._keys.get(outgoing.id, "")
        address = self._people.address_used(outgoing, key) if is_person(outgoing.recipient) else None
        try:
            return address.destination(self._cipher).masked if address else ""
        except CipherError:
            # What was to go there is dropped for that, which is to be seen.
            return ""
