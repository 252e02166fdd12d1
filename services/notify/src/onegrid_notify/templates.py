"""What messages say: of each kind of event, to each kind of recipient, in each language.

The templates that are shipped lie in `message_templates`: a folder for each language, in it one for each service, in it
a file for each kind of event. A district may have wording of its own in place of any of them.

A template is text with facts of the event in it, in the language of Jinja, of which it may use little: conditions, a
loop over a list of facts, and our filters. So it always ends, soon, and is not much longer than its source and facts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, fields
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final, NamedTuple, Self

import jinja2
import yaml
from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.sandbox import SandboxedEnvironment

from onegrid.grid.v1.resources_pb2 import Post
from onegrid.partyedu.v1.meetings_pb2 import MeetingKind
from onegrid.petition.v1.resources_pb2 import Kind
from onegrid_kit.clock import CHINA
from onegrid_notify.facts import FACTS, Facts, Form, Recipient, form_of, sample, variables

__all__ = [
    "DEFAULT_LANGUAGE",
    "LANGUAGES",
    "Fact",
    "Fault",
    "InvalidTemplate",
    "Rendered",
    "RenderingFailed",
    "Template",
    "Wording",
    "describe",
    "shipped",
    "shipped_messages",
    "shipped_wording",
]

LANGUAGES: Final = ("zh", "en")
DEFAULT_LANGUAGE: Final = "zh"

_WORDS: Final = "words"
_PARTS: Final = ("title", "text", "short_text")
_MAX_BYTES: Final = {"title": 600, "text": 32_768, "short_text": 1_500}
"""How long a part may become that a district wrote; one that is longer is not sent."""
_MAX_DEPTH: Final = 24
_LOOP: Final = frozenset({"first", "last", "index"})
_BUILT_IN_FILTERS: Final = frozenset({"trim", "upper", "lower", "truncate", "length"})
_NODES: Final = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Const,
    nodes.Name,
    nodes.If,
    nodes.CondExpr,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Compare,
    nodes.Operand,
    nodes.Concat,
    nodes.Filter,
    nodes.For,
    nodes.Getattr,
)


class Fault(NamedTuple):
    """What is wrong with a part of a template."""

    part: str
    """`title`, `text`, `short_text` or `sms_parameters`."""
    line: int
    """Counted from 1."""
    description: str


class InvalidTemplate(Exception):
    """A template does not compile, mentions what there is not, or could take too much."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(f"{part}, line {line}: {text}" for part, line, text in faults))
        self.faults = tuple(faults)


class RenderingFailed(Exception):
    """A template can't be filled in with these facts, of which the message has none."""

    def __init__(self, part: str, cause: Exception) -> None:
        super().__init__(f"{part}: {type(cause).__name__}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """What a message says, as templates."""

    title: str
    """One line."""
    text: str
    """For inboxes and e-mail."""
    short_text: str
    """For text messages and notifications of a device."""
    sms_template: str = ""
    """What the short text is called in the settings of the providers of text messages. Empty: by event, recipient and
    language.
    """
    sms_parameters: tuple[str, ...] = ()
    """The facts that providers fill in, in their order. Empty: those that the short text mentions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What a message says."""

    title: str
    text: str
    short_text: str
    sms_template: str
    sms_parameters: Mapping[str, str]
    """By the names of their facts, in the providers' order."""


@dataclass(frozen=True, slots=True)
class _Words:
    """What a language calls things, and how it writes moments."""

    kinds: Mapping[int, str]
    unknown_kind: str
    roles: Mapping[str, str]
    unknown_role: str
    posts: Mapping[int, str]
    unknown_post: str
    meetings: Mapping[int, str]
    unknown_meeting: str
    unknown_office: str
    separator: str
    moment: str

    @classmethod
    def parse(cls, source: str) -> Self:
        """The words of a language's file."""
        given = yaml.safe_load(source)
        kinds = {Kind.Value(f"KIND_{name.upper()}"): word for name, word in given.pop("kinds").items()}
        posts = {Post.Value(f"POST_{name.upper()}"): word for name, word in given.pop("posts").items()}
        meetings = {
            MeetingKind.Value(f"MEETING_KIND_{name.upper()}"): word for name, word in given.pop("meetings").items()
        }
        return cls(kinds=kinds, posts=posts, meetings=meetings, **given)

    @property
    def filters(self) -> Mapping[Form, Callable[[Any], str]]:
        """How facts of each form are written."""
        return {
            Form.KIND: lambda kind: self.kinds.get(kind, self.unknown_kind),
            Form.ROLE: lambda role: self.roles.get(role, self.unknown_role),
            Form.POST: lambda post: self.posts.get(post, self.unknown_post),
            Form.MEETINGS: self._meetings,
            Form.OFFICE: self._office,
            Form.OFFICES: self._offices,
            Form.LIST: self._list,
            Form.MOMENT: self._moment,
        }

    def _office(self, name: str) -> str:
        if not isinstance(name, str):
            raise TypeError("office takes one name")
        return name or self.unknown_office

    def _offices(self, names: Sequence[str]) -> str:
        if isinstance(names, str):
            raise TypeError("offices takes a list of names")
        return self.separator.join(map(self._office, names))

    def _meetings(self, kinds: Sequence[int] | str) -> str:
        if isinstance(kinds, str):
            raise TypeError("meetings takes a list of kinds")
        return self.separator.join(self.meetings.get(kind, self.unknown_meeting) for kind in kinds)

    def _list(self, texts: Sequence[str]) -> str:
        if isinstance(texts, str):
            raise TypeError("list takes a list of texts")
        return self.separator.join(texts)

    def _moment(self, moment: datetime | None) -> str:
        return "" if moment is None else self.moment.format(moment.astimezone(CHINA))


class _Language:
    """How templates of a language are compiled."""

    def __init__(self, words: _Words) -> None:
        self._filters = words.filters
        environment = SandboxedEnvironment(
            undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True
        )
        environment.globals.clear()
        environment.filters = {
            **{name: environment.filters[name] for name in _BUILT_IN_FILTERS},
            **{str(form): write for form, write in self._filters.items()},
        }
        self.environment = environment

    def write(self, form: Form, value: Any) -> str:
        """A fact of this form, as its filter writes it."""
        filter_ = self._filters.get(form, str)
        return filter_(value)

    def compile(self, part: str, source: str, of: type[Facts]) -> jinja2.Template:
        """Raises InvalidTemplate."""
        try:
            faults = sorted(set(self._faults(part, self.environment.parse(source), of)), key=lambda each: each.line)
            if faults:
                raise InvalidTemplate(faults)
            return self.environment.from_string(source)
        except TemplateSyntaxError as error:
            raise InvalidTemplate([Fault(part, error.lineno, error.message or "is no template")]) from error
        except RecursionError as error:
            raise InvalidTemplate([Fault(part, 1, "is nested too deeply")]) from error

    def _faults(
        self, part: str, node: nodes.Node, of: type[Facts], *, depth: int = 0, loop: str = ""
    ) -> Iterator[Fault]:
        """What is wrong with a piece of a template; `loop` is the name of what the loop around it goes over."""
        found = self._fault(node, {each.name for each in fields(of)} | {loop}, in_loop=bool(loop))
        if depth > _MAX_DEPTH:
            found = "is nested too deeply"
        if found:
            yield Fault(part, node.lineno, found)
        elif isinstance(node, nodes.For):
            yield from (Fault(part, node.lineno, fault) for fault in _faults_of_loop(node, of))
            for each in (*node.body, *node.else_):
                yield from self._faults(part, each, of, depth=depth + 1, loop=_name(node.target))
        elif not isinstance(node, nodes.Getattr):
            for each in node.iter_child_nodes():
                yield from self._faults(part, each, of, depth=depth + 1, loop=loop)

    def _fault(self, node: nodes.Node, names: Set[str], *, in_loop: bool) -> str:
        """What is wrong with a node itself; empty if nothing is."""
        match node:
            case nodes.For() if in_loop or not _is_plain(node):
                return "a loop goes over one list of facts, and stands in no other loop"
            case nodes.Name(name=name) if name not in names:
                return f"there is no {name}"
            case nodes.Getattr(node=target, attr=attr) if not (in_loop and attr in _LOOP and _name(target) == "loop"):
                return f"{attr} can't be asked for"
            case nodes.Filter(name=name) if name not in self.environment.filters:
                return f"there is no filter {name}"
            case nodes.Filter(name=name) if not _is_written_out(node):
                return f"what {name} takes must be written out"
        return "" if isinstance(node, _NODES) else f"{type(node).__name__} can't be used in a template"


def _is_plain(loop: nodes.For) -> bool:
    return bool(_name(loop.iter) and _name(loop.target)) and loop.test is None and not loop.recursive


def _is_written_out(call: nodes.Filter) -> bool:
    variable = call.kwargs or call.dyn_args or call.dyn_kwargs
    return not variable and all(isinstance(each, nodes.Const) for each in call.args)


def _faults_of_loop(loop: nodes.For, of: type[Facts]) -> Iterator[str]:
    forms = {each.name: each.metadata["form"] for each in fields(of)}
    name, target = _name(loop.iter), _name(loop.target)
    if name not in forms:
        yield f"there is no {name}"
    elif forms[name] not in (Form.OFFICES, Form.LIST):
        yield f"{name} is no list"
    if target in forms or target == "loop":
        yield f"{target} is a fact already"


def _name(node: nodes.Node) -> str:
    return node.name if isinstance(node, nodes.Name) else ""


class Template:
    """A wording that is compiled and checked against the facts of its kind of event."""

    def __init__(
        self, event: str, recipient: Recipient, language: str, wording: Wording, *, bounded: bool = True
    ) -> None:
        """Compile it. Raises InvalidTemplate, with all that is wrong with it."""
        self._language = _language(language)
        self._facts = FACTS[event]
        self._bounded = bounded
        self._parts: dict[str, jinja2.Template] = {}
        faults: list[Fault] = []
        for part in _PARTS:
            try:
                self._parts[part] = self._language.compile(part, getattr(wording, part), self._facts)
            except InvalidTemplate as error:
                faults += error.faults
        faults += self._faults_of_parameters(wording.sms_parameters)
        if not faults:
            faults += [*self._faults_of_missing(wording.short_text), *self._faults_of_rendering()]
        if faults:
            raise InvalidTemplate(faults)
        self._sms_template = wording.sms_template or f"{event}-{recipient}-{language}"
        parameters = wording.sms_parameters or self._mentioned(wording.short_text)
        self._sms_parameters = {name: form_of(self._facts, name) for name in parameters}

    def render(self, facts: Facts) -> Rendered:
        """What the message says. Raises RenderingFailed."""
        given = variables(facts)
        parts: dict[str, str] = {}
        for part in _PARTS:
            try:
                parts[part] = self._rendered(part, given)
            except Exception as error:
                # Whatever it is: no template that an editor wrote may keep a message from being written.
                raise RenderingFailed(part, error) from error
        return Rendered(
            **parts,
            sms_template=self._sms_template,
            sms_parameters={
                name: self._language.write(form, given[name]) for name, form in self._sms_parameters.items()
            },
        )

    def _mentioned(self, short_text: str) -> tuple[str, ...]:
        """The facts that it mentions and that can be written, in their order."""
        facts = {each.name for each in fields(self._facts) if each.metadata["form"] is not Form.FLAG}
        names = (node.name for node in self._language.environment.parse(short_text).find_all(nodes.Name))
        return tuple(name for name in dict.fromkeys(names) if name in facts)

    def _rendered(self, part: str, given: Mapping[str, Any]) -> str:
        most = _MAX_BYTES[part]
        pieces: list[str] = []
        for piece in self._parts[part].generate(given):
            pieces.append(piece)
            most -= len(piece.encode())
            if self._bounded and most < 0:
                raise ValueError(f"becomes longer than {_MAX_BYTES[part]} bytes")
        text = "".join(pieces)
        text = text.strip("\n") if part == "text" else " ".join(text.split())
        if not text.strip():
            raise ValueError("is empty")
        return text

    def _faults_of_parameters(self, parameters: Sequence[str]) -> Iterator[Fault]:
        names = {each.name for each in fields(self._facts)}
        for number, name in enumerate(parameters, 1):
            if name not in names:
                yield Fault("sms_parameters", number, f"there is no {name}")
            elif form_of(self._facts, name) is Form.FLAG:
                yield Fault("sms_parameters", number, f"{name} is no text")

    def _faults_of_missing(self, short_text: str) -> Iterator[Fault]:
        mentioned = self._mentioned(short_text)
        for each in fields(self._facts):
            if each.metadata["required"] and each.name not in mentioned:
                yield Fault("short_text", 1, f"{each.name} must be mentioned")

    def _faults_of_rendering(self) -> Iterator[Fault]:
        """Try it with an event that has all facts, and with one that has none."""
        for facts, which in ((sample(self._facts), ""), (self._facts(), ", where the event has none of the facts")):
            given = variables(facts)
            for part in _PARTS:
                try:
                    self._rendered(part, given)
                except Exception as error:
                    yield Fault(part, _line_of(error), f"{error}{which}")
                    return


class Fact(NamedTuple):
    """A fact that a template may mention."""

    name: str
    description: str
    form: Form
    sample: str
    """As it is written."""


def describe(of: type[Facts], language: str) -> list[Fact]:
    """The facts of events of a kind."""
    write = _language(language).write
    return [
        Fact(
            each.name,
            each.metadata["doc"],
            each.metadata["form"],
            write(each.metadata["form"], each.metadata["sample"]),
        )
        for each in fields(of)
    ]


@lru_cache
def _language(language: str) -> _Language:
    return _Language(_Words.parse((_folder(language) / f"{_WORDS}.yaml").read_text("utf-8")))


@lru_cache
def shipped_wording(language: str) -> Mapping[tuple[str, Recipient], Wording]:
    """What is shipped in a language, by the kind of event and of recipient."""
    return {
        (f"{service.name}.{file.name.removesuffix('.yaml')}", Recipient(recipient)): Wording(
            **{**parts, "sms_parameters": tuple(parts.get("sms_parameters", ()))}
        )
        for service in _folder(language).iterdir()
        if service.is_dir()
        for file in service.iterdir()
        for recipient, parts in yaml.safe_load(file.read_text("utf-8")).items()
    }


@lru_cache
def shipped(language: str) -> Mapping[tuple[str, Recipient], Template]:
    """The same, compiled. Raises InvalidTemplate."""
    return {
        (event, recipient): Template(event, recipient, language, wording, bounded=False)
        for (event, recipient), wording in shipped_wording(language).items()
    }


def shipped_messages() -> frozenset[tuple[str, Recipient]]:
    """The kinds of events that there are messages about, each with those who get one."""
    return frozenset(shipped_wording(DEFAULT_LANGUAGE))


def _folder(language: str) -> Any:
    return files(__package__) / "message_templates" / language


def _line_of(error: Exception) -> int:
    """The line of the template where it failed. Jinja rewrites tracebacks so that they show it."""
    line, trace = 1, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
