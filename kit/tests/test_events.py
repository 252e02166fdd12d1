"""Events are handled once, in order, whatever carries them: both carriers pass the same tests."""

from __future__ import annotations

import re
import uuid

from sqlalchemy import Engine, text

from onegrid_kit.testing.waiting import eventually

from . import roles
from .calls import TRACE, announce, count, notes
from .carriers import Carrier


def test_every_event_is_handled_once_and_those_of_a_subject_in_order(carrier: Carrier, engine: Engine) -> None:
    for number in range(40):
        with engine.begin() as conn:
            for subject in ("users/a", "users/b", "users/c"):
                announce(conn, subject, [f"{number}", f"{number}+"])
    eventually(lambda: count(engine, "note") == 240)
    eventually(lambda: count(engine, "outbox") == 0)
    expected = [f"{number}{more}" for number in range(40) for more in ("", "+")]
    noted = notes(engine)
    for subject in ("users/a", "users/b", "users/c"):
        assert [said for about, said in noted if about == subject] == expected
    assert count(engine, "inbox") == 240


def test_an_event_that_comes_twice_is_handled_once(carrier: Carrier, engine: Engine) -> None:
    with engine.begin() as conn:
        announce(conn, "users/a", ["once"])
        # The same event once more, as after a crash between its arrival and its being forgotten.
        conn.execute(
            text(
                "INSERT INTO outbox (id, type, subject, time, traceparent, body) "
                "SELECT id, type, subject, time, traceparent, body FROM outbox"
            )
        )
        announce(conn, "users/a", ["last"])
    eventually(lambda: len(notes(engine)) == 2)
    assert notes(engine) == [("users/a", "once"), ("users/a", "last")]


def test_what_is_rolled_back_is_not_announced(carrier: Carrier, engine: Engine) -> None:
    with engine.connect() as conn:
        announce(conn, "users/a", ["never"])
        conn.rollback()
    with engine.begin() as conn:
        announce(conn, "users/a", ["said"])
    eventually(lambda: count(engine, "note") > 0)
    assert notes(engine) == [("users/a", "said")]


def test_a_handler_that_recovers_is_tried_again_until_then(carrier: Carrier, engine: Engine) -> None:
    fault(engine, "late")
    with engine.begin() as conn:
        announce(conn, "users/a", ["late", "next"])
    eventually(lambda: notes(engine) == [("users/a", "next")])
    mend(engine, "late")
    eventually(lambda: ("users/a", "late") in notes(engine))
    eventually(lambda: count(engine, "parked_event") == 0)


def test_a_handler_that_keeps_failing_is_parked_listed_and_replayed(carrier: Carrier, engine: Engine) -> None:
    fault(engine, "poison")
    with engine.begin() as conn:
        announce(conn, "users/a", ["poison", "wholesome"])
    eventually(lambda: given_up(engine) == 1)
    assert notes(engine) == [("users/a", "wholesome")]
    listed = roles.run(carrier.environ, "parked", "list").stdout
    found = re.fullmatch(
        r"(\S+)\tparked\t3\tnote_user\tonegrid\.identity\.v1\.UserDisabled\tusers/a\tFaulty: poison\n", listed
    )
    assert found, listed
    mend(engine, "poison")
    assert roles.run(carrier.environ, "parked", "replay", str(uuid.uuid4())).returncode == 1
    assert roles.run(carrier.environ, "parked", "replay", found[1]).returncode == 0
    eventually(lambda: ("users/a", "poison") in notes(engine))
    eventually(lambda: roles.run(carrier.environ, "parked", "list").stdout == "")


def test_one_of_many_that_fails_takes_none_of_the_others_with_it(carrier: Carrier, engine: Engine) -> None:
    fault(engine, "13")
    with engine.begin() as conn:
        announce(conn, "users/a", [str(number) for number in range(30)])
    eventually(lambda: given_up(engine) == 1)
    assert [said for _, said in notes(engine)] == [str(number) for number in range(30) if number != 13]


def test_bytes_that_are_no_message_are_parked_at_once(carrier: Carrier, engine: Engine) -> None:
    with engine.begin() as conn:
        announce(conn, "users/a", ["x"])
        conn.execute(text(r"UPDATE outbox SET body = '\xffffff'"))
        announce(conn, "users/a", ["wholesome"])
    eventually(lambda: given_up(engine) == 1)
    with engine.connect() as conn:
        parked = conn.execute(text("SELECT attempts, last_error FROM parked_event")).one()
    assert parked.attempts == 1
    assert parked.last_error.startswith("DecodeError")
    eventually(lambda: notes(engine) == [("users/a", "wholesome")])


def test_the_trace_of_the_call_reaches_the_handler(carrier: Carrier, engine: Engine) -> None:
    with engine.begin() as conn:
        announce(conn, "users/a", ["traced"])
    eventually(lambda: count(engine, "note") == 1)
    with engine.connect() as conn:
        assert conn.execute(text("SELECT trace FROM note")).scalar_one() == TRACE


def test_jobs_run_again_and_again(carrier: Carrier, engine: Engine) -> None:
    eventually(lambda: count(engine, "tick") >= 3)


def fault(engine: Engine, said: str) -> None:
    """Make the handler fail at this."""
    with engine.begin() as conn:
        conn.execute(text("INSERT INTO fault VALUES (:said)"), {"said": said})


def mend(engine: Engine, said: str) -> None:
    """Make it succeed again."""
    with engine.begin() as conn:
        conn.execute(text("DELETE FROM fault WHERE said = :said"), {"said": said})


def given_up(engine: Engine) -> int:
    """How many events wait for an operator."""
    with engine.connect() as conn:
        return int(conn.execute(text("SELECT count(*) FROM parked_event WHERE next_attempt_at IS NULL")).scalar_one())
