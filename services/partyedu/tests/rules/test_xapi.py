"""The rules of xAPI: what a statement is, and when two are the same."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onegrid_kit.errors import InvalidRequest
from onegrid_partyedu.xapi.comparing import comparable, same
from onegrid_partyedu.xapi.finding import sought
from onegrid_partyedu.xapi.formats import instant, is_duration, is_iri, is_language, is_uuid, written
from onegrid_partyedu.xapi.parts import Part, join, split
from onegrid_partyedu.xapi.showing import canonical, ids, in_language, languages
from onegrid_partyedu.xapi.statement import check_statement

IRI = "http://example.com/x"
BEN = {"objectType": "Agent", "name": "Ben", "mbox": "mailto:ben@example.com"}
GROUP = {"objectType": "Group", "name": "all", "member": [BEN, {"openid": "http://openid.example.com/eva"}]}
ACTIVITY = {
    "id": IRI,
    "objectType": "Activity",
    "definition": {
        "name": {"en-US": "x", "zh-Hans-CN": "某"},
        "description": {"en": "y"},
        "type": "http://adlnet.gov/expapi/activities/cmi.interaction",
        "moreInfo": "http://example.com/more",
        "interactionType": "choice",
        "correctResponsesPattern": ["golf[,]tetris"],
        "choices": [{"id": "golf", "description": {"en": "Golf"}}, {"id": "tetris"}],
        "extensions": {"http://example.com/e": {"anything": [None, 1.5, {"": ""}]}},
    },
}
FULL: dict[str, Any] = {
    "id": "12345678-1234-5678-1234-567812345678",
    "actor": GROUP,
    "verb": {"id": "http://adlnet.gov/expapi/verbs/passed", "display": {"en-US": "passed"}},
    "object": ACTIVITY,
    "result": {
        "score": {"scaled": -0.5, "raw": 3, "min": 0, "max": 10.5},
        "success": True,
        "completion": False,
        "response": "",
        "duration": "P3Y1M29DT4H35M59.14S",
        "extensions": {"http://example.com/e": None},
    },
    "context": {
        "registration": "ec531277-b57b-4c15-8d91-d292c5b2b8f7",
        "instructor": BEN,
        "team": {"objectType": "Group", "account": {"homePage": "http://example.com", "name": "1"}},
        "contextActivities": {"parent": [ACTIVITY], "grouping": [], "category": [{"id": IRI}], "other": [ACTIVITY]},
        "revision": "1",
        "platform": "web",
        "language": "tlh",
        "statement": {"objectType": "StatementRef", "id": "6690e6c9-3ef0-4ed3-8b37-7f3964730bee"},
        "extensions": {"http://example.com/e": [None]},
    },
    "timestamp": "2013-05-18T05:32:34.804+00:00",
    "stored": "2013-05-18T05:32:34.804Z",
    "authority": BEN,
    "version": "1.0.0",
    "attachments": [
        {
            "usageType": IRI,
            "display": {"en": "a"},
            "description": {"en": "b"},
            "contentType": "text/plain; charset=ascii",
            "length": 27,
            "sha2": "495395e777cd98da653df9615d09c0fd6bb2f8d4788394cd53c56a3bfdcd848a",
            "fileUrl": "http://example.com/file",
        }
    ],
}
SUB = {
    "objectType": "SubStatement",
    **{name: FULL[name] for name in ("actor", "verb", "object", "result", "context", "timestamp", "attachments")},
}


def full(**changed: Any) -> dict[str, Any]:
    """A statement with all properties, but for what is given."""
    return {**copy.deepcopy(FULL), **changed}


def accepted(statement: Any) -> bool:
    """Whether it is a statement."""
    try:
        check_statement(copy.deepcopy(statement), "statement")
    except InvalidRequest:
        return False
    return True


@pytest.mark.parametrize(
    "of",
    [
        ACTIVITY,
        {"id": IRI},
        BEN,
        GROUP,
        {"objectType": "StatementRef", "id": "6690e6c9-3ef0-4ed3-8b37-7f3964730bee"},
        SUB,
    ],
)
def test_each_kind_of_object_is_taken(of: dict[str, Any]) -> None:
    context = {} if of.get("objectType", "Activity") == "Activity" else {"context": {"language": "en"}}
    assert accepted(full(object=of, **context))


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The places of all values, without what extensions hold."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [path] if path else []
    for name, each in inside:
        found += [(*path, name)] if name == "extensions" else places(each, (*path, name))
    return found


def put(statement: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """The statement with another value there."""
    changed = copy.deepcopy(statement)
    at: Any = changed
    for name in path[:-1]:
        at = at[name]
    at[path[-1]] = value
    return changed


@pytest.mark.parametrize("statement", [FULL, full(object=SUB, context={"language": "en"})])
def test_no_value_may_be_null_or_of_another_type(statement: dict[str, Any]) -> None:
    assert accepted(statement)
    for path in places(statement):
        assert not accepted(put(statement, path, None)), path
        at: Any = statement
        for name in path:
            at = at[name]
        for other in ("", 7, True, [7], {"x": 7}):
            kinds = {int: (int, float), float: (int, float)}.get(type(at), (type(at),))
            single = "contextActivities" in path and isinstance(other, dict)
            if not isinstance(other, kinds) or (isinstance(other, bool) and not isinstance(at, bool)):
                assert not accepted(put(statement, path, other)) or single, (path, other)


@pytest.mark.parametrize("statement", [FULL, full(object=SUB, context={"language": "en"})])
def test_no_key_may_be_unknown_or_of_another_case(statement: dict[str, Any]) -> None:
    for path in [(), *places(statement)]:
        at: Any = statement
        for name in path:
            at = at[name]
        if isinstance(at, dict):
            assert not accepted(put(statement, (*path, "unknown key"), "x")), path
            for key in at:
                if key.upper() != key and not is_language(key) and path[-1:] != ("extensions",):
                    renamed = put(statement, (*path, key.upper()), at[key])
                    assert not accepted(renamed), (path, key)


@pytest.mark.parametrize(
    "changed",
    [
        {"actor": {"name": "nobody"}},
        {"actor": {**BEN, "openid": "http://openid.example.com/ben"}},
        {"actor": {"objectType": "agent", "mbox": "mailto:ben@example.com"}},
        {"actor": {"mbox": "ben@example.com"}},
        {"actor": {"mbox_sha1sum": "0" * 39}},
        {"actor": {"openid": "/ben"}},
        {"actor": {"account": {"homePage": "http://example.com"}}},
        {"actor": {"account": {"name": "1"}}},
        {"actor": {"objectType": "Group"}},
        {"actor": {**BEN, "member": [BEN]}},
        {"actor": {"objectType": "Group", "member": [GROUP]}},
        {"verb": {"id": "passed"}},
        {"verb": {}},
        {"verb": {"id": IRI, "display": {"not a tag": "x"}}},
        {"verb": {"id": "http://adlnet.gov/expapi/verbs/voided"}},
        {"object": {"objectType": "Activity"}},
        {"object": {"objectType": "Verb", "id": IRI}},
        {"object": {"objectType": "StatementRef", "id": IRI}},
        {"object": {"id": IRI, "definition": {"choices": []}}},
        {"object": {"id": IRI, "definition": {"interactionType": "Choice"}}},
        {"object": {"id": IRI, "definition": {"interactionType": "choice", "choices": [{"id": "a"}, {"id": "a"}]}}},
        {"object": {**SUB, "id": FULL["id"]}},
        {"object": {**SUB, "stored": FULL["stored"]}},
        {"object": {**SUB, "version": "1.0.0"}},
        {"object": {**SUB, "authority": BEN}},
        {"object": {**SUB, "object": SUB}},
        {"object": BEN},
        {"result": {"score": {"scaled": 1.01}}},
        {"result": {"score": {"min": 1, "max": 1}}},
        {"result": {"score": {"raw": 11, "max": 10}}},
        {"result": {"score": {"raw": -1, "min": 0}}},
        {"result": {"success": "true"}},
        {"result": {"score": {"raw": "1"}}},
        {"result": {"duration": "PA1H0M0S"}},
        {"context": {"registration": "1"}},
        {"context": {"team": BEN}},
        {"context": {"contextActivities": {"parents": [ACTIVITY]}}},
        {"context": {"contextActivities": {"parent": BEN}}},
        {"context": {"language": "not a tag"}},
        {"context": {"statement": {"id": FULL["id"]}}},
        {"context": {"extensions": {"x": 1}}},
        {"timestamp": "2013-05-18"},
        {"stored": "now"},
        {"version": "1.0"},
        {"version": "1.1.0"},
        {"version": "2.0.0"},
        {"authority": GROUP | {"member": [BEN]}},
        {"id": "1"},
        {"attachments": [{**FULL["attachments"][0], "length": -1}]},
        {"attachments": [{**FULL["attachments"][0], "length": 1.5}]},
        {"attachments": [{**FULL["attachments"][0], "sha2": "x"}]},
    ],
)
def test_what_the_specification_does_not_allow_is_refused(changed: dict[str, Any]) -> None:
    assert not accepted(full(**changed))


@pytest.mark.parametrize("name", ["actor", "verb", "object"])
def test_nothing_that_is_required_may_be_missing(name: str) -> None:
    assert not accepted({key: value for key, value in FULL.items() if key != name})


def test_a_single_context_activity_becomes_a_list() -> None:
    made = check_statement(full(context={"contextActivities": {"parent": ACTIVITY}}), "statement")
    assert made["context"]["contextActivities"] == {"parent": [ACTIVITY]}


NUMBERS = st.integers(0, 999).map(str)


@st.composite
def durations(draw: st.DrawFn) -> str:
    """Durations of ISO 8601:2004, 4.4.3.2."""
    if draw(st.booleans()):
        return f"P{draw(NUMBERS)}W"
    days = "".join(
        f"{draw(NUMBERS)}{unit}" for unit in draw(st.lists(st.sampled_from("YMD"), unique=True).map(ordered))
    )
    units = draw(st.lists(st.sampled_from("HMS"), unique=True).map(lambda found: ordered(found, "HMS")))
    fraction = draw(st.sampled_from(["", ".5", ",25"]))
    hours = "".join(
        f"{draw(NUMBERS)}{fraction if number == len(units) - 1 else ''}{unit}" for number, unit in enumerate(units)
    )
    made = f"P{days}" + (f"T{hours}" if hours else "")
    return made if made != "P" else "PT0S"


def ordered(units: list[str], order: str = "YMD") -> list[str]:
    """The units in the standard's order."""
    return sorted(units, key=order.index)


@given(durations())
def test_durations_of_the_standard_are_taken(duration: str) -> None:
    assert is_duration(duration)


@given(
    durations(),
    st.sampled_from(
        ["P", "PT", "P1D2Y", "PT1.5H2M", "P1W1D", "1Y", "P1Y2", "P-1D", "P0003-01-01T00:00:00", "PT", "P1DT"]
    ),
)
def test_what_is_no_duration_is_not(duration: str, other: str) -> None:
    assert not is_duration(other)
    assert not is_duration(duration + "X")
    assert not is_duration(duration.lower())


@pytest.mark.parametrize("example", ["PT4H35M59.14S", "P16559.14S", "P3Y1M29DT4H35M59.14S", "P3Y", "P4W", "PT0.001S"])
def test_the_examples_of_durations_are_durations(example: str) -> None:
    assert is_duration(example)


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(1900, 1, 1)))  # noqa: DTZ001
def test_a_moment_is_what_is_written_of_it(moment: datetime) -> None:
    assert instant(written(moment)) == moment


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2013-05-18T05:32:34.804+08:00", datetime(2013, 5, 17, 21, 32, 34, 804000, tzinfo=UTC)),
        ("20130518T053234Z", datetime(2013, 5, 18, 5, 32, 34, tzinfo=UTC)),
        ("2013-05-18T05:32:34", datetime(2013, 5, 18, 5, 32, 34, tzinfo=UTC)),
        ("2013-05-18T05:32:34.1234567Z", datetime(2013, 5, 18, 5, 32, 34, 123456, tzinfo=UTC)),
        ("2013-05-18T05:32:34-00:00", None),
        ("2013-05-18T05:32:34-0000", None),
        ("2013-05-18T05:32:34-00", None),
        ("2013-05-18 05:32:34Z", None),
        ("2013-13-18T05:32:34Z", None),
        ("2013-05-18", None),
        ("18.5.2013", None),
        (1368855154, None),
    ],
)
def test_timestamps_are_of_iso_8601(value: object, moment: datetime | None) -> None:
    assert instant(value) == moment


@pytest.mark.parametrize(
    "tag", ["zh", "zh-CN", "zh-Hans-CN", "cmn", "en-GB-oed", "x-own", "i-klingon", "de-CH-1996", "sl-rozaj", "zh-yue"]
)
def test_language_tags_are_of_rfc_5646(tag: str) -> None:
    assert is_language(tag)
    assert not is_language(f"{tag}_x")
    assert not is_language(f"{tag}-")


@pytest.mark.parametrize("value", ["mailto:a@b", "urn:x:1", "http://example.com/动词", "tag:x,2026:1"])
def test_an_iri_has_a_scheme(value: str) -> None:
    assert is_iri(value)
    assert not is_iri("/" + value)
    assert not is_iri(value + " ")


def test_a_uuid_is_written_in_its_standard_form() -> None:
    assert is_uuid(FULL["id"])
    for other in (FULL["id"].replace("-", ""), f"{{{FULL['id']}}}", FULL["id"][:-1], FULL["id"].replace("1", "g")):
        assert not is_uuid(other)


def swapped(statement: dict[str, Any]) -> dict[str, Any]:
    """The statement with the other order of members."""
    return {**statement, "actor": {**GROUP, "member": GROUP["member"][::-1]}}  # type: ignore[index]


IMMATERIAL: list[Callable[[dict[str, Any]], dict[str, Any]]] = [
    lambda each: {**each, "id": "ffffffff-1234-5678-1234-567812345678"},
    lambda each: {**each, "stored": "2026-01-01T00:00:00Z", "authority": GROUP, "version": "1.0.9"},
    lambda each: {name: value for name, value in each.items() if name not in ("timestamp", "version", "authority")},
    lambda each: {**each, "timestamp": "2013-05-18T13:32:34.804+08:00"},
    lambda each: {**each, "verb": {"id": each["verb"]["id"], "display": {"fr": "réussi"}}},
    lambda each: {**each, "object": {**each["object"], "definition": {"name": {"en": "other"}}}},
    swapped,
    lambda each: put(each, ("context", "registration"), each["context"]["registration"].upper()),
    lambda each: put(each, ("context", "instructor", "mbox"), "mailto:ben@EXAMPLE.COM"),
    lambda each: put(each, ("context", "contextActivities", "category"), {"id": IRI}),
    lambda each: put(each, ("result", "score", "raw"), 3.0),
    lambda each: put(each, ("result", "duration"), "P3Y1M29DT4H35M59.149S"),
    lambda each: json.loads(json.dumps(each, sort_keys=True)),
]
MATERIAL: list[Callable[[dict[str, Any]], dict[str, Any]]] = [
    lambda each: {**each, "actor": BEN},
    lambda each: {**each, "timestamp": "2013-05-18T05:32:34.805Z"},
    lambda each: {**each, "verb": {"id": IRI}},
    lambda each: {**each, "object": {**each["object"], "id": IRI + "/other"}},
    lambda each: put(each, ("context", "instructor", "mbox"), "mailto:Ben@example.com"),
    lambda each: put(each, ("result", "duration"), "P3Y1M29DT4H35M59.15S"),
    lambda each: put(each, ("result", "duration"), "P3Y1M29DT4H34M119.14S"),
    lambda each: put(each, ("result", "success"), False),
    lambda each: put(each, ("result", "extensions", "http://example.com/e"), False),
    lambda each: {name: value for name, value in each.items() if name != "result"},
]


@given(st.lists(st.sampled_from(IMMATERIAL), max_size=6))
def test_what_servers_may_change_makes_no_other_statement(changes: list[Callable[[Any], Any]]) -> None:
    changed = full()
    for change in changes:
        changed = change(changed)
    assert same(FULL, changed)
    assert same(changed, FULL)
    stored = check_statement({**changed, "authority": BEN}, "statement")
    assert sought(stored) == sought(FULL)


@given(st.sampled_from(MATERIAL), st.lists(st.sampled_from(IMMATERIAL[3:4] + IMMATERIAL[6:]), max_size=3))
def test_all_else_makes_another_statement(change: Callable[[Any], Any], others: list[Callable[[Any], Any]]) -> None:
    changed = full()
    for other in others:
        changed = other(changed)
    if change is MATERIAL[0]:
        changed = full()
    assert not same(FULL, change(changed))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_any_value_of_an_extension_is_taken_and_compared(value: Any) -> None:
    statement = full(result={"extensions": {IRI: value}})
    assert accepted(statement)
    again = json.loads(json.dumps(statement))
    assert comparable(statement) == comparable(again)


@given(st.lists(st.binary(max_size=60), max_size=4), st.sampled_from(["b", "--", "a-b'()+_,./:=?"]))
def test_parts_are_split_where_they_were_joined(data: list[bytes], boundary: str) -> None:
    sent = [Part(hashlib.sha256(each).hexdigest(), "application/octet-stream", each) for each in data]
    if not any(f"--{boundary}".encode() in each for each in data):
        statements, found = split(join(b"[]", sent, boundary), boundary)
        assert (statements, found) == (b"[]", sent)


def test_ids_show_no_more_than_what_identifies() -> None:
    shown = ids(full(object=SUB))
    assert "display" not in shown["verb"]
    assert shown["actor"]["member"] == [
        {"objectType": "Agent", "mbox": "mailto:ben@example.com"},
        {"openid": "http://openid.example.com/eva"},
    ]
    assert shown["object"]["object"] == {"objectType": "Activity", "id": IRI}
    assert shown["context"]["contextActivities"]["parent"] == [{"objectType": "Activity", "id": IRI}]
    assert shown["result"] == FULL["result"]


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("zh-CN", {"zh-Hans-CN": "某"}),
        ("zh", {"zh-Hans-CN": "某"}),
        ("fr, en;q=0.5", {"en-US": "x"}),
        ("en-GB, zh;q=0.9", {"en-US": "x"}),
        ("zh;q=0, en", {"en-US": "x"}),
        ("", {"en-US": "x"}),
        ("*", {"en-US": "x"}),
        ("zh;q=high, en;q=0.1", {"en-US": "x"}),
    ],
)
def test_each_language_map_is_shown_in_the_language_that_is_wanted_most(header: str, words: dict[str, str]) -> None:
    wanted = languages(header)
    assert in_language({"en-US": "x", "zh-Hans-CN": "某"}, wanted) == words
    shown = canonical(FULL, {}, wanted)
    assert shown["object"]["definition"]["name"] == words
    assert shown["object"]["definition"]["description"] == {"en": "y"}
