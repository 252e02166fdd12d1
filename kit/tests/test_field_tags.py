"""Codes that are read at a checkpoint say which one it is, if they are ours."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onegrid_kit.field.checkpoint_codes import CheckpointCode, read_code, written_code
from onegrid_kit.field.tags import Tap, is_authentic, read_address, read_encrypted, read_plain
from onegrid_kit.testing.tags import Tag

ZERO_KEY = bytes(16)
"""The key of a tag as it leaves the factory; NXP's examples have it."""
OTHER_KEY = bytes(range(16))
KEY = b"k" * 32


def test_an_encrypted_tap_is_read_and_authentic() -> None:
    # AN12196, tables 2 and 4.
    tap = read_encrypted(bytes.fromhex("EF963FF7828658A599F3041510671E88"), ZERO_KEY)
    assert tap == Tap(bytes.fromhex("04DE5F1EACC040"), 0x3D)
    assert is_authentic(tap, bytes.fromhex("94EED9EE65337086"), ZERO_KEY)


def test_a_mac_may_be_over_a_part_of_the_address() -> None:
    # AN12196, table 5.
    tap = read_encrypted(bytes.fromhex("FD91EC264309878BE6345CBE53BADF40"), ZERO_KEY)
    assert tap == Tap(bytes.fromhex("04958CAA5C5E80"), 8)
    part = b"CEE9A53E3E463EF1F459635736738962&cmac="
    assert is_authentic(tap, bytes.fromhex("ECC1E7F6C6C73BF6"), ZERO_KEY, part)
    assert not is_authentic(tap, bytes.fromhex("ECC1E7F6C6C73BF6"), ZERO_KEY)


def test_a_tap_in_the_clear_is_read_and_authentic() -> None:
    # The example of github.com/nfc-developer/sdm-backend for tags that mirror UID and count in the clear.
    tap = read_plain("041E3C8A2D6B80", "000006")
    assert tap == Tap(bytes.fromhex("041E3C8A2D6B80"), 6)
    assert is_authentic(tap, bytes.fromhex("4B00064004B0B3D3"), ZERO_KEY)


def test_another_tag_count_key_or_mac_is_not_authentic() -> None:
    tap, mac = Tap(bytes.fromhex("04DE5F1EACC040"), 0x3D), bytes.fromhex("94EED9EE65337086")
    assert not is_authentic(dataclasses.replace(tap, count=0x3E), mac, ZERO_KEY)
    assert not is_authentic(dataclasses.replace(tap, uid=bytes.fromhex("04DE5F1EACC041")), mac, ZERO_KEY)
    assert not is_authentic(tap, mac, OTHER_KEY)
    for wrong in (b"", mac[:7], mac + b"\0", bytes(8)):
        assert not is_authentic(tap, wrong, ZERO_KEY)


@pytest.mark.parametrize("data", [b"", bytes(15), bytes(24), bytes.fromhex("EF963FF7828658A599F3041510671E89")])
def test_what_is_no_picc_data_of_this_key_says_nothing(data: bytes) -> None:
    assert read_encrypted(data, ZERO_KEY) is None


@pytest.mark.parametrize(
    ("uid", "count"),
    [
        ("", ""),
        ("041E3C8A2D6B", "000006"),
        ("041E3C8A2D6B80", "06"),
        ("04 1E3C8A2D6B8", "000006"),
        ("041E3C8A2D6B8G", "000006"),
        ("041E3C8A2D6B80", "0x0006"),
        ("041E3C8A2D6B80", "٠٠٠٠٠٦"),
    ],
)
def test_what_is_no_uid_or_count_says_nothing(uid: str, count: str) -> None:
    assert read_plain(uid, count) is None


def test_the_address_of_a_tap_is_read_with_the_keys_of_its_tag_alone() -> None:
    # AN12196, tables 2 and 4, and the example of github.com/nfc-developer/sdm-backend.
    encrypted = "https://choose.url.com/ntag424?picc_data=EF963FF7828658A599F3041510671E88&cmac=94EED9EE65337086"
    plain = "https://sdm.nfcdeveloper.com/tagpt?uid=041E3C8A2D6B80&ctr=000006&cmac=4B00064004B0B3D3"
    assert read_address(encrypted, ZERO_KEY, ZERO_KEY) == Tap(bytes.fromhex("04DE5F1EACC040"), 0x3D)
    assert read_address(plain, ZERO_KEY) == Tap(bytes.fromhex("041E3C8A2D6B80"), 6)
    # Its parameters alone are enough, in any order, with others beside them.
    assert read_address("cmac=4b00064004b0b3d3&x=1&ctr=000006&uid=041e3c8a2d6b80#top", ZERO_KEY) is not None
    for address, keys in (
        (encrypted, (OTHER_KEY, ZERO_KEY)),
        (encrypted, (ZERO_KEY, OTHER_KEY)),
        (encrypted, (ZERO_KEY, b"")),
        (plain, (OTHER_KEY, b"")),
        (plain + "&cmac=4B00064004B0B3D3", (ZERO_KEY, b"")),
        (plain.replace("ctr=000006", "ctr=000007"), (ZERO_KEY, b"")),
        (plain.replace("&ctr=000006", ""), (ZERO_KEY, b"")),
        (plain[:-1], (ZERO_KEY, b"")),
    ):
        assert read_address(address, *keys) is None


@pytest.mark.parametrize("encrypts", [True, False])
def test_each_tap_of_a_tag_is_another_one(encrypts: bool) -> None:
    tag = Tag(encrypts=encrypts)
    taps = [read_address(tag.tap(), tag.file_read_key, tag.meta_read_key) for _ in range(3)]
    assert taps == [Tap(tag.uid, count) for count in (1, 2, 3)]


@given(st.text())
def test_any_other_text_is_of_no_tap(text: str) -> None:
    assert read_address(text, ZERO_KEY, ZERO_KEY) is None
    assert read_address(f"?uid={text}&ctr={text}&picc_data={text}&cmac={text}", ZERO_KEY, ZERO_KEY) is None


codes = st.builds(
    CheckpointCode, st.from_regex("[0-9A-Za-z/-]{1,80}", fullmatch=True), st.integers(1, 999_999_999)
)  # fmt: skip


@given(codes)
def test_a_printed_code_is_read_with_the_key_that_made_it_alone(code: CheckpointCode) -> None:
    text = written_code(code, KEY)
    assert read_code(text, [b"o" * 32, KEY]) == code
    assert read_code(text, [b"o" * 32]) is None
    assert len(text) <= 118


@given(codes, st.integers(0, 200), st.characters(codec="ascii"))
def test_a_code_that_was_changed_says_nothing(code: CheckpointCode, at: int, character: str) -> None:
    text = written_code(code, KEY)
    at %= len(text)
    changed = text[:at] + character + text[at + 1 :]
    assert changed == text or read_code(changed, [KEY]) is None


@given(st.text())
def test_any_other_text_says_nothing(text: str) -> None:
    assert read_code(text, [KEY]) is None


@pytest.mark.parametrize("code", [CheckpointCode("", 1), CheckpointCode("a.b", 1), CheckpointCode("a", 0)])
def test_what_no_code_can_say_is_not_printed(code: CheckpointCode) -> None:
    with pytest.raises(ValueError, match="can't be printed"):
        written_code(code, KEY)
