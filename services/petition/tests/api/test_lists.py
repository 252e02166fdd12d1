"""Lists of petitions are complete, and a call does bounded work, whatever is asked and however many there are."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from benchmarks import hundred_thousand
from benchmarks.subjects import petition_list
from sqlalchemy import Connection, Engine

from onegrid.petition.v1.resources_pb2 import Kind, State
from onegrid_kit.clock import CHINA
from onegrid_kit.database import sync_engine
from onegrid_kit.migrations import migrate
from onegrid_kit.paging import START, Position
from onegrid_kit.testing.explaining import Explained, Work
from onegrid_kit.testing.postgres import TestPostgres
from onegrid_petition import bigrams, queries, tables
from onegrid_petition.main import SERVICE
from onegrid_petition.petition import Petition
from onegrid_petition.queries import lists

from .people import DISTRICT

Filter = lists.Filter
NEWEST = datetime(2026, 10, 31, 16, tzinfo=UTC)
OTHER_DISTRICT = "210603"
ASSIGNEES = ("210602D07", "210602003", "210602D09")
PETITIONERS = ("users/often", "users/once", "users/never")


@dataclass(frozen=True)
class Stored:
    """What was stored of a petition."""

    id: str
    time: datetime
    values: Mapping[str, Any]
    assignees: frozenset[str]
    found_by: str

    def matches(self, wanted: Filter) -> bool:
        return (
            self.values["district"] == wanted.district
            and self.values["place"].startswith(wanted.place)
            and (not wanted.states or self.values["state"] in wanted.states)
            and (not wanted.kinds or self.values["kind"] in wanted.kinds)
            and (not wanted.petitioner or self.values["petitioner"] == wanted.petitioner)
            and (not wanted.assignee or wanted.assignee in self.assignees)
            and bigrams.normalized(wanted.text) in self.found_by
        )


def stored(conn: Connection, count: int, rng: random.Random) -> list[Stored]:
    """Petitions of a year, of which some are of the same moment and some of another district."""
    made = []
    for number in range(count):
        district = OTHER_DISTRICT if number % 17 == 0 else DISTRICT
        time = NEWEST - timedelta(hours=5 * (number // 2))
        written = f"{rng.choice(['路灯', '井盖', '１２３'])}坏了，{rng.choice(['', '', '停车'])}第{number}件" + (
            "鸵鸟" if number % 400 == 1 else ""
        )
        id_ = f"{district}-{time.astimezone(CHINA):%Y%m%d}-{rng.randrange(10**8):08}"
        values = {
            "district": district,
            "id": id_,
            "place": district + rng.choices(["003007005", "003007", "003", "", "004"], [60, 20, 10, 5, 1])[0],
            "state": rng.choices([State.STATE_CLOSED, State.STATE_FILED, State.STATE_WITHDRAWN], [90, 9, 1])[0],
            "kind": rng.choices([Kind.KIND_HELP, Kind.KIND_REPORT], [95, 5])[0],
            "text": written,
            "petitioner": rng.choices(PETITIONERS[:2], [99, 1])[0],
            "create_time": time,
        }
        assignees = rng.sample(ASSIGNEES[:2], k=rng.choice([0, 1, 1, 2]))
        made.append(Stored(id_, time, values, frozenset(assignees), bigrams.normalized(f"{written}\n")))
    rest: dict[str, Any] = {
        "petitioner_kind": 2,
        "organization": "",
        "anonymous": False,
        "address": "",
        "grid_worker": "",
        "attachments": [],
        "work_item": "",
        "responsible": "",
        "reopen_count": 0,
        "accept_due_time": NEWEST,
        "update_time": NEWEST,
        "end_reason": "",
        "sequence": 3,
    }
    conn.execute(tables.petition.insert(), [{**rest, **each.values} for each in made])
    task = {"part": 1, "state": 1, "instruction": "", "answer": "", "due_time": NEWEST, "create_time": NEWEST}
    conn.execute(
        tables.task.insert(),
        [
            {**task, "district": each.values["district"], "petition": each.id, "assignee": assignee, "number": number}
            for each in made
            # Some are given to the same office twice.
            for number, assignee in enumerate([*each.assignees, *each.assignees])
        ],
    )
    index_words(conn, made)
    return made


def index_words(conn: Connection, made: Sequence[Stored]) -> None:
    """Index their words, as this release does."""
    conn.execute(
        tables.search.insert(),
        [
            {
                "district": each.values["district"],
                "petition": each.id,
                "grams": bigrams.indexed(each.found_by, bigrams.month(each.values["district"], each.time)),
                "letters": each.found_by,
            }
            for each in made
        ],
    )


CHOICES: Mapping[str, Sequence[Any]] = {
    "place": ("", DISTRICT, "210602003", "210602003007005", "210602004", "210602005"),
    "states": ((), (State.STATE_CLOSED,), (State.STATE_WITHDRAWN, State.STATE_FILED), (State.STATE_VERIFIED,)),
    "kinds": ((), (Kind.KIND_REPORT,), (Kind.KIND_HELP, Kind.KIND_REPORT), (Kind.KIND_SUGGESTION,)),
    "assignee": ("", *ASSIGNEES),
    "petitioner": ("", *PETITIONERS),
    "text": ("", "停车", "停", "坏了", "鸵鸟", "鲸", "123坏了,停车", "第401件"),
}


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of petitions are as many as millions."""
    for name, value in (("_FEW", 7), ("_WALKED", 40), ("_WALKED_FOR_TEXT", 9), ("_MONTHS", 2)):
        monkeypatch.setattr(lists, name, value)


def all_pages(conn: Connection, wanted: Filter, limit: int) -> list[Petition]:
    """What the pages of a list hold together."""
    found: list[Petition] = []
    after: Position = START
    while True:
        scan = lists.list_petitions(conn, wanted, after, limit)
        assert len(scan.rows) <= limit
        found += scan.rows
        if scan.reached is not None:
            assert after == START or scan.reached < after, "each call comes further"
            assert all((row.create_time, row.id) >= scan.reached for row in scan.rows)
            after = scan.reached
        elif len(scan.rows) == limit:
            after = (scan.rows[-1].create_time, scan.rows[-1].id)
        else:
            return found


@pytest.mark.parametrize("indexed_by_an_older_release", [0, 1, 600])
@pytest.mark.usefixtures("small_steps")
def test_the_pages_of_any_combination_of_filters_hold_what_matches_newest_first(
    engine: Engine, indexed_by_an_older_release: int
) -> None:
    rng = random.Random(2026)
    with engine.begin() as conn:
        made = stored(conn, 600, rng)
        older = [each.id for each in made[:indexed_by_an_older_release]]
        conn.execute(tables.search.update().where(tables.search.c.petition.in_(older)).values(grams=[]))
    newest_first = sorted(made, key=lambda each: (each.time, each.id), reverse=True)
    combinations = list(itertools.product(*CHOICES.values()))
    alone = [values for values in combinations if sum(map(bool, values)) <= 1]
    with engine.connect() as conn:
        for values in [*alone, *rng.sample(combinations, 60)]:
            wanted = Filter(district=DISTRICT, **dict(zip(CHOICES, values, strict=True)))
            expected = [each.id for each in newest_first if each.matches(wanted)]
            found = all_pages(conn, wanted, rng.choice([1, 3, 50]))
            assert [each.id for each in found] == expected, wanted


def assert_bounded(work: Work, *asked: object) -> None:
    """However many petitions there are."""
    assert not work.read_whole, (asked, work)
    assert work.rows <= 5_000, (asked, work)
    assert work.buffers <= 20_000, (asked, work)
    assert work.statements <= 9, (asked, work)


@pytest.fixture(scope="module")
def explained(postgres: TestPostgres) -> Iterator[Explained]:
    """Over 100,000 petitions that are as skewed as real ones."""

    def prepare(url: str) -> None:
        migrate(SERVICE, url)
        hundred_thousand.store(url)

    url = postgres.database("hundred_thousand_petitions", prepare)
    engine = sync_engine(url)
    explained = Explained(engine)
    yield explained
    explained.close()
    engine.dispose()
    postgres.drop(url)


def combinations() -> Iterator[Filter]:
    for _, request in petition_list.combinations():
        fields = {field.name: value for field, value in request.ListFields()}
        yield Filter(**fields)
        if len(fields) <= 2:
            for petitioner in (hundred_thousand.FAITHFUL, "users/none"):
                yield Filter(**fields, petitioner=petitioner)


def test_no_combination_of_filters_reads_more_where_there_are_more_petitions(explained: Explained) -> None:
    later: Position = (NEWEST - timedelta(days=400), "")
    for wanted in combinations():
        for after in (START, later):
            work = explained.work(lambda conn, w=wanted, a=after: lists.list_petitions(conn, w, a, 51))  # type: ignore[misc]
            assert_bounded(work, wanted, after)


def test_no_summary_reads_more_where_there_are_more_petitions(explained: Explained) -> None:
    for place in (DISTRICT, "210602001", "210602001001", "210602001001001"):
        for first, last in ((date(2024, 11, 2), date(2026, 10, 30)), (date.min, date.max)):
            work = explained.work(lambda conn, p=place, f=first, t=last: queries.summarize(conn, p, f, t))  # type: ignore[misc]
            assert_bounded(work, place, first)
