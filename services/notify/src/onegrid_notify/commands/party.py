"""Members and organizations of the Party as partyedu announces them: audiences follow from all that is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from onegrid_kit import codes
from onegrid_notify import party
from onegrid_notify.party import Announced, MemberVersion
from onegrid_notify.store import party as store

__all__ = ["keep_members", "keep_organizations"]


def keep_members(conn: Connection, announced: Sequence[tuple[str, MemberVersion]]) -> None:
    """Keep versions of members, each with the member's id."""
    _lock(conn, (id_ for id_, _ in announced))
    changed = store.keep_member_versions(conn, announced)
    stored = store.belongings_of(conn, changed)
    derived = {
        (id_, each)
        for id_, versions in store.member_versions_of(conn, changed).items()
        for each in party.belongings(versions)
    }
    store.replace_belongings(conn, gone=stored - derived, new=derived - stored)


def keep_organizations(conn: Connection, announced: Sequence[Announced]) -> None:
    """Keep versions of organizations."""
    _lock(conn, (each.id for each in announced))
    changed = store.keep_organization_versions(conn, announced)
    held = store.posts_of(conn, changed)
    posts = {
        (id_, each)
        for id_, versions in store.organization_versions_of(conn, changed).items()
        for each in party.posts(versions)
    }
    store.replace_posts(conn, gone=held - posts, new=posts - held)
    for district in {codes.district_of(id_) for id_ in changed}:
        stored = store.lines_of(conn, district)
        lines = party.lines(store.standings_of(conn, district))
        store.replace_lines(conn, district, gone=stored - lines, new=lines - stored)


def _lock(conn: Connection, ids: Iterable[str]) -> None:
    """Be the only one who derives what belongs to whom in their districts; locked in one order."""
    for district in sorted({codes.district_of(id_) for id_ in ids}):
        store.lock_tree(conn, district)
