"""The wording (文案) of a district: what it publishes in place of a template that is shipped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from onegrid_kit.errors import NotFound
from onegrid_kit.names import ResourceName
from onegrid_notify.facts import Recipient
from onegrid_notify.templates import LANGUAGES, Wording, shipped_messages, shipped_wording

__all__ = ["TEMPLATE", "VERSIONS_KEPT", "TemplateKey", "TemplateVersion", "shipped_version"]

TEMPLATE: Final = ResourceName("templates/{template}")
_VERSION: Final = ResourceName("templates/{template}/versions/{version}")
VERSIONS_KEPT: Final = 50
"""Of each template, the newest ones."""


@dataclass(frozen=True, slots=True, order=True)
class TemplateKey:
    """Which template of a district."""

    event: str
    recipient: Recipient
    language: str

    @classmethod
    def every(cls) -> list[TemplateKey]:
        """The keys of all templates, in their order."""
        return sorted(cls(*message, language) for message in shipped_messages() for language in LANGUAGES)

    @classmethod
    def parse(cls, id_: str) -> tuple[str, Self]:
        """The district and the key in a template's id. Raises NotFound if there is no such template."""
        parts = id_.split("-")
        if len(parts) == 4 and parts[2] in list(Recipient):
            district, event, recipient, language = parts
            key = cls(event, Recipient(recipient), language)
            if language in LANGUAGES and (event, key.recipient) in shipped_messages():
                return district, key
        raise NotFound(TEMPLATE.name(id_))

    def id(self, district: str) -> str:
        """The template's id in a district."""
        return f"{district}-{self.event}-{self.recipient}-{self.language}"

    def name(self, district: str) -> str:
        """``templates/{template}``."""
        return TEMPLATE.name(self.id(district))


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateVersion:
    """What a district published at some time."""

    district: str
    key: TemplateKey
    wording: Wording | None
    """None: the template that is shipped is used again."""
    version: int = 0
    """Counted from 1; 0: nothing was published ever."""
    publisher: str = ""
    """``users/{user}``."""
    publish_time: datetime | None = None

    @property
    def name(self) -> str:
        """``templates/{template}/versions/{version}``."""
        return _VERSION.name(self.key.id(self.district), self.version)

    @property
    def etag(self) -> str:
        """Changes with every change."""
        return str(self.version)

    @property
    def effective(self) -> Wording:
        """What is used: the district's own, or what is shipped."""
        return self.wording or shipped_wording(self.key.language)[self.key.event, self.key.recipient]


def shipped_version(district: str, key: TemplateKey) -> TemplateVersion:
    """A template that the district never changed."""
    return TemplateVersion(district=district, key=key, wording=None)
