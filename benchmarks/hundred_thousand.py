"""100,000 petitions of two years, as skewed as real ones: over places, offices, states, petitioners and words."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg

from onegrid.petition.v1.resources_pb2 import Action, Actor, Kind, Part, State, TaskState
from onegrid_demo import district
from onegrid_kit.clock import CHINA
from onegrid_petition import bigrams

__all__ = ["ABSENT", "BUSY", "COMMON", "COUNT", "FAITHFUL", "IDLE", "RARE", "store"]

COUNT: Final = 100_000
COMMON: Final = "停车"
"""In four of ten."""
RARE: Final = "鸵鸟"
"""In three of all."""
ABSENT: Final = "鲸"
"""In none."""
BUSY: Final = f"{district.CODE}D07"
IDLE: Final = f"{district.CODE}D33"
FAITHFUL: Final = "users/00000000000petitioner"[:26]
"""Who filed one of two hundred."""
_END: Final = datetime(2026, 10, 31, 16, tzinfo=UTC)
_WHAT: Final = (
    "路灯不亮",
    "垃圾没有清运",
    "楼道漏水",
    "噪音扰民",
    "路面塌陷",
    "招不到员工",
    "养老金没有到账",
    "井盖缺失",
    "供暖不热",
    "公交绕行",
)
_STATES: Final = {
    State.STATE_CLOSED: 88,
    State.STATE_DECLINED: 3,
    State.STATE_WITHDRAWN: 2,
    State.STATE_SATISFIED: 3,
    State.STATE_CONCLUDED: 2,
    State.STATE_HANDLING: 1.5,
    State.STATE_FILED: 0.5,
}


def store(url: str) -> None:
    """Store them in the database of petition."""
    rng = random.Random(2026)
    cells = [cell.code for cell in district.cells()]
    offices = [f"{district.CODE}D{number:02}" for number in range(1, 33)]
    places = rng.choices(cells, [1 / (rank + 1) for rank in range(len(cells))], k=COUNT)
    leads = rng.choices([BUSY, *offices], [30, *(20 / (rank + 1) for rank in range(len(offices)))], k=COUNT)
    states = rng.choices(list(_STATES), list(_STATES.values()), k=COUNT)
    made = [_petition(rng, number, places[number], leads[number], states[number]) for number in range(COUNT)]
    with psycopg.connect(url) as conn, conn.cursor() as cursor:
        for table, rows in (
            ("petition", (each[0] for each in made)),
            ("task", (each[1] for each in made if each[1])),
            ("timeline", _timeline(made)),
            ("search", (_search(p) for p, _ in made)),
        ):
            _copy(cursor, table, rows)
        cursor.execute(
            """
            INSERT INTO tally (district, place, day, filed, accepted, concluded)
            SELECT district, place, CAST(create_time AS date), count(*), count(*), count(*)
            FROM petition GROUP BY 1, 2, 3
            """
        )
        conn.commit()
        conn.autocommit = True
        cursor.execute("VACUUM ANALYZE")


def _petition(
    rng: random.Random, number: int, place: str, lead: str, state: State
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    time = _END - timedelta(seconds=(COUNT - number) * 630 + rng.randrange(600))
    id_ = f"{district.CODE}-{time.astimezone(CHINA):%Y%m%d}-{number:08d}"
    text = f"{rng.choice(_WHAT)}，{COMMON if rng.random() < 0.4 else '请'}尽快处理，第{number}件。"
    if number in (7, COUNT // 2, COUNT - 7):
        text += RARE
    petition = {
        "district": district.CODE,
        "id": id_,
        "sequence": 7,
        "kind": rng.choices((Kind.KIND_HELP, Kind.KIND_COMPLAINT, Kind.KIND_REPORT), (80, 19, 1))[0],
        "state": state,
        "text": text,
        "petitioner": FAITHFUL if number % 200 == 0 else f"users/{rng.randrange(50_000):020}",
        "petitioner_kind": 2,
        "organization": "",
        "anonymous": False,
        "place": place,
        "longitude": 124.4,
        "latitude": 40.14,
        "address": "",
        "grid_worker": "",
        "attachments": "[]",
        "work_item": "",
        "responsible": lead,
        "reopen_count": 0,
        "accept_due_time": time + timedelta(days=15),
        "conclude_due_time": time + timedelta(days=60),
        "create_time": time,
        "update_time": time + timedelta(hours=3),
        "end_reason": "",
    }
    if state in (State.STATE_FILED, State.STATE_DECLINED):
        return petition, None
    task = {
        "district": district.CODE,
        "petition": id_,
        "number": 1,
        "assignee": lead,
        "part": Part.PART_LEAD,
        "state": TaskState.TASK_STATE_CONCLUDED,
        "instruction": "",
        "answer": "已处理。",
        "due_time": time + timedelta(days=60),
        "create_time": time,
    }
    return petition, task


def _timeline(made: list[tuple[dict[str, Any], dict[str, Any] | None]]) -> Iterator[dict[str, Any]]:
    for petition, _ in made:
        for sequence in (1, 7):
            yield {
                "district": petition["district"],
                "petition": petition["id"],
                "sequence": sequence,
                "time": petition["create_time"],
                "action": Action.ACTION_FILE if sequence == 1 else Action.ACTION_CLOSE,
                "actor": Actor.ACTOR_PETITIONER if sequence == 1 else Actor.ACTOR_COMMAND_CENTRE,
                "office": "",
                "office_display_name": "",
                "state": petition["state"],
                "assignees": [],
                "public_note": "",
                "internal_note": "",
                "stars": 0,
            }


def _search(petition: dict[str, Any]) -> dict[str, Any]:
    found = f"{petition['text']}\n{petition['address']}"
    key = {"district": petition["district"], "petition": petition["id"]}
    filed_in = bigrams.month(petition["district"], petition["create_time"])
    return {**key, "grams": bigrams.indexed(found, filed_in), "letters": bigrams.normalized(found)}


def _copy(cursor: psycopg.Cursor[Any], table: str, rows: Iterator[dict[str, Any]]) -> None:
    first = next(rows)
    with cursor.copy(f"COPY {table} ({', '.join(first)}) FROM STDIN") as copy:
        copy.write_row(list(first.values()))
        for row in rows:
            copy.write_row(list(row.values()))
