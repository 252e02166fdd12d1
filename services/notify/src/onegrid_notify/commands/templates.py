"""Templates: published, and taken back."""

from __future__ import annotations

from sqlalchemy import Connection

from onegrid_kit.callers import Call
from onegrid_kit.etags import require_fresh
from onegrid_notify.errors import TemplateInvalid
from onegrid_notify.store import templates as store
from onegrid_notify.templates import InvalidTemplate, Template, Wording
from onegrid_notify.wording import TEMPLATE, TemplateKey, TemplateVersion, shipped_version

__all__ = ["compiled", "delete", "publish"]


def compiled(id_: str, wording: Wording) -> Template:
    """The wording as a template of that id, compiled and checked. Raises NotFound or TemplateInvalid."""
    _, key = TemplateKey.parse(id_)
    try:
        return Template(key.event, key.recipient, key.language, wording)
    except InvalidTemplate as error:
        raise TemplateInvalid(TEMPLATE.name(id_), error.faults) from None


def publish(conn: Connection, id_: str, wording: Wording, etag: str, call: Call) -> TemplateVersion:
    """Publish a wording that was checked; one that is in use already stays as it is. Raises NotFound or StaleEtag."""
    return _change(conn, id_, wording, etag, call)


def delete(conn: Connection, id_: str, etag: str, call: Call) -> TemplateVersion:
    """Return to the template that is shipped. Raises NotFound or StaleEtag."""
    return _change(conn, id_, None, etag, call)


def _change(conn: Connection, id_: str, wording: Wording | None, etag: str, call: Call) -> TemplateVersion:
    district, key = TemplateKey.parse(id_)
    store.lock_templates(conn, district)
    before = store.current_version(conn, district, key) or shipped_version(district, key)
    require_fresh(key.name(district), before.etag, etag)
    if wording == before.wording:
        return before
    new = TemplateVersion(
        district=district,
        key=key,
        wording=wording,
        version=before.version + 1,
        publisher=call.caller.user,
        publish_time=call.now,
    )
    store.add_version(conn, new)
    return new
