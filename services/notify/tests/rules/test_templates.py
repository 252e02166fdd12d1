"""Templates: those that are shipped say the same in every language and never fail; none can do harm."""

from __future__ import annotations

import json
import time
from dataclasses import fields
from datetime import UTC, datetime
from importlib.resources import files

import pytest

from onegrid.grid.v1.resources_pb2 import Post
from onegrid.partyedu.v1.meetings_pb2 import MeetingKind
from onegrid.petition.v1.resources_pb2 import Kind
from onegrid_notify.facts import DIGEST, FACTS, PetitionFacts, Recipient, decode, encode, sample
from onegrid_notify.templates import (
    LANGUAGES,
    InvalidTemplate,
    RenderingFailed,
    Template,
    Wording,
    _Words,
    shipped,
    shipped_messages,
    shipped_wording,
)

MESSAGES = sorted(shipped_messages())
EVERY = [(language, *message) for language in LANGUAGES for message in MESSAGES]
OF_PETITIONS = [each for each in EVERY if FACTS[each[1]] is PetitionFacts]
FILLED = sample(PetitionFacts)


def template(text: str, short_text: str = "短", **fields: object) -> Template:
    """A template of a filing with this text."""
    wording = Wording(**{"title": "标题", "text": text, "short_text": short_text, **fields})  # type: ignore[arg-type]
    return Template("petition.PetitionFiled", Recipient.PETITIONER, "zh", wording)


def faults(text: str, **fields: object) -> list[tuple[str, int, str]]:
    """What is wrong with one that has this text."""
    with pytest.raises(InvalidTemplate) as error:
        template(text, **fields)  # type: ignore[arg-type]
    return [tuple(fault) for fault in error.value.faults]


def test_every_language_says_the_same() -> None:
    names = {path.name for path in (files("onegrid_notify") / "message_templates").iterdir()}
    assert names == set(LANGUAGES)
    assert all(sorted(shipped_wording(language)) == MESSAGES for language in LANGUAGES)


def test_there_are_messages_about_every_event_that_has_facts_and_the_petitioner_hears_of_each_step_of_a_petition() -> (
    None
):
    assert {event for event, _ in MESSAGES} == set(FACTS)
    of_petitioners = {event for event, recipient in MESSAGES if recipient is Recipient.PETITIONER}
    reminders = {"petition.PetitionDeadlineNeared", "petition.PetitionDeadlineMissed"}
    assert of_petitioners == {event for event, facts in FACTS.items() if facts is PetitionFacts} - reminders


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_petition_or_meeting_and_every_post_has_a_word(language: str) -> None:
    words = _Words.parse((files("onegrid_notify") / "message_templates" / language / "words.yaml").read_text("utf-8"))
    assert set(words.kinds) == set(Kind.values()) - {Kind.KIND_UNSPECIFIED}
    assert set(words.posts) == set(Post.values()) - {Post.POST_UNSPECIFIED}
    assert set(words.meetings) == set(MeetingKind.values()) - {MeetingKind.MEETING_KIND_UNSPECIFIED}


@pytest.mark.parametrize(("language", "event", "recipient"), EVERY)
def test_every_template_renders(language: str, event: str, recipient: Recipient) -> None:
    for facts in (FACTS[event](), sample(FACTS[event])):
        message = shipped(language)[event, recipient].render(facts)
        for line in (message.title, message.short_text):
            assert line == line.strip() != ""
            assert "\n" not in line
        assert message.text == message.text.strip() != ""
        # Between the parts of a digest alone there are empty lines.
        assert ("\n\n" in message.text) == (event == DIGEST and bool(facts.time))


@pytest.mark.parametrize(("language", "event", "recipient"), OF_PETITIONS)
def test_every_message_says_which_petition_it_is_about(language: str, event: str, recipient: Recipient) -> None:
    message = shipped(language)[event, recipient].render(FILLED)
    assert FILLED.number in message.text
    assert FILLED.number in message.short_text
    assert message.sms_parameters["number"] == FILLED.number


def test_moments_are_those_of_china() -> None:
    key = ("petition.PetitionFiled", Recipient.PETITIONER)
    assert "2020年11月11日 14:36" in shipped("zh")[key].render(FILLED).text
    assert "1 January 2021, 00:00" in shipped("en")[key].render(FILLED).text


@pytest.mark.parametrize("facts", FACTS.values(), ids=FACTS)
def test_samples_have_all_facts_and_survive_being_stored(facts: type[PetitionFacts]) -> None:
    filled = sample(facts)
    assert [field.name for field in fields(facts) if getattr(filled, field.name) == field.default] == []
    event = next(event for event, of in FACTS.items() if of is facts)
    assert decode(event, json.loads(json.dumps(encode(filled)))) == filled
    assert encode(facts()) == {}
    assert decode(event, {"of_a_later_release": 1}) == facts()


@pytest.mark.parametrize(
    ("text", "line", "fault"),
    [
        ("{{ petitioner }}", 1, "there is no petitioner"),
        ("{{ number }}\n{% if satisfied %}\n{{ phone }}{% endif %}", 3, "there is no phone"),
        ("{{ facts() }}", 1, "Call can't be used in a template"),
        ("{% include 'other' %}", 1, "Include can't be used in a template"),
        ("{% set number = 1 %}", 1, "Assign can't be used in a template"),
        ("{% macro number() %}{% endmacro %}", 1, "Macro can't be used in a template"),
        ("{{ 'x' * 1000000000 }}", 1, "Mul can't be used in a template"),
        ("{{ 9 ** 9 ** 9 }}", 1, "Pow can't be used in a template"),
        ("{{ '%1000000000d' % 1 }}", 1, "Mod can't be used in a template"),
        ("{{ answer[0] }}", 1, "Getitem can't be used in a template"),
        ("{{ number | upside_down }}", 1, "there is no filter upside_down"),
        ("{{ number | center(1000000000) }}", 1, "there is no filter center"),
        ("{{ number | replace('2', number) }}", 1, "there is no filter replace"),
        ("{{ number | truncate(leads) }}", 1, "what truncate takes must be written out"),
        ("{{ number.secret }}", 1, "secret can't be asked for"),
        ("{{ number.__class__ }}", 1, "__class__ can't be asked for"),
        ("{{ loop.index }}", 1, "index can't be asked for"),
        (
            "{% for each in range(9) %}{% endfor %}",
            1,
            "a loop goes over one list of facts, and stands in no other loop",
        ),
        ("{% for letter in answer %}{{ letter }}{% endfor %}", 1, "answer is no list"),
        (
            "{% for a in assistants %}{% for b in assistants %}{{ b }}{% endfor %}{% endfor %}",
            1,
            "a loop goes over one list of facts, and stands in no other loop",
        ),
        ("一行\n{{ number", 2, "unexpected end of template, expected 'end of print statement'."),
        ("{{ " + "(" * 400 + "number" + ")" * 400 + " }}", 1, "is nested too deeply"),
        ("{{ " + "not " * 60 + "leads }}", 1, "is nested too deeply"),
        ("一行\n{{ time < 3 }}", 2, "'<' not supported between instances of 'datetime.datetime' and 'int'"),
        ("{{ answer | offices }}", 1, "offices takes a list of names"),
        ("{% if false %}{{ number }}{% endif %}", 1, "is empty"),
        ("{{ number }}", 1, "is empty, where the event has none of the facts"),
    ],
)
def test_a_template_that_could_fail_or_do_harm_is_refused_with_the_line(text: str, line: int, fault: str) -> None:
    assert ("text", line, fault) in faults(text)


def test_all_faults_are_named_at_once() -> None:
    found = faults("{{ phone }}\n{{ login }}", short_text="{{ secret }}", sms_parameters=("number", "home", "leads"))
    assert found == [
        ("text", 1, "there is no phone"),
        ("text", 2, "there is no login"),
        ("short_text", 1, "there is no secret"),
        ("sms_parameters", 2, "there is no home"),
        ("sms_parameters", 3, "leads is no text"),
    ]


def test_a_message_that_becomes_too_long_is_refused() -> None:
    own = template("答：" + "{{ answer }}" * 30)
    with pytest.raises(RenderingFailed, match="text: ValueError"):
        own.render(PetitionFacts(answer="长" * 2000))


def test_the_worst_that_is_allowed_takes_no_time() -> None:
    own = template("{% for each in assistants %}" + "{{ each | upper }}" * 100 + "{% endfor %}.")
    begin = time.process_time()
    with pytest.raises(RenderingFailed):
        own.render(PetitionFacts(assistants=("名" * 64,) * 1000))
    assert time.process_time() - begin < 1


def test_lists_can_be_written_one_by_one() -> None:
    each = "{{ loop.index }}{{ each | office }}{% if not loop.last %}，{% endif %}"
    own = template(f"协办：{{% for each in assistants %}}{each}{{% endfor %}}")
    assert own.render(PetitionFacts(assistants=("甲", "乙"))).text == "协办：1甲，2乙"


def test_what_people_wrote_is_no_template() -> None:
    facts = PetitionFacts(note="{{ number }} <b>&")
    assert template("{{ note }}.").render(facts).text == "{{ number }} <b>&."


def test_titles_and_short_texts_are_one_line_whatever_the_facts_are() -> None:
    rendered = template("文", short_text="答复：{{ answer }}").render(PetitionFacts(answer="一\n二\u2028三"))
    assert rendered.short_text == "答复：一 二 三"


def test_providers_fill_in_what_the_short_text_mentions_or_what_its_editor_says() -> None:
    text = "{{ kind | kind }}{{ number }}{% if leads %}{{ due | moment }}{{ number }}{% endif %}"
    facts = PetitionFacts(number="7", kind=Kind.KIND_HELP, due=datetime(2020, 12, 31, 16, 0, tzinfo=UTC))
    rendered = template("文", short_text=text).render(facts)
    assert rendered.sms_template == "petition.PetitionFiled-petitioner-zh"
    assert list(rendered.sms_parameters.items()) == [("kind", "求助"), ("number", "7"), ("due", "2021年1月1日 00:00")]
    own = template("文", short_text=text, sms_template="filed", sms_parameters=("number",)).render(facts)
    assert (own.sms_template, own.sms_parameters) == ("filed", {"number": "7"})
