"""The figures of any place and of any days are the sum of what was counted there and then."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

from sqlalchemy import Engine

from onegrid_petition import queries, store

from .people import CELL, COMMUNITY, DISTRICT, STREET

PLACES = (DISTRICT, STREET, COMMUNITY, CELL, "210602003007006", "210602004", "210602004001", "210603", "210603001")
FIRST = date(2023, 12, 30)
DAYS = 430


def filed(engine: Engine, place: str, first: date, last: date) -> int:
    with engine.connect() as conn:
        return queries.summarize(conn, place, first, last).filed


def test_figures_of_any_place_and_days_are_exact(engine: Engine) -> None:
    rng = random.Random(2026)
    counted: Counter[tuple[str, date]] = Counter()
    with engine.begin() as conn:
        for _ in range(600):
            place, day = rng.choice(PLACES), FIRST + timedelta(days=rng.randrange(DAYS))
            store.add_to_tally(conn, place, day, ["filed"])
            counted[place, day] += 1
    ends = [FIRST + timedelta(days=rng.randrange(DAYS)) for _ in range(60)]
    ends += [
        date(2024, 1, 1),
        date(2024, 1, 31),
        date(2024, 2, 1),
        date(2024, 2, 29),
        date(2024, 12, 31),
        date.min,
        date.max,
    ]
    for _ in range(300):
        area, first, last = rng.choice(PLACES), *sorted(rng.choices(ends, k=2))
        expected = sum(n for (place, day), n in counted.items() if place.startswith(area) and first <= day <= last)
        assert filed(engine, area, first, last) == expected, (area, first, last)


def test_those_who_count_at_once_lose_nothing(engine: Engine) -> None:
    def count(number: int) -> None:
        with engine.begin() as conn:
            store.add_to_tally(conn, PLACES[number % 4], FIRST, ["filed", "accepted"])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(count, range(200)))
    assert filed(engine, DISTRICT, FIRST, FIRST) == 200
    assert filed(engine, DISTRICT, date.max, date.max) == 0
    assert filed(engine, CELL, FIRST, FIRST) == 50
