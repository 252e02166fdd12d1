"""Between the contract's messages and the domain's records."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, time
from typing import Final, cast

from onegrid.notify.v1 import deliveries_pb2, delivery_pb2, events_pb2, notify_service_pb2, resources_pb2
from onegrid.notify.v1.deliveries_pb2 import AttemptOutcome, DeliveryKind, DeliveryLane, DeliveryState
from onegrid.notify.v1.resources_pb2 import ArticleState
from onegrid_kit import codes
from onegrid_kit.cipher import Cipher
from onegrid_kit.sending import Attempt, Outgoing, State
from onegrid_kit.timestamps import timestamp
from onegrid_notify.address import Address
from onegrid_notify.article import Article, Attachment, Content, Draft, Version
from onegrid_notify.audience import COLUMN, GROUP, Audience, Group
from onegrid_notify.columns import Column
from onegrid_notify.deliveries import Kind, channel_of, delivery_name, is_endpoint, is_person, item_of
from onegrid_notify.endpoint import Endpoint
from onegrid_notify.escalation import Escalation
from onegrid_notify.item import ITEM, InboxItem
from onegrid_notify.preferences import Digest, Mute, Preferences, require_zone
from onegrid_notify.quiet import QuietHours
from onegrid_notify.reach import Figures, Recipient
from onegrid_notify.records import Record
from onegrid_notify.suppression import Suppression

__all__ = [
    "address",
    "article",
    "article_corrected",
    "article_published",
    "article_withdrawn",
    "column",
    "column_of",
    "content_of",
    "delivery",
    "delivery_attempt",
    "delivery_counts",
    "draft_of",
    "endpoint",
    "group",
    "group_of",
    "inbox_item",
    "preferences",
    "preferences_of",
    "reach",
    "recipient",
    "record",
    "record_of",
    "suppression",
    "version",
]


def column(of: Column) -> resources_pb2.Column:
    """The column as a message."""
    return resources_pb2.Column(
        name=of.name,
        display_name=of.display_name,
        parent=COLUMN.name(of.parent) if of.parent else "",
        position=of.position,
        owner=of.owner,
        archived=of.archived,
        party_voice=of.party_voice,
        etag=of.etag,
        update_time=timestamp(of.update_time),
    )


def column_of(message: resources_pb2.Column) -> Column:
    """The column as its editors want it."""
    return Column(
        id=COLUMN.id(message.name),
        display_name=message.display_name,
        parent=COLUMN.id(message.parent) if message.parent else "",
        position=message.position,
        owner=message.owner,
        archived=message.archived,
        party_voice=message.party_voice,
    )


def group(of: Group) -> resources_pb2.Group:
    """The group as a message."""
    return resources_pb2.Group(
        name=of.name,
        display_name=of.display_name,
        protected=of.protected,
        etag=of.etag,
        update_time=timestamp(of.update_time),
    )


def group_of(message: resources_pb2.Group) -> Group:
    """The group as its keepers want it."""
    return Group(id=GROUP.id(message.name), display_name=message.display_name, protected=message.protected)


def article(of: Article, state: ArticleState, speakers: Mapping[str, str]) -> resources_pb2.Article:
    """The article, which is in that state; `speakers`: what Party organizations are called, by name."""
    draft = of.draft
    return resources_pb2.Article(
        name=of.name,
        column=draft.column,
        owner=of.owner,
        state=state,
        content=_content(draft.content),
        audience=None if draft.audience is None else draft.audience.message(),
        push=draft.push,
        pinned=draft.pinned,
        urgent=draft.urgent,
        must_confirm=draft.must_confirm,
        publish_time=timestamp(of.publish_time),
        expire_time=timestamp(draft.expire_time),
        version=of.version,
        withdraw_reason=of.withdraw_reason,
        return_reason=of.return_reason,
        etag=of.etag,
        create_time=timestamp(of.create_time),
        update_time=timestamp(of.update_time),
        channels=draft.channels,
        escalation=None if draft.escalation is None else draft.escalation.message(),
        organization=draft.organization,
        organization_display_name=speakers.get(draft.organization, ""),
    )


def version(of: Version) -> resources_pb2.ArticleVersion:
    """One version of an article."""
    return resources_pb2.ArticleVersion(
        name=of.name,
        content=_content(of.content),
        correction_note=of.correction_note,
        publish_time=timestamp(of.publish_time),
    )


def content_of(message: resources_pb2.Content, body_html: str) -> Content:
    """What an article says, with this text in place of the one that was sent."""
    return Content(
        title=message.title,
        summary=message.summary,
        body_html=body_html,
        attachments=tuple(
            Attachment(each.filename, each.media_type, each.size_bytes, each.sha256) for each in message.attachments
        ),
    )


def draft_of(message: notify_service_pb2.DraftArticle, content: Content) -> Draft:
    """What editors decide, with this content in place of the one that was sent."""
    return Draft(
        column=message.column,
        content=content,
        audience=Audience.of_message(message.audience) if message.HasField("audience") else None,
        push=message.push,
        pinned=message.pinned,
        urgent=message.urgent,
        must_confirm=message.must_confirm,
        expire_time=message.expire_time.ToDatetime(UTC) if message.HasField("expire_time") else None,
        channels=tuple(message.channels),
        escalation=Escalation.of_message(message.escalation) if message.HasField("escalation") else None,
        organization=message.organization,
    )


def article_published(of: Article) -> events_pb2.ArticlePublished:
    """The event that announces that readers have the article."""
    draft = of.draft
    return events_pb2.ArticlePublished(
        article=of.name,
        column=draft.column,
        owner=of.owner,
        title=draft.content.title,
        audience=None if draft.audience is None else draft.audience.message(),
        push=draft.push,
        urgent=draft.urgent,
        publish_time=timestamp(of.publish_time),
        expire_time=timestamp(draft.expire_time),
        organization=draft.organization,
    )


def article_corrected(of: Article, note: str) -> events_pb2.ArticleCorrected:
    """The event that announces another version."""
    return events_pb2.ArticleCorrected(article=of.name, version=of.version, title=of.draft.content.title, note=note)


def article_withdrawn(of: Article) -> events_pb2.ArticleWithdrawn:
    """The event that announces that an article was taken back."""
    return events_pb2.ArticleWithdrawn(article=of.name, reason=of.withdraw_reason)


def inbox_item(of: InboxItem) -> resources_pb2.InboxItem:
    """The item as its reader finds it."""
    return resources_pb2.InboxItem(
        name=of.name,
        kind=of.kind,
        title=of.title,
        summary=of.summary,
        subject=of.subject,
        column=COLUMN.name(of.column) if of.column else "",
        urgent=of.urgent,
        must_confirm=of.must_confirm,
        version=of.version,
        create_time=timestamp(of.create_time),
        expire_time=timestamp(of.expire_time),
        receive_time=timestamp(of.receive_time),
        read_time=timestamp(of.read_time),
        confirm_time=timestamp(of.confirm_time),
    )


def record(of: Record) -> resources_pb2.Record:
    """A department's record."""
    return resources_pb2.Record(
        source_id=of.source_id,
        source_time=timestamp(of.source_time),
        title=of.title,
        text=of.text,
        place=of.place,
        uri=of.uri,
        deleted=of.deleted,
    )


def record_of(message: resources_pb2.Record, column_id: str) -> Record:
    """A record as it is pushed into a column."""
    return Record(
        source_id=message.source_id,
        source_time=message.source_time.ToDatetime(UTC),
        title=message.title,
        text=message.text,
        place=message.place or codes.district_of(column_id),
        uri=message.uri,
        deleted=message.deleted,
    )


def _content(of: Content) -> resources_pb2.Content:
    return resources_pb2.Content(
        title=of.title,
        summary=of.summary,
        body_html=of.body_html,
        attachments=[
            resources_pb2.Attachment(
                filename=each.filename, media_type=each.media_type, size_bytes=each.size_bytes, sha256=each.sha256
            )
            for each in of.attachments
        ],
    )


def reach(of: Figures) -> resources_pb2.Reach:
    """The figures of a place."""

    def share(count: int) -> resources_pb2.Share:
        return resources_pb2.Share(numerator=count, denominator=of.audience)

    return resources_pb2.Reach(
        place=of.place,
        audience=of.audience,
        received=share(of.received),
        read=share(of.read),
        confirmed=share(of.confirmed),
    )


def recipient(of: Recipient) -> notify_service_pb2.Recipient:
    """Somebody who is asked to confirm a notice."""
    return notify_service_pb2.Recipient(
        user=of.user,
        place=of.place,
        receive_time=timestamp(of.receive_time),
        read_time=timestamp(of.read_time),
        confirm_time=timestamp(of.confirm_time),
        visit_since_time=timestamp(of.visit_since),
        visit_outcome=of.visit_outcome,
        visit_time=timestamp(of.visit_time),
    )


def address(of: Address, cipher: Cipher) -> delivery_pb2.Address:
    """The address as a message, masked."""
    return delivery_pb2.Address(
        name=of.name,
        channel=of.channel,
        masked_value=of.destination(cipher).masked,
        verify_time=timestamp(of.verify_time),
        code_expire_time=timestamp(None if of.code is None else of.code.expire_time),
        create_time=timestamp(of.create_time),
    )


def endpoint(of: Endpoint) -> delivery_pb2.Endpoint:
    """The endpoint as a message, without its url and secret."""
    return delivery_pb2.Endpoint(
        name=of.name,
        channel=of.channel,
        display_name=of.display_name,
        topics=of.topics,
        disabled=of.disabled,
        host=of.host,
        has_secret=of.sealed_secret is not None,
        etag=of.etag,
        create_time=timestamp(of.create_time),
        update_time=timestamp(of.update_time),
    )


def preferences(of: Preferences, user: str) -> delivery_pb2.Preferences:
    """The preferences of a person as a message."""
    message = delivery_pb2.Preferences(
        name=f"{user}/preferences",
        mutes=[delivery_pb2.Mute(topic=mute.topic, channel=mute.channel) for mute in of.ordered_mutes],
        digests=[
            delivery_pb2.Digest(channel=channel, period=digest.period, time=_shown(digest.time))
            for channel, digest in sorted(of.digests.items())
        ],
        time_zone=of.time_zone,
        language=of.language,
        etag=of.etag,
        update_time=timestamp(of.update_time),
    )
    if of.quiet_hours is not None:
        message.quiet_hours.start = _shown(of.quiet_hours.start)
        message.quiet_hours.end = _shown(of.quiet_hours.end)
    return message


def preferences_of(message: delivery_pb2.Preferences) -> Preferences:
    """The preferences as a person wants them. Raises InvalidRequest."""
    quiet = message.quiet_hours
    return Preferences(
        mutes=frozenset(Mute(mute.topic, mute.channel) for mute in message.mutes),
        quiet_hours=QuietHours(time.fromisoformat(quiet.start), time.fromisoformat(quiet.end))
        if message.HasField("quiet_hours")
        else None,
        digests={
            digest.channel: Digest(digest.period, time.fromisoformat(digest.time))
            if digest.time
            else Digest(digest.period)
            for digest in message.digests
        },
        time_zone=require_zone(message.time_zone, "preferences.time_zone"),
        language=message.language or Preferences().language,
    )


def suppression(of: Suppression) -> delivery_pb2.Suppression:
    """The suppression as a message."""
    return delivery_pb2.Suppression(
        name=of.name, channel=of.channel, reason=of.reason, note=of.note, create_time=timestamp(of.create_time)
    )


def _shown(of: time) -> str:
    return of.isoformat(timespec="minutes")


def delivery(of: Outgoing, masked_address: str) -> deliveries_pb2.Delivery:
    """The delivery, which goes to this address."""
    return deliveries_pb2.Delivery(
        name=delivery_name(of.id),
        kind=_DELIVERY_KINDS.get(of.kind, DeliveryKind.DELIVERY_KIND_CODE),
        channel=channel_of(of.channel),
        user=of.recipient if is_person(of.recipient) else "",
        endpoint=of.recipient if is_endpoint(of.recipient) else "",
        masked_address=masked_address,
        subject=of.subject,
        item=ITEM.name(item_of(of.id)) if of.kind in (Kind.ARTICLE, Kind.MESSAGE) else "",
        state=_delivery_state(of.state),
        lane=cast(DeliveryLane, DeliveryLane.Value(f"DELIVERY_LANE_{of.lane.name}")),
        code=of.last_code,
        attempts=of.attempts,
        provider=of.last_provider,
        create_time=timestamp(of.create_time),
        due_time=timestamp(of.due_time),
        expire_time=timestamp(of.expire_time),
        end_time=timestamp(of.end_time),
    )


def _delivery_state(of: State) -> DeliveryState:
    return cast(DeliveryState, DeliveryState.Value(f"DELIVERY_STATE_{of}"))


def delivery_attempt(of: Attempt) -> deliveries_pb2.DeliveryAttempt:
    """One call of a provider."""
    outcome = AttemptOutcome.ATTEMPT_OUTCOME_UNSPECIFIED
    if of.outcome is not None:
        outcome = cast(AttemptOutcome, AttemptOutcome.Value(f"ATTEMPT_OUTCOME_{of.outcome}"))
    return deliveries_pb2.DeliveryAttempt(
        number=of.number,
        provider=of.provider,
        provider_id=of.provider_id,
        begin_time=timestamp(of.begin_time),
        end_time=timestamp(of.end_time),
        outcome=outcome,
        code=of.code,
    )


def delivery_counts(of: Mapping[tuple[str, State], int]) -> list[deliveries_pb2.DeliveryCount]:
    """How many deliveries there are by channel and state, in the order of the contract."""
    counts = [
        deliveries_pb2.DeliveryCount(channel=channel_of(channel), state=_delivery_state(state), deliveries=count)
        for (channel, state), count in of.items()
    ]
    return sorted(counts, key=lambda each: (each.channel, each.state))


_DELIVERY_KINDS: Final[Mapping[str, DeliveryKind]] = {
    Kind.ARTICLE: DeliveryKind.DELIVERY_KIND_ARTICLE,
    Kind.MESSAGE: DeliveryKind.DELIVERY_KIND_MESSAGE,
    Kind.DIGEST: DeliveryKind.DELIVERY_KIND_DIGEST,
    Kind.TEST: DeliveryKind.DELIVERY_KIND_TEST,
}
