"""The templates that are shipped: the same in every language, and none that fails on an event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from importlib.resources import files

import pytest

from onegrid.petition.v1.resources_pb2 import Kind
from onegrid_notify import templates
from onegrid_notify.notifications import EVENTS
from onegrid_notify.templates import Facts, InvalidTemplate, Recipient, Templates

MESSAGES = sorted(templates.load().messages)
EVERY = [(language, *message) for language in templates.LANGUAGES for message in MESSAGES]
FILLED = Facts(
    number="210602-20201111-7KX3M9QF",
    kind=Kind.KIND_HELP,
    time=datetime(2020, 11, 11, 6, 36, tzinfo=UTC),
    office="广济街道",
    lead="人社中心",
    assistants=("公安分局", ""),
    assignee="人社中心",
    leads=True,
    due=datetime(2020, 12, 31, 16, 0, tzinfo=UTC),
    instruction="请上门了解",
    reason="不属于本区",
    note="正在联系",
    answer="已办好\n谢谢",
    satisfied=True,
    concluded=True,
)
WORDS = "{kinds: {help: 求助}, unknown_kind: 诉求, unknown_office: 单位, separator: '、', moment: '{0:%H:%M}'}"


def test_every_language_says_the_same() -> None:
    names = {path.name for path in (files("onegrid_notify") / "message_templates").iterdir()}
    assert names == set(templates.LANGUAGES)
    for language in templates.LANGUAGES:
        assert sorted(templates.load(language).messages) == MESSAGES


def test_the_petitioner_hears_of_every_event() -> None:
    of_petitioners = {event for event, recipient in MESSAGES if recipient is Recipient.PETITIONER}
    assert of_petitioners == {event.DESCRIPTOR.name for event in EVENTS}


@pytest.mark.parametrize("language", templates.LANGUAGES)
def test_every_kind_of_petition_has_a_word(language: str) -> None:
    words = templates.load(language)._words
    assert set(words.kinds) == set(Kind.values()) - {Kind.KIND_UNSPECIFIED}


@pytest.mark.parametrize(("language", "event", "recipient"), EVERY)
@pytest.mark.parametrize("facts", [Facts(), FILLED], ids=["empty", "filled"])
def test_every_template_renders(language: str, event: str, recipient: Recipient, facts: Facts) -> None:
    title, text = templates.load(language).render(event, recipient, facts)
    assert title == title.strip() != ""
    assert "\n" not in title
    assert text == text.strip() != ""
    assert "\n\n" not in text


@pytest.mark.parametrize(("language", "event", "recipient"), EVERY)
def test_every_message_says_which_petition_it_is_about(language: str, event: str, recipient: Recipient) -> None:
    assert FILLED.number in templates.load(language).render(event, recipient, FILLED)[1]


def test_moments_are_those_of_china() -> None:
    assert "2020年11月11日 14:36" in templates.load("zh").render("PetitionFiled", Recipient.PETITIONER, FILLED)[1]
    assert "1 January 2021, 00:00" in templates.load("en").render("PetitionFiled", Recipient.PETITIONER, FILLED)[1]


def test_the_facts_here_are_all_that_there_are() -> None:
    empty = Facts()
    assert [field.name for field in fields(Facts) if getattr(FILLED, field.name) == getattr(empty, field.name)] == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{{ petitioner }}", "no petitioner"),
        ("{% if satisfied %}{{ phone }}{% endif %}", "no phone"),
        ("{{ facts() }}", "no facts"),
        ("{% include 'other' %}", "no other"),
        ("{{ number | upside_down }}", "No filter named 'upside_down'"),
        ("{{ number.secret }}", "has no attribute 'secret'"),
        ("{{ number.__class__ }}", "is unsafe"),
        ("{{ number", "unexpected end of template"),
    ],
)
def test_a_template_that_mentions_anything_but_the_facts_is_refused_when_it_is_loaded(text: str, fault: str) -> None:
    with pytest.raises(InvalidTemplate, match=fault):
        Templates(sources(text), WORDS)


def test_what_people_wrote_is_no_template() -> None:
    loaded = Templates(sources("{{ note }}"), WORDS)
    facts = Facts(note="{{ number }} <b>&")
    assert loaded.render("PetitionFiled", Recipient.PETITIONER, facts)[1] == "{{ number }} <b>&"


def sources(text: str) -> Mapping[str, str]:
    """The source of one template with this text."""
    return {"PetitionFiled": f"petitioner: {{title: 标题, text: {text!r}}}"}
