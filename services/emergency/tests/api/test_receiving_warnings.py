"""Warnings that others send, over real gRPC and a real database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from onegrid.emergency.v1 import warnings_pb2 as pb
from onegrid.emergency.v1.events_pb2 import WarningCancelled, WarningExpired, WarningIssued, WarningUpdated
from onegrid_emergency.cap.areas import survey
from onegrid_emergency.cap.checking import check
from onegrid_emergency.cap.reading import read
from onegrid_emergency.commands.warning_messages import Incoming, expire_due, take
from onegrid_kit.callers import ANONYMOUS, Call
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.events import announced

from ..cap.documents import SENT, area, document, info, later, national, reference
from ..cap.test_signing import Signer
from .people import CELL, COMMANDER, DISTRICT, OTHER_CELL, WORKER
from .warning_senders import SOURCE, WEATHER, define_source, lay_ground, receive, sender, warning

NOW = datetime.fromisoformat(SENT) + timedelta(minutes=30)


@pytest.fixture(autouse=True)
def ground(engine: Engine, clock: SettableClock) -> None:
    lay_ground(engine)
    clock.set(NOW)


def update(identifier: str, minutes: int, refers: str = "a", **fields: Any) -> bytes:
    return document("Update", identifier, sent=later(minutes), references=reference(refers), **fields)


def cancel(identifier: str, minutes: int, refers: str = "a", at: str = SENT, **fields: Any) -> bytes:
    fields = {"inside": "<note>雨已停</note>", **fields}
    return document("Cancel", identifier, sent=later(minutes), references=reference(refers, at), **fields)


async def refused(api: Serving, data: bytes, by: Any = WEATHER) -> Refused:
    with pytest.raises(Refused) as error:
        await receive(api, data, by)
    return error.value


async def test_an_alert_becomes_a_warning_for_its_cells_and_is_announced(api: Serving, engine: Engine) -> None:
    await define_source(api)
    answer = await receive(api, document("Alert", "a"))
    assert (answer.message.source, list(answer.message.faults), answer.message.held) == (SOURCE, [], False)
    found = await warning(api, answer.message.warnings[0])
    assert (found.state, found.colour, found.headline) == (
        pb.WARNING_STATE_IN_FORCE,
        pb.WARNING_COLOUR_ORANGE,
        "暴雨橙色预警",
    )
    assert (list(found.cells), list(found.places)) == ([CELL], [CELL])
    assert found.expire_time.ToDatetime(UTC) == datetime.fromisoformat("2020-11-12T06:00:00+08:00")
    (issued,) = announced(engine)
    assert isinstance(issued, WarningIssued)
    assert (issued.warning.name, list(issued.warning.places), issued.warning.version) == (found.name, [CELL], 1)
    assert issued.warning.expire_time == found.expire_time
    stored = await api.call(COMMANDER, "GetWarningMessage", name=answer.message.name)
    assert stored.message.document == document("Alert", "a")


async def test_the_sender_gets_an_acknowledgement_that_others_can_read(api: Serving) -> None:
    await define_source(api)
    reply = read((await receive(api, document("Alert", "a"))).reply)
    assert reply.alert is not None
    assert check(reply, survey(reply.alert)) == ()
    assert reply.alert.message_type == pb.CAP_MESSAGE_TYPE_ACK
    assert [each.identifier for each in reply.alert.references] == ["a"]


async def test_an_update_takes_the_place_of_what_was_said_and_a_cancel_ends_it(api: Serving, engine: Engine) -> None:
    await define_source(api)
    name = (await receive(api, document("Alert", "a"))).message.warnings[0]
    wider = area("<polygon>40.12,124.42 40.12,124.58 40.18,124.58 40.12,124.42</polygon>")
    await receive(api, update("b", 5, says=info(severity="Extreme", areas=wider)))
    found = await warning(api, name)
    assert (found.colour, list(found.cells)) == (pb.WARNING_COLOUR_RED, [CELL, OTHER_CELL])
    await receive(api, cancel("c", 10))
    ended = await warning(api, name)
    assert (ended.state, ended.headline) == (pb.WARNING_STATE_CANCELLED, found.headline)
    issued, updated, cancelled = announced(engine)
    assert isinstance(issued, WarningIssued)
    assert isinstance(updated, WarningUpdated)
    assert (updated.warning.version, updated.warning.colour) == (2, pb.WARNING_COLOUR_RED)
    assert isinstance(cancelled, WarningCancelled)
    assert (cancelled.warning, cancelled.version, cancelled.note) == (name, 3, "雨已停")


async def test_what_comes_before_what_it_refers_to_is_held_listed_and_joined(api: Serving, engine: Engine) -> None:
    await define_source(api)
    held = (await receive(api, cancel("c", 10))).message
    assert held.held
    for only_held, count in ((True, 1), (False, 1)):
        listed = await api.call(COMMANDER, "ListWarningMessages", district=DISTRICT, held=only_held)
        assert len(listed.messages) == count
    assert not (await api.call(COMMANDER, "ListWarnings", district=DISTRICT)).warnings
    name = (await receive(api, document("Alert", "a"))).message.warnings[0]
    assert (await warning(api, name)).state == pb.WARNING_STATE_CANCELLED
    assert not (await api.call(COMMANDER, "ListWarningMessages", district=DISTRICT, held=True)).messages
    listed = await api.call(COMMANDER, "ListWarningMessages", district=DISTRICT, warning=name)
    assert [each.identifier for each in listed.messages] == ["c", "a"]
    # Nobody is warned of what was taken back before it came.
    assert announced(engine) == []


async def test_the_same_message_is_taken_once_and_refused_with_other_bytes(api: Serving, engine: Engine) -> None:
    await define_source(api)
    first, second = await receive(api, document("Alert", "a")), await receive(api, document("Alert", "a"))
    assert first == second
    assert len(announced(engine)) == 1
    error = await refused(api, document("Alert", "a", inside="<note>x</note>"))
    assert (error.reason, error.metadata) == ("WARNING_MESSAGE_CHANGED", {"message": first.message.name})


@pytest.mark.parametrize(
    ("status", "scope", "inside"),
    [
        ("Exercise", "Public", ""),
        ("Test", "Public", ""),
        ("System", "Public", ""),
        ("Draft", "Public", ""),
        ("Actual", "Restricted", "<restriction>指挥部</restriction>"),
        ("Actual", "Private", "<addresses>command@example.cn</addresses>"),
    ],
)
async def test_nothing_but_what_is_meant_and_public_reaches_people(
    api: Serving, engine: Engine, status: str, scope: str, inside: str
) -> None:
    await define_source(api)
    answer = await receive(api, document("Alert", "a", status=status, scope=scope, inside=inside))
    assert (await warning(api, answer.message.warnings[0])).state == pb.WARNING_STATE_IN_FORCE
    assert announced(engine) == []
    # Nor does it change what they know.
    meant = await receive(api, document("Alert", "b"))
    await receive(api, cancel("c", 5, "b", status=status, scope=scope, inside=inside))
    assert (await warning(api, meant.message.warnings[0])).state == pb.WARNING_STATE_IN_FORCE
    assert len(announced(engine)) == 1


async def test_a_warning_that_says_nothing_of_its_end_ends_after_a_day(
    api: Serving, engine: Engine, clock: SettableClock
) -> None:
    await define_source(api)
    name = (await receive(api, document("Alert", "a", says=info(expires=None)))).message.warnings[0]
    end = datetime.fromisoformat(SENT) + timedelta(days=1)
    assert (await warning(api, name)).expire_time.ToDatetime(UTC) == end
    for now, state in ((end - timedelta(seconds=1), pb.WARNING_STATE_IN_FORCE), (end, pb.WARNING_STATE_EXPIRED)):
        clock.set(now)
        for _ in range(2):
            with engine.begin() as conn:
                expire_due(conn, now)
        assert (await warning(api, name)).state == state
    assert [type(each) for each in announced(engine)] == [WarningIssued, WarningExpired]
    # An Update that lasts longer puts it in force again.
    longer = info(expires=(end + timedelta(days=1)).isoformat(timespec="seconds").replace("Z", "+00:00"))
    await receive(api, update("b", 24 * 60, says=longer))
    assert (await warning(api, name)).state == pb.WARNING_STATE_IN_FORCE
    assert isinstance(announced(engine)[-1], WarningIssued)


async def test_broken_areas_are_marked_and_resolved_as_far_as_they_can_be(api: Serving) -> None:
    await define_source(api)
    broken = area(
        "<polygon>124.42,40.12 124.48,40.12 124.48,40.18</polygon>", "<polygon>x</polygon>", "<circle>y</circle>"
    )
    answer = await receive(api, document("Alert", "a", says=info(areas=broken)))
    found = await warning(api, answer.message.warnings[0])
    assert list(found.cells) == [CELL]
    assert {pb.CapRule.Name(each.rule).removeprefix("CAP_RULE_") for each in found.faults} == {
        "COORDINATES",
        "POLYGON",
        "POLYGON_CLOSED",
        "CIRCLE",
    }
    assert found.faults[0].field == "info[0].area[0].polygon[0]"
    assert b"info[0].area[0].circle[0]" in answer.reply


async def test_what_breaks_other_rules_is_refused_and_the_rules_are_named(api: Serving) -> None:
    await define_source(api)
    error = await refused(api, document("Update", "b", inside="<invented/>"))
    assert (error.reason, error.metadata) == ("CAP_RULE_BROKEN", {"rules": "STRUCTURE,REFERENCES"})
    assert error.fields == ["invented", "references"]
    error = await refused(api, b"<!DOCTYPE x><x/>")
    assert error.metadata == {"rules": "NO_DOCTYPE"}
    error = await refused(api, document("Alert", "b", sent=later(36)))
    assert (error.metadata, error.fields) == ({"rules": "TIME"}, ["sent"])


async def test_the_national_dialect_warns_the_district_by_its_code(api: Serving) -> None:
    await define_source(api, sender="21060041600000")
    found = await warning(api, (await receive(api, national())).message.warnings[0])
    assert (list(found.places), found.colour) == ([DISTRICT], pb.WARNING_COLOUR_RED)
    assert list(found.cells) == [CELL, OTHER_CELL]


async def test_only_the_account_of_a_source_sends_its_messages(api: Serving) -> None:
    for by in (WEATHER, sender("other123")):
        error = await refused(api, document(), by)
        assert (error.reason, error.metadata) == ("WARNING_SOURCE_UNKNOWN", {"sender": "weather@example.cn"})
    source = await define_source(api)
    assert (await refused(api, document(), sender("other123"))).reason == "WARNING_SOURCE_UNKNOWN"
    await define_source(api, suspended=True, etag=source.etag)
    assert (await refused(api, document())).reason == "WARNING_SOURCE_UNKNOWN"
    assert (await refused(api, document(), WORKER)).reason == "PERMISSION_DENIED"


async def test_a_source_is_defined_once_for_each_sender(api: Serving) -> None:
    first = await define_source(api)
    assert await define_source(api) == first
    listed = await api.call(COMMANDER, "ListWarningSources", district=DISTRICT)
    assert list(listed.sources) == [first]
    for fields, reason in (
        ({"name": f"warningSources/{DISTRICT}-other"}, "WARNING_SENDER_TAKEN"),
        ({"sender": f"{DISTRICT}@onegrid"}, "WARNING_SENDER_TAKEN"),
        ({"certificate": "x"}, "INVALID_REQUEST"),
        ({"display_name": "x", "etag": "7"}, "STALE_ETAG"),
    ):
        with pytest.raises(Refused) as error:
            await define_source(api, **fields)
        assert error.value.reason == reason


async def test_a_source_that_must_sign_is_believed_by_its_signature_alone(api: Serving) -> None:
    signer = Signer(datetime.fromisoformat(SENT))
    await define_source(api, certificate=signer.certificate)
    error = await refused(api, document("Alert", "a"))
    assert error.metadata == {"rules": "SIGNATURE"}
    assert not (await receive(api, signer.sign(document("Alert", "a")))).message.held


async def test_answers_to_a_warning_stand_with_it(api: Serving) -> None:
    await define_source(api)
    await define_source(
        api, name=f"warningSources/{DISTRICT}-county", sender="county@example.cn", account="users/county12"
    )
    name = (await receive(api, document("Alert", "a"))).message.warnings[0]
    answer = document(
        "Error",
        "e",
        sender="county@example.cn",
        sent=later(1),
        references=reference("a"),
        inside="<note>无法显示</note>",
    )
    await receive(api, answer, sender("county12"))
    (reply,) = (await warning(api, name)).replies
    assert (reply.type, reply.sender, reply.note) == (pb.CAP_MESSAGE_TYPE_ERROR, "county@example.cn", "无法显示")


MESSAGES = [
    document("Alert", "a"),
    update("b", 1, says=info(headline="二")),
    document(
        "Update",
        "c",
        sent=later(2),
        references=f"{reference('a')} {reference('b', later(1))}",
        says=info(headline="三"),
    ),
    cancel("d", 3, "c", later(2)),
    document("Alert", "e", sent=later(1)),
    document("Update", "f", sent=later(4), references=f"{reference('e', later(1))} {reference('a')}"),
    cancel("g", 5, "nothing"),
    document("Ack", "h", sent=later(6), references=reference("d", later(3))),
    update("i", 7, "a", status="Exercise"),
]
STATE = (
    "SELECT id, state, message, superseded_by, status, scope, headline, colour, cells, places, expire_time, replies, "
    "announced, sent_time FROM warning ORDER BY id",
    "SELECT id, held, warnings, cells, places FROM warning_message ORDER BY id",
)


def after(conn: Connection, order: Sequence[int]) -> list[Any]:
    """What is stored after these messages have come in this order; nothing of it stays."""
    undone = conn.begin_nested()
    for number in order:
        reading = read(MESSAGES[number])
        assert reading.alert is not None
        ground = survey(reading.alert)
        incoming = Incoming(
            district=DISTRICT,
            source="meteorology",
            alert=reading.alert,
            ground=ground,
            faults=check(reading, ground),
            document=MESSAGES[number],
        )
        take(conn, incoming, timedelta(days=1), Call(caller=ANONYMOUS, now=NOW, method="test"))
    state = [tuple(row) for query in STATE for row in conn.execute(text(query))]
    undone.rollback()
    return state


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_order_of_the_same_messages_ends_in_the_same_state(engine: Engine, data: st.DataObject) -> None:
    some = data.draw(st.sets(st.integers(0, len(MESSAGES) - 1), min_size=1))
    order = data.draw(st.permutations([*some, *data.draw(st.lists(st.sampled_from(sorted(some)), max_size=4))]))
    with engine.connect() as conn:
        assert after(conn, order) == after(conn, sorted(some))
