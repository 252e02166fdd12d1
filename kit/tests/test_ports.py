"""Ports that tests and the demonstration listen on."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from onegrid_kit.embedded import ports

OTHER = """
import random, sys
random.randrange = lambda *_: 9_456
from onegrid_kit.embedded import ports
print(ports.free_port(), flush=True)
sys.stdin.read()
"""


def test_a_port_that_another_process_was_given_is_not_free_before_its_server_listens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    candidates = iter([9_456, 9_457])
    with subprocess.Popen(
        [sys.executable, "-c", OTHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == "9456\n"
        monkeypatch.setattr(ports, "_candidate", lambda *_: next(candidates))
        assert ports.free_port() == 9_457
        other.communicate()
    assert other.returncode == 0


def test_no_port_is_given_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    candidates = iter([9_460, 9_460, 9_461])
    monkeypatch.setattr(ports, "_candidate", lambda *_: next(candidates))
    assert (ports.free_port(), ports.free_port()) == (9_460, 9_461)


def test_ports_in_a_row_are_all_given(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 9_472))
        candidates = iter([9_470, 9_474, 9_475, 9_476, 9_477])
        monkeypatch.setattr(ports, "_candidate", lambda *_: next(candidates))
        assert ports.free_range(3) == 9_474
    assert ports.free_port() == 9_477
