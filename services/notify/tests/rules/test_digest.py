"""What a digest has room for."""

from __future__ import annotations

from onegrid_notify.digest import first_entries, first_titles


def test_a_digest_lists_no_more_than_an_email_has_room_for() -> None:
    entries = first_entries("停水通知" * 400 for _ in range(5_000))
    assert 1 < len(entries) < 100
    assert sum(len(each.encode()) for each in entries) <= 24_576


def test_a_short_text_has_room_for_the_titles() -> None:
    titles = first_titles("停水通知" * 10 for _ in range(5_000))
    assert 1 < len(titles) < 100
    assert sum(len(each.encode()) for each in titles) <= 1_000


def test_what_is_too_long_by_itself_is_cut() -> None:
    (entry,) = first_entries(["停水通知" * 10_000, "停电通知"])
    assert len(entry.encode()) <= 24_576
    assert entry.startswith("停水通知停水通知")
    assert entry.endswith("…")
