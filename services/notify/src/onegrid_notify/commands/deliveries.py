"""What leaves the platform: to whom an article is sent, in steps, after readers have it; and what operators do about
it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid_kit import codes, ids, sending, steps
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound, PermissionDenied
from onegrid_kit.sending import Outgoing, State
from onegrid_kit.steps import Progress, Work
from onegrid_notify import authority
from onegrid_notify.article import ARTICLE, Article
from onegrid_notify.deliveries import MOVE_DELIVERIES, OF_OFFICES, PLAN_ARTICLE, Plan, delivery_name, planning_id
from onegrid_notify.delivery import Delivery, SendNow
from onegrid_notify.digest import DIGESTS_KEPT
from onegrid_notify.errors import AddressMissing, DeliveryStateWrong
from onegrid_notify.people import People
from onegrid_notify.sendings import of_article, of_test
from onegrid_notify.store import articles, digests
from onegrid_notify.store import deliveries as store
from onegrid_notify.wording import TEMPLATE, TemplateKey

__all__ = [
    "begin",
    "end",
    "forget_digests",
    "move_deliveries",
    "plan_article",
    "replay",
    "resume",
    "send_test",
    "settle",
    "stop",
]

PLANNED_AT_ONCE: Final = 5_000
FEW: Final = 5_000
"""Memberships in an audience's places: with so many it is planned from them, and not from all addresses of the city."""
MOVED_AT_ONCE: Final = 5_000
_ARTICLES: Final = "articles/"
_FORGOTTEN_AT_ONCE: Final = 1_000


def begin(conn: Connection, article: Article, now: datetime) -> None:
    """Have an article sent that readers have from now on, by its channels."""
    if article.draft.channels:
        steps.start(
            conn,
            PLAN_ARTICLE,
            planning_id(article.name),
            subject=article.name,
            parameters=Plan.of_article(article, now).json(),
            urgent=article.draft.urgent,
        )


def end(conn: Connection, article: Article) -> None:
    """Plan nothing more of an article that was withdrawn; what is planned is dropped when it is due."""
    steps.stop(conn, planning_id(article.name))


def plan_article(conn: Connection, work: Work, now: datetime) -> Progress:
    """Plan an article's sendings: first to the endpoints of offices, then to people, in the order of their names. Few
    people are planned at once.
    """
    plan = Plan.of_json(work.subject, work.parameters)
    planned = []
    if not work.cursor:
        of_offices = [channel for channel in plan.channels if channel in OF_OFFICES]
        planned += store.subscribed_endpoints(conn, codes.district_of(plan.item), plan.column, of_offices)
        few = store.reachable_of_few(conn, plan.item, plan.channels, FEW)
        if few is not None:
            planned += few
            return Progress({}, _enqueue(conn, plan, planned, now), finished=True)
    piece = store.reachable_people(conn, plan.item, plan.channels, work.cursor.get("last", ""), PLANNED_AT_ONCE)
    planned += piece.reachable
    return Progress({"last": piece.last}, _enqueue(conn, plan, planned, now), piece.finished)


def stop(conn: Connection, article_id: str, call: Call) -> int:
    """Send nothing more of an article; how many deliveries that keeps back. Raises NotFound, PermissionDenied or
    WrongState.
    """
    article = _published(conn, article_id, call)
    return _moving(conn, article, sending.stop(conn, article.name))


def resume(conn: Connection, article_id: str, call: Call) -> int:
    """Send what was kept back; how many deliveries there are. Raises NotFound, PermissionDenied or WrongState."""
    article = _published(conn, article_id, call)
    return _moving(conn, article, sending.resume(conn, article.name))


def move_deliveries(conn: Connection, work: Work, now: datetime) -> Progress:
    """Have an article's deliveries be STOPPED, or WAITING again, by what holds now."""
    moved, finished = sending.move(conn, work.subject, now, MOVED_AT_ONCE)
    return Progress({}, moved, finished)


def _moving(conn: Connection, article: Article, count: int) -> int:
    if count:
        # Each stop and each resume is work of its own; what they do is what was wanted last.
        work = f"{MOVE_DELIVERIES} {article.name} {ids.new_id()}"
        steps.start(conn, MOVE_DELIVERIES, work, subject=article.name, total=count, urgent=article.draft.urgent)
    return count


def send_test(conn: Connection, subject: str, channel: Channel, call: Call) -> Outgoing:
    """Send an article, or what a template says, to the caller alone. Raises NotFound, PermissionDenied or
    AddressMissing.
    """
    user = call.caller.user
    if subject.startswith(_ARTICLES):
        id_ = ARTICLE.id(subject)
        article = call.existing(articles.find_article(conn, id_), ARTICLE, id_)
        authority.require_office(call.caller, call.permission, article)
        district, parameters = article.district, {"article": id_}
    else:
        id_ = TEMPLATE.id(subject)
        call.caller.require(call.permission, codes.district_of(id_))
        district, _ = TemplateKey.parse(id_)
        parameters = {"template": id_}
    decision = People(conn, {(user, district)}).decide(
        Delivery(channel=channel, critical=True), user, district, call.now
    )
    if not isinstance(decision, SendNow):
        raise AddressMissing(channel)
    test = of_test(district, subject, parameters, user, channel, call.now)
    sending.enqueue(conn, [test], call.now)
    return _found(conn, test.id)


def replay(conn: Connection, id_: str, call: Call) -> Outgoing:
    """Attempt a delivery again. Raises NotFound, PermissionDenied or DeliveryStateWrong."""
    found = _require_delivery(conn, id_, call)
    if not sending.replay(conn, id_, call.now):
        raise DeliveryStateWrong(found.state, (State.FAILED, State.DROPPED, State.UNKNOWN))
    return _found(conn, id_)


def settle(conn: Connection, id_: str, call: Call, *, delivered: bool) -> Outgoing:
    """Note what became of a delivery that is UNKNOWN. Raises NotFound, PermissionDenied or DeliveryStateWrong."""
    found = _require_delivery(conn, id_, call)
    if sending.settle(conn, id_, call.now, delivered=delivered) is None:
        raise DeliveryStateWrong(found.state, (State.UNKNOWN,))
    return _found(conn, id_)


def forget_digests(conn: Connection, now: datetime) -> None:
    """Forget what came together long ago."""
    digests.forget_digests(conn, now - DIGESTS_KEPT, _FORGOTTEN_AT_ONCE)


def _enqueue(conn: Connection, plan: Plan, planned: Sequence[tuple[str, Channel]], now: datetime) -> int:
    return sending.enqueue(conn, [of_article(plan, *each) for each in planned], now)


def _published(conn: Connection, article_id: str, call: Call) -> Article:
    article = call.existing(articles.find_article(conn, article_id), ARTICLE, article_id)
    authority.require_publisher(call.caller, call.permission, article)
    authority.require_was_published(article, call.now)
    return article


def _require_delivery(conn: Connection, id_: str, call: Call) -> Outgoing:
    found = sending.find(conn, id_)
    if found is not None and call.caller.may(call.permission, found.district):
        return found
    # Whether there is one in another district is not to be learned.
    if any(map(codes.is_district, call.caller.scopes(call.permission))):
        raise NotFound(delivery_name(id_))
    raise PermissionDenied(call.permission)


def _found(conn: Connection, id_: str) -> Outgoing:
    found = sending.find(conn, id_)
    assert found is not None, "it was stored in this transaction"
    return found
