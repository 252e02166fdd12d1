"""The Party organizations that partyedu announced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, or_, select

from onegrid.partyedu.v1.organizations_pb2 import Organization
from onegrid_grid.tables import party_organization
from onegrid_kit import codes
from onegrid_kit.names import code_in
from onegrid_kit.paging import Position, behind
from onegrid_kit.projections import keep_newest

__all__ = ["keep_organization", "organizations_page"]


def keep_organization(conn: Connection, announced: Organization, version: int) -> None:
    """Keep where an organization is, and which cells it answers for."""
    id_ = code_in(announced.name)
    at = announced.location if announced.HasField("location") else None
    keep_newest(
        conn,
        party_organization,
        {"district": codes.district_of(id_), "id": id_},
        version,
        {
            "display_name": announced.display_name,
            "kind": announced.kind,
            "form": announced.form,
            "parent": announced.parent,
            "longitude": None if at is None else at.longitude,
            "latitude": None if at is None else at.latitude,
            "cells": list(announced.cells),
            "dissolved": announced.HasField("dissolve_time"),
        },
    )


def organizations_page(conn: Connection, parent: str, after: Position, limit: int) -> Sequence[Any]:
    """The organizations of a division or cell and of what is inside it, or that answer for a cell in it, by id."""
    o = party_organization.c
    cell = func.unnest(o.cells).column_valued("cell")
    answers = select(cell).where(cell.startswith(parent)).exists()
    query = select(party_organization).where(
        o.district == codes.district_of(parent),
        ~o.dissolved,
        or_(o.id.startswith(parent), answers),
        behind(after, o.id),
    )
    return conn.execute(query.order_by(o.id).limit(limit)).all()
