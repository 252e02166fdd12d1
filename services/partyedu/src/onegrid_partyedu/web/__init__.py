"""What partyedu serves over HTTP: the page of certificates, calendars of meetings, a record store (docs/xapi.md)."""

from __future__ import annotations

from typing import Final

from onegrid_kit.http.routes import PUBLIC, Permitted, Route, get, post, put
from onegrid_partyedu.certificate_messages import PATH as CERTIFICATES
from onegrid_partyedu.web import calendars, certificates, resources, statements
from onegrid_partyedu.web.requests import PATH, READ, VERSION_HEADERS, WRITE, district_of

__all__ = ["ROUTES"]

_READING: Final = Permitted(READ, district_of, basic=True)
_WRITING: Final = Permitted(WRITE, district_of, basic=True)
_STATEMENTS: Final = f"{PATH}/statements"
_DOCUMENTS: Final = ("activities/state", "activities/profile", "agents/profile")

ROUTES: Final[tuple[Route, ...]] = (
    get(f"{CERTIFICATES}/{{code}}", PUBLIC, certificates.show),
    get("/v1/meetings/calendars/{secret}.ics", PUBLIC, calendars.show_meetings),
    get(_STATEMENTS, _READING, statements.show, headers=statements.HEADERS, in_forms=True),
    put(
        _STATEMENTS,
        _WRITING,
        statements.put,
        max_body_bytes=statements.MAX_BYTES,
        headers=statements.HEADERS,
        in_forms=True,
    ),
    post(
        _STATEMENTS,
        _WRITING,
        statements.post,
        max_body_bytes=statements.MAX_BYTES,
        headers=statements.HEADERS,
        in_forms=True,
    ),
    get(f"{PATH}/activities", _READING, resources.activity, headers=VERSION_HEADERS),
    get(f"{PATH}/agents", _READING, resources.agent, headers=VERSION_HEADERS),
    get(f"{PATH}/about", PUBLIC, resources.about, headers=VERSION_HEADERS),
    *(
        route(f"{PATH}/{name}", PUBLIC, resources.not_served, headers=VERSION_HEADERS)
        for name in _DOCUMENTS
        for route in (get, put, post)
    ),
)
