"""What messages say: of each kind of event, to each kind of recipient, in each language.

The templates lie in `message_templates`: a folder for each language, in it a file for each kind of event. Loading a
language compiles them and checks what they mention: one that names what there is not is found before the first message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final, Self

import yaml
from jinja2 import StrictUndefined, Template, TemplateError, meta
from jinja2.sandbox import SandboxedEnvironment

from onegrid.petition.v1.resources_pb2 import Kind
from onegrid_kit.clock import CHINA

__all__ = ["LANGUAGES", "Facts", "InvalidTemplate", "Recipient", "Templates", "load"]

LANGUAGES: Final = ("zh", "en")
_DEFAULT: Final = "zh"
_WORDS: Final = "words"


class InvalidTemplate(Exception):
    """A template does not compile, or mentions what there is not."""


class Recipient(StrEnum):
    """As what somebody gets a message."""

    PETITIONER = "petitioner"
    OFFICE = "office"
    GRID_WORKER = "grid_worker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a template can say of an event. What the event does not have is empty."""

    number: str = ""
    """The petition's id."""
    kind: Kind = Kind.KIND_UNSPECIFIED
    time: datetime | None = None
    """When it happened."""
    office: str = ""
    """The name of the office that did it; of a filing, of the one that answers for it."""
    lead: str = ""
    """The name of the office that has the lead."""
    assistants: tuple[str, ...] = ()
    """The names of the offices that assist it."""
    assignee: str = ""
    """The name of the office whose task it is."""
    leads: bool = False
    """That task is the lead's."""
    due: datetime | None = None
    """Until when what comes next must be done."""
    instruction: str = ""
    reason: str = ""
    note: str = ""
    answer: str = ""
    satisfied: bool = False
    """The petitioner is satisfied, or the petition was found solved."""
    concluded: bool = False
    """The petition is concluded."""


@dataclass(frozen=True, slots=True)
class _Words:
    """What a language calls things, and how it writes moments."""

    kinds: Mapping[int, str]
    unknown_kind: str
    unknown_office: str
    separator: str
    moment: str

    @classmethod
    def parse(cls, source: str) -> Self:
        """The words of a language's file."""
        given = yaml.safe_load(source)
        kinds = {Kind.Value(f"KIND_{name.upper()}"): word for name, word in given.pop("kinds").items()}
        return cls(kinds=kinds, **given)

    def kind(self, kind: Kind) -> str:
        return self.kinds.get(kind, self.unknown_kind)

    def office(self, name: str) -> str:
        return name or self.unknown_office

    def offices(self, names: Sequence[str]) -> str:
        return self.separator.join(map(self.office, names))

    def format_moment(self, moment: datetime | None) -> str:
        return "" if moment is None else self.moment.format(moment.astimezone(CHINA))


@dataclass(frozen=True, slots=True)
class _Message:
    title: Template
    text: Template


class Templates:
    """The templates of a language."""

    def __init__(self, sources: Mapping[str, str], words: str) -> None:
        """Compile the templates of each kind of event. Raises InvalidTemplate."""
        self._words = _Words.parse(words)
        self._environment = SandboxedEnvironment(
            undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True
        )
        self._environment.filters |= {
            "kind": self._words.kind,
            "office": self._words.office,
            "offices": self._words.offices,
            "moment": self._words.format_moment,
        }
        self._messages = {
            (event, Recipient(recipient)): _Message(*(self._compile(event, parts[part]) for part in ("title", "text")))
            for event, source in sources.items()
            for recipient, parts in yaml.safe_load(source).items()
        }

    @property
    def messages(self) -> frozenset[tuple[str, Recipient]]:
        """The kinds of events that there are messages about, each with those who get one."""
        return frozenset(self._messages)

    def render(self, event: str, recipient: Recipient, facts: Facts) -> tuple[str, str]:
        """The title and the text of the message to this recipient about an event of this kind."""
        message = self._messages[event, recipient]
        variables = asdict(facts)
        return message.title.render(variables), message.text.render(variables).rstrip("\n")

    def _compile(self, event: str, source: str) -> Template:
        try:
            parsed = self._environment.parse(source)
            foreign = meta.find_undeclared_variables(parsed) - _FACTS | set(meta.find_referenced_templates(parsed))
            if foreign:
                raise InvalidTemplate(f"{event}: there is no {', '.join(sorted(map(str, foreign)))}")
            template = self._environment.from_string(source)
            template.render(asdict(Facts()))
        except TemplateError as error:
            raise InvalidTemplate(f"{event}: {error}") from error
        return template


_FACTS: Final = frozenset(field.name for field in fields(Facts))


@lru_cache
def load(language: str = _DEFAULT) -> Templates:
    """The templates of a language that is shipped. Raises InvalidTemplate."""
    folder: Any = files(__package__) / "message_templates" / language
    sources = {path.name.removesuffix(".yaml"): path.read_text("utf-8") for path in folder.iterdir()}
    words = sources.pop(_WORDS)
    return Templates(sources, words)
