"""What the demonstration district publishes: four sections with 27 columns, and some articles (made up)."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from onegrid.notify.v1 import resources_pb2 as notify
from onegrid.notify.v1.resources_pb2 import PartyVoice
from onegrid_demo import district

__all__ = ["Article", "Column", "articles", "columns"]

_DATA: Final[Any] = files("onegrid_demo") / "data"
_VOICES: Final = {
    "": PartyVoice.PARTY_VOICE_UNSPECIFIED,
    "everyone": PartyVoice.PARTY_VOICE_EVERYONE,
    "members": PartyVoice.PARTY_VOICE_MEMBERS,
}


@dataclass(frozen=True, slots=True)
class Column:
    """A section, or a column below one."""

    name: str
    display_name: str
    parent: str
    """The name of its section; empty for a section."""
    position: int
    owner: str
    """The office that pushes records into it; empty for none."""
    party_voice: PartyVoice
    """To whom Party organizations speak in it."""

    def message(self) -> notify.Column:
        """The column as it is defined."""
        return notify.Column(
            name=self.name,
            display_name=self.display_name,
            parent=self.parent,
            position=self.position,
            owner=self.owner,
            party_voice=self.party_voice,
        )


@dataclass(frozen=True, slots=True)
class Article:
    """An article for everybody in the district."""

    column: str
    """The name of its column."""
    owner: str
    push: bool
    title: str
    summary: str
    body_html: str


def columns() -> tuple[Column, ...]:
    """The sections and columns, each behind its section."""
    with (_DATA / f"columns-{district.CODE}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return tuple(
        Column(_name(row["column"]), row["name"], _name(row["parent"]), position, row["owner"], _VOICES[row["voice"]])
        for position, row in enumerate(rows, start=1)
    )


def articles() -> tuple[Article, ...]:
    """The articles."""
    given = json.loads((_DATA / f"articles-{district.CODE}.json").read_text("utf-8"))
    return tuple(Article(**{**each, "column": _name(each["column"])}) for each in given)


def _name(word: str) -> str:
    return word and f"columns/{district.CODE}-{word}"
