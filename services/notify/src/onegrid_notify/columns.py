"""The columns (栏目) of a district, and their tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from onegrid.notify.v1.resources_pb2 import PartyVoice
from onegrid_kit import codes
from onegrid_notify.audience import COLUMN
from onegrid_notify.errors import ColumnLimitReached, ColumnTree, ColumnUnusable

__all__ = ["MAX_COLUMNS", "Column", "Columns"]

MAX_COLUMNS: Final = 200
"""How many columns a district has at most, archived ones included: all of them are one answer."""
_MAX_DEPTH: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A section (板块), if it has no parent, or a column (栏目)."""

    id: str
    """The district's code and a word."""
    display_name: str
    parent: str = ""
    """The id of the column that it stands below; empty for a section."""
    position: int = 0
    owner: str = ""
    """The code of the office that records are pushed for; empty if nobody pushes any."""
    archived: bool = False
    party_voice: PartyVoice = PartyVoice.PARTY_VOICE_UNSPECIFIED
    """To whom Party organizations speak in it; unspecified: it is a column like any other."""
    version: int = 1
    update_time: datetime | None = None

    @property
    def name(self) -> str:
        """``columns/{column}``."""
        return COLUMN.name(self.id)

    @property
    def etag(self) -> str:
        """Changes with every change."""
        return str(self.version)

    @property
    def district(self) -> str:
        """The code of the district that it belongs to."""
        return codes.district_of(self.id)


class Columns:
    """The columns of one district."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.by_id: Mapping[str, Column] = {column.id: column for column in columns}
        self._below: dict[str, list[Column]] = {}
        for column in sorted(columns, key=lambda column: (column.position, column.id)):
            self._below.setdefault(column.parent, []).append(column)

    def with_column(self, column: Column) -> Columns:
        """With this column in the place of the one of its id. Raises ColumnTree or ColumnLimitReached."""
        after = Columns([*(each for each in self.by_id.values() if each.id != column.id), column])
        if len(after.by_id) > max(MAX_COLUMNS, len(self.by_id)):
            raise ColumnLimitReached(len(self.by_id), MAX_COLUMNS)
        if column.parent and column.parent not in after.by_id:
            raise ColumnTree(column.name, COLUMN.name(column.parent))
        # What stands below itself is not reached from the sections.
        depths = {each.id: depth for each, depth in after._walk("", 1, show_archived=True)}
        if len(depths) < len(after.by_id) or max(depths.values()) > _MAX_DEPTH:
            raise ColumnTree(column.name, COLUMN.name(column.parent))
        return after

    def ordered(self, show_archived: bool) -> list[Column]:
        """Each behind its parent, those of one parent by position, then by name."""
        return [column for column, _ in self._walk("", 1, show_archived)]

    def at_and_below(self, id_: str) -> list[Column]:
        """The column itself, and all below it that are not archived."""
        return [self.by_id[id_], *(column for column, _ in self._walk(id_, 1, show_archived=False))]

    def require_usable(self, id_: str, field: str = "column") -> Column:
        """The column, which a request names in that field, if articles and records can stand in it. Raises
        ColumnUnusable.
        """
        column = above = self.by_id.get(id_)
        if column is None or not column.parent:
            raise ColumnUnusable(COLUMN.name(id_), field)
        while above is not None:
            if above.archived:
                raise ColumnUnusable(column.name, field)
            above = self.by_id.get(above.parent)
        return column

    def _walk(self, parent: str, depth: int, show_archived: bool) -> Iterator[tuple[Column, int]]:
        for column in self._below.get(parent, ()):
            if show_archived or not column.archived:
                yield column, depth
                yield from self._walk(column.id, depth + 1, show_archived)
