"""1,000,000 statements of a learning management system for the benchmarks, and callers who send more of them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import aiohttp
import grpc.aio
import orjson
import psycopg

from onegrid_demo import district
from onegrid_kit.cipher import Cipher
from onegrid_partyedu.commands import statements as commands

__all__ = [
    "ACTIVITIES",
    "AGENTS",
    "BATCH",
    "COUNT",
    "COURSES",
    "HEADERS",
    "SENDER",
    "VERBS",
    "Batches",
    "agent",
    "keep",
    "store",
]

COUNT: Final = 1_000_000
BATCH: Final = 100
AGENTS: Final = 11_020
_KINDS: Final = 20_000
"""So many statements differ in who did what; each is stored so often as it takes."""
HEADERS: Final[Mapping[str, str]] = {"X-Experience-API-Version": "1.0.3", "Content-Type": "application/json"}
_LMS: Final = "https://lms.example.cn"
VERBS: Final = {
    f"http://adlnet.gov/expapi/verbs/{name}": weight
    for name, weight in (
        ("experienced", 500),
        ("answered", 300),
        ("progressed", 100),
        ("completed", 60),
        ("passed", 30),
        ("attempted", 8),
        ("failed", 2),
    )
}
"""With how often each is seen."""
ACTIVITIES: Final = [f"{_LMS}/lessons/{number}" for number in range(500)]
"""The first is seen most, the last least."""
COURSES: Final = [f"{_LMS}/courses/{number}" for number in range(50)]
_USER: Final = f"users/{'gateway':0>20}"
SENDER: Final = commands.Sender(district.CODE, _USER).authority
"""Who all of them are of."""
_CHINESE: Final = "观看学习"
_STORED: Final = (
    # All keys are sorted before they are stored.
    "SET work_mem = '1GB'",
    """
    CREATE UNLOGGED TABLE bench_statement (number integer PRIMARY KEY, sealed bytea NOT NULL, keys bigint[] NOT NULL)
    """,
    "COPY bench_statement FROM STDIN",
    """
    INSERT INTO statement (district, stored, id, authority, voiding, voided, sealed)
    SELECT %(district)s, now() - make_interval(mins => %(count)s - n), gen_random_uuid(), %(authority)s, false, false,
      sealed
    FROM generate_series(1, %(count)s) AS n
    JOIN bench_statement AS kind ON kind.number = n %% (SELECT count(*) FROM bench_statement)
    ORDER BY n
    """,
    """
    INSERT INTO statement_key (district, key, stored, number, origin)
    SELECT district, key, stored, statement.number, statement.number
    FROM statement
    JOIN bench_statement AS kind ON kind.number = statement.number %% (SELECT count(*) FROM bench_statement)
    CROSS JOIN LATERAL unnest(kind.keys) AS key
    ORDER BY 2, 3, 4
    """,
    "DROP TABLE bench_statement",
    "VACUUM ANALYZE statement, statement_key",
    "CHECKPOINT",
)


def agent(number: int) -> dict[str, Any]:
    """One of the members, as the system knows them."""
    return {"objectType": "Agent", "account": {"homePage": _LMS, "name": f"{number:05}"}}


def made(rng: random.Random) -> dict[str, Any]:
    """A statement, as systems of learning send them, with an id that is to be replaced."""
    verb = rng.choices([*VERBS], [*VERBS.values()])[0]
    lesson = min(int(rng.expovariate(1 / 60)), len(ACTIVITIES) - 1)
    score = rng.randrange(60, 101)
    minute, second = rng.randrange(60), rng.randrange(60)
    return {
        "id": str(uuid4()),
        "actor": agent(rng.randrange(AGENTS)),
        "verb": {"id": verb, "display": {"en-US": verb.rpartition("/")[2], "zh-CN": _CHINESE}},
        "object": {
            "objectType": "Activity",
            "id": ACTIVITIES[lesson],
            "definition": {
                "type": "http://adlnet.gov/expapi/activities/lesson",
                "name": {"zh-CN": f"党章学习第{lesson + 1}课"},
            },
        },
        "result": {
            "score": {"scaled": score / 100, "raw": score, "min": 0, "max": 100},
            "completion": True,
            "duration": f"PT{minute}M{second}S",
        },
        "context": {
            "registration": str(UUID(int=rng.getrandbits(128), version=4)),
            "language": "zh-CN",
            "platform": "lms",
            "contextActivities": {"parent": [{"id": COURSES[lesson % len(COURSES)]}]},
        },
        "timestamp": f"2026-11-27T08:{minute:02}:{second:02}.000Z",
    }


def store(url: str, cipher: Cipher) -> None:
    """Store them as the sender's; those of a kind have one content, and an id each."""
    rng, sender = random.Random(2026), commands.Sender(district.CODE, _USER)
    ready = [each for _ in range(_KINDS) for each in commands.ready(made(rng), sender, cipher)]
    parameters = {"district": district.CODE, "count": COUNT, "authority": 0}
    with psycopg.connect(url, autocommit=True) as conn:
        for statement in _STORED:
            if statement.startswith("COPY"):
                with conn.cursor().copy(statement) as copy:
                    for number, each in enumerate(ready):
                        copy.write_row((number, each.sealed, [*each.keys]))
            else:
                conn.execute(statement, parameters if "%" in statement else None)


def keep(path: Path) -> None:
    """Write statements for callers to send, a line each."""
    rng = random.Random(11)
    path.write_bytes(b"\n".join(orjson.dumps(made(rng)) for _ in range(_KINDS)))


class Batches:
    """Systems that send batches of statements over HTTP; `statements` is a file that `keep` wrote."""

    def __init__(self, _: grpc.aio.Channel, url: str, token: str, statements: str) -> None:
        self._url = url
        self._headers = {**HEADERS, "Authorization": f"Bearer {token}"}
        # Behind the id, with which each of them begins.
        self._endings = [line[len(b'{"id":"') + 36 :] for line in Path(statements).read_bytes().split(b"\n")]
        self._turns = itertools.cycle(range(0, len(self._endings), BATCH))
        self._http: aiohttp.ClientSession | None = None

    def caller(self) -> Callable[[], Awaitable[str]]:
        """One of the callers."""
        return self._send

    async def close(self) -> None:
        """Close its connections."""
        if self._http is not None:
            await self._http.close()

    async def _send(self) -> str:
        if self._http is None:
            self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        turn = next(self._turns)
        body = b"[%b]" % b",".join(map(_with_id, self._endings[turn : turn + BATCH]))
        async with self._http.post(self._url, data=body, headers=self._headers) as answer:
            if answer.status != 200:
                raise SystemExit(f"{answer.status}: {await answer.text()}")
            await answer.read()
        return "POST"


def _with_id(ending: bytes) -> bytes:
    return b'{"id":"%b%b' % (str(uuid4()).encode(), ending)
