"""The statement over how items did in a quiz: some attempts at a time, as they are many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, text

from onegrid_kit import codes
from onegrid_partyedu.item_analysis import Tally

__all__ = ["TallyBatch", "tally_attempts"]

_TOGETHER: Final = 1_000
# What is alike of an answer is counted before anything is taken out of it. OFFSET keeps the planner at looking up each
# save by its key: it would read those of all quizzes.
_TALLY: Final = text(
    """
    WITH taken AS MATERIALIZED (
      SELECT district, id, number, hundredths, worth, sequences FROM quiz_attempt
      WHERE district = :district AND quiz = :quiz AND hundredths IS NOT NULL
        AND (CAST(:before AS text) = '' OR id < :before)
      ORDER BY id DESC LIMIT :most
    ),
    given AS MATERIALIZED (
      SELECT laid.slot, taken.number, save.answer, CAST(laid.slot ->> 4 AS float8) AS points, count(*) AS shown,
        CAST(sum(own) AS float8) AS x, CAST(sum(rest) AS float8) AS y, CAST(sum(own * own) AS float8) AS xx,
        CAST(sum(rest * rest) AS float8) AS yy, CAST(sum(own * rest) AS float8) AS xy,
        min(own) AS least_x, max(own) AS most_x, min(rest) AS least_y, max(rest) AS most_y
      FROM taken
      JOIN attempt_paper AS paper ON paper.district = taken.district AND paper.attempt = taken.id
      CROSS JOIN LATERAL jsonb_array_elements(paper.slots) WITH ORDINALITY AS laid (slot, place)
      CROSS JOIN LATERAL (
        SELECT CAST(taken.worth[place] AS bigint) AS own, CAST(taken.hundredths - taken.worth[place] AS bigint) AS rest
      ) AS worth
      LEFT JOIN LATERAL (
        SELECT answer FROM attempt_save
        WHERE district = taken.district AND attempt = taken.id AND slot = place AND sequence = taken.sequences[place]
        OFFSET 0
      ) AS save ON true
      GROUP BY laid.slot, taken.number, save.answer
    ),
    chosen AS (
      SELECT slot ->> 1 AS pool, slot ->> 2 AS item, CAST(slot ->> 3 AS integer) AS revision, number,
        slot -> 5 ->> (ascii(letter) - ascii('A')) AS option, CAST(sum(shown) AS integer) AS times
      FROM given CROSS JOIN LATERAL regexp_split_to_table(answer, '') AS letter
      WHERE letter <> ''
      GROUP BY 1, 2, 3, 4, 5
    ),
    summed AS (
      SELECT slot ->> 1 AS pool, slot ->> 2 AS item, CAST(slot ->> 3 AS integer) AS revision, number,
        CAST(sum(shown) AS integer) AS shown,
        CAST(coalesce(sum(shown) FILTER (WHERE answer <> ''), 0) AS integer) AS answered,
        CAST(sum(x) AS bigint) AS worth, CAST(sum(100 * points * shown) AS bigint) AS possible,
        sum(x / points) AS x, sum(y) AS y, sum(xx / points / points) AS xx, sum(yy) AS yy, sum(xy / points) AS xy,
        min(least_x / points) AS least_x, max(most_x / points) AS most_x,
        CAST(min(least_y) AS float8) AS least_y, CAST(max(most_y) AS float8) AS most_y
      FROM given GROUP BY 1, 2, 3, 4
    )
    SELECT summed.*, coalesce(
        (
          SELECT jsonb_object_agg(option, times) FROM chosen
          WHERE (chosen.pool, chosen.item, chosen.revision, chosen.number)
              = (summed.pool, summed.item, summed.revision, summed.number)
        ), '{}'
      ) AS chosen,
      taken.attempts, taken.last
    FROM (SELECT count(*) AS attempts, min(id) AS last FROM taken) AS taken LEFT JOIN summed ON true
    """
)


@dataclass(frozen=True, slots=True)
class TallyBatch:
    """Sums over some attempts."""

    attempts: int
    tallies: tuple[Tally, ...]
    last: str
    """The id of the one that began first of them; empty: there are no more."""


def tally_attempts(conn: Connection, quiz: str, before: str) -> TallyBatch:
    """How items did in attempts that have ended: in those that began last of all before the one of that id, unless it
    is empty.
    """
    given = {"district": codes.district_of(quiz), "quiz": quiz, "before": before, "most": _TOGETHER}
    rows = conn.execute(_TALLY, given).all()
    attempts = rows[0].attempts
    return TallyBatch(
        attempts,
        tuple(Tally(*row[: len(Tally._fields)]) for row in rows if row.pool is not None),
        rows[0].last if attempts == _TOGETHER else "",
    )
