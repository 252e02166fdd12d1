"""What a device signs is what the page for app writers says, and covers the entries that its chain covers."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onegrid.field.v1.field_pb2 import BatchResult, Entry, EntryResult, Outcome, RefusalReason, SignedBatch
from onegrid_kit.field.errors import EntryRefused
from onegrid_kit.field.reading import read_batch, result_of
from onegrid_kit.field.signing import covered, entry_hash, is_signed_by, signed_bytes
from onegrid_kit.rpc.validation import violations
from onegrid_kit.sizes import MAX_RESPONSE_BYTES

from .fieldwork import MINUTE, NOON, NOTHING, SERVICE, a_device, at, north

PAGE = Path(__file__).resolve().parents[2] / "docs/field-log.md"
DEVICE = a_device(number=1)
for _minutes in range(6):
    DEVICE.record(
        NOTHING, NOON + _minutes * MINUTE, position=at(DEVICE, north(_minutes), NOON + _minutes * MINUTE)
    )  # fmt: skip


def test_the_example_for_app_writers_comes_to_the_bytes_that_stand_there() -> None:
    (example, output) = re.findall(r"```(?:python|text)\n(.*?)```", PAGE.read_text(), re.DOTALL)[:2]
    done = subprocess.run([sys.executable, "-c", example], check=False, capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout == output
    given = {name: bytes.fromhex(value) for name, value in (line.rsplit(" ", 1) for line in output.splitlines())}
    entry = Entry.FromString(given["entry"])
    batch = SignedBatch(
        device_key=entry.device_key,
        entries=[given["entry"]],
        boot_id=entry.boot_id,
        newest_counter=1,
        signature=given["signature"],
    )
    batch.uptime.FromSeconds(5_460)
    assert not violations(batch)
    assert not violations(entry)
    assert entry_hash(given["entry"]) == given["SHA-256"]
    assert signed_bytes(batch, "border") == given["signed"]
    assert is_signed_by(batch, "border", a_key())
    (part,) = read_batch(batch, lambda _: "")
    assert part.reason == RefusalReason.REFUSAL_REASON_UNSPECIFIED


def a_key() -> bytes:
    """The public key of the example's, of RFC 8032's bytes 0 to 31."""
    return bytes.fromhex("03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8")


def test_a_signature_is_of_its_own_device_batch_and_moment() -> None:
    batch = DEVICE.batch(NOON)
    assert is_signed_by(batch, SERVICE, DEVICE.public_key)
    assert not is_signed_by(batch, SERVICE, a_device(number=2).public_key)
    assert not is_signed_by(batch, "another", DEVICE.public_key)
    for signature in (b"", b"x", bytes(64), bytes([*batch.signature[:-1], batch.signature[-1] ^ 1])):
        wrong = SignedBatch.FromString(batch.SerializeToString())
        wrong.signature = signature
        assert not is_signed_by(wrong, SERVICE, DEVICE.public_key)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12))
def test_the_chain_behind_the_last_entry_is_covered_and_nothing_else(order: list[int]) -> None:
    bodies = [DEVICE.entries[number] for number in order]
    entries = [Entry.FromString(body) for body in bodies]
    found = covered([entry_hash(body) for body in bodies], [entry.previous_hash for entry in entries])
    # By the definition: walk from the last entry to the first, and follow what is named.
    expected, reached = order[-1], set()
    for number in reversed(order):
        if number == expected:
            reached.add(number)
            expected = number - 1
    # Those that stand before the one that names them; a later repetition of one is covered as well.
    seen: set[int] = set()
    walked = []
    want = order[-1]
    for number in reversed(order):
        if number == want:
            seen.add(number)
            want = number - 1
        walked.append(number in seen)
    assert found == walked[::-1]
    assert seen == reached


@given(st.data())
def test_whatever_bytes_come_each_gets_an_answer_and_no_good_one_is_lost(data: st.DataObject) -> None:
    bodies = list(DEVICE.entries)
    wrong = set()
    for index in data.draw(st.sets(st.integers(0, 4), max_size=3)):
        body = bytearray(bodies[index])
        for _ in range(data.draw(st.integers(1, 4))):
            body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
        bodies[index] = bytes(body) if data.draw(st.booleans()) else data.draw(st.binary(min_size=1, max_size=40))
        if bodies[index] != DEVICE.entries[index]:
            wrong.add(index)
    results = [
        result_of(part, Outcome.OUTCOME_REFUSED if part.reason else Outcome.OUTCOME_STORED)
        for part in read_batch(DEVICE.batch(NOON, bodies), lambda _: "")
    ]
    assert len(results) == len(bodies)
    # What stands behind the last wrong one is covered.
    good = {index for index, each in enumerate(results) if each.outcome == Outcome.OUTCOME_STORED}
    assert good == set(range(max(wrong, default=-1) + 1, 6))


def test_the_answer_to_the_worst_batch_can_be_sent() -> None:
    worst = Entry.FromString(DEVICE.entries[0])
    worst.entry_id, worst.author, worst.device_key = "x" * 4_000, "y" * 4_000, "z" * 4_000
    worst.boot_id = "b" * 2_000
    batch = DEVICE.batch(NOON, [worst.SerializeToString()] * 500)
    parts = read_batch(batch, lambda _: "")
    answer = BatchResult(results=[result_of(part, Outcome.OUTCOME_REFUSED) for part in parts])
    assert {part.reason for part in parts} == {RefusalReason.REFUSAL_REASON_MALFORMED}
    assert answer.ByteSize() < MAX_RESPONSE_BYTES / 4
    assert not answer.results[0].entry_id


@pytest.mark.parametrize("reason", ["REFUSAL_REASON_UNKNOWN_CONTENT", "REFUSAL_REASON_CONTENT_REFUSED"])
def test_a_service_s_refusal_is_answered(reason: str) -> None:
    def refuse(_: Entry) -> str:
        raise EntryRefused(RefusalReason.Value(reason))

    parts = read_batch(DEVICE.batch(NOON, DEVICE.entries[:1]), refuse)
    assert result_of(parts[0], Outcome.OUTCOME_REFUSED) == EntryResult(
        counter=1,
        entry_id=Entry.FromString(DEVICE.entries[0]).entry_id,
        outcome=Outcome.OUTCOME_REFUSED,
        reason=RefusalReason.Value(reason),
    )
