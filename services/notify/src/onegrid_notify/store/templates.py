"""The statements over templates that districts publish."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select, text
from sqlalchemy.dialects.postgresql import distinct_on

from onegrid_kit.paging import Position, behind
from onegrid_notify.facts import Recipient
from onegrid_notify.tables import template_version
from onegrid_notify.templates import Wording
from onegrid_notify.wording import VERSIONS_KEPT, TemplateKey, TemplateVersion

__all__ = ["add_version", "changes_since", "current_version", "current_versions", "lock_templates", "versions_page"]

_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('templates'), hashtext(:district))")
_v = template_version.c


def lock_templates(conn: Connection, district: str) -> None:
    """Be the only one who changes templates of a district until the transaction ends."""
    conn.execute(_LOCK, {"district": district})


def current_version(conn: Connection, district: str, key: TemplateKey) -> TemplateVersion | None:
    """What was published of a template last, if anything was."""
    newest = select(template_version).where(*_is(district, key)).order_by(_v.version.desc()).limit(1)
    row = conn.execute(newest).one_or_none()
    return None if row is None else _version(row)


def current_versions(conn: Connection, district: str) -> dict[TemplateKey, TemplateVersion]:
    """What was published last of each template that was ever published."""
    key = (_v.event, _v.recipient, _v.language)
    newest = select(template_version).where(_v.district == district)
    rows = conn.execute(newest.ext(distinct_on(*key)).order_by(*key, _v.version.desc()))
    return {found.key: found for found in map(_version, rows)}


def versions_page(
    conn: Connection, district: str, key: TemplateKey, after: Position, limit: int
) -> list[TemplateVersion]:
    """What was published of a template, the newest first."""
    page = select(template_version).where(*_is(district, key), behind(after, _v.version, descending=True))
    return [_version(row) for row in conn.execute(page.order_by(_v.version.desc()).limit(limit))]


def changes_since(conn: Connection, district: str, change: int) -> list[tuple[int, TemplateVersion]]:
    """What was published in a district after that change, in order, each with its number."""
    rows = conn.execute(select(template_version).where(_v.district == district, _v.change > change).order_by(_v.change))
    return [(row.change, _version(row)) for row in rows]


def add_version(conn: Connection, new: TemplateVersion) -> None:
    """Store what is published, and forget the oldest versions. The district's templates are locked: changes are
    committed in the order of their numbers.
    """
    wording = new.wording or Wording(title="", text="", short_text="")
    last = select(func.coalesce(func.max(_v.change), 0) + 1).where(_v.district == new.district).scalar_subquery()
    conn.execute(
        template_version.insert().values(
            district=new.district,
            event=new.key.event,
            recipient=new.key.recipient,
            language=new.key.language,
            version=new.version,
            change=last,
            shipped=new.wording is None,
            title=wording.title,
            text=wording.text,
            short_text=wording.short_text,
            sms_template=wording.sms_template,
            sms_parameters=list(wording.sms_parameters),
            publisher=new.publisher,
            publish_time=new.publish_time,
        )
    )
    conn.execute(
        template_version.delete().where(*_is(new.district, new.key), _v.version <= new.version - VERSIONS_KEPT)
    )


def _is(district: str, key: TemplateKey) -> tuple[ColumnElement[bool], ...]:
    return (
        _v.district == district,
        _v.event == key.event,
        _v.recipient == key.recipient,
        _v.language == key.language,
    )


def _version(row: Any) -> TemplateVersion:
    wording = Wording(
        title=row.title,
        text=row.text,
        short_text=row.short_text,
        sms_template=row.sms_template,
        sms_parameters=tuple(row.sms_parameters),
    )
    return TemplateVersion(
        district=row.district,
        key=TemplateKey(row.event, Recipient(row.recipient), row.language),
        wording=None if row.shipped else wording,
        version=row.version,
        publisher=row.publisher,
        publish_time=row.publish_time,
    )
