"""Who read something is found in the audit trail."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from onegrid_kit import audit
from onegrid_kit.accesses import Accesses, is_read
from onegrid_kit.paging import START, Position

from .calls import a_call

READ, LISTED = "a.v1.A.GetThing", "a.v1.A.ListThings"
NOW = a_call().now
OF_A = Accesses(
    """
    SELECT 'things/a', timestamptz '-infinity', timestamptz 'infinity'
    UNION ALL SELECT 'boxes/1', CAST(:begin_time AS timestamptz), CAST(:end_time AS timestamptz)
    """
)
IN_THE_BOX = {"begin_time": NOW + timedelta(seconds=2), "end_time": NOW + timedelta(seconds=5)}


@pytest.fixture
def trail(engine: Engine) -> Engine:
    """Eight seconds, in each of which two users read a thing and list a box; one changes it, and reads another one."""
    with engine.begin() as conn:
        for second in range(8):
            now = NOW + timedelta(seconds=second)
            entries = [
                (a_call(user=user, method=method, purpose=f"{second}"), resource)
                for user in ("users/alice", "users/bob")
                for method, resource in ((READ, "things/a"), (LISTED, "boxes/1"))
            ]
            entries += [
                (a_call(method="a.v1.A.MoveThing"), "things/a"),
                (a_call(method=READ), "things/b"),
            ]
            audit.append(conn, [(replace(call, now=now), resource) for call, resource in entries])
    return engine


def read(engine: Engine, size: int, besides: str = "") -> list[tuple[str, str, str]]:
    """All that was read, page by page."""
    after: Position = START
    found: list[tuple[str, str, str]] = []
    with engine.connect() as conn:
        while page := OF_A.page(conn, IN_THE_BOX, after, size, besides=besides):
            found += [(each.purpose, each.caller, each.resource) for each in page]
            after = page[-1].position
    return found


@pytest.mark.parametrize("size", [1, 3, 100])
def test_reads_are_found_by_what_was_read_and_when_the_latest_first(trail: Engine, size: int) -> None:
    expected = {
        (f"{second}", user, resource)
        for second in range(8)
        for user in ("users/alice", "users/bob")
        for resource in ("things/a", *(["boxes/1"] if 2 <= second < 5 else []))
    }
    found = read(trail, size)
    assert len(found) == len(expected)
    assert set(found) == expected
    assert [each[0] for each in found] == sorted((each[0] for each in found), reverse=True)


def test_ones_own_reads_can_be_left_out(trail: Engine) -> None:
    assert {user for _, user, _ in read(trail, 4, besides="users/alice")} == {"users/bob"}


def test_an_index_finds_them(trail: Engine) -> None:
    """The one that the module names; a plan that reads the trail from its end would read all of it."""
    import onegrid_kit.accesses

    index = (onegrid_kit.accesses.__doc__ or "").partition("    CREATE")[2]
    values = {**IN_THE_BOX, "time": NOW, "strand": 0, "block": 0, "position": 0, "besides": "", "limit": 10}
    with trail.begin() as conn:
        conn.execute(text(f"CREATE{index}"))
        conn.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(conn.execute(text(f"EXPLAIN {OF_A.statement}"), values).scalars())
    assert "Index Scan Backward using audit_entry_read" in plan


@pytest.mark.parametrize(
    ("method", "reads"),
    [
        (READ, True),
        ("onegrid.partyedu.v1.PartyeduService.ListMembersAsCsv", True),
        ("GET /xapi/statements", True),
        ("POST /xapi/statements", False),
        ("onegrid.partyedu.v1.PartyeduService.SaveAnswer", False),
        ("a.v1.GetThings.Take", False),
    ],
)
def test_methods_that_read_are_told_by_their_names(method: str, *, reads: bool) -> None:
    assert is_read(method) == reads
