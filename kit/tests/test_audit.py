"""Tampering with the audit trail is detected."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import Engine, text

from onegrid_kit import audit

from . import roles
from .calls import a_call


def fill(engine: Engine, blocks: int = 5) -> int:
    """Append blocks of two entries over one connection, so on one strand; its number."""
    with engine.connect() as conn:
        for number in range(blocks):
            audit.append(conn, [(a_call(purpose="care"), f"things/{number}"), (a_call(), f"things/{number}b")])
            conn.commit()
        return int(conn.execute(text("SELECT strand FROM audit_head WHERE block > 0")).scalar_one())


def broken(engine: Engine) -> list[str]:
    """What does not fit."""
    with engine.connect() as conn:
        return list(audit.broken_blocks(conn))


def test_an_untouched_trail_is_intact_also_after_concurrent_appends(engine: Engine) -> None:
    threads = [threading.Thread(target=fill_any, args=[engine]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert broken(engine) == []


def fill_any(engine: Engine) -> None:
    """Append a number of blocks, each in its own transaction."""
    for number in range(25):
        with engine.begin() as conn:
            audit.append(conn, [(a_call(), f"things/{number}")])


@pytest.mark.parametrize(
    ("tampering", "block"),
    [
        ("UPDATE audit_entry SET caller = 'users/mallory' WHERE block = 2 AND position = 1", 2),
        ("UPDATE audit_entry SET time = time + interval '1 microsecond' WHERE block = 3 AND position = 0", 3),
        ("DELETE FROM audit_entry WHERE block = 4 AND position = 0", 4),
        ("DELETE FROM audit_entry WHERE block = 4", 4),
        ("DELETE FROM audit_entry WHERE block = 3; DELETE FROM audit_block WHERE block = 3", 3),
        ("DELETE FROM audit_block WHERE block = 2", 2),
        ("DELETE FROM audit_entry WHERE block = 5; DELETE FROM audit_block WHERE block = 5", 5),
        ("DELETE FROM audit_entry; DELETE FROM audit_block", 1),
        ("UPDATE audit_head SET block = 4 WHERE block = 5", 5),
        ("UPDATE audit_block SET hash = sha256('') WHERE block = 1", 1),
        (
            "INSERT INTO audit_entry SELECT strand, block, 2, time, caller, method, resource, request_id, purpose "
            "FROM audit_entry WHERE block = 1 AND position = 1",
            1,
        ),
    ],
)  # fmt: skip
def test_the_first_block_that_was_tampered_with_is_named(engine: Engine, tampering: str, block: int) -> None:
    strand = fill(engine)
    with engine.begin() as conn:
        for statement in tampering.split(";"):
            conn.execute(text(statement))
    assert broken(engine)[0].startswith(f"strand {strand}, block {block}:")


def test_the_command_reports_by_its_exit_code(engine: Engine, database_url: str) -> None:
    strand = fill(engine)
    environ = roles.environment(database_url)
    assert roles.run(environ, "audit", "verify").returncode == 0
    with engine.begin() as conn:
        conn.execute(text("UPDATE audit_entry SET resource = 'things/0' WHERE block = 2"))
    verified = roles.run(environ, "audit", "verify")
    assert (verified.returncode, verified.stdout) == (1, f"strand {strand}, block 2: it was changed\n")
