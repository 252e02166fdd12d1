"""How soon a resident can read a notice for 220,000 people, from the moment in which its publishing is asked for."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Final

import grpc

from benchmarks import machine, residents
from benchmarks.comparing import Figure, percentile, stolen_too_much
from benchmarks.platform import Platform
from onegrid.notify.v1 import notify_service_pb2 as pb
from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid.notify.v1.notify_service_pb2_grpc import NotifyServiceStub
from onegrid.notify.v1.resources_pb2 import Audience, Content, Selector
from onegrid_demo import district

_WARM_UP: Final = 20
_PUBLISHED: Final = 200
_BAR_MS: Final = 100


def measure(platform: Platform) -> Iterator[Figure]:
    """One notice after another: asked for, published, and listed in the inbox of another client."""
    target = f"127.0.0.1:{platform.notify.port}"
    with grpc.insecure_channel(target) as editor, grpc.insecure_channel(target) as reader:
        for _ in range(_WARM_UP):
            _publish_and_read(platform, editor, reader)
        before = machine.times()
        took = [_publish_and_read(platform, editor, reader) for _ in range(_PUBLISHED)]
        passed = machine.times() - before
    steal = passed.share(passed.steal)
    note = stolen_too_much(steal)
    for name, share in (("p50_ms", 0.5), ("p99_ms", 0.99)):
        bar = _BAR_MS if name == "p99_ms" else None
        yield Figure(f"notify_publish.{name}", round(percentile(took, share) * 1000, 1), bar, least=False, note=note)
    yield Figure("notify_publish.people", residents.RESIDENTS)
    yield Figure("notify_publish.steal", round(steal, 3))


def prepare(platform: Platform, editor: grpc.Channel, place: str, channels: Sequence[Channel] = ()) -> str:
    """The name of a new notice for a place, also sent by these channels, which is ready to be published."""
    notify = NotifyServiceStub(editor)
    draft = pb.DraftArticle(
        column=f"columns/{residents.COLUMN}",
        content=Content(title="停水通知", summary="明日停水", body_html="<p>明日8时至12时停水，请提前储水。</p>"),
        audience=Audience(any_of=[Selector(places=[place])]),
        push=True,
        channels=channels,
    )
    create = pb.CreateArticleRequest(owner=district.CODE, draft=draft, request_id=str(uuid.uuid4()))
    name = notify.CreateArticle(create, metadata=_metadata(platform, "commander"), timeout=10).article.name
    submit = pb.SubmitArticleRequest(name=name, request_id=str(uuid.uuid4()))
    notify.SubmitArticle(submit, metadata=_metadata(platform, "commander"), timeout=10)
    return name


def publish(platform: Platform, editor: grpc.Channel, name: str) -> None:
    """Publish it at once."""
    request = pb.PublishArticleRequest(name=name, request_id=str(uuid.uuid4()))
    NotifyServiceStub(editor).PublishArticle(request, metadata=_metadata(platform, "commander"), timeout=10)


def _publish_and_read(platform: Platform, editor: grpc.Channel, reader: grpc.Channel) -> float:
    """The seconds from the call that publishes until the answer that lists the notice."""
    name = prepare(platform, editor, district.CODE)
    inbox = NotifyServiceStub(reader)
    began = time.perf_counter()
    publish(platform, editor, name)
    listing = pb.ListInboxItemsRequest(page_size=20)
    page = inbox.ListInboxItems(listing, metadata=_metadata(platform, "petitioner"), timeout=10)
    took = time.perf_counter() - began
    if all(item.subject != name for item in page.items):
        raise SystemExit(f"{name} was published, and is not among the newest of the inbox")
    return took


def _metadata(platform: Platform, who: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {platform.tokens[who]}"),)
