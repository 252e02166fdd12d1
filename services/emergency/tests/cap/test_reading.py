"""Reading messages, whoever wrote them."""

from __future__ import annotations

import time
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from onegrid.emergency.v1.warnings_pb2 import CapCategory, CapMessageType, CapRule, WarningColour
from onegrid_emergency.cap.areas import survey
from onegrid_emergency.cap.checking import broken, check
from onegrid_emergency.cap.message import Alert, Key, Value, Violation
from onegrid_emergency.cap.reading import MAX_BYTES, read
from onegrid_emergency.cap.schema import NAMESPACE
from onegrid_emergency.cap.writing import write

from .documents import SENDER, SENT, area, document, info, later, national, reference


def checked(data: bytes) -> tuple[Alert | None, tuple[Violation, ...]]:
    reading = read(data)
    return reading.alert, check(reading, survey(reading.alert)) if reading.alert else reading.violations


def rules(data: bytes) -> set[str]:
    return {CapRule.Name(each.rule).removeprefix("CAP_RULE_") for each in checked(data)[1]}


def good(data: bytes) -> Alert:
    alert, violations = checked(data)
    assert alert is not None
    assert violations == ()
    return alert


def test_a_message_is_read_as_it_is_meant() -> None:
    alert = good(document())
    (said,) = alert.infos
    assert alert.key == Key(datetime.fromisoformat(SENT), SENDER, "urn:oid:2.49.0.1.156.0.2020.11.11.1")
    assert (alert.message_type, said.colour) == (
        CapMessageType.CAP_MESSAGE_TYPE_ALERT,
        WarningColour.WARNING_COLOUR_ORANGE,
    )
    assert (said.event, said.categories) == ("暴雨", (CapCategory.CAP_CATEGORY_MET,))
    assert said.parameters == (Value("ColorCode", "ORANGE"),)
    assert said.areas[0].description == "江沿街道"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "gb18030"])
def test_a_message_may_have_any_encoding_that_it_declares(encoding: str) -> None:
    text = document().decode().replace('encoding="UTF-8"', f'encoding="{encoding}"')
    assert good(text.encode(encoding)) == good(document())


def test_comments_and_instructions_change_nothing() -> None:
    commented = document().replace(b"<identifier>urn:oid", b"<?x y?><identifier>urn<!-- , -->:oid<!-- > -->")
    assert good(commented) == good(document())


def test_chinas_dialect_is_read_as_the_same_message() -> None:
    alert = good(national())
    (said,) = alert.infos
    assert alert.key == Key(datetime.fromisoformat(SENT), "21060041600000", "21060041600000_20201111060000")
    assert said.colour == WarningColour.WARNING_COLOUR_RED
    assert (said.sender_name, said.event) == ("丹东市气象局", "丹东市气象台发布暴雨红色预警")
    assert said.categories == (CapCategory.CAP_CATEGORY_MET,)
    assert said.event_codes == (Value("GB/T 35965.1", "11B03"),)
    assert said.effective == datetime.fromisoformat(SENT)
    assert said.areas[0].geocodes == (Value("GB/T 2260", "210602000000"),)


def test_references_of_the_dialect_may_have_a_space_in_their_times() -> None:
    update = national().replace(b"<msgType>Alert", b"<msgType>Update")
    update = update.replace(b"<references/>", b"<references>21060041600000,a,2020-11-11 05:00:00+08:00</references>")
    assert good(update).references == (Key(datetime.fromisoformat("2020-11-11T05:00:00+08:00"), "21060041600000", "a"),)


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "hostile",
    [
        f'<!DOCTYPE alert [<!ENTITY l0 "lol">{LAUGHS}]><alert xmlns="{NAMESPACE}"><note>&l9;</note></alert>',
        f'<!DOCTYPE alert [<!ENTITY l0 "lol">{LAUGHS}]><alert xmlns="{NAMESPACE}" note="&l9;"/>',
        f'<!DOCTYPE alert [<!ENTITY x SYSTEM "file:///etc/passwd">]><alert xmlns="{NAMESPACE}">&x;</alert>',
        f'<!DOCTYPE alert [<!ENTITY % x SYSTEM "http://127.0.0.1:1/x">%x;]><alert xmlns="{NAMESPACE}"/>',
        f'<!DOCTYPE alert SYSTEM "http://127.0.0.1:1/x.dtd"><alert xmlns="{NAMESPACE}"/>',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_ends_the_reading_at_once(hostile: str, encoding: str) -> None:
    began = time.process_time()
    assert rules(hostile.encode(encoding)) == {"NO_DOCTYPE"}
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "WELL_FORMED"),
        (b"\x00\x01", "WELL_FORMED"),
        (document()[:-3], "WELL_FORMED"),
        (document().replace("暴雨".encode(), b"\xff\xfe"), "WELL_FORMED"),
        (document().replace(b"UTF-8", b"no-such"), "WELL_FORMED"),
        (document(inside="<note>&undefined;</note>"), "WELL_FORMED"),
        (document(inside="<note>&#8;</note>"), "WELL_FORMED"),
        (b"<a>" * 300 + b"</a>" * 300, "WELL_FORMED"),
        (b" " * MAX_BYTES + document(), "SIZE"),
        (document(says=info() * 21), "SIZE"),
        (document(says=info(areas=area() * 501)), "SIZE"),
        (b"<alert/>", "ROOT"),
        (document().replace(b"cap:1.2", b"cap:1.0"), "ROOT"),
        (document(inside="<invented/>"), "STRUCTURE"),
        (document(inside="<note>a</note><note>b</note>"), "STRUCTURE"),
        (document(inside="<note>a<b/></note>"), "STRUCTURE"),
        (document().replace(b"<scope>Public</scope>", b""), "STRUCTURE"),
        (document().replace(b"<urgency>Expected</urgency>", b""), "STRUCTURE"),
        (document().replace(b"<areaDesc>", b"<areaName>").replace(b"</areaDesc>", b"</areaName>"), "STRUCTURE"),
        (document(status="actual"), "VALUE"),
        (document("Warn"), "VALUE"),
        (document(says=info(severity="Red")), "VALUE"),
        (document(says=info(language="中文")), "VALUE"),
        (document(says=info().replace("<web>https", "<web>not an address")), "VALUE"),
        (document(says=info(areas=area("<altitude>high</altitude>"))), "VALUE"),
        (document(says=info().replace("Shelter", "Run")), "VALUE"),
        (document(sent="2020-11-11"), "TIME"),
        (document(sent="2020-11-11T06:00:00"), "TIME"),
        (document(sent="2020-11-31T06:00:00+08:00"), "TIME"),
        (document(sent="2020-11-11T06:00:00.5+08:00"), "TIME"),
        (document(sent=""), "TIME"),
        (document(identifier=""), "IDENTIFIER"),
        (document(identifier="a b"), "IDENTIFIER"),
        (document(identifier="a,b"), "IDENTIFIER"),
        (document(identifier="a&lt;b"), "IDENTIFIER"),
        (document(sender="a&amp;b"), "SENDER"),
        (document(scope="Restricted"), "RESTRICTION"),
        (document(scope="Private"), "ADDRESSES"),
        (document("Update", "b"), "REFERENCES"),
        (document("Cancel", "b"), "REFERENCES"),
        (document("Ack", "b"), "REFERENCES"),
        (document("Error", "b"), "REFERENCES"),
        (document("Update", "b", references="a"), "REFERENCES"),
        (document("Update", "b", references=f"{reference('a')} x,y"), "REFERENCES"),
        (document("Update", "b", references=reference("b")), "REFERENCES"),
        (document("Update", "b", references=reference("a", "yesterday")), "TIME"),
    ],
)
def test_what_breaks_a_rule_is_known_by_the_rule_and_refused(data: bytes, rule: str) -> None:
    assert rule in rules(data)
    assert CapRule.Value(f"CAP_RULE_{rule}") in {each.rule for each in broken(checked(data)[1])}


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (document(sent="2020-11-10T22:00:00Z"), "TIME_OFFSET"),
        (
            document().replace(b"<scope>Public</scope>", b"").replace(b"<status>", b"<scope>Public</scope><status>"),
            "ORDER",
        ),
        (document(says=""), "INFO"),
        (document(says=info(expires="2020-11-11T05:00:00+08:00")), "EXPIRY"),
        (document(says=info(areas=area("<ceiling>100</ceiling>"))), "ALTITUDE"),
        (document(says=info(areas=area("<polygon>40.1,124.4 40.1,124.5 40.2,124.5</polygon>"))), "POLYGON_CLOSED"),
        (document(says=info(areas=area("<polygon>40,124 40,125 40,124</polygon>"))), "POLYGON"),
        (document(says=info(areas=area("<polygon>40,124 41,125 40,125 41,124 40,124</polygon>"))), "POLYGON"),
        (document(says=info(areas=area("<polygon>124,40 125,40 125,41 124,40</polygon>"))), "COORDINATES"),
        (document(says=info(areas=area("<polygon>40,124 40,x 40,125 41,125 40,124</polygon>"))), "COORDINATES"),
        (document(says=info(areas=area("<circle>40,124</circle>"))), "CIRCLE"),
        (document(says=info(areas=area("<circle>40,124 -1</circle>"))), "CIRCLE"),
        (document(says=info(areas=area("<circle>40,124 1e999</circle>"))), "CIRCLE"),
        (
            document(says=info(areas=area("<geocode><valueName>SAME</valueName><value>006109</value></geocode>"))),
            "GEOCODE",
        ),
    ],
)
def test_what_can_be_used_all_the_same_is_marked(data: bytes, rule: str) -> None:
    alert, violations = checked(data)
    assert alert is not None
    assert rules(data) == {rule}
    assert broken(violations) == ()


def test_utc_is_the_same_moment_however_it_is_written() -> None:
    alert, _ = checked(document(sent="2020-11-10T22:00:00Z"))
    assert alert is not None
    assert (
        alert.key.digest == good(document()).key.digest == good(document(sent="2020-11-10T22:00:00-00:00")).key.digest
    )


@pytest.mark.parametrize(
    "data",
    [
        document(),
        document("Update", "b", references=f"{reference('a')} {reference('c', later(3))}"),
        document("Cancel", "b", references=reference("a"), inside="<note>解除</note>"),
        document("Ack", "b", references=reference("a")),
        document(scope="Private", inside="<addresses>a@example.cn b@example.cn</addresses>"),
        document(scope="Restricted", inside="<restriction>指挥部</restriction>"),
        national(),
    ],
)
def test_what_is_written_is_read_as_the_same(data: bytes) -> None:
    alert = good(data)
    assert good(write(alert)) == alert


def test_utc_is_never_written_with_a_z() -> None:
    assert b"<sent>2020-11-10T22:00:00-00:00</sent>" in write(good(document(sent="2020-11-10T22:00:00-00:00")))


@given(st.binary(max_size=200), st.integers(0, 1500))
def test_no_bytes_make_the_reading_fail(junk: bytes, at: int) -> None:
    data = document()
    checked(junk)
    checked(data[:at] + junk + data[at + len(junk) :])


def test_a_signature_is_no_unknown_element() -> None:
    signature = '<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/>'
    assert good(document(says=info() + signature)) == good(document())
    assert etree.QName(etree.fromstring(signature)).localname == "Signature"
