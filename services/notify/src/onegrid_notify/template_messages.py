"""Between the contract's messages and templates."""

from __future__ import annotations

from typing import cast

from onegrid.notify.v1 import templates_pb2
from onegrid.notify.v1.templates_pb2 import TemplateRecipient
from onegrid_kit.timestamps import timestamp
from onegrid_notify.facts import Facts, Form
from onegrid_notify.templates import Rendered, Wording, describe
from onegrid_notify.wording import TemplateVersion

__all__ = ["rendered", "template", "template_facts", "template_version", "wording_of"]


def template(of: TemplateVersion) -> templates_pb2.Template:
    """The template as it is used."""
    return templates_pb2.Template(
        name=of.key.name(of.district),
        event=of.key.event,
        recipient=cast(TemplateRecipient, TemplateRecipient.Value(f"TEMPLATE_RECIPIENT_{of.key.recipient.name}")),
        language=of.key.language,
        wording=_wording(of.effective),
        shipped=of.wording is None,
        version=of.version,
        etag=of.etag,
        publisher=of.publisher,
        publish_time=timestamp(of.publish_time),
    )


def template_version(of: TemplateVersion) -> templates_pb2.TemplateVersion:
    """What was published at some time."""
    return templates_pb2.TemplateVersion(
        name=of.name,
        wording=None if of.wording is None else _wording(of.wording),
        publisher=of.publisher,
        publish_time=timestamp(of.publish_time),
    )


def template_facts(of: type[Facts], language: str) -> list[templates_pb2.TemplateFact]:
    """What templates may mention of an event."""
    return [
        templates_pb2.TemplateFact(
            name=fact.name,
            description=fact.description,
            filter="" if fact.form is Form.FLAG else str(fact.form),
            flag=fact.form is Form.FLAG,
            sample=fact.sample,
        )
        for fact in describe(of, language)
    ]


def rendered(of: Rendered) -> templates_pb2.RenderedMessage:
    """A message as somebody would get it."""
    return templates_pb2.RenderedMessage(
        title=of.title,
        text=of.text,
        short_text=of.short_text,
        sms_template=of.sms_template,
        sms_parameters=of.sms_parameters,
    )


def wording_of(message: templates_pb2.Wording) -> Wording:
    """The wording as editors want it."""
    return Wording(
        title=message.title,
        text=message.text,
        short_text=message.short_text,
        sms_template=message.sms_template,
        sms_parameters=tuple(message.sms_parameters),
    )


def _wording(of: Wording) -> templates_pb2.Wording:
    return templates_pb2.Wording(
        title=of.title,
        text=of.text,
        short_text=of.short_text,
        sms_template=of.sms_template,
        sms_parameters=of.sms_parameters,
    )
