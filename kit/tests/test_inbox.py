"""Events that come together, and handlers that take them together."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from google.protobuf.message import Message
from sqlalchemy import Connection, Engine, text

from onegrid.identity.v1.events_pb2 import OneTimeCodeIssued, RoleRevoked, UserDefined, UserDisabled
from onegrid_kit.cipher import Cipher
from onegrid_kit.events import Delivery, Envelope, on, on_many, on_many_personal
from onegrid_kit.inbox import Inbox

from .calls import CIPHER

_INSERT = text("INSERT INTO note (event_id, subject, said, trace) VALUES ('', '', :said, '')")


class Together:
    """A handler that keeps how it was called."""

    def __init__(self, poison: str = "") -> None:
        self.calls: list[list[str]] = []
        self._poison = poison

    def __call__(self, conn: Connection, events: Sequence[tuple[UserDisabled | RoleRevoked, Delivery]]) -> None:
        """Note each user, and fail at the poison."""
        users = [event.user for event, _ in events]
        self.calls.append(users)
        for user in users:
            conn.execute(_INSERT, {"said": user})
        if self._poison in users:
            raise ValueError(self._poison)


def test_events_that_come_together_are_handled_together_in_their_order(engine: Engine) -> None:
    many = Together()
    inbox = Inbox(
        "sample", engine, [on_many("disabled", UserDisabled, many), on_many("revoked", RoleRevoked, many)], CIPHER
    )
    first = envelope(UserDisabled(user="users/a"))
    inbox.deliver([first])
    inbox.deliver([first, envelope(UserDisabled(user="users/b")), envelope(RoleRevoked(user="users/c"))])
    assert many.calls == [["users/a"], ["users/b", "users/c"]]
    assert noted(engine) == ["users/a", "users/b", "users/c"]


def test_other_handlers_have_had_their_events_before(engine: Engine) -> None:
    many, order = Together(), list[str]()
    single = on("revoked", RoleRevoked, lambda _, event, __: order.append(f"{event.user} after {many.calls}"))
    inbox = Inbox("sample", engine, [on_many("disabled", UserDisabled, many), single], CIPHER)
    users = {letter: f"users/{letter}" for letter in "abcd"}
    inbox.deliver(
        [
            envelope(UserDisabled(user=users["a"])),
            envelope(RoleRevoked(user=users["b"])),
            envelope(UserDisabled(user=users["c"])),
            envelope(RoleRevoked(user=users["d"])),
        ]
    )
    assert order == ["users/b after []", "users/d after []"]
    assert many.calls == [["users/a", "users/c"]]


def test_those_that_are_handled_in_turn_are_handled_before_what_comes_behind_them(engine: Engine) -> None:
    many, order = Together(), list[str]()
    single = on("revoked", RoleRevoked, lambda _, event, __: order.append(f"{event.user} after {many.calls[-1]}"))
    inbox = Inbox("sample", engine, [on_many("disabled", UserDisabled, many, in_turn=True), single], CIPHER)
    users = {letter: f"users/{letter}" for letter in "abcde"}
    inbox.deliver(
        [
            envelope(UserDisabled(user=users["a"])),
            envelope(UserDisabled(user=users["b"])),
            envelope(RoleRevoked(user=users["c"])),
            envelope(UserDisabled(user=users["d"])),
            envelope(RoleRevoked(user=users["e"])),
        ]
    )
    assert order == ["users/c after ['users/a', 'users/b']", "users/e after ['users/d']"]
    assert many.calls == [["users/a", "users/b"], ["users/d"]]


def test_a_handler_of_personal_data_gets_the_cipher_for_one_and_for_many(engine: Engine) -> None:
    calls = list[tuple[list[str], Cipher]]()

    def seal(_: Connection, events: Sequence[tuple[UserDefined, Delivery]], cipher: Cipher) -> None:
        calls.append(([event.user for event, _ in events], cipher))

    inbox = Inbox("sample", engine, [on_many_personal("defined", UserDefined, seal)], CIPHER)
    inbox.deliver([envelope(UserDefined(user="users/a"))])
    inbox.deliver([envelope(UserDefined(user=f"users/{letter}")) for letter in "bc"])
    assert calls == [(["users/a"], CIPHER), (["users/b", "users/c"], CIPHER)]


def test_one_that_fails_among_them_is_set_aside_alone(engine: Engine) -> None:
    many = Together("users/b")
    inbox = Inbox("sample", engine, [on_many("disabled", UserDisabled, many)], CIPHER)
    inbox.deliver([envelope(UserDisabled(user=f"users/{letter}")) for letter in "abc"])
    assert many.calls == [["users/a", "users/b", "users/c"], ["users/a"], ["users/b"], ["users/c"]]
    assert noted(engine) == ["users/a", "users/c"]
    assert [(each.handler, each.last_error) for each in inbox.parked()] == [("disabled", "ValueError: users/b")]


def test_what_failed_is_kept_no_longer_than_the_contract_lets_personal_data_be(engine: Engine) -> None:
    def fail(_: Connection, event: Message, __: Delivery) -> None:
        raise ValueError(event.DESCRIPTOR.name)

    messages = (OneTimeCodeIssued(code="482913"), UserDefined(user="users/a"), RoleRevoked(user="users/a"))
    subscriptions = [on(type(each).__name__, type(each), fail) for each in messages]
    inbox = Inbox("sample", engine, subscriptions, CIPHER, attempts=1)
    inbox.deliver([envelope(each) for each in messages])

    def left_after(time: timedelta) -> set[str]:
        with engine.begin() as conn:
            conn.execute(text("UPDATE parked_event SET first_failed_at = clock_timestamp() - :time"), {"time": time})
        inbox.measure()
        return {each.handler for each in inbox.parked()}

    assert left_after(timedelta(minutes=4)) == {"OneTimeCodeIssued", "UserDefined", "RoleRevoked"}
    assert left_after(timedelta(minutes=5)) == {"UserDefined", "RoleRevoked"}
    assert left_after(timedelta(days=365)) == {"RoleRevoked"}


def envelope(event: Message) -> Envelope:
    """The event on its way."""
    delivery = Delivery(
        id=str(uuid.uuid4()), type=event.DESCRIPTOR.full_name, subject="users/a", time=datetime.now(UTC)
    )
    return Envelope(delivery, event.SerializeToString())


def noted(engine: Engine) -> list[str]:
    """What the handlers have noted, in order."""
    with engine.connect() as conn:
        return list(conn.execute(text("SELECT said FROM note ORDER BY id")).scalars())
