"""Between the contract's messages and imports."""

from __future__ import annotations

from onegrid.partyedu.v1 import imports_pb2
from onegrid_kit.timestamps import timestamp
from onegrid_partyedu.importing import Import, Row

__all__ = ["imported", "row"]


def imported(of: Import) -> imports_pb2.Import:
    """The import as a message."""
    return imports_pb2.Import(
        name=of.name,
        scope=of.scope,
        kind=of.kind,
        state=of.state,
        rows=of.rows,
        created=of.created,
        updated=of.updated,
        unchanged=of.unchanged,
        refused=of.refused,
        create_time=timestamp(of.create_time),
        end_time=timestamp(of.end_time),
        etag=of.etag,
    )


def row(of: Row) -> imports_pb2.ImportRow:
    """The row as a message."""
    return imports_pb2.ImportRow(
        row=of.row,
        number=of.number,
        outcome=of.outcome,
        errors=[imports_pb2.ImportError(column=each.column, description=each.description) for each in of.errors],
    )
