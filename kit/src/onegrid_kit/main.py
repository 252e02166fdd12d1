"""The entry point of every service: one image, several roles of it.

python -m onegrid_petition api | worker | relay | sender | migrate [--without-broker]
  | parked list | parked replay ID|--all | steps list | steps stop|resume ID | ladder list | ladder retry KIND SUBJECT
  | audit verify | cipher keys | cipher reseal
  | sendings list | sendings replay ID | sendings settle ID delivered|failed | sendings stop|resume BATCH

Services that call no outside systems have neither `sender` nor `sendings`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from onegrid_kit.service import Service, load
from onegrid_kit.settings import ServiceSettings, SettingsError
from onegrid_kit.settings import load as load_settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

__all__ = ["run"]

_WITHOUT_BROKER = "--without-broker"
_SERVING = ("api", "worker", "relay", "sender")


def run(service: Service, argv: Sequence[str]) -> int:
    """Run a role until it ends; its exit code."""
    sending = ["sender", "sendings"] if service.sender else []
    roles = [
        "api",
        "worker",
        "relay",
        "migrate",
        "parked",
        "steps",
        "ladder",
        "audit",
        "cipher",
        *sending,
        *service.commands,
    ]
    role, *rest = argv or [""]
    if role not in roles:
        print(f"usage: python -m {service.package} {' | '.join(roles)}", file=sys.stderr)
        return 2
    # A container's first process never gets a SIGTERM that it doesn't listen for: until the role does, end at once. One
    # that serves has nothing to finish before it began; the exit code of others must not mean success.
    code = 0 if role in _SERVING else 128 + signal.SIGTERM
    signal.signal(signal.SIGTERM, lambda *_: os._exit(code))
    try:
        if role == "worker":
            # Kept back until the new process listens, which knows nothing of this one's handlers.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
            # A process of its own from the first import on: eventlet and grpc don't mix.
            os.execv(  # noqa: S606
                sys.executable, [sys.executable, "-m", "onegrid_kit.worker.launcher", f"{service.package}.main:SERVICE"]
            )
        settings = load_settings(service.settings)
        if role == "relay":
            from onegrid_kit.amqp import require_broker

            require_broker(settings)
        return _role(service, settings, role, rest)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except Exception as error:
        if not _is_refused(error):
            raise
        from onegrid_kit.logs import describe

        print(f"{role}: database or broker refuse or do not answer: {describe(error)}", file=sys.stderr)
        return 1


def _is_refused(error: Exception) -> bool:
    """Whether database or broker are away or do not admit us, which a traceback would not make clearer."""
    from sqlalchemy.exc import OperationalError

    from onegrid_kit.failures import lost

    return isinstance(error, OperationalError | ConnectionError) or lost(error)


def _role(service: Service, settings: ServiceSettings, role: str, rest: list[str]) -> int:
    from onegrid_kit import logs

    logs.configure(service.name, settings.log_level)
    if role == "api":
        from onegrid_kit.server import serve

        return serve(service, settings)
    if role == "relay":
        return _relay(service, settings)
    if role == "sender":
        return _send(service, settings)
    if role == "migrate":
        return _migrate(service, settings, rest)
    if role == "parked":
        return _parked(service, settings, rest)
    if role == "steps":
        return _steps(service, settings, rest)
    if role == "ladder":
        return _ladder(service, settings, rest)
    if role == "sendings":
        return _sendings(service, settings, rest)
    if role == "audit":
        return _audit(settings, rest)
    if role == "cipher":
        return _cipher(service, settings, rest)
    code: int = load(service.commands[role])(settings, rest)
    return code


def _migrate(service: Service, settings: ServiceSettings, rest: list[str]) -> int:
    from onegrid_kit.amqp import require_broker
    from onegrid_kit.installation import installation_of
    from onegrid_kit.migrations import migrate
    from onegrid_kit.topology import QueueTaken, declare_consumer, take_queue

    if rest not in ([], [_WITHOUT_BROKER]):
        print(f"usage: python -m {service.package} migrate [{_WITHOUT_BROKER}]", file=sys.stderr)
        return 2
    if not rest:
        # Without its queue, a service would miss what others announce before its worker is there.
        require_broker(settings)
    migrate(service, settings.database_url)
    if not _keys_suffice(service, settings):
        return 1
    if not rest:
        with _engine(settings) as engine, engine.connect() as conn:
            installation = installation_of(conn)
        try:
            asyncio.run(take_queue(settings.amqp_url, service.name, installation))
        except QueueTaken as error:
            print(error, file=sys.stderr)
            return 1
        types = sorted({subscription.type for subscription in service.load_handlers()})
        asyncio.run(declare_consumer(settings.amqp_url, service.name, types))
    return 0


def _relay(service: Service, settings: ServiceSettings) -> int:
    from onegrid_kit import metrics, probes, tracing
    from onegrid_kit.relay import relay

    health = probes.Health("broker", "database", patience_s=90)
    probes.serve(settings.metrics_port, health, service.name, "relay")
    tracing.configure(service.name, settings)

    async def until_stopped(engine: Engine) -> None:
        stopping = _set_by_signals()
        absent = [name.strip() for name in settings.absent_services.split(",")]
        await relay(service.name, engine, settings.amqp_url, absent, stopping, health, service.load_current())

    with _engine(settings) as engine:
        metrics.observe_pool(service.name, "relay", engine.pool)
        asyncio.run(until_stopped(engine))
    return 0


def _send(service: Service, settings: ServiceSettings) -> int:
    import uvloop

    from onegrid_kit import metrics, probes, tracing
    from onegrid_kit.clock import SystemClock
    from onegrid_kit.database import sync_engine
    from onegrid_kit.sending.runner import NEEDS, SendingRunner

    health = probes.Health(*NEEDS, patience_s=90)
    probes.serve(settings.metrics_port, health, service.name, "sender")
    tracing.configure(service.name, settings)

    async def until_stopped(engine: Engine) -> None:
        stopping = _set_by_signals()
        runner = SendingRunner.of(service, settings, engine, SystemClock(), health)
        if runner is not None:
            await runner.run(stopping, settings.drain_grace_s)

    engine = sync_engine(settings.database_url, pool=3, by_key=True)
    metrics.observe_pool(service.name, "sender", engine.pool)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
            loop.run(until_stopped(engine))
    finally:
        engine.dispose()
    return 0


def _set_by_signals() -> asyncio.Event:
    """Set when this process is to end; for the running loop."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping


def _parked(service: Service, settings: ServiceSettings, rest: list[str]) -> int:
    from onegrid_kit.inbox import Inbox

    with _engine(settings) as engine:
        inbox = Inbox.of(service, settings, engine)
        match rest:
            case ["list"]:
                for event in inbox.parked():
                    waits = "parked" if event.given_up else "retrying"
                    what = (event.handler, event.type, event.subject, event.last_error)
                    print(event.event_id, waits, event.attempts, *what, sep="\t")
                return 0
            case ["replay", event_id]:
                found = inbox.replay(None if event_id == "--all" else event_id)
                print(f"{found} to be tried again" if found else "no such event; `parked list` shows them")
                return 0 if found or event_id == "--all" else 1
    print(f"usage: python -m {service.package} parked list | parked replay ID|--all", file=sys.stderr)
    return 2


def _steps(service: Service, settings: ServiceSettings, rest: list[str]) -> int:
    from onegrid_kit import steps

    with _engine(settings) as engine, engine.begin() as conn:
        match rest:
            case ["list"]:
                for work in steps.unfinished(conn):
                    rows = f"{work.done}/{'?' if work.total is None else work.total}"
                    print(work.id, work.state, rows, work.attempts, work.kind, work.subject, work.error, sep="\t")
                return 0
            case ["stop", work_id]:
                done = steps.stop(conn, work_id)
                print("stopped" if done else "no such work runs or has failed; `steps list` shows it")
                return 0 if done else 1
            case ["resume", work_id]:
                done = steps.resume(conn, work_id)
                print("resumed" if done else "no such work was stopped or has failed; `steps list` shows it")
                return 0 if done else 1
    print(f"usage: python -m {service.package} steps list | steps stop|resume ID", file=sys.stderr)
    return 2


def _ladder(service: Service, settings: ServiceSettings, rest: list[str]) -> int:
    from onegrid_kit import ladder
    from onegrid_kit.clock import SystemClock

    with _engine(settings) as engine, engine.begin() as conn:
        match rest:
            case ["list"]:
                for climb in ladder.due(conn, SystemClock().now()):
                    since = f"{climb.due_time:%Y-%m-%dT%H:%M:%SZ}"
                    print(climb.kind, climb.subject, climb.rung, since, climb.attempts, climb.error, sep="\t")
                return 0
            case ["retry", kind, subject]:
                done = ladder.retry(conn, kind, subject)
                print("to be tried again" if done else "no such climb has failed; `ladder list` shows them")
                return 0 if done else 1
    print(f"usage: python -m {service.package} ladder list | ladder retry KIND SUBJECT", file=sys.stderr)
    return 2


def _sendings(service: Service, settings: ServiceSettings, rest: list[str]) -> int:
    from onegrid_kit import sending
    from onegrid_kit.cipher import cipher
    from onegrid_kit.clock import SystemClock

    now = SystemClock().now()
    if rest[:1] in (["stop"], ["resume"]) and len(rest) == 2:
        return _stop_or_resume(settings, *rest)
    with _engine(settings) as engine, engine.begin() as conn:
        match rest:
            case ["list"]:
                for each in sending.unresolved(conn):
                    how = (each.channel, each.last_provider, each.last_code)
                    print(each.id, each.state, each.attempts, *how, f"{each.create_time:%Y-%m-%dT%H:%MZ}", sep="\t")
                for left in sending.unconcluded(conn):
                    how = (left.sending.channel, left.sending.last_provider, left.error)
                    since = f"{left.create_time:%Y-%m-%dT%H:%MZ}"
                    print(left.sending.id, "UNCONCLUDED", left.tries, *how, since, sep="\t")
                return 0
            case ["replay", sending_id]:
                done = sending.replay(conn, sending_id, now)
                print("to be sent again" if done else "no such sending has failed, was dropped or is unknown")
                return 0 if done else 1
            case ["settle", sending_id, "delivered" | "failed" as outcome]:
                settled = sending.settle(conn, sending_id, now, delivered=outcome == "delivered")
                if settled is not None and (sender := service.load_sender()):
                    context = sending.Context(settings, cipher(settings.cipher, settings.cipher_keys), now)
                    sending.conclude(conn, service.name, sender, [settled], context)
                print("settled" if settled else "no such sending is unknown; `sendings list` shows them")
                return 0 if settled else 1
    usage = "sendings list | sendings replay ID | sendings settle ID delivered|failed | sendings stop|resume BATCH"
    print(f"usage: python -m {service.package} {usage}", file=sys.stderr)
    return 2


def _stop_or_resume(settings: ServiceSettings, what: str, batch: str) -> int:
    from onegrid_kit import sending
    from onegrid_kit.clock import SystemClock

    with _engine(settings) as engine:
        with engine.begin() as conn:
            count = sending.stop(conn, batch) if what == "stop" else sending.resume(conn, batch)
        print(f"{count} were waiting, and are not sent" if what == "stop" else f"{count} to be sent")
        finished = False
        while not finished:
            with engine.begin() as conn:
                _, finished = sending.move(conn, batch, SystemClock().now())
    return 0


def _audit(settings: ServiceSettings, rest: list[str]) -> int:
    from onegrid_kit import audit

    if rest != ["verify"]:
        print("usage: audit verify", file=sys.stderr)
        return 2
    with (
        _engine(settings, statement_timeout_ms=0) as engine,
        engine.connect().execution_options(isolation_level="REPEATABLE READ") as conn,
    ):
        broken = list(audit.broken_blocks(conn))
    print("\n".join(broken) if broken else "the audit trail is intact")
    return 1 if broken else 0


def _keys_suffice(service: Service, settings: ServiceSettings) -> bool:
    """Whether all that is stored can be read. A release that can't would write beside it, and seem to work."""
    from onegrid_kit import sealed
    from onegrid_kit.cipher import cipher

    with _engine(settings, statement_timeout_ms=0) as engine, engine.connect() as conn:
        found = sealed.unreadable(conn, service.load_sealed(), cipher(settings.cipher, settings.cipher_keys))
    for each in found:
        print(f"{each.column}: {each.count} by key {each.key}: {each.trouble}", file=sys.stderr)
    return not found


def _cipher(service: Service, settings: ServiceSettings, rest: list[str]) -> int:
    from onegrid_kit import sealed
    from onegrid_kit.cipher import cipher

    seals = cipher(settings.cipher, settings.cipher_keys)
    with _engine(settings, statement_timeout_ms=0) as engine:
        match rest:
            case ["keys"]:
                print(f"{seals.keys[0]} seals, {seals.index_key} makes indexes")
                with engine.connect() as conn:
                    found = list(sealed.keys_in_use(conn, service.load_sealed(), seals))
                for each in found:
                    print(each.column, each.key, each.count, each.trouble or "readable", sep="\t")
                return 1 if any(each.trouble for each in found) else 0
            case ["reseal"]:
                unreadable = 0
                for anew in sealed.reseal(engine, service.load_sealed(), seals):
                    print(anew.column, anew.done, sep="\t")
                    if anew.unreadable:
                        print(f"{anew.column}: {anew.unreadable} can't be read, and stay as they are", file=sys.stderr)
                    unreadable += anew.unreadable
                return 1 if unreadable else 0
    print(f"usage: python -m {service.package} cipher keys | cipher reseal", file=sys.stderr)
    return 2


@contextmanager
def _engine(settings: ServiceSettings, statement_timeout_ms: int = 30_000) -> Iterator[Engine]:
    from onegrid_kit.database import sync_engine

    engine = sync_engine(settings.database_url, pool=2, statement_timeout_ms=statement_timeout_ms)
    try:
        yield engine
    finally:
        engine.dispose()
