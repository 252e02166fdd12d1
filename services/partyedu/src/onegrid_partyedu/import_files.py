"""Files of lists: CSV in UTF-8 or GB 18030, and XLSX, read into cells by heading; and CSV that is written."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

import openpyxl

from onegrid.partyedu.v1.imports_pb2 import ImportKind
from onegrid_kit.clock import CHINA
from onegrid_kit.errors import FieldViolation, InvalidRequest

__all__ = ["COMPLETION_COLUMNS", "MEMBER_COLUMNS", "Cells", "csv_line", "day_of", "day_written", "read"]

MEMBER_COLUMNS: Final = ("number", "person_name", "organization", "join_date", "confirm_date", "user")
COMPLETION_COLUMNS: Final = ("number", "member", "subject", "minutes", "percent", "complete_date")
_MEMBERS: Final = ImportKind.IMPORT_KIND_MEMBERS
_COMPLETIONS: Final = ImportKind.IMPORT_KIND_COMPLETIONS
_NEEDED: Final = {
    _MEMBERS: ("number", "person_name", "organization", "join_date"),
    _COMPLETIONS: ("number", "training", "complete_date"),
}
_WANTED: Final = {
    _MEMBERS: ("confirm_date", "user"),
    _COMPLETIONS: ("percent",),
}
_CHINESE: Final = {
    "党员编号": "number",
    "编号": "number",
    "姓名": "person_name",
    "党组织": "organization",
    "所在党组织": "organization",
    "入党日期": "join_date",
    "入党时间": "join_date",
    "转正日期": "confirm_date",
    "转正时间": "confirm_date",
    "账号": "user",
    "培训": "training",
    "培训班": "training",
    "完成日期": "complete_date",
    "成绩": "percent",
}
_MOST_ROWS: Final = 20_000
_MOST_LINES: Final = 100_000
"""With the headings and empty rows: a workbook of a few bytes can say that its next row is the billionth."""
_MOST_COLUMNS: Final = 64
_MOST_UNPACKED: Final = 32 << 20
_DAY: Final = re.compile(
    r"(\d{4})(?:-(\d{1,2})-(\d{1,2})|/(\d{1,2})/(\d{1,2})|\.(\d{1,2})\.(\d{1,2})|(\d{2})(\d{2})|年(\d{1,2})月(\d{1,2})日)"
)
# What spreadsheets take for a formula: https://owasp.org/www-community/attacks/CSV_Injection.
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Cells:
    """A row of a file."""

    row: int
    """Its number; the headings are row 1."""
    values: Mapping[str, str]
    """By English heading, without spaces around; empty cells too."""


def read(content: bytes, kind: ImportKind) -> list[Cells]:
    """The rows of a file that are not empty. Raises InvalidRequest if it is no such list."""
    lines = _sheet(content) if content.startswith(b"PK\x03\x04") else _lines(content)
    headings = [_heading(each) for each in next(lines, ())]
    _require_columns(headings, kind)
    known = (*_NEEDED[kind], *_WANTED[kind])
    rows: list[Cells] = []
    for number, line in enumerate(lines, start=2):
        if number > _MOST_LINES:
            raise _refused(f"has more than {_MOST_LINES} rows, with those that are empty")
        cells = dict(zip(headings, map(_plain, line), strict=False))
        if not any(cells.values()):
            continue
        if len(rows) == _MOST_ROWS:
            raise _refused(f"has more than {_MOST_ROWS} rows")
        rows.append(Cells(number, {column: cells.get(column, "") for column in known}))
    if not rows:
        raise _refused("has no rows")
    return rows


def csv_line(cells: Sequence[str]) -> str:
    """A line of CSV with its end; what a spreadsheet would calculate stands behind an apostrophe."""
    out = io.StringIO()
    csv.writer(out).writerow([f"'{cell}" if cell.startswith(_FORMULAS) else cell for cell in cells])
    return out.getvalue()


def day_of(written: str) -> datetime | None:
    """0 o'clock of a day in China; None if it is no day."""
    found = _DAY.fullmatch(written.removesuffix(" 00:00:00"))
    if found is None:
        return None
    year, month, day = (int(each) for each in found.groups() if each is not None)
    try:
        return datetime(year, month, day, tzinfo=CHINA).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def day_written(moment: datetime | None) -> str:
    """The day of a moment in China, ``2010-07-01``; empty for none."""
    return "" if moment is None else moment.astimezone(CHINA).date().isoformat()


def _lines(content: bytes) -> Iterator[Sequence[str]]:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        try:
            text = content.decode("gb18030")
        except UnicodeDecodeError:
            raise _refused("is neither UTF-8 nor GB 18030, nor XLSX") from None
    try:
        # Both encodings have a byte order mark, which editors write in front.
        yield from csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    except csv.Error as error:
        raise _refused(f"can't be read: {error}") from None


def _sheet(content: bytes) -> Iterator[Sequence[str]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(each.file_size for each in archive.infolist())
        if unpacked <= _MOST_UNPACKED:
            book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
            sheet = book.worksheets[0]
            # What the file says of its size can be wrong.
            sheet.reset_dimensions()
            for line in sheet.iter_rows(values_only=True, max_col=_MOST_COLUMNS):
                yield [_written(cell) for cell in line]
            return
    except Exception:
        # What is damaged makes openpyxl, and the parsers below it, run into errors of any class.
        raise _refused("can't be read as a workbook") from None
    raise _refused(f"unpacks to more than {_MOST_UNPACKED >> 20} MiB")


def _written(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def _plain(cell: str) -> str:
    stripped = cell.strip()
    return stripped[1:] if stripped.startswith("'") and stripped[1:].startswith(_FORMULAS) else stripped


def _heading(cell: str) -> str:
    heading = cell.strip()
    return _CHINESE.get(heading, heading.lower())


def _require_columns(headings: Sequence[str], kind: ImportKind) -> None:
    missing = [each for each in _NEEDED[kind] if each not in headings]
    if missing:
        raise _refused(f"has no column {', '.join(missing)}")
    twice = [
        each for each, times in Counter(headings).items() if times > 1 and each in (*_NEEDED[kind], *_WANTED[kind])
    ]
    if twice:
        raise _refused(f"has two columns {', '.join(twice)}")


def _refused(why: str) -> InvalidRequest:
    return InvalidRequest(FieldViolation("content", why))
