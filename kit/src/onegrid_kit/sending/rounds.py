"""What one transaction of the sender decides: which sendings are due, what the service says of each, and which calls
begin once it is committed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from sqlalchemy import Connection

from onegrid_kit.failures import lost
from onegrid_kit.sending.limits import Limits
from onegrid_kit.sending.model import (
    AskedByAddress,
    Attempt,
    Conclusion,
    Context,
    Defer,
    Drop,
    Lane,
    LimitScope,
    Outgoing,
    Prepared,
    Send,
    Sender,
    State,
)
from onegrid_kit.sending.routing import Router, Upstream
from onegrid_kit.sending.rules import pause_s
from onegrid_kit.sending.store import claims

__all__ = ["SEALED_FOR", "Call", "Conclude", "Round", "take", "turn_away"]

SEALED_FOR: Final = "sending.address"
"""What the addresses that providers are asked by are sealed for."""

_STEP_BACK: Final = timedelta(seconds=1)
_NO_PROVIDER: Final = "NO_PROVIDER"
# While a new release is rolled out, other replicas may have a provider already.
_PROVIDER_EXPECTED: Final = timedelta(minutes=10)
_UNSERVED_AT_ONCE: Final = 500
# The outcome of a call that ended in time is stored within this share of its time, or what is known comes too late.
_STORED: Final = 0.5
Conclude: TypeAlias = Callable[[Connection, Sequence[Conclusion], Context], None]
"""Has the service hear what was learned."""
_Message: TypeAlias = tuple[Outgoing, Send, Upstream]


@dataclass(frozen=True, slots=True)
class Call:
    """An attempt that is recorded, and made once that is committed."""

    outgoing: Outgoing
    message: Send
    upstream: Upstream
    attempt: Attempt


@dataclass(slots=True)
class Round:
    """What one transaction has decided."""

    claimed: int = 0
    calls: list[Call] = field(default_factory=list)
    ended: list[Conclusion] = field(default_factory=list)
    deferred: list[tuple[Outgoing, datetime, str]] = field(default_factory=list)
    dropped: list[tuple[Outgoing, str]] = field(default_factory=list)
    limited: list[tuple[Upstream, Outgoing, LimitScope, float]] = field(default_factory=list)
    """What limits have deferred, and for how many seconds."""
    unprepared: list[tuple[Outgoing, Exception]] = field(default_factory=list)


def take(
    conn: Connection,
    sender: Sender,
    router: Router,
    wanted: Sequence[claims.Claim],
    context: Context,
    conclude: Conclude,
    *,
    one_by_one: bool,
) -> Round:
    """Claim what is due, have it prepared, and record the attempts that limits allow. `one_by_one`: what can't be
    prepared does not keep the others from being sent.
    """
    due, ended = claims.claim(conn, wanted, context.now)
    due.sort(key=lambda each: (each.lane, each.due_time))
    done = Round(len(due) + len(ended), ended=ended)
    placed, stuck, unserved = router.assign(due)
    # They would be first for ever, and those behind them may have a provider that is free.
    done.deferred = [(each, context.now + _STEP_BACK, each.last_code) for each in stuck]
    _turn_away(conn, unserved, context, done)
    messages = _prepare(conn, sender, placed, context, done, one_by_one=one_by_one)
    allowed = _limit(conn, messages, context, done)
    attempts = claims.begin(
        conn,
        [(outgoing, upstream.provider.name) for outgoing, _, upstream in allowed],
        sender.call_s * (1 + _STORED),
        {
            outgoing.id: context.cipher.encrypt(message.address, SEALED_FOR)
            for outgoing, message, upstream in allowed
            if isinstance(upstream.provider, AskedByAddress)
        },
        {outgoing.id: message.address_key for outgoing, message, _ in allowed},
    )
    done.calls = [Call(outgoing, message, upstream, attempts[outgoing.id]) for outgoing, message, upstream in allowed]
    claims.defer(conn, done.deferred)
    claims.drop(conn, done.dropped, context.now)
    done.ended += _give_up_or_defer(conn, sender, done.unprepared, context)
    conclude(conn, done.ended, context)
    return done


def turn_away(conn: Connection, channels: Collection[str], context: Context, conclude: Conclude) -> Round:
    """Claim what is due in channels without any provider, and end it."""
    wanted = [claims.Claim(channel, lane, _UNSERVED_AT_ONCE) for channel in sorted(channels) for lane in Lane]
    due, ended = claims.claim(conn, wanted, context.now)
    done = Round(len(due) + len(ended), ended=ended)
    _turn_away(conn, due, context, done)
    claims.defer(conn, done.deferred)
    conclude(conn, done.ended, context)
    return done


def _turn_away(conn: Connection, unserved: Sequence[Outgoing], context: Context, done: Round) -> None:
    """What no provider serves waits for one for a while, once; then it has failed."""
    until = context.now + _PROVIDER_EXPECTED
    failed = []
    for outgoing in unserved:
        if outgoing.last_code == _NO_PROVIDER:
            failed.append((outgoing, State.FAILED, _NO_PROVIDER))
        else:
            done.deferred.append((outgoing, min(until, outgoing.expire_time or until), _NO_PROVIDER))
    done.ended += claims.set_aside(conn, failed, context.now)


def _prepare(
    conn: Connection,
    sender: Sender,
    placed: Sequence[tuple[Outgoing, Upstream]],
    context: Context,
    done: Round,
    *,
    one_by_one: bool,
) -> list[_Message]:
    """What the service wants to be sent now; what it does not, is added to the round."""
    if not placed:
        return []
    sendings = [outgoing for outgoing, _ in placed]
    answers: Sequence[Prepared | Exception]
    if one_by_one:
        answers = _prepare_each_alone(conn, sender, sendings, context)
    else:
        answers = sender.prepare(conn, sendings, context)
    messages = []
    for (outgoing, upstream), prepared in zip(placed, answers, strict=True):
        match prepared:
            case Send():
                messages.append((outgoing, prepared, upstream))
            case Drop():
                done.dropped.append((outgoing, prepared.code))
            case Defer():
                until = max(prepared.until, context.now + _STEP_BACK)
                done.deferred.append((outgoing, until, prepared.code))
            case Exception():
                done.unprepared.append((outgoing, prepared))
            case _:
                raise TypeError(f"{type(prepared).__name__} is none of Send, Drop and Defer")
    return messages


def _prepare_each_alone(
    conn: Connection, sender: Sender, sendings: Sequence[Outgoing], context: Context
) -> list[Prepared | Exception]:
    answers: list[Prepared | Exception] = []
    for outgoing in sendings:
        try:
            with conn.begin_nested():
                answers.extend(sender.prepare(conn, [outgoing], context))
        except Exception as error:
            if lost(error):
                raise
            answers.append(error)
    return answers


def _limit(conn: Connection, messages: Sequence[_Message], context: Context, done: Round) -> list[_Message]:
    """What all limits allow now; the rest is deferred."""
    limits = Limits(conn, [(outgoing, message, upstream.provider) for outgoing, message, upstream in messages])
    allowed = []
    for outgoing, message, upstream in messages:
        refused = limits.take(outgoing, message, upstream.provider)
        if refused is None:
            allowed.append((outgoing, message, upstream))
            continue
        limit, wait_s = refused
        done.limited.append((upstream, outgoing, limit.scope, wait_s))
        done.deferred.append((outgoing, context.now + timedelta(seconds=wait_s), f"{limit.scope}_LIMIT"))
    limits.store()
    return allowed


def _give_up_or_defer(
    conn: Connection, sender: Sender, unprepared: Sequence[tuple[Outgoing, Exception]], context: Context
) -> list[Conclusion]:
    code = "PREPARATION_FAILED"
    given_up = [outgoing for outgoing, _ in unprepared if outgoing.tries + 1 >= sender.attempts]
    others = [outgoing for outgoing, _ in unprepared if outgoing.tries + 1 < sender.attempts]
    pauses = [pause_s(outgoing.tries + 1, sender.retry_base_s, sender.retry_most_s) for outgoing in others]
    due = [context.now + timedelta(seconds=each) for each in pauses]
    claims.defer(conn, list(zip(others, due, [code] * len(due), strict=True)), tried=True)
    return claims.set_aside(conn, [(outgoing, State.FAILED, code) for outgoing in given_up], context.now)
