"""Templates that districts publish: checked, previewed, used at once, and never a reason to lose a message."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from prometheus_client import REGISTRY
from sqlalchemy import Engine, event, text

from onegrid.notify.v1.templates_pb2 import TemplateRecipient
from onegrid.options.v1.options_pb2 import BuiltInRole
from onegrid.petition.v1.events_pb2 import PetitionDispatched, PetitionFiled
from onegrid.petition.v1.resources_pb2 import Kind
from onegrid_kit.callers import Caller
from onegrid_kit.clock import SettableClock
from onegrid_kit.sending import Outgoing, State
from onegrid_kit.testing.api import Refused, Serving, serving
from onegrid_kit.testing.callers import staff
from onegrid_kit.testing.events import Events
from onegrid_kit.testing.jobs import job_of
from onegrid_kit.timestamps import timestamp
from onegrid_notify import rendering
from onegrid_notify.facts import PetitionFacts, Recipient
from onegrid_notify.main import SERVICE
from onegrid_notify.rendering import Renderer
from onegrid_notify.store.messages import sources
from onegrid_notify.templates import shipped, shipped_messages

from .people import CITIZEN, COMMANDER, DISTRICT, LEAD_CLERK, NEIGHBOUR, STREET_DESK

NAME = f"templates/{DISTRICT}-petition.PetitionFiled-petitioner-zh"
ENGLISH = f"templates/{DISTRICT}-petition.PetitionFiled-petitioner-en"
ELSEWHERE = staff("elsewhere", BuiltInRole.BUILT_IN_ROLE_COMMANDER, "210603")
OWN = {"title": "已收到", "text": "编号{{ number }}", "short_text": "已收到{{ number }}"}
DAY_BEFORE, COUNT = datetime(2020, 11, 10, tzinfo=UTC), itertools.count()
PETITION = "petitions/210602-20201111-7KX3M9QF"


@pytest.fixture(autouse=True)
def always_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that asks for changes before each message."""
    monkeypatch.setattr(rendering, "_REFRESH_S", 0)


async def publish(api: Serving, wording: dict[str, Any], name: str = NAME, by: Caller = COMMANDER, **more: Any) -> Any:
    return (await api.call(by, "PublishTemplate", name=name, wording=wording, **more)).template


def filed(petitioner: Caller = CITIZEN) -> PetitionFiled:
    event = PetitionFiled()
    event.step.petition = PETITION
    event.step.petitioner = petitioner.user
    event.step.kind = Kind.KIND_HELP
    event.step.time.CopyFrom(timestamp(datetime(2020, 11, 11, 6, 36, tzinfo=UTC)))
    return event


async def message(api: Serving, events: Events, reader: Caller = CITIZEN) -> Any:
    """What somebody hears of a filing."""
    events.deliver(filed(reader), subject=PETITION, time=DAY_BEFORE + timedelta(minutes=next(COUNT)))
    return (await api.call(reader, "ListInboxItems")).items[0]


def speak(engine: Engine, reader: Caller, language: str) -> None:
    with engine.begin() as conn:
        conn.execute(
            text(
                """
                INSERT INTO preferences (user_name, mutes, digests, time_zone, language, version, update_time)
                VALUES (:user, '[]', '[]', '', :language, 1, now())
                """
            ),
            {"user": reader.user, "language": language},
        )


async def test_messages_say_what_the_district_published_until_it_returns_to_what_is_shipped(
    api: Serving, events: Events
) -> None:
    shipped_title = (await message(api, events)).title
    published = await publish(api, OWN)
    assert (published.shipped, published.version, published.publisher) == (False, 1, COMMANDER.user)
    assert published.wording.text == OWN["text"]
    found = await message(api, events)
    assert (found.title, found.summary) == ("已收到", "编号210602-20201111-7KX3M9QF")
    returned = (await api.call(COMMANDER, "DeleteTemplate", name=NAME)).template
    assert (returned.shipped, returned.version, returned.wording.title) == (True, 2, shipped_title)
    assert (await message(api, events)).title == shipped_title


async def test_what_was_written_already_stays(api: Serving, events: Events) -> None:
    before = await message(api, events)
    await publish(api, OWN)
    assert (await api.call(CITIZEN, "ListInboxItems")).items == [before]


@pytest.mark.parametrize(
    ("wording", "fields", "description"),
    [
        ({"text": "一\n{{ phone }}"}, ["wording.text"], "line 2: there is no phone"),
        ({"short_text": "{{ answer | offices }}"}, ["wording.short_text"], "line 1: offices takes a list of names"),
        ({"title": "{% for a in range(9) %}"}, ["wording.title"], "line 1"),
        ({"sms_parameters": ["phone"]}, ["wording.sms_parameters"], "there is no phone"),
        ({"title": "{{ a }}", "text": "{{ b }}"}, ["wording.title", "wording.text"], "there is no a"),
    ],
)
async def test_a_wording_that_would_fail_is_refused_and_every_fault_is_named(
    api: Serving, wording: dict[str, Any], fields: Sequence[str], description: str
) -> None:
    for method in ("PublishTemplate", "PreviewTemplate"):
        with pytest.raises(Refused, match=description) as refused:
            await api.call(COMMANDER, method, name=NAME, wording={**OWN, **wording})
        assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
        assert refused.value.reason == "TEMPLATE_INVALID"
        assert refused.value.metadata == {"template": NAME}
        assert refused.value.fields == fields
    assert not (await api.call(COMMANDER, "ListTemplateVersions", name=NAME)).versions


async def test_a_preview_shows_how_a_message_reads_and_publishes_nothing(api: Serving) -> None:
    shown = (await api.call(COMMANDER, "PreviewTemplate", name=NAME, wording={**OWN, "sms_template": "filed"})).message
    assert (shown.title, shown.text) == ("已收到", "编号210602-20201111-7KX3M9QF")
    assert (shown.sms_template, dict(shown.sms_parameters)) == ("filed", {"number": "210602-20201111-7KX3M9QF"})
    current = (await api.call(COMMANDER, "PreviewTemplate", name=ENGLISH)).message
    assert current.title == "We have your petition"
    assert (await api.call(COMMANDER, "GetTemplate", name=NAME)).template.shipped


async def test_every_template_is_listed_with_its_own_wording_or_the_shipped_one(api: Serving) -> None:
    await publish(api, OWN)
    listed, token = [], ""
    while True:
        page = await api.call(COMMANDER, "ListTemplates", district=DISTRICT, page_size=7, page_token=token)
        listed += page.templates
        token = page.next_page_token
        if not token:
            break
    names = [each.name for each in listed]
    assert len(names) == len(set(names)) == 2 * len(shipped_messages())
    assert [each.name for each in listed if not each.shipped] == [NAME]
    assert all(each.wording.title and each.wording.text and each.wording.short_text for each in listed)
    assert TemplateRecipient.TEMPLATE_RECIPIENT_UNSPECIFIED not in {each.recipient for each in listed}


async def test_an_editor_learns_which_facts_there_are(api: Serving) -> None:
    answer = await api.call(COMMANDER, "GetTemplate", name=NAME)
    facts = {fact.name: fact for fact in answer.facts}
    assert (facts["due"].filter, facts["due"].sample) == ("moment", "2021年1月1日 00:00")
    assert (facts["leads"].flag, facts["leads"].filter) == (True, "")
    assert all(fact.description and fact.sample for fact in facts.values())


async def test_versions_are_kept_the_newest_first_and_no_more_than_fifty(api: Serving) -> None:
    for number in range(51):
        await publish(api, {**OWN, "title": f"标题{number}"})
    await api.call(COMMANDER, "DeleteTemplate", name=NAME)
    versions = (await api.call(COMMANDER, "ListTemplateVersions", name=NAME, page_size=500)).versions
    assert [each.name.rpartition("/")[2] for each in versions] == [str(number) for number in range(52, 2, -1)]
    assert not versions[0].HasField("wording")
    assert versions[1].wording.title == "标题50"


async def test_publishing_what_is_in_use_changes_nothing(api: Serving) -> None:
    first = await publish(api, OWN)
    assert await publish(api, OWN) == first
    await api.call(COMMANDER, "DeleteTemplate", name=ENGLISH)
    assert not (await api.call(COMMANDER, "ListTemplateVersions", name=ENGLISH)).versions


async def test_who_publishes_by_what_was_read_does_not_overwrite_what_came_meanwhile(api: Serving) -> None:
    etag = (await api.call(COMMANDER, "GetTemplate", name=NAME)).template.etag
    outcomes = await asyncio.gather(
        *(
            publish(api, {**OWN, "title": f"标题{number}"}, etag=etag, request_id=str(uuid.uuid4()))
            for number in range(5)
        ),
        return_exceptions=True,
    )
    refused = [each for each in outcomes if isinstance(each, Refused)]
    assert {each.reason for each in refused} == {"STALE_ETAG"}
    assert len(refused) == 4


@pytest.mark.parametrize("caller", [LEAD_CLERK, STREET_DESK, ELSEWHERE, CITIZEN])
async def test_only_who_may_changes_what_a_district_says(api: Serving, caller: Caller) -> None:
    for method, fields in (("PublishTemplate", {"wording": OWN}), ("DeleteTemplate", {}), ("GetTemplate", {})):
        with pytest.raises(Refused) as refused:
            await api.call(caller, method, name=NAME, **fields)
        assert refused.value.reason == "PERMISSION_DENIED"


@pytest.mark.parametrize(
    "name", [NAME.replace("Filed", "Lost"), NAME.replace("petitioner", "nobody"), NAME.replace("-zh", "-fr")]
)
async def test_templates_that_nobody_gets_are_not_found(api: Serving, name: str) -> None:
    with pytest.raises(Refused) as refused:
        await publish(api, OWN, name)
    assert refused.value.code is grpc.StatusCode.NOT_FOUND


async def test_the_wording_of_another_district_is_its_own(api: Serving, events: Events) -> None:
    await publish(api, OWN, NAME.replace(DISTRICT, "210603"), ELSEWHERE)
    assert (await message(api, events)).title == "您的诉求已收到"


async def test_a_reader_has_messages_in_the_language_that_they_prefer(
    api: Serving, events: Events, engine: Engine
) -> None:
    speak(engine, CITIZEN, "en")
    speak(engine, NEIGHBOUR, "fr")
    assert (await message(api, events)).title == "We have your petition"
    assert (await message(api, events, NEIGHBOUR)).title == "您的诉求已收到"
    await publish(api, {**OWN, "title": "Received"}, ENGLISH)
    assert (await message(api, events)).title == "Received"
    assert (await message(api, events, NEIGHBOUR)).title == "您的诉求已收到"


async def test_a_template_that_fails_on_an_event_gives_way_to_the_shipped_one(
    api: Serving, events: Events, engine: Engine
) -> None:
    labels = {"service": "notify", "event": "petition.PetitionFiled"}

    def fallbacks() -> float:
        return REGISTRY.get_sample_value("onegrid_template_fallbacks_total", labels) or 0

    # With the sample it is not empty, and with no facts at all neither.
    own = "{% if kind | kind | length == 2 and not due %}{% if not time %}.{% endif %}{% else %}.{% endif %}"
    await publish(api, {**OWN, "text": own})
    before = fallbacks()
    assert (await message(api, events)).title == "您的诉求已收到"
    assert fallbacks() > before
    # Published under a release that had another fact.
    with engine.begin() as conn:
        conn.execute(text("UPDATE template_version SET text = '{{ gone }}', change = change + 1"))
    before = fallbacks()
    assert (await message(api, events)).title == "您的诉求已收到"
    assert fallbacks() > before


async def test_every_process_hears_of_a_change_within_seconds_and_asks_seldom(
    database_url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    times = [0.0]
    worker = Renderer(clock=lambda: times[0])
    statements: list[str] = []

    def title() -> str:
        with engine.connect() as conn:
            key = ("petition.PetitionFiled", Recipient.PETITIONER)
            return worker.render(conn, DISTRICT, *key, PetitionFacts(number="7"), "zh").title

    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    assert [title() for _ in range(3)] == ["您的诉求已收到"] * 3
    assert len(statements) == 1
    async with serving(SERVICE, database_url) as replica:
        await publish(replica, OWN)
        times[0] += 2.5
        assert title() == "已收到"
        await replica.call(COMMANDER, "DeleteTemplate", name=NAME)
        times[0] += 2.5
        assert title() == "您的诉求已收到"
    assert len(statements) == 3


async def test_what_leaves_the_platform_can_be_written_later_in_any_language_but_not_forever(
    api: Serving, events: Events, engine: Engine, clock: SettableClock
) -> None:
    item = (await message(api, events)).name.removeprefix("inboxItems/")
    sending = Outgoing(
        id=f"{item}/{CITIZEN.user}/SMS", channel="SMS", district=DISTRICT, recipient=CITIZEN.user, state=State.WAITING,
        attempts=0, tries=0, last_provider="", last_code="", create_time=clock.now(), end_time=None, traceparent="",
    )  # fmt: skip
    with engine.begin() as conn:
        source = sources(conn, [sending])[sending.id]
        rendered = rendering.render(conn, DISTRICT, source.event, source.recipient, source.facts, "en")
        assert "Your request for help 210602-20201111-7KX3M9QF" in rendered.short_text
        conn.execute(text("UPDATE message_source SET expire_time = :now"), {"now": clock.now()})
        job = job_of(SERVICE, "delete expired messages")
        job.run(conn, clock.now())
        assert sources(conn, [sending]) == {}
        assert sources(conn, []) == {}
    assert (await api.call(CITIZEN, "ListInboxItems")).items[0].name.endswith(item)


async def test_an_event_costs_the_same_statements_however_many_it_concerns(engine: Engine, events: Events) -> None:
    statements: list[str] = []

    def executing(_: object, __: object, statement: str, *___: object) -> None:
        if "inbox" not in statement and "parked_event" not in statement:
            statements.append(statement)

    counts = []
    for assignees in (1, 9):
        sent = PetitionDispatched()
        sent.step.CopyFrom(filed().step)
        for number in range(assignees):
            sent.tasks.add(assignee=f"{DISTRICT}D{number:02}")
        event.listen(Engine, "before_cursor_execute", executing)
        events.deliver(sent, subject=PETITION)
        event.remove(Engine, "before_cursor_execute", executing)
        counts.append(sum("preferences" in each for each in statements))
        statements.clear()
    assert counts == [1, 1]


def test_the_shipped_templates_are_compiled_once() -> None:
    assert shipped("zh") is shipped("zh")
