"""What becomes of a delivery when it is due: whether it is still to be sent, when, where to and what it says; and what
is learned from how it ended.

A batch takes so many statements, however many deliveries it has.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection

from onegrid.notify.v1.delivery_pb2 import Channel, DeliveryReason, SuppressionReason
from onegrid_kit import sending
from onegrid_kit.cipher import CipherError
from onegrid_kit.lifecycle import short_name
from onegrid_kit.sending import Conclusion, Context, Defer, Drop, Lane, Outgoing, Prepared, Send
from onegrid_notify import contents
from onegrid_notify.address import Address
from onegrid_notify.commands.matters import digest_matter, matters_of
from onegrid_notify.composing import Links, Matter, Notice, as_test, compose
from onegrid_notify.deliveries import Kind, channel_of, is_endpoint, is_person
from onegrid_notify.delivery import AddToDigest, DeferUntil, Delivery, DropFor, SendNow
from onegrid_notify.digest import Digest
from onegrid_notify.endpoint import ENDPOINT, Endpoint
from onegrid_notify.people import People
from onegrid_notify.sendings import is_critical, of_digest
from onegrid_notify.store import digests as digest_store
from onegrid_notify.store.endpoints import endpoints_by_id
from onegrid_notify.store.suppressions import insert_suppressions
from onegrid_notify.suppression import Suppression
from onegrid_notify.unsubscribing import Unsubscription

__all__ = ["concluded", "prepare"]

_OFFICE_LANGUAGE: Final = "zh"
_COMPLAINED: Final = "COMPLAINED"
"""What receipts say of who complains."""
_BOUNCE: Final = SuppressionReason.SUPPRESSION_REASON_BOUNCED
_COMPLAINT: Final = SuppressionReason.SUPPRESSION_REASON_COMPLAINED


@dataclass(frozen=True, slots=True)
class _Collected:
    """That something goes into a digest in place of being sent by itself."""

    outgoing: Outgoing
    digest: Digest


def prepare(conn: Connection, outgoings: Sequence[Outgoing], context: Context) -> list[Prepared]:
    """Decide on deliveries that are due, by what holds now; the digests among them are closed, and what goes into a
    digest is added to it.
    """
    batch = _Batch(conn, outgoings, context)
    prepared = {each.id: batch.prepare(each) for each in outgoings}
    batch.collect()
    return [prepared[each.id] for each in outgoings]


def concluded(conn: Connection, conclusions: Sequence[Conclusion], context: Context) -> None:
    """Send nothing more to addresses that were refused for good: of people, and those that codes went to."""
    new: dict[tuple[str, bytes], Suppression] = {}
    for each in conclusions:
        # The attempt's own address: by now the person may have another one, or this one may be suppressed already.
        key = each.attempt.address_key if each.attempt else ""
        # Endpoints have no suppressions. Nobody could lift one of no district, as a code may have none.
        suppressible = not is_endpoint(each.sending.recipient) and each.sending.district
        if each.address_refused and key and suppressible:
            index = bytes.fromhex(key)
            new[each.sending.district, index] = Suppression(
                district=each.sending.district,
                value_index=index,
                channel=channel_of(each.sending.channel),
                reason=_COMPLAINT if each.code == _COMPLAINED else _BOUNCE,
                note=each.code,
                create_time=context.now,
            )
    insert_suppressions(conn, list(new.values()))


class _Batch:
    """What is known of deliveries that are prepared together."""

    def __init__(self, conn: Connection, outgoings: Sequence[Outgoing], context: Context) -> None:
        self._conn = conn
        self._context = context
        self._collected: list[_Collected] = []
        self._entries = _close_digests(conn, [each.id for each in outgoings if each.kind == Kind.DIGEST])
        entries = [entry for some in self._entries.values() for entry in some]
        self._stopped = sending.stopped(conn, {each.batch for each in entries}) if entries else set()
        self._matters = matters_of(
            conn, [*(each for each in outgoings if each.kind != Kind.DIGEST), *entries], context.now
        )
        self._people = People(
            conn, {(each.recipient, each.district) for each in outgoings if is_person(each.recipient)}
        )
        endpoints = {ENDPOINT.id(each.recipient) for each in outgoings if not is_person(each.recipient)}
        self._endpoints = endpoints_by_id(conn, endpoints) if endpoints else {}

    def prepare(self, outgoing: Outgoing) -> Prepared:
        """Decide on one."""
        if outgoing.kind == Kind.DIGEST:
            return self._prepare_digest(outgoing)
        matter = self._matters[outgoing.id]
        if isinstance(matter, Drop):
            return matter
        if not is_person(outgoing.recipient):
            return self._to_endpoint(outgoing, matter)
        return self._to_person(outgoing, matter)

    def collect(self) -> None:
        """Add to digests what goes into one. What comes too late for its digest goes into the one after that."""
        waiting = self._collected
        while waiting:
            is_open = digest_store.lock_open_digests(self._conn, [each.digest for each in waiting])
            in_time = [each for each in waiting if each.digest.id in is_open]
            digest_store.add_entries(self._conn, [(each.outgoing.id, each.digest.id) for each in in_time])
            sendings = {each.digest.id: of_digest(each.digest) for each in in_time}
            sending.enqueue(self._conn, list(sendings.values()), self._context.now)
            waiting = [self._later(each) for each in waiting if each.digest.id not in is_open]
        self._collected = []

    def _later(self, late: _Collected) -> _Collected:
        digest = late.digest
        close_time = self._people.preferences(digest.user).digest_closes(digest.channel, digest.close_time)
        assert close_time is not None, "the person wants digests by this channel"
        return _Collected(late.outgoing, replace(digest, close_time=close_time))

    def _to_person(self, outgoing: Outgoing, matter: Matter) -> Prepared:
        delivery = Delivery(
            channel=channel_of(outgoing.channel),
            topic=matter.topic,
            critical=is_critical(outgoing),
            urgent=outgoing.lane <= Lane.URGENT,
        )
        return self._decided(outgoing, delivery, matter)

    def _prepare_digest(self, outgoing: Outgoing) -> Prepared:
        channel = channel_of(outgoing.channel)
        preferences = self._people.preferences(outgoing.recipient)
        entries = self._entries.get(outgoing.id, ())
        matters = (self._matters[entry.id] for entry in entries if entry.batch not in self._stopped)
        wanted = [
            matter
            for matter in matters
            if isinstance(matter, Matter) and preferences.muted(matter.topic, channel) is None
        ]
        if not wanted:
            return Drop("DIGEST_EMPTY")
        wanted.sort(key=lambda each: each.time)
        matter = digest_matter(self._conn, outgoing, wanted, self._context.now)
        return self._decided(outgoing, Delivery(channel=channel, topic=matter.topic, digest=True), matter)

    def _decided(self, outgoing: Outgoing, delivery: Delivery, matter: Matter) -> Prepared:
        user = outgoing.recipient
        match self._people.decide(delivery, user, outgoing.district, self._context.now):
            case DropFor(reason):
                return Drop(short_name(DeliveryReason, reason))
            case DeferUntil(time, reason):
                return Defer(time, short_name(DeliveryReason, reason))
            case AddToDigest(close_time) as decision:
                digest = Digest(outgoing.district, user, delivery.channel, close_time)
                self._collected.append(_Collected(outgoing, digest))
                return Drop(short_name(DeliveryReason, decision.reason))
            case SendNow(address):
                notice = matter.notice(self._people.preferences(user).language)
                if outgoing.kind == Kind.TEST:
                    notice = as_test(notice)
                return self._to_address(delivery.channel, address, matter, notice)

    def _to_address(self, channel: Channel, address: Address, matter: Matter, notice: Notice) -> Prepared:
        try:
            value = address.destination(self._context.cipher).value
        except CipherError:
            return Drop("ADDRESS_UNREADABLE")
        return Send(
            value,
            compose(channel, matter, notice, self._links(address, matter)),
            address_key=address.value_index.hex(),
            template=notice.sms_template if channel == Channel.CHANNEL_SMS else "",
        )

    def _to_endpoint(self, outgoing: Outgoing, matter: Matter) -> Prepared:
        endpoint = self._endpoints.get(ENDPOINT.id(outgoing.recipient))
        if endpoint is None:
            return Drop("ENDPOINT_GONE")
        if endpoint.disabled:
            return Drop("ENDPOINT_DISABLED")
        if matter.topic not in endpoint.topics:
            return Drop("TOPIC_NOT_WANTED")
        try:
            address = _address_of(endpoint, self._context)
        except CipherError:
            return Drop("ADDRESS_UNREADABLE")
        notice = matter.notice(_OFFICE_LANGUAGE)
        links = Links(self._context.settings.item_url)
        return Send(address, compose(endpoint.channel, matter, notice, links), address_key=endpoint.id)

    def _links(self, address: Address, matter: Matter) -> Links:
        settings = self._context.settings
        if address.channel != Channel.CHANNEL_EMAIL or not matter.topic:
            # Nothing else shows where to unsubscribe; and what has no topic, which its reader has just asked for, would
            # switch off everything.
            return Links(settings.item_url)
        unsubscription = Unsubscription(address.user, address.channel, matter.topic)
        return Links(settings.item_url, unsubscription.link(settings.http_url, self._context.cipher))


def _close_digests(conn: Connection, ids: Collection[str]) -> Mapping[str, Sequence[Outgoing]]:
    """What is in digests that are due: they are closed with this transaction."""
    if not ids:
        return {}
    entries = digest_store.close_digests(conn, ids)
    found = {each.id: each for each in sending.find_all(conn, [id_ for some in entries.values() for id_ in some])}
    return {digest: [found[id_] for id_ in some if id_ in found] for digest, some in entries.items()}


def _address_of(endpoint: Endpoint, context: Context) -> str:
    """Where it takes messages, as its providers read it. Raises CipherError."""
    cipher = context.cipher
    return contents.Endpoint(url=endpoint.url(cipher), secret=endpoint.secret(cipher)).address
