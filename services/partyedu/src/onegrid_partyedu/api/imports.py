"""The methods on imports, and on lists that are exported."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy import Connection

from onegrid.partyedu.v1 import import_methods_pb2 as pb
from onegrid.partyedu.v1.completion_methods_pb2 import RecordCompletionRequest
from onegrid.partyedu.v1.imports_pb2 import ImportKind
from onegrid.partyedu.v1.member_methods_pb2 import AdmitMemberRequest
from onegrid.partyedu.v1.members_pb2 import MemberState
from onegrid_kit.callers import Call
from onegrid_kit.cipher import Cipher
from onegrid_kit.names import ResourceName
from onegrid_kit.paging import Position
from onegrid_kit.rpc.validation import violations
from onegrid_kit.runtime import Runtime
from onegrid_kit.settings import ServiceSettings
from onegrid_kit.timestamps import timestamp
from onegrid_partyedu import import_messages as messages
from onegrid_partyedu.commands import imports as commands
from onegrid_partyedu.completion import TRAINING, Completion
from onegrid_partyedu.import_files import COMPLETION_COLUMNS, MEMBER_COLUMNS, Cells, csv_line, day_of, day_written, read
from onegrid_partyedu.importing import IMPORT, Row, RowError, id_of
from onegrid_partyedu.member import MEMBER, NAME_PURPOSE, Member
from onegrid_partyedu.messages import sealed_name
from onegrid_partyedu.organization import ORGANIZATION
from onegrid_partyedu.store import completions, imports, members

__all__ = ["Imports"]

_COLUMNS: Final = {"join_time": "join_date", "confirm_time": "confirm_date", "complete_time": "complete_date"}
"""The columns of fields that have other names."""
_USER: Final = ResourceName("users/{user}")
_WHOLE: Final = re.compile(r"[0-9]{1,9}")
_NOBODY: Final = f"members/000000-{'0' * 8}"


class Imports:
    """The methods on imports, and on lists that are exported."""

    def __init__(self, runtime: Runtime[ServiceSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages
        self._cipher = runtime.cipher

    async def StartImport(self, request: pb.StartImportRequest, call: Call) -> bytes:
        # Twenty thousand rows take a second or two, which other calls do not wait for.
        rows = await asyncio.to_thread(_rows, request.scope, request.kind, request.content, self._cipher)
        return await self._db.command(
            call,
            lambda conn: pb.StartImportResponse(
                data_import=messages.imported(commands.start_import(conn, request.scope, request.kind, rows, call))
            ),
        )

    async def GetImport(self, request: pb.GetImportRequest, call: Call) -> pb.GetImportResponse:
        found = await self._db.read(lambda conn: commands.require_import(conn, IMPORT.id(request.name), call))
        return pb.GetImportResponse(data_import=messages.imported(found))

    async def ListImportRows(self, request: pb.ListImportRowsRequest, call: Call) -> pb.ListImportRowsResponse:
        id_ = IMPORT.id(request.name)

        def rows(conn: Connection, after: Position, limit: int) -> Sequence[Row]:
            return imports.rows_page(conn, commands.require_import(conn, id_, call), request.outcome, after, limit)

        page = await self._pages.read(request, rows, position=lambda each: (each.row,), message=messages.row)
        return pb.ListImportRowsResponse(rows=page.items, next_page_token=page.next_token)

    async def ListImports(self, request: pb.ListImportsRequest, _: Call) -> pb.ListImportsResponse:
        page = await self._pages.read(
            request,
            lambda conn, after, limit: imports.imports_page(conn, request.scope, after, limit),
            position=lambda each: (each.create_time, each.id),
            message=messages.imported,
        )
        return pb.ListImportsResponse(imports=page.items, next_page_token=page.next_token)

    async def ApplyImport(self, request: pb.ApplyImportRequest, call: Call) -> bytes:
        run = partial(commands.apply_import, skip_refused=request.skip_refused)
        return await self._db.command(
            call,
            lambda conn: pb.ApplyImportResponse(
                data_import=messages.imported(run(conn, IMPORT.id(request.name), request.etag, call))
            ),
        )

    async def DiscardImport(self, request: pb.DiscardImportRequest, call: Call) -> bytes:
        return await self._db.command(
            call,
            lambda conn: pb.DiscardImportResponse(
                data_import=messages.imported(commands.discard_import(conn, IMPORT.id(request.name), call))
            ),
        )

    async def ListMembersAsCsv(self, request: pb.ListMembersAsCsvRequest, _: Call) -> pb.ListMembersAsCsvResponse:
        wanted = members.Wanted(
            organization=ORGANIZATION.id(request.organization),
            below=True,
            state=MemberState.MEMBER_STATE_UNSPECIFIED,
            name_index=b"",
            number="",
        )
        page = await self._pages.read(
            request,
            lambda conn, after, limit: members.members_page(conn, wanted, after, limit),
            position=lambda each: (each.id,),
            message=lambda each: pb.CsvLine(text=csv_line(self._listed(each))),
        )
        return pb.ListMembersAsCsvResponse(
            lines=page.items, next_page_token=page.next_token, headings=csv_line(MEMBER_COLUMNS)
        )

    async def ListCompletionsAsCsv(
        self, request: pb.ListCompletionsAsCsvRequest, _: Call
    ) -> pb.ListCompletionsAsCsvResponse:
        organization = ORGANIZATION.id(request.organization)
        page = await self._pages.read(
            request,
            lambda conn, after, limit: completions.completions_below_page(
                conn, organization, request.year, after, limit
            ),
            position=lambda each: (each[1].member, each[1].subject),
            message=lambda each: pb.CsvLine(text=csv_line(_completed(*each))),
        )
        return pb.ListCompletionsAsCsvResponse(
            lines=page.items, next_page_token=page.next_token, headings=csv_line(COMPLETION_COLUMNS)
        )

    def _listed(self, member: Member) -> Sequence[str]:
        return (
            member.number,
            self._cipher.decrypt(member.sealed_name, NAME_PURPOSE),
            ORGANIZATION.name(member.organization),
            day_written(member.join_time),
            day_written(member.confirm_time),
            member.user,
        )


def _rows(scope: str, kind: ImportKind, content: bytes, cipher: Cipher) -> list[Row]:
    """The rows of a file, with what is wrong with each. Raises InvalidRequest if it is no such list."""
    cells = read(content, kind)
    if kind == ImportKind.IMPORT_KIND_MEMBERS:
        rows = [_member_row(each, scope, cipher) for each in cells]
        return _distinct(rows, number=lambda row: row.number, user=lambda row: row.user)
    rows = [_completion_row(each, scope) for each in cells]
    return _distinct(rows, number=lambda row: (row.number, row.training) if row.number and row.training else "")


def _member_row(cells: Cells, scope: str, cipher: Cipher) -> Row:
    given = cells.values
    organization = id_of(scope, given["organization"], "organizations")
    user = given["user"] and _USER.name(given["user"].removeprefix(_USER.name("")))
    joined, confirmed = day_of(given["join_date"]), day_of(given["confirm_date"])
    # What the contract demands of a member who is admitted is demanded of a row.
    admitted = AdmitMemberRequest(
        organization=ORGANIZATION.name(organization),
        person_name=given["person_name"],
        number=given["number"],
        user=user,
        join_time=timestamp(joined),
        confirm_time=timestamp(confirmed),
    )
    errors = {_COLUMNS.get(field, field): description for field, description in violations(admitted)}
    errors |= _unread_days(given, join_date=joined, confirm_date=confirmed)
    if not given["number"]:
        errors["number"] = "is needed"
    sealed, index = (b"", b"") if "person_name" in errors else sealed_name(given["person_name"], cipher)
    return Row(
        row=cells.row,
        number="" if "number" in errors else given["number"],
        organization="" if "organization" in errors else organization,
        sealed_name=sealed,
        name_index=index,
        user="" if "user" in errors else user,
        begin_time=joined,
        confirm_time=confirmed,
        errors=tuple(RowError(column, description) for column, description in errors.items()),
    )


def _completion_row(cells: Cells, scope: str) -> Row:
    given = cells.values
    training = id_of(scope, given["training"], "trainings")
    completed = day_of(given["complete_date"])
    percent = int(given["percent"]) if _WHOLE.fullmatch(given["percent"]) else None
    recorded = RecordCompletionRequest(
        member=_NOBODY,
        training=TRAINING.name(training),
        complete_time=timestamp(completed),
        percent=None if percent is None else min(percent, 101),
    )
    errors = {_COLUMNS.get(field, field): description for field, description in violations(recorded)}
    errors |= _unread_days(given, complete_date=completed)
    if given["percent"] and percent is None:
        errors["percent"] = "is no whole number"
    wrong = dict(violations(AdmitMemberRequest(number=given["number"])))
    if not given["number"] or "number" in wrong:
        errors["number"] = "is no number of a member"
    return Row(
        row=cells.row,
        number="" if "number" in errors else given["number"],
        training="" if "training" in errors else training,
        begin_time=completed,
        percent=None if "percent" in errors else percent,
        errors=tuple(RowError(column, description) for column, description in errors.items()),
    )


def _unread_days(given: Mapping[str, str], **read_as: datetime | None) -> dict[str, str]:
    return {column: "is no day" for column, day in read_as.items() if given[column] and day is None}


def _distinct(rows: Sequence[Row], **columns: Callable[[Row], object]) -> list[Row]:
    """The rows; those that share what only one may have are wrong."""
    times = {column: Counter(map(value, rows)) for column, value in columns.items()}
    return [
        replace(
            row,
            errors=row.errors
            + tuple(
                RowError(column, "is in the list twice")
                for column, value in columns.items()
                if value(row) and times[column][value(row)] > 1
            ),
        )
        for row in rows
    ]


def _completed(number: str, of: Completion) -> Sequence[str]:
    percent = "" if of.percent is None else str(of.percent)
    return (number, MEMBER.name(of.member), of.subject, str(of.minutes), percent, day_written(of.complete_time))
