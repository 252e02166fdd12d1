"""From the bytes of a message to the message, and the rules that the bytes break.

Nothing outside of the bytes is looked at: a document type declaration ends the reading where it begins, before an
entity is defined.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from lxml import etree

from onegrid.emergency.v1.warnings_pb2 import CapRule
from onegrid_emergency.cap import dialect, spelling
from onegrid_emergency.cap.message import Alert, Area, Info, Key, Resource, Value, Violation
from onegrid_emergency.cap.schema import NAMESPACE, SCHEMA, SIGNATURE

__all__ = ["MAX_BYTES", "Reading", "document_of", "read", "read_document"]

T = TypeVar("T")

MAX_BYTES: Final = 512 * 1024
"""How large a message may be."""
_MOST_INFOS: Final = 20
_LANGUAGE: Final = re.compile(r"[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*")
_DECIMAL: Final = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)")
_INTEGER: Final = re.compile(r"[-+]?\d+")
_SPACED: Final = re.compile(r"\s")
_REFERENCE: Final = re.compile(r"([^\s,<&]+),([^\s,<&]+),([^\s,<&]+)")


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read."""

    alert: Alert | None
    """None if it is no message, or can't be known from others."""
    violations: tuple[Violation, ...]


class _DoctypeFound(Exception):
    pass


class _Scanner:
    """Reads a document without keeping anything of it, until its type is declared."""

    def doctype(self, *_: object) -> None:
        raise _DoctypeFound

    def close(self) -> None:
        pass


def document_of(document: bytes) -> tuple[Any, tuple[Violation, ...]]:
    """The root of a document, or None and why there is none."""
    if len(document) > MAX_BYTES:
        return None, (Violation(CapRule.CAP_RULE_SIZE, "", f"has more than {MAX_BYTES} bytes"),)
    safely = {"resolve_entities": False, "load_dtd": False, "no_network": True, "huge_tree": False}
    try:
        # Entities of a document type would be expanded in attributes all the same: it ends before the first is defined.
        etree.fromstring(document, etree.XMLParser(target=_Scanner(), **safely))
        return etree.fromstring(document, etree.XMLParser(**safely)), ()
    except _DoctypeFound:
        return None, (Violation(CapRule.CAP_RULE_NO_DOCTYPE, "", "has a document type declaration"),)
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        return None, (Violation(CapRule.CAP_RULE_WELL_FORMED, "", f"is no well-formed XML: {error}"),)


def read(document: bytes) -> Reading:
    """Read a message."""
    root, violations = document_of(document)
    return Reading(None, violations) if root is None else read_document(root)


def read_document(root: Any) -> Reading:
    """Read the message that an element is."""
    if dialect.is_dialect(root):
        root = dialect.translated(root)
    if root.tag != f"{{{NAMESPACE}}}alert":
        return Reading(None, (Violation(CapRule.CAP_RULE_ROOT, "", f"is no alert of {NAMESPACE}"),))
    reader = _Reader()
    alert = reader.alert(root)
    return Reading(alert, tuple(reader.violations))


class _Reader:
    """Reads one message, and notes what is wrong with it."""

    def __init__(self) -> None:
        self.violations: list[Violation] = []

    def alert(self, root: Any) -> Alert | None:
        found = self._children(root, "alert", "")
        texts = _Texts(self, found, "")
        identifier, sender = texts.one("identifier"), texts.one("sender")
        self._token(CapRule.CAP_RULE_IDENTIFIER, "identifier", identifier)
        self._token(CapRule.CAP_RULE_SENDER, "sender", sender)
        sent = texts.moment("sent")
        status = texts.choice("status", spelling.STATUSES)
        message_type = texts.choice("msgType", spelling.MESSAGE_TYPES)
        scope = texts.choice("scope", spelling.SCOPES)
        references = self._references(texts.one("references"))
        infos = found.get("info", ())
        if len(infos) > _MOST_INFOS:
            self.note(CapRule.CAP_RULE_SIZE, "info", f"are more than {_MOST_INFOS}")
        read = [self.info(each, f"info[{number}]") for number, each in enumerate(infos[:_MOST_INFOS])]
        if sent is None or not (status and message_type and scope):
            return None
        return Alert(
            identifier=identifier,
            sender=sender,
            sent=sent,
            status=status,
            message_type=message_type,
            source=texts.one("source"),
            scope=scope,
            restriction=texts.one("restriction"),
            addresses=texts.one("addresses"),
            codes=texts.all("code"),
            note=texts.one("note"),
            references=references,
            incidents=texts.one("incidents"),
            infos=tuple(each for each in read if each is not None),
        )

    def info(self, element: Any, path: str) -> Info | None:
        found = self._children(element, "info", path)
        texts = _Texts(self, found, path)
        language = texts.one("language")
        if language and not _LANGUAGE.fullmatch(language):
            self.note(CapRule.CAP_RULE_VALUE, f"{path}.language", "is no language")
        response_types = texts.all("responseType")
        for number, each in enumerate(response_types):
            if each not in spelling.RESPONSE_TYPES:
                self.note(CapRule.CAP_RULE_VALUE, f"{path}.responseType[{number}]", f"is none of CAP's: {each[:40]!r}")
        web = texts.one("web")
        if _SPACED.search(web):
            self.note(CapRule.CAP_RULE_VALUE, f"{path}.web", "is no address of the web")
        categories = texts.choices("category", spelling.CATEGORIES)
        urgency = texts.choice("urgency", spelling.URGENCIES)
        severity = texts.choice("severity", spelling.SEVERITIES)
        certainty = texts.choice("certainty", spelling.CERTAINTIES)
        return Info(
            language=language,
            categories=categories,
            event=texts.one("event"),
            response_types=response_types,
            urgency=urgency or spelling.URGENCIES["Unknown"],
            colour=severity or spelling.SEVERITIES["Unknown"],
            certainty=certainty or spelling.CERTAINTIES["Unknown"],
            audience=texts.one("audience"),
            event_codes=self._values(found, "eventCode", path),
            effective=texts.moment("effective"),
            onset=texts.moment("onset"),
            expires=texts.moment("expires"),
            sender_name=texts.one("senderName"),
            headline=texts.one("headline"),
            description=texts.one("description"),
            instruction=texts.one("instruction"),
            web=web,
            contact=texts.one("contact"),
            parameters=self._values(found, "parameter", path),
            resources=self._each(found, "resource", path, self._resource),
            areas=self._each(found, "area", path, self._area),
        )

    def note(self, rule: CapRule, field: str, description: str) -> None:
        """Note that the message breaks a rule."""
        self.violations.append(Violation(rule, field, description))

    def _resource(self, element: Any, path: str) -> Resource:
        texts = _Texts(self, self._children(element, "resource", path), path)
        size = texts.one("size")
        if size and not _INTEGER.fullmatch(size):
            self.note(CapRule.CAP_RULE_VALUE, f"{path}.size", "is no number")
        return Resource(
            description=texts.one("resourceDesc"),
            mime_type=texts.one("mimeType"),
            size=size,
            uri=texts.one("uri"),
            deref_uri=texts.one("derefUri"),
            digest=texts.one("digest"),
        )

    def _area(self, element: Any, path: str) -> Area:
        found = self._children(element, "area", path)
        texts = _Texts(self, found, path)
        heights = {name: texts.one(name) for name in ("altitude", "ceiling")}
        for name, text in heights.items():
            if text and not _DECIMAL.fullmatch(text):
                self.note(CapRule.CAP_RULE_VALUE, f"{path}.{name}", "is no number")
        return Area(
            description=texts.one("areaDesc"),
            polygons=texts.all("polygon"),
            circles=texts.all("circle"),
            geocodes=self._values(found, "geocode", path),
            **heights,
        )

    def _values(self, found: Mapping[str, Sequence[Any]], name: str, path: str) -> tuple[Value, ...]:
        def value(element: Any, path: str) -> Value:
            texts = _Texts(self, self._children(element, name, path), path)
            return Value(texts.one("valueName"), texts.one("value"))

        return self._each(found, name, path, value)

    def _each(
        self, found: Mapping[str, Sequence[Any]], name: str, path: str, read: Callable[[Any, str], T]
    ) -> tuple[T, ...]:
        return tuple(read(each, f"{path}.{name}[{number}]") for number, each in enumerate(found.get(name, ())))

    def _references(self, text: str) -> tuple[Key, ...]:
        keys = []
        for number, each in enumerate(text.split()):
            parts = _REFERENCE.fullmatch(each)
            sent = parts and self.moment(parts[3], f"references[{number}]")
            if parts is None:
                self.note(
                    CapRule.CAP_RULE_REFERENCES, f"references[{number}]", f"is no sender,identifier,sent: {each[:80]!r}"
                )
            elif sent:
                keys.append(Key(sent, parts[1], parts[2]))
        return tuple(dict.fromkeys(keys))

    def _token(self, rule: CapRule, field: str, text: str) -> None:
        if not text or re.search(r"[\s,<&]", text):
            self.note(rule, field, "is empty, or has white space, a comma, < or &")
        elif len(text) > 200:
            self.note(rule, field, "has more than 200 characters")

    def moment(self, text: str, path: str) -> datetime | None:
        """The moment that the text is. UTC may be written as others do, which is noted."""
        if text.endswith(("Z", "z")):
            self.note(CapRule.CAP_RULE_TIME_OFFSET, path, "is written with a Z")
            text = f"{text[:-1]}-00:00"
        if not spelling.is_moment(text):
            self.note(CapRule.CAP_RULE_TIME, path, f"is no time with an offset: {text[:40]!r}")
            return None
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if not moment.utcoffset() else moment

    def _children(self, element: Any, name: str, path: str) -> Mapping[str, Sequence[Any]]:
        """The children of an element, by their names; what the schema does not allow is noted."""
        schema = SCHEMA[name]
        known = {child.name: number for number, child in enumerate(schema)}
        found: dict[str, list[Any]] = {}
        furthest = 0
        ordered = True
        for child in element.iterchildren(etree.Element):
            tag = etree.QName(child)
            if name == "alert" and child.tag == SIGNATURE:
                continue
            if tag.namespace != NAMESPACE or tag.localname not in known:
                self.note(CapRule.CAP_RULE_STRUCTURE, _join(path, tag.localname), f"is no element of {name}")
                continue
            ordered = ordered and known[tag.localname] >= furthest
            furthest = max(furthest, known[tag.localname])
            found.setdefault(tag.localname, []).append(child)
        for child in schema:
            count = len(found.get(child.name, ()))
            if child.required and not count:
                self.note(CapRule.CAP_RULE_STRUCTURE, _join(path, child.name), "is missing")
            if count > 1 and not child.repeated:
                self.note(CapRule.CAP_RULE_STRUCTURE, _join(path, child.name), "stands there more than once")
        if not ordered:
            self.note(CapRule.CAP_RULE_ORDER, path, "has its elements in another order than the schema")
        return found


class _Texts:
    """The texts inside of an element."""

    def __init__(self, reader: _Reader, found: Mapping[str, Sequence[Any]], path: str) -> None:
        self._reader = reader
        self._found = found
        self._path = path

    def all(self, name: str) -> tuple[str, ...]:
        """Those of all elements of the name that are not empty."""
        return tuple(text for text in map(self._text, self._found.get(name, ())) if text)

    def one(self, name: str) -> str:
        """That of the element; empty if there is none."""
        return next(iter(self.all(name)), "")

    def moment(self, name: str) -> datetime | None:
        """The moment that it is."""
        text = self.one(name)
        return self._reader.moment(text, _join(self._path, name)) if text or name == "sent" else None

    def choice(self, name: str, spellings: Mapping[str, T]) -> T | None:
        """The value that it spells; what is missing was noted before."""
        return next(iter(self.choices(name, spellings)), None)

    def choices(self, name: str, spellings: Mapping[str, T]) -> tuple[T, ...]:
        """Those that all elements of the name spell."""
        values = []
        for element in self._found.get(name, ()):
            text = self._text(element)
            if text in spellings:
                values.append(spellings[text])
            else:
                path = _join(self._path, name)
                self._reader.note(CapRule.CAP_RULE_VALUE, path, f"is none of CAP's: {text[:40]!r}")
        return tuple(values)

    def _text(self, element: Any) -> str:
        if len(element) and any(True for _ in element.iterchildren(etree.Element)):
            self._reader.note(
                CapRule.CAP_RULE_STRUCTURE, _join(self._path, etree.QName(element).localname), "has elements inside"
            )
        # Comments inside of a text are no part of it, and do not end it.
        return str(element.xpath("string()")).strip()


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
