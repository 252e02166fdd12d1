"""What can be done with the registry, over a real database as a worker sees it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest
from sqlalchemy import Connection, Engine, event, inspect, text

from onegrid.grid.v1.events_pb2 import AppointmentEnded, CellDefined, DivisionDefined
from onegrid.grid.v1.resources_pb2 import Post
from onegrid.identity.v1.events_pb2 import UserDisabled
from onegrid.identity.v1.resources_pb2 import UserState
from onegrid_grid import handlers, tables
from onegrid_grid.commands import registry as commands
from onegrid_grid.commands.registry import AppointWorker, NewCell, UpdateCell
from onegrid_grid.errors import BoundaryOverlaps, ParentUnknown, PostTaken, UserNotActive
from onegrid_grid.registry import Cell, User, read_divisions
from onegrid_grid.store import registry as store
from onegrid_kit.callers import Call, Caller
from onegrid_kit.clock import SettableClock
from onegrid_kit.errors import AlreadyExists, StaleEtag
from onegrid_kit.events import Delivery
from onegrid_kit.geometry import Ring
from onegrid_kit.service import Service
from onegrid_kit.testing.events import announce_current, announced, announced_as, forget_announced
from onegrid_kit.testing.waiting import HANG_S

T = TypeVar("T")
DISTRICT, COMMUNITY, NEXT_COMMUNITY = "210602", "210602003007", "210602003008"
FIRST = f"{COMMUNITY}001"
NOON = datetime(2020, 11, 11, 4, tzinfo=UTC)
COLUMNS, SIZE = 45, 0.003


def a_call(now: datetime = NOON) -> Call:
    return Call(caller=Caller(user="users/00keeper"), now=now, method="a method")


def square(column: float, row: float) -> Ring:
    return [
        (round(124 + (column + x) * SIZE, 9), round(40 + (row + y) * SIZE, 9))
        for x, y in ((0, 0), (1, 0), (1, 1), (0, 1))
    ]


def a_cell(number: int, boundary: Ring | None = None) -> NewCell:
    return NewCell(f"{COMMUNITY}{number:03}", f"第{number}网格", boundary or square(number, 0))


def with_divisions(engine: Engine) -> None:
    table = (
        f"code,name,level\n{DISTRICT},元宝区,district\n210602003,广济街道,street\n"
        f"{COMMUNITY},朝凤社区,community\n{NEXT_COMMUNITY},兴盛社区,community\n"
    )
    with engine.begin() as conn:
        commands.import_divisions(conn, DISTRICT, read_divisions(DISTRICT, table.encode()), a_call())
    forget_announced(engine)


def with_cells(engine: Engine, *numbers: int) -> None:
    with_divisions(engine)
    with engine.begin() as conn:
        commands.create_cells(conn, COMMUNITY, [a_cell(number) for number in numbers], a_call())
    forget_announced(engine)


def the_cell(engine: Engine, code: str = FIRST) -> Cell:
    with engine.connect() as conn:
        return store.cells(conn, code)[0]


def second_while_first_is_uncommitted(
    engine: Engine, first: Callable[[Connection], object], second: Callable[[Connection], T]
) -> Future[T]:
    """What becomes of the second when both run at once; the second was waiting when the first was committed."""
    begun = threading.Event()

    def later() -> T:
        with engine.begin() as conn:
            pid = conn.scalar(text("SELECT pg_backend_pid()"))
            waiting.append(pid)
            begun.set()
            return second(conn)

    waiting: list[object] = []
    watching = engine.execution_options(isolation_level="AUTOCOMMIT")
    with ThreadPoolExecutor(1) as threads, watching.connect() as watch, engine.begin() as conn:
        first(conn)
        outcome = threads.submit(later)
        assert begun.wait(HANG_S)
        until = time.monotonic() + HANG_S
        blocked = text("SELECT cardinality(pg_blocking_pids(:pid)) > 0")
        while not watch.scalar(blocked, {"pid": waiting[0]}):
            assert time.monotonic() < until, "it does not wait for the first"
            time.sleep(0.01)
    return outcome


def test_the_migration_makes_the_tables_that_the_statements_name_district_first_in_every_key(engine: Engine) -> None:
    there = inspect(engine)
    for name, table in tables.metadata.tables.items():
        columns = {column["name"]: column["nullable"] for column in there.get_columns(name)}
        assert columns == {column.name: column.nullable for column in table.columns}
        key = there.get_pk_constraint(name)["constrained_columns"]
        assert key == [column.name for column in table.primary_key]
        assert key[0] == "district"


def test_a_district_is_entered_by_a_handful_of_statements(engine: Engine) -> None:
    with_divisions(engine)
    new = [
        NewCell(
            f"{COMMUNITY if number < 600 else NEXT_COMMUNITY}{number % 600:03}",
            f"第{number}网格",
            square(number % COLUMNS, number // COLUMNS),
        )
        for number in range(1035)
    ]
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    # Processor time, since wall time depends on the machine's other work; three seconds at most.
    began = time.process_time()
    with engine.begin() as conn:
        assert commands.create_cells(conn, DISTRICT, new, a_call()) == 1035
    assert time.process_time() - began < 3
    assert len(statements) < 10
    events = announced_as(engine, CellDefined)
    assert [(each.code, each.version) for each in events] == [(each.code, 1) for each in new]
    assert [(corner.longitude, corner.latitude) for corner in events[-1].boundary.corners] == new[-1].boundary
    with engine.connect() as conn:
        assert [each.boundary for each in store.cells(conn, DISTRICT)] == [each.boundary for each in new]


@pytest.mark.parametrize(
    ("cells", "refusal"),
    [
        ([a_cell(5), a_cell(6, square(1.5, 0))], BoundaryOverlaps),
        ([a_cell(5), a_cell(6, square(5.5, 0))], BoundaryOverlaps),
        ([a_cell(5), a_cell(1, square(9, 9))], AlreadyExists),
        ([a_cell(5), NewCell("210602004001001", "x", square(8, 8))], ParentUnknown),
    ],
)
def test_a_batch_that_is_refused_leaves_nothing_behind(
    engine: Engine, cells: list[NewCell], refusal: type[Exception]
) -> None:
    with_cells(engine, 1)
    with engine.connect() as conn:
        before = store.ground_versions(conn, [DISTRICT])
    with pytest.raises(refusal), engine.begin() as conn:
        commands.create_cells(conn, DISTRICT, cells, a_call())
    with engine.connect() as conn:
        assert store.ground_versions(conn, [DISTRICT]) == before
        assert [each.code for each in store.cells(conn, DISTRICT)] == [FIRST]
    assert announced_as(engine, CellDefined) == []


def test_a_strip_of_less_than_a_square_metre_is_no_overlap(engine: Engine) -> None:
    with_cells(engine, 1)
    # 333 m long: 2 mm of width are 0.7 m², 4 mm are 1.3 m².
    for number, width_mm, fits in ((2, 4, False), (3, 2, True)):
        inwards = width_mm / 85_000_000 / SIZE
        with engine.connect() as conn:
            try:
                commands.create_cells(conn, COMMUNITY, [a_cell(number, square(2 - inwards, 0))], a_call())
            except BoundaryOverlaps:
                assert not fits
            else:
                assert fits


def test_of_two_batches_that_overlap_the_second_waits_and_is_refused(engine: Engine) -> None:
    with_divisions(engine)
    outcome = second_while_first_is_uncommitted(
        engine,
        lambda conn: commands.create_cells(conn, COMMUNITY, [a_cell(1, square(0, 0))], a_call()),
        lambda conn: commands.create_cells(conn, COMMUNITY, [a_cell(2, square(0.5, 0))], a_call()),
    )
    refusal = outcome.exception()
    assert isinstance(refusal, BoundaryOverlaps)
    assert set(refusal.metadata.values()) == {FIRST, f"{COMMUNITY}002"}
    assert [each.code for each in announced_as(engine, CellDefined)] == [FIRST]


def test_a_boundary_that_moves_onto_ground_that_is_being_entered_is_refused(engine: Engine) -> None:
    with_cells(engine, 1)
    moved = UpdateCell(code=FIRST, display_name=None, boundary=square(7.5, 0), etag="")
    outcome = second_while_first_is_uncommitted(
        engine,
        lambda conn: commands.create_cells(conn, COMMUNITY, [a_cell(7)], a_call()),
        lambda conn: commands.update_cell(conn, moved, a_call()),
    )
    assert isinstance(outcome.exception(), BoundaryOverlaps)
    assert the_cell(engine).boundary == square(1, 0)


def test_a_boundary_may_move_over_its_own_old_ground(engine: Engine) -> None:
    with_cells(engine, 1)
    moved = UpdateCell(code=FIRST, display_name=None, boundary=square(1.5, 0), etag="1")
    with engine.begin() as conn:
        assert commands.update_cell(conn, moved, a_call()).version == 2
    assert the_cell(engine).boundary == square(1.5, 0)


def test_of_two_changes_by_the_same_etag_the_second_is_stale(engine: Engine) -> None:
    with_cells(engine, 1)

    def rename(name: str) -> Callable[[Connection], Cell]:
        command = UpdateCell(code=FIRST, display_name=name, boundary=None, etag="1")
        return lambda conn: commands.update_cell(conn, command, a_call())

    outcome = second_while_first_is_uncommitted(engine, rename("one"), rename("other"))
    assert isinstance(outcome.exception(), StaleEtag)
    assert (the_cell(engine).display_name, the_cell(engine).version) == ("one", 2)


def test_of_two_leaders_at_once_the_second_finds_the_post_taken(engine: Engine) -> None:
    with_cells(engine, 1)

    def appoint(user: str) -> Callable[[Connection], object]:
        return lambda conn: commands.appoint_worker(conn, AppointWorker(FIRST, user, Post.POST_LEADER), a_call())

    outcome = second_while_first_is_uncommitted(engine, appoint("users/000first"), appoint("users/00second"))
    assert isinstance(outcome.exception(), PostTaken)
    assert [each.user for each in the_cell(engine).appointments] == ["users/000first"]


def test_workers_who_are_appointed_at_once_are_both_announced(engine: Engine) -> None:
    with_cells(engine, 1)

    def appoint(user: str) -> Callable[[Connection], object]:
        return lambda conn: commands.appoint_worker(conn, AppointWorker(FIRST, user, Post.POST_WORKER), a_call())

    second_while_first_is_uncommitted(engine, appoint("users/000first"), appoint("users/00second")).result()
    events = announced_as(engine, CellDefined)
    assert [(each.version, len(each.appointments)) for each in events] == [(2, 1), (3, 2)]


def disabled(at: datetime) -> Delivery:
    return Delivery(id="00000000-0000-7000-8000-000000000000", type="t", subject="s", time=at)


def test_who_was_disabled_loses_the_posts_held_then_and_keeps_those_given_since(engine: Engine) -> None:
    with_cells(engine, 1, 2, 3)
    for hours, code, user in ((0, 1, "users/00worker"), (0, 2, "users/00others"), (2, 3, "users/00worker")):
        with engine.begin() as conn:
            worker = AppointWorker(f"{COMMUNITY}{code:03}", user, Post.POST_WORKER)
            commands.appoint_worker(conn, worker, a_call(NOON + timedelta(hours=hours)))
    with engine.begin() as conn:
        # It failed at first, and comes after its user was admitted and appointed again.
        event_time = NOON + timedelta(hours=1)
        handlers.end_posts_of_disabled(conn, UserDisabled(user="users/00worker"), disabled(event_time))
    with engine.connect() as conn:
        lasting = store.appointments_page(conn, DISTRICT, show_ended=False, after=(), limit=10)
        every = store.appointments_page(conn, DISTRICT, show_ended=True, after=(), limit=10)
    assert [(each.cell[-3:], each.user) for each in lasting] == [("002", "users/00others"), ("003", "users/00worker")]
    assert every[0].end_time == event_time
    last = announced_as(engine, CellDefined)[-1]
    assert (last.code, last.version, list(last.appointments)) == (FIRST, 3, [])
    (ended,) = announced_as(engine, AppointmentEnded)
    assert (ended.appointment.user, ended.appointment.name) == ("users/00worker", every[0].name)


def test_an_appointment_and_the_disabling_of_its_user_wait_for_one_another(engine: Engine) -> None:
    """Whichever is first: nobody who is disabled stays appointed."""
    with_cells(engine, 1)
    worker = "users/00worker"

    def appoint(conn: Connection) -> object:
        return commands.appoint_worker(conn, AppointWorker(FIRST, worker, Post.POST_WORKER), a_call())

    def become(version: int, state: UserState) -> Callable[[Connection], object]:
        user = User(district=DISTRICT, name=worker, state=state, version=version)
        return lambda conn: commands.keep_user(conn, user, a_call())

    disable, enable = become(2, UserState.USER_STATE_DISABLED), become(3, UserState.USER_STATE_ACTIVE)
    second_while_first_is_uncommitted(engine, appoint, disable).result()
    assert the_cell(engine).appointments == ()
    with engine.begin() as conn:
        enable(conn)
    disable_again = become(4, UserState.USER_STATE_DISABLED)
    refused = second_while_first_is_uncommitted(engine, disable_again, appoint)
    assert isinstance(refused.exception(), UserNotActive)
    assert the_cell(engine).appointments == ()


def test_a_late_event_does_not_turn_back_a_cells_time(engine: Engine) -> None:
    with_cells(engine, 1)
    later = NOON + timedelta(hours=3)
    with engine.begin() as conn:
        commands.appoint_worker(conn, AppointWorker(FIRST, "users/00worker", Post.POST_WORKER), a_call())
        renamed = UpdateCell(code=FIRST, display_name="新名", boundary=None, etag="")
        commands.update_cell(conn, renamed, a_call(later))
    with engine.begin() as conn:
        handlers.end_posts_of_disabled(conn, UserDisabled(user="users/00worker"), disabled(NOON + timedelta(hours=1)))
    assert the_cell(engine).update_time == later
    assert the_cell(engine).appointments == ()


def test_who_subscribes_later_hears_once_of_all_divisions_and_cells_with_those_who_look_after_them(
    engine: Engine, clock: SettableClock, service: Service
) -> None:
    with_divisions(engine)
    with engine.begin() as conn:
        commands.create_cells(conn, COMMUNITY, [a_cell(1), a_cell(2)], a_call())
        commands.appoint_worker(conn, AppointWorker(FIRST, "users/00worker", Post.POST_WORKER), a_call())
    newest = {cell.code: cell for cell in announced_as(engine, CellDefined)}
    forget_announced(engine)
    announce_current(service, engine, clock)
    divisions = [(each.code, each.version) for each in announced_as(engine, DivisionDefined)]
    assert divisions == [(code, 1) for code in (DISTRICT, "210602003", COMMUNITY, NEXT_COMMUNITY)]
    assert announced_as(engine, CellDefined) == list(newest.values())
    forget_announced(engine)
    announce_current(service, engine, clock)
    assert not announced(engine)
