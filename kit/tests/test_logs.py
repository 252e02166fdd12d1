"""Logs are JSON, and hold no personal data."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from onegrid_kit.cipher import CipherError
from onegrid_kit.errors import Unavailable
from onegrid_kit.logs import describe

PERSON = "王小明"
PROGRAM = f"""
import logging
from onegrid_kit import logs
logs.configure("sample")
def fail():
    try:
        {{}}["{PERSON}"]
    except KeyError as error:
        raise ValueError("{PERSON}") from error
try:
    fail()
except ValueError as error:
    error.__cause__.__cause__ = error.__cause__
    logs.log.error("it failed", exc_info=error)
    logging.getLogger("library").error("worker %s: %s", 7, error, exc_info=True)
"""


@pytest.mark.parametrize(
    ("statement", "described"),
    [
        ("INSERT INTO note (subject) VALUES (:words)", "IntegrityError 23502: null value in column"),
        ("SELECT CAST(:words AS integer)", "DataError 22P02"),
        ("SELECT * FROM nowhere WHERE x = :words", 'ProgrammingError 42P01: relation "nowhere" does not exist'),
    ],
)
def test_an_error_of_the_database_is_described_without_values(engine: Engine, statement: str, described: str) -> None:
    with pytest.raises(SQLAlchemyError) as failed, engine.begin() as conn:
        conn.execute(text(statement), {"words": PERSON})
    assert describe(failed.value).startswith(described)
    assert PERSON not in describe(failed.value)


def test_errors_are_described_with_their_messages_where_these_hold_no_personal_data() -> None:
    assert describe(ConnectionRefusedError("port 5432")) == "ConnectionRefusedError: port 5432"
    assert describe(Unavailable("the database is away")) == "Unavailable: the database is away"
    assert describe(CipherError("the key b'k1' is not configured")) == "CipherError: the key b'k1' is not configured"
    assert describe(KeyError(PERSON)) == "KeyError"
    assert describe(UnicodeEncodeError("ascii", PERSON, 0, 1, "x")) == "UnicodeEncodeError"


def test_a_database_that_no_address_leads_to_is_described_by_all_of_them() -> None:
    engine = create_engine("postgresql+psycopg://onegrid@/x?host=127.0.0.1:1&host=127.0.0.2:1")
    with pytest.raises(SQLAlchemyError) as failed, engine.connect():
        pass
    described = describe(failed.value)
    assert described.startswith("OperationalError: host: '127.0.0.1', ")
    assert described.count("Connection refused") == 2
    assert "\n" not in described


def test_tracebacks_lead_to_the_line_and_libraries_log_alike() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    own, others = (json.loads(line) for line in done.stderr.splitlines())
    assert (own["event"], own["service"], own["level"]) == ("it failed", "sample", "error")
    assert (others["event"], others["logger"], others["level"]) == ("worker 7: ValueError", "library", "error")
    for line in (own, others):
        assert line["exception"].endswith("ValueError")
        assert "line 7, in fail" in line["exception"]
        assert "KeyError\n\nand then:\n\n" in line["exception"]
    assert PERSON not in done.stderr
