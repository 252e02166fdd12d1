"""How items did in a quiz: one statement over the attempts that began last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, text

from onegrid.partyedu.v1.pools_pb2 import ItemKind
from onegrid_kit import codes
from onegrid_partyedu.item import ItemRef

__all__ = ["ItemStatistics", "summarize_items"]

_MOST_ATTEMPTS: Final = 2_000
_MOST_ITEMS: Final = 1_000
_SMALLEST_GROUP: Final = 10
"""What fewer members were shown is left out."""

_TAKEN: Final = """
    taken AS MATERIALIZED (
      SELECT district, id, member, hundredths, worth FROM quiz_attempt
      WHERE district = :district AND quiz = :quiz AND hundredths IS NOT NULL
      ORDER BY id DESC LIMIT :attempts
    )
"""
_COUNT: Final = text(f"WITH {_TAKEN} SELECT count(*) FROM taken")
_SUMMARIZE: Final = text(
    f"""
    WITH {_TAKEN}, laid AS MATERIALIZED (
      SELECT taken.id, taken.member, slot ->> 1 AS pool, slot ->> 2 AS item, (slot ->> 3)::integer AS revision,
             slot -> 5 AS options, place, taken.worth[place] AS worth, 100 * (slot ->> 4)::integer AS most,
             taken.hundredths - taken.worth[place] AS rest
      FROM taken JOIN attempt_paper AS paper ON paper.district = taken.district AND paper.attempt = taken.id
      CROSS JOIN LATERAL jsonb_array_elements(paper.slots) WITH ORDINALITY AS of_paper (slot, place)
    ), saved AS MATERIALIZED (
      SELECT DISTINCT ON (attempt, slot) attempt, slot, answer
      FROM taken JOIN attempt_save AS save ON save.district = taken.district AND save.attempt = taken.id
      ORDER BY attempt, slot, sequence DESC
    ), summed AS (
      SELECT pool, item, revision, count(*) AS shown, count(*) FILTER (WHERE saved.answer <> '') AS answered,
             round(100.0 * sum(worth) / sum(most)) AS facility,
             round(100 * corr(worth::float / most, rest)) AS discrimination
      FROM laid LEFT JOIN saved ON saved.attempt = laid.id AND saved.slot = laid.place
      GROUP BY pool, item, revision
      HAVING count(DISTINCT member) >= :smallest
      ORDER BY shown DESC, pool, item, revision LIMIT :items
    ), chosen AS (
      SELECT pool, item, revision, laid.options ->> (ascii(letter) - ascii('A')) AS option, count(*) AS times
      FROM laid JOIN saved ON saved.attempt = laid.id AND saved.slot = laid.place
      CROSS JOIN LATERAL regexp_split_to_table(saved.answer, '') AS letter
      WHERE letter <> ''
      GROUP BY pool, item, revision, option
    )
    SELECT summed.*, stored.kind, stored.option_ids,
           coalesce((
             SELECT jsonb_object_agg(option, times) FROM chosen
             WHERE chosen.pool = summed.pool AND chosen.item = summed.item AND chosen.revision = summed.revision
           ), '{{}}') AS chosen
    FROM summed JOIN item_revision AS stored
      ON stored.district = :district AND stored.pool = summed.pool AND stored.item = summed.item
     AND stored.number = summed.revision
    ORDER BY shown DESC, summed.pool, summed.item, summed.revision
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemStatistics:
    """How a revision of an item did."""

    ref: ItemRef
    revision: int
    kind: ItemKind
    shown: int
    answered: int
    facility: int
    """In percent."""
    discrimination: int | None
    """In hundredths; None where all reached the same."""
    chosen: Mapping[str, int]
    """How often each option was chosen, in the order in which they were written."""


def summarize_items(conn: Connection, quiz: str) -> tuple[int, list[ItemStatistics]]:
    """How many attempts were looked at, and how their items did, those shown most first."""
    given = {"district": codes.district_of(quiz), "quiz": quiz, "attempts": _MOST_ATTEMPTS}
    attempts: int = conn.execute(_COUNT, given).scalar_one()
    rows = conn.execute(_SUMMARIZE, {**given, "items": _MOST_ITEMS, "smallest": _SMALLEST_GROUP})
    return attempts, [
        ItemStatistics(
            ref=ItemRef(row.pool, row.item),
            revision=row.revision,
            kind=row.kind,
            shown=row.shown,
            answered=row.answered,
            facility=int(row.facility),
            discrimination=None if row.discrimination is None else int(row.discrimination),
            chosen={id_: row.chosen.get(id_, 0) for id_ in row.option_ids},
        )
        for row in rows
    ]
