"""Going on to those who have not read an urgent notice: rung by rung, and at last to their doors."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid.notify.v1.resources_pb2 import ArticleState, VisitOutcome
from onegrid_kit import codes, ladder, sending, steps, tracing
from onegrid_kit.callers import Call
from onegrid_kit.ladder import Climb, Next
from onegrid_kit.steps import Progress, Work
from onegrid_notify import metrics
from onegrid_notify.article import ARTICLE, Article
from onegrid_notify.deliveries import Plan
from onegrid_notify.errors import WrongState
from onegrid_notify.escalation import BEGIN_RUNG, CLIMB, Escalation, Rung, climbing_id, visit_item
from onegrid_notify.facts import VISITS_REQUESTED, VisitFacts, encode
from onegrid_notify.facts import Recipient as MessageRecipient
from onegrid_notify.lifecycle import LIFE
from onegrid_notify.reach import Recipient
from onegrid_notify.rendering import render
from onegrid_notify.sendings import announce, of_article
from onegrid_notify.store import articles, inboxes, messages, reach
from onegrid_notify.store import escalation as store
from onegrid_notify.templates import LANGUAGES

__all__ = [
    "begin",
    "begin_anew",
    "begin_rung",
    "climb",
    "confirm_recipient",
    "end",
    "enter_missing",
    "measure_rungs",
]

LOOKED_AT_AT_ONCE: Final = 2_000
_LOOK_AGAIN: Final = timedelta(seconds=1)
_ASKED_FOR: Final = timedelta(days=30)
"""For how long grid workers keep the message that asks for visits; the notice may expire before."""


def begin(conn: Connection, article: Article) -> None:
    """Readers have the notice from now on: its first rung is due some time later."""
    plan = article.draft.escalation
    if plan is not None:
        assert article.publish_time is not None, "readers have it"
        _enter(conn, article, plan, 1, 1, article.publish_time + plan.after)


def begin_anew(conn: Connection, article: Article, now: datetime) -> None:
    """Readers are to read it again: begin with the first rung again."""
    plan = article.draft.escalation
    if plan is not None:
        _leave(conn, article)
        begun = store.rungs_of(conn, article.id)
        number = begun[-1].number + 1 if begun else 1
        _enter(conn, article, plan, number, 1, now + plan.after)


def end(conn: Connection, article: Article) -> None:
    """The notice was withdrawn: no further rung begins. One that has begun ends with its next step."""
    _leave(conn, article)


def begin_rung(conn: Connection, due: Climb, now: datetime) -> Next | None:
    """Begin the rung of a notice that is due. One whose notice has expired is left out; one whose audience is still
    being written down waits.
    """
    article_id = ARTICLE.id(due.subject)
    article = articles.hold_article(conn, article_id)
    rung = store.waiting_rung(conn, article_id)
    if article is None or rung is None:
        return None
    if not _goes_on(article, rung, now):
        store.delete_waiting(conn, article_id)
        return None
    assert rung.due_time is not None, "it waits for it"
    if rung.due_time > now:
        return Next(rung.due_time, rung.number)
    if reach.is_counting(conn, article):
        return Next(now + _LOOK_AGAIN, rung.number)
    store.begin_rung(conn, article_id, rung.number, now)
    name, parameters = article.name, {"number": rung.number}
    steps.start(conn, CLIMB, climbing_id(name, rung.number), subject=name, parameters=parameters, urgent=True)
    # Whoever has looked at everybody enters the next one.
    return None


def enter_missing(conn: Connection, _: datetime) -> None:
    """Wait for the rungs that older releases entered: those from before an upgrade, and what their apis still do."""
    for article_id, rung in store.missing_rungs(conn):
        assert rung.due_time is not None, "it waits for it"
        ladder.start(conn, BEGIN_RUNG, ARTICLE.name(article_id), rung.due_time, rung=rung.number)


def climb(conn: Connection, work: Work, now: datetime) -> Progress:
    """Hand a notice on to the next people who have not read it; after the last one, enter the next rung."""
    article_id, number = ARTICLE.id(work.subject), work.parameters["number"]
    article = articles.hold_article(conn, article_id)
    rung = store.find_rung(conn, article_id, number)
    if article is None or rung is None or not _goes_on(article, rung, now):
        store.note_rung(conn, article_id, number, 0, now)
        return Progress(work.cursor, 0, finished=True)
    visits = rung.channel == Channel.CHANNEL_UNSPECIFIED
    after = work.cursor.get("last", "")
    piece = store.next_recipients(conn, article_id, rung.version, after, LOOKED_AT_AT_ONCE, confirmed=visits)
    if visits:
        store.add_to_visits(conn, article_id, rung.version, [user for user, _ in piece.left], now)
        _ask_for_visits(conn, article, rung, {place for _, place in piece.left}, now)
    else:
        plan = Plan.of_article(article, now)
        further = [of_article(plan, user, rung.channel, rung) for user, _ in piece.left]
        sending.enqueue(conn, further, now)
    store.note_rung(conn, article_id, number, len(piece.left), now if piece.finished else None)
    if piece.finished:
        _enter_next(conn, article, rung)
    return Progress({"last": piece.last}, len(piece.left), piece.finished)


def confirm_recipient(conn: Connection, article_id: str, user: str, outcome: VisitOutcome, call: Call) -> Recipient:
    """Note what came of informing a recipient in person; unless they were not found, they have confirmed the notice.

    Raises NotFound, PermissionDenied or WrongState.
    """
    article = call.existing(articles.hold_article(conn, article_id), ARTICLE, article_id)
    published = article.was_published_at(call.now)
    asked = reach.lock_recipient(conn, article_id, user, call.now) if published else None
    recipient = call.existing(asked, ARTICLE, article_id)
    call.caller.require(call.permission, recipient.place)
    state = article.state_at(call.now)
    if state != ArticleState.ARTICLE_STATE_PUBLISHED:
        raise WrongState(state, LIFE.allowed(state))
    if recipient.confirm_time is not None:
        return recipient
    store.note_visit(conn, article_id, user, outcome, call.caller.user, call.now)
    if outcome != VisitOutcome.VISIT_OUTCOME_NOT_FOUND:
        inboxes.confirm_for(conn, user, article_id, codes.community_of(recipient.place), call.now)
    after = reach.lock_recipient(conn, article_id, user, call.now)
    assert after is not None, "it is locked"
    return after


def measure_rungs(conn: Connection, now: datetime) -> None:
    """Measure how late rungs are."""
    metrics.RUNG_LATE.labels("notify").set(store.late_s(conn, now))


def _goes_on(article: Article, rung: Rung, now: datetime) -> bool:
    """Whether readers still have the notice, and it was not made unread again since."""
    return article.state_at(now) == ArticleState.ARTICLE_STATE_PUBLISHED and article.unread_below == rung.version


def _enter(conn: Connection, article: Article, plan: Escalation, number: int, step: int, due: datetime) -> None:
    rung = Rung(number=number, version=article.unread_below, step=step, channel=plan.rungs[step - 1], due_time=due)
    store.insert_rung(conn, article.id, rung)
    ladder.start(conn, BEGIN_RUNG, article.name, due, rung=number)


def _leave(conn: Connection, article: Article) -> None:
    store.delete_waiting(conn, article.id)
    ladder.stop(conn, BEGIN_RUNG, article.name)


def _enter_next(conn: Connection, article: Article, done: Rung) -> None:
    plan = article.draft.escalation
    assert plan is not None, "it has a rung"
    assert done.begin_time is not None, "its step was taken"
    if done.step < len(plan.rungs):
        _enter(conn, article, plan, done.number + 1, done.step + 1, done.begin_time + plan.after)


def _ask_for_visits(conn: Connection, article: Article, rung: Rung, places: set[str], now: datetime) -> None:
    """One message to the staff of the place of each who is to be visited. Where no more of it is known than the street
    or district, its platform finds out where to go; clerks of departments are visited for the district.
    """
    origin = messages.Origin(
        district=article.district,
        item=visit_item(article.name, rung.number),
        subject=article.name,
        event=VISITS_REQUESTED,
        time=now,
        expire_time=article.until(now + _ASKED_FOR),
        traceparent=tracing.current_traceparent(),
    )
    facts = VisitFacts(time=now, title=article.draft.content.title)
    written = {
        language: render(conn, article.district, VISITS_REQUESTED, MessageRecipient.OFFICE, facts, language)
        for language in LANGUAGES
    }
    offices = {codes.district_of(place) if codes.is_department(place) else place for place in places}
    addressed = [
        messages.Addressed(office, MessageRecipient.OFFICE, encode(facts), written) for office in sorted(offices)
    ]
    if addressed:
        announce(conn, [messages.Announcement(origin, addressed)])
