"""Members and organizations of the Party as partyedu announces them: audiences follow from all that is known."""

from __future__ import annotations

from sqlalchemy import Connection

from onegrid_kit import codes
from onegrid_notify import party
from onegrid_notify.party import MemberVersion, OrganizationVersion
from onegrid_notify.store import party as store

__all__ = ["keep_member", "keep_organization"]


def keep_member(conn: Connection, id_: str, new: MemberVersion) -> None:
    """Keep a version of a member."""
    store.lock_tree(conn, codes.district_of(id_))
    if store.keep_member_version(conn, id_, new):
        stored = store.belongings_of(conn, id_)
        derived = party.belongings(store.member_versions_of(conn, id_))
        store.replace_belongings(conn, id_, gone=stored - derived, new=derived - stored)


def keep_organization(
    conn: Connection, id_: str, new: OrganizationVersion, parent: str, display_name: str, *, dissolved: bool
) -> None:
    """Keep a version of an organization, of the id of the one above it and of its name, and whether it is dissolved."""
    district = codes.district_of(id_)
    store.lock_tree(conn, district)
    if not store.keep_organization_version(conn, id_, new, parent, display_name, dissolved=dissolved):
        return
    held = store.posts_of(conn, id_)
    posts = party.posts(store.organization_versions_of(conn, id_))
    store.replace_posts(conn, id_, gone=held - posts, new=posts - held)
    stored = store.lines_of(conn, district)
    lines = party.lines(store.standings_of(conn, district))
    store.replace_lines(conn, district, gone=stored - lines, new=lines - stored)
