"""Lists that are imported and exported, over gRPC."""

from __future__ import annotations

import asyncio
import io
import re
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import openpyxl
import pytest
from google.protobuf.message import Message

from onegrid.partyedu.v1.completions_pb2 import Training
from onegrid.partyedu.v1.imports_pb2 import Import, ImportKind, ImportOutcome, ImportRow, ImportState
from onegrid.partyedu.v1.members_pb2 import EndReason, MemberState
from onegrid_kit.callers import Caller
from onegrid_kit.clock import CHINA
from onegrid_kit.steps import StepRunner
from onegrid_kit.testing.api import Refused
from onegrid_kit.testing.events import announced, forget_announced
from onegrid_kit.testing.jobs import job_of
from onegrid_kit.timestamps import moment, timestamp
from onegrid_partyedu.main import SERVICE

from .line import BRANCH, CONFIRMED, JOINED, OTHER_COMMITTEE, STREET_COMMITTEE, Line
from .people import CITIZEN, COMMUNITY, COMMUNITY_DESK, DISTRICT, KEEPER, OTHER_STREET_DESK, STREET, SUPERVISOR, WORKER

MEMBERS, COMPLETIONS = ImportKind.IMPORT_KIND_MEMBERS, ImportKind.IMPORT_KIND_COMPLETIONS
HEADINGS = "党员编号,姓名,党组织,入党日期,转正日期,账号"
SPRING = f"trainings/{STREET}-spring"


def table(*rows: str, headings: str = HEADINGS) -> bytes:
    return "\r\n".join((headings, *rows)).encode()


def workbook(*rows: Sequence[object]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


SMALL = workbook(["编号", "姓名", "党组织", "入党日期"], ["1", "王建国", BRANCH, "2010-07-01"])


def edited(content: bytes, pattern: bytes, by: bytes) -> bytes:
    """The workbook with that in its parts instead."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as after:
        for name in before.namelist():
            after.writestr(name, re.sub(pattern, by, before.read(name)))
    return out.getvalue()


def damaged(content: bytes) -> bytes:
    """The workbook, of whose sheet the data can't be unpacked."""
    begin = content.index(b"xl/worksheets/sheet1.xml") + 40
    return content[:begin] + b"\xff" * 20 + content[begin + 20 :]


TWO = table(
    f"2010-0001,王建国,{BRANCH},2010-07-01,2011-07-01,",
    f"2010-0002,李秀英,{BRANCH.removeprefix('organizations/')},2010/7/1,,",
)


async def start(line: Line, content: bytes, caller: Caller = KEEPER, scope: str = DISTRICT, **fields: Any) -> Import:
    given = {"kind": MEMBERS, **fields}
    started: Import = (await line.api.call(caller, "StartImport", scope=scope, content=content, **given)).data_import
    assert started.state == ImportState.IMPORT_STATE_CHECKING
    return await worked(line, started)


async def worked(line: Line, of: Import, caller: Caller = KEEPER) -> Import:
    """The import once a worker has taken all steps."""
    runner = StepRunner("partyedu", line.engine, SERVICE.load_steps(), line.clock)
    while runner.step():
        pass
    found: Import = (await line.api.call(caller, "GetImport", name=of.name)).data_import
    return found


async def applied(line: Line, of: Import, **fields: Any) -> Import:
    applying: Import = (await line.api.call(KEEPER, "ApplyImport", name=of.name, **fields)).data_import
    assert applying.state == ImportState.IMPORT_STATE_APPLYING
    return await worked(line, applying)


async def rows(line: Line, of: Import, **fields: Any) -> list[ImportRow]:
    return list((await line.api.call(KEEPER, "ListImportRows", name=of.name, **fields)).rows)


async def listed(line: Line) -> list[Message]:
    return list((await line.api.call(KEEPER, "ListMembers", organization=STREET_COMMITTEE, include_below=True)).members)


def counts(of: Import) -> tuple[int, int, int, int]:
    return of.created, of.updated, of.unchanged, of.refused


async def test_nothing_is_changed_before_an_import_is_applied(line: Line) -> None:
    checked = await start(line, TWO)
    assert (checked.state, checked.rows, counts(checked)) == (ImportState.IMPORT_STATE_CHECKED, 2, (2, 0, 0, 0))
    assert [each.outcome for each in await rows(line, checked)] == [ImportOutcome.IMPORT_OUTCOME_CREATED] * 2
    assert await listed(line) == []
    assert announced(line.engine) == []


async def test_members_are_entered_and_announced(line: Line) -> None:
    done = await applied(line, await start(line, TWO))
    assert (done.state, counts(done)) == (ImportState.IMPORT_STATE_APPLIED, (2, 0, 0, 0))
    full, probationary = sorted(await listed(line), key=lambda each: each.number)  # type: ignore[attr-defined]
    assert (full.number, full.person_name, full.state) == ("2010-0001", "王建国", MemberState.MEMBER_STATE_FULL)
    assert (full.join_time, full.confirm_time) == (timestamp(JOINED), timestamp(CONFIRMED))
    assert (probationary.number, probationary.state) == ("2010-0002", MemberState.MEMBER_STATE_PROBATIONARY)
    assert {each.member for each in announced(line.engine)} == {full.name, probationary.name}
    shown = await line.api.call(KEEPER, "GetMember", name=full.name)
    assert [each.organization for each in shown.memberships] == [BRANCH]


async def test_the_same_list_again_changes_nothing(line: Line) -> None:
    await applied(line, await start(line, TWO))
    before = await listed(line)
    forget_announced(line.engine)
    again = await applied(line, await start(line, TWO))
    assert counts(again) == (0, 0, 2, 0)
    assert await listed(line) == before
    assert announced(line.engine) == []


async def test_what_a_list_says_otherwise_is_changed(line: Line) -> None:
    await applied(line, await start(line, TWO))
    line.know(CITIZEN.user)
    account = CITIZEN.user.removeprefix("users/")
    changed = await applied(
        line,
        await start(
            line,
            table(
                f"2010-0001,王建业,{BRANCH},2010-07-01,2011-07-01,{account}",
                f"2010-0002,李秀英,{BRANCH},2010-07-01,2011-07-02,",
            ),
        ),
    )
    assert counts(changed) == (0, 2, 0, 0)
    renamed, confirmed = sorted(await listed(line), key=lambda each: each.number)  # type: ignore[attr-defined]
    assert (renamed.person_name, renamed.user) == ("王建业", CITIZEN.user)
    assert confirmed.state == MemberState.MEMBER_STATE_FULL


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
async def test_chinese_encodings_are_read(line: Line, encoding: str) -> None:
    await applied(line, await start(line, TWO.decode().encode(encoding)))
    assert {each.person_name for each in await listed(line)} == {"王建国", "李秀英"}  # type: ignore[attr-defined]


async def test_a_byte_order_mark_in_gb_18030_is_none_of_the_first_heading(line: Line) -> None:
    await applied(line, await start(line, ("\ufeff" + TWO.decode()).encode("gb18030")))
    assert len(await listed(line)) == 2


async def test_a_workbook_with_dates_and_numbers_is_read(line: Line) -> None:
    content = workbook(
        ("编号", "姓名", "党组织", "入党日期", "转正日期"),
        (20100001, "王建国", BRANCH, date(2010, 7, 1), datetime(2011, 7, 1)),  # noqa: DTZ001 - as workbooks have it
        (None, None, None, None, None),
        ("2010-0002", "李秀英", BRANCH, "20100701", "2011年7月1日"),
    )
    done = await applied(line, await start(line, content))
    assert counts(done) == (2, 0, 0, 0)
    assert {each.number for each in await listed(line)} == {"20100001", "2010-0002"}  # type: ignore[attr-defined]
    assert {each.row for each in await rows(line, done)} == {2, 4}


@pytest.mark.parametrize("day", ["2010-07-01", "2010-7-1", "2010/7/1", "2010.07.01", "20100701", "2010年7月1日"])
async def test_days_are_read_as_people_write_them(line: Line, day: str) -> None:
    await applied(line, await start(line, table(f"1,王建国,{BRANCH},{day},,")))
    assert [each.join_time for each in await listed(line)] == [timestamp(JOINED)]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (f"1,王建国,{BRANCH},2010-07/01,,", "join_date"),
        (f",王建国,{BRANCH},2010-07-01,,", "number"),
        (f"小写,王建国,{BRANCH},2010-07-01,,", "number"),
        (f"1,,{BRANCH},2010-07-01,,", "person_name"),
        (f"1,\u200b,{BRANCH},2010-07-01,,", "person_name"),
        ("1,王建国,没有,2010-07-01,,", "organization"),
        (f"1,王建国,organizations/{STREET}-unheard,2010-07-01,,", "organization"),
        ("1,王建国,organizations/210603-committee,2010-07-01,,", "organization"),
        (f"1,王建国,{BRANCH},2010-02-30,,", "join_date"),
        (f"1,王建国,{BRANCH},,,", "join_date"),
        (f"1,王建国,{BRANCH},2030-07-01,,", "join_date"),
        (f"1,王建国,{BRANCH},2010-07-01,2010-12-01,", "confirm_date"),
        (f"1,王建国,{BRANCH},2010-07-01,明年,", "confirm_date"),
        (f"1,王建国,{BRANCH},2010-07-01,,users/unheard0", "user"),
        (f"1,王建国,{BRANCH},2010-07-01,,不是账号", "user"),
    ],
)
async def test_what_is_wrong_is_said_of_row_and_column(line: Line, row: str, column: str) -> None:
    checked = await start(line, table(f"9,王建国,{BRANCH},2010-07-01,,", row))
    assert counts(checked) == (1, 0, 0, 1)
    [wrong] = await rows(line, checked, outcome=ImportOutcome.IMPORT_OUTCOME_REFUSED)
    assert (wrong.row, [each.column for each in wrong.errors]) == (3, [column])


async def test_an_import_with_wrong_rows_is_applied_only_if_they_are_left_out(line: Line) -> None:
    checked = await start(line, table(f"1,王建国,{BRANCH},2010-07-01,,", f"2,李秀英,{BRANCH},昨天,,"))
    refused = await line.refused(KEEPER, "ApplyImport", name=checked.name)
    assert (refused.reason, refused.metadata["refused"]) == ("IMPORT_REFUSED", "1")
    assert await listed(line) == []
    done = await applied(line, checked, skip_refused=True)
    assert counts(done) == (1, 0, 0, 1)
    assert [each.number for each in await listed(line)] == ["1"]  # type: ignore[attr-defined]


async def test_who_is_in_a_list_twice_is_refused_twice(line: Line) -> None:
    checked = await start(line, table(*[f"1,王建国,{BRANCH},2010-07-01,,"] * 2))
    assert counts(checked) == (0, 0, 0, 2)


async def test_a_list_moves_nobody_and_takes_nobodys_account(line: Line) -> None:
    line.know(CITIZEN.user)
    await line.admit(BRANCH, number="1", user=CITIZEN.user)
    checked = await start(
        line,
        table(
            f"1,王建国,{STREET_COMMITTEE},2010-07-01,2011-07-01,",
            f"2,李秀英,{BRANCH},2010-07-01,,{CITIZEN.user}",
        ),
    )
    assert [[error.column for error in each.errors] for each in await rows(line, checked)] == [
        ["organization"],
        ["user"],
    ]


async def test_a_list_takes_nobody_in_again_whose_membership_has_ended(line: Line) -> None:
    await applied(line, await start(line, TWO))
    first, _ = sorted(await listed(line), key=lambda each: each.number)  # type: ignore[attr-defined]
    await line.api.call(KEEPER, "EndMembership", name=first.name, reason=EndReason.END_REASON_DIED)
    again = await start(line, TWO)
    assert counts(again) == (0, 0, 1, 1)
    [refused] = await rows(line, again, outcome=ImportOutcome.IMPORT_OUTCOME_REFUSED)
    assert (refused.number, [each.column for each in refused.errors]) == ("2010-0001", ["number"])
    # Who is taken in again goes on under the number.
    await line.admit(BRANCH, number="2010-0001")
    assert counts(await start(line, TWO)) == (0, 0, 2, 0)


async def test_rows_are_applied_as_things_are_then(line: Line) -> None:
    checked = await start(line, TWO)
    await line.admit(BRANCH, number="2010-0001")
    await line.define(BRANCH)
    done = await applied(line, checked)
    assert counts(done) == (1, 0, 1, 0)
    assert len(await listed(line)) == 2


async def test_an_applied_import_is_applied_once_and_keeps_no_names(line: Line) -> None:
    done = await applied(line, await start(line, TWO))
    again = (await line.api.call(KEEPER, "ApplyImport", name=done.name)).data_import
    assert again == done
    refused = await line.refused(KEEPER, "DiscardImport", name=done.name)
    assert (refused.reason, refused.metadata["state"]) == ("IMPORT_WRONG_STATE", "APPLIED")
    assert names_kept(line) == 0


async def test_a_discarded_import_can_not_be_applied(line: Line) -> None:
    checked = await start(line, TWO)
    assert names_kept(line) == 2
    for _ in range(2):
        discarded = (await line.api.call(KEEPER, "DiscardImport", name=checked.name)).data_import
        assert discarded.state == ImportState.IMPORT_STATE_DISCARDED
    assert (await line.refused(KEEPER, "ApplyImport", name=checked.name)).reason == "IMPORT_WRONG_STATE"
    assert names_kept(line) == 0


async def test_names_of_an_import_that_nobody_applies_are_kept_for_a_week(line: Line) -> None:
    checked = await start(line, TWO)
    forget = job_of(SERVICE, "forget imports")
    for days, state in ((6, ImportState.IMPORT_STATE_CHECKED), (2, ImportState.IMPORT_STATE_DISCARDED)):
        line.later(days=days)
        with line.engine.begin() as conn:
            forget.run(conn, line.clock.now())
        found = (await line.api.call(KEEPER, "GetImport", name=checked.name)).data_import
        assert found.state == state
    assert names_kept(line) == 0
    line.later(days=30)
    with line.engine.begin() as conn:
        forget.run(conn, line.clock.now())
    assert (await line.refused(KEEPER, "GetImport", name=checked.name)).reason == "NOT_FOUND"


async def test_an_import_is_of_a_place_and_of_who_may_run_it_there(line: Line) -> None:
    content = table(
        f"1,王建国,{BRANCH},2010-07-01,,",
        f"2,李秀英,{OTHER_COMMITTEE},2010-07-01,,",
    )
    checked = await worked(
        line,
        (
            await line.api.call(COMMUNITY_DESK, "StartImport", scope=COMMUNITY, kind=MEMBERS, content=content)
        ).data_import,
    )
    assert counts(checked) == (1, 0, 0, 1)
    for caller in (OTHER_STREET_DESK, WORKER, CITIZEN, SUPERVISOR):
        for method in ("GetImport", "ListImportRows", "ApplyImport", "DiscardImport"):
            assert (await line.refused(caller, method, name=checked.name)).reason == "PERMISSION_DENIED"
        started = {"scope": COMMUNITY, "kind": MEMBERS, "content": content}
        assert (await line.refused(caller, "StartImport", **started)).reason == "PERMISSION_DENIED"


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xff\xff",
        b"PK\x03\x04 no workbook",
        "姓名,党组织,入党日期".encode(),
        table(),
        table("1,2", headings=f"{HEADINGS},number"),
        table('1,"王建国', headings=HEADINGS),
        table(*[""] * 200_000, f"1,王建国,{BRANCH},2010-07-01,,"),
        edited(SMALL, rb'<row r="2"', rb'<row r="999999999999"'),
        edited(SMALL, rb"</sheetData>", b"<row/>" * 200_000 + rb"</sheetData>"),
        edited(SMALL, rb"<sheetViews>", rb"<sheetViews unheard='1'>"),
        edited(SMALL, rb"<sheets>.*</sheets>", rb"<sheets/>"),
        edited(SMALL, rb"<sheetFormatPr ", rb"<sheetFormatPr unheard='1' "),
        edited(SMALL, rb'<c r="A2"', rb'<c r="2A"'),
        damaged(SMALL),
    ],
    ids=[
        *["no text", "no workbook", "no number", "no rows", "two columns", "an open quote", "empty lines"],
        *["a row far away", "empty rows", "malformed views", "no sheet", "an unknown property", "no cell"],
        "damaged data",
    ],
)
async def test_what_is_no_such_list_is_refused(line: Line, content: bytes) -> None:
    refused = await line.refused(KEEPER, "StartImport", scope=DISTRICT, kind=MEMBERS, content=content)
    assert [each.field for each in refused.violations] == ["content"]


async def test_a_workbook_that_unpacks_to_too_much_is_refused(line: Line) -> None:
    content = workbook(["编号", "姓名", "党组织", "入党日期"], *[["0" * 30_000] * 64] * 40)
    assert len(content) < 3_000_000
    refused = await line.refused(KEEPER, "StartImport", scope=DISTRICT, kind=MEMBERS, content=content)
    assert [each.field for each in refused.violations] == ["content"]


async def test_a_district_has_so_many_imports_open_at_most(line: Line) -> None:
    for _ in range(10):
        last = await start(line, TWO)
    refused = await line.refused(KEEPER, "StartImport", scope=DISTRICT, kind=MEMBERS, content=TWO)
    assert (refused.reason, refused.metadata) == ("IMPORT_LIMIT_REACHED", {"limit": "10"})
    await line.api.call(KEEPER, "DiscardImport", name=last.name)
    await start(line, TWO)


async def test_who_starts_imports_at_the_same_moment_gets_no_more_of_them(line: Line) -> None:
    # Many rows, so that all have counted before the first is stored.
    many = table(*(f"2010-{number:05},王建国,{BRANCH},2010-07-01,," for number in range(500)))
    request = {"scope": DISTRICT, "kind": MEMBERS, "content": many}
    started = await asyncio.gather(
        *(line.api.call(KEEPER, "StartImport", **request) for _ in range(16)), return_exceptions=True
    )
    refused = [each.reason for each in started if isinstance(each, Refused)]
    assert refused == ["IMPORT_LIMIT_REACHED"] * 6
    assert len((await line.api.call(KEEPER, "ListImports", scope=DISTRICT)).imports) == 10


async def test_who_completed_which_training_is_imported(line: Line) -> None:
    training = Training(name=SPRING, display_name="春季班", minutes=480)
    await line.api.call(KEEPER, "DefineTraining", training=training)
    member = await line.admit(number="1")
    content = table(f"1,{SPRING},2020-03-01,80", headings="党员编号,培训,完成日期,成绩")
    done = await applied(line, await start(line, content, kind=COMPLETIONS))
    assert counts(done) == (1, 0, 0, 0)
    again = await applied(line, await start(line, content, kind=COMPLETIONS))
    assert counts(again) == (0, 0, 1, 0)
    better = await applied(line, await start(line, content.replace(b"80", b"90"), kind=COMPLETIONS))
    assert counts(better) == (0, 1, 0, 0)
    earlier = content.replace(b"2020-03-01", b"2020-02-01")
    for expected in ((0, 1, 0, 0), (0, 0, 1, 0)):
        assert counts(await applied(line, await start(line, earlier, kind=COMPLETIONS))) == expected
    [completed] = (await line.api.call(KEEPER, "ListCompletions", member=member.name)).completions
    assert (completed.subject, completed.percent, completed.minutes) == (SPRING, 90, 480)
    assert moment(completed.complete_time) == datetime(2020, 2, 1, tzinfo=CHINA)


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (f"2,{SPRING},2020-03-01,80", "number"),
        ("1,autumn,2020-03-01,80", "training"),
        (f"1,{SPRING},2031-03-01,80", "complete_date"),
        (f"1,{SPRING},2020-03-01,101", "percent"),
        (f"1,{SPRING},2020-03-01,很好", "percent"),
        (f"1,{SPRING},2020-03-01,{'9' * 5000}", "percent"),
        (f"1,{SPRING},,80", "complete_date"),
    ],
)
async def test_what_is_wrong_with_a_completion_is_said(line: Line, row: str, column: str) -> None:
    await line.api.call(KEEPER, "DefineTraining", training=Training(name=SPRING, display_name="春季班", minutes=480))
    await line.admit(number="1")
    checked = await start(line, table(row, headings="党员编号,培训,完成日期,成绩"), kind=COMPLETIONS)
    [wrong] = await rows(line, checked)
    assert [each.column for each in wrong.errors] == [column]


async def exported(line: Line, method: str, page_size: int, caller: Caller = KEEPER, **fields: Any) -> str:
    lines: list[str] = []
    asked = {"organization": STREET_COMMITTEE, "page_size": page_size, **fields}
    while True:
        page = await line.api.call(caller, method, **asked)
        lines += [each.text for each in page.lines]
        if not page.next_page_token:
            return "".join([page.headings, *lines])
        asked["page_token"] = page.next_page_token


async def test_what_is_exported_can_be_imported_and_changes_nothing(line: Line) -> None:
    await applied(line, await start(line, TWO))
    await line.admit(STREET_COMMITTEE, number="3", person_name="=1+1")
    whole = await exported(line, "ListMembersAsCsv", 500)
    assert whole.startswith("number,person_name,organization,join_date,confirm_date,user\r\n")
    assert len(whole.splitlines()) == 4
    assert "'=1+1" in whole
    assert await exported(line, "ListMembersAsCsv", 1) == whole
    again = await start(line, whole.encode())
    assert counts(again) == (0, 0, 3, 0)


async def test_who_may_not_see_names_exports_none(line: Line) -> None:
    for caller in (SUPERVISOR, OTHER_STREET_DESK, WORKER, CITIZEN):
        refused = await line.refused(caller, "ListMembersAsCsv", organization=STREET_COMMITTEE)
        assert refused.reason == "PERMISSION_DENIED"


async def test_completions_of_a_year_are_exported(line: Line) -> None:
    training = Training(name=SPRING, display_name="春季班", minutes=480)
    await line.api.call(KEEPER, "DefineTraining", training=training)
    names = [(await line.admit(number=str(number))).name for number in range(3)]
    for name in names:
        at = datetime(2020, 3, 1, tzinfo=CHINA)
        await line.api.call(KEEPER, "RecordCompletion", member=name, training=SPRING, complete_time=at, percent=80)
    whole = await exported(line, "ListCompletionsAsCsv", 500, year=2020)
    assert whole.splitlines()[1:] == [
        f"{number},{name},{SPRING},480,80,2020-03-01" for name, number in sorted(zip(names, range(3), strict=True))
    ]
    assert await exported(line, "ListCompletionsAsCsv", 2, year=2020) == whole
    assert len((await exported(line, "ListCompletionsAsCsv", 500, year=2019)).splitlines()) == 1


def names_kept(line: Line) -> int:
    with line.engine.connect() as conn:
        return int(conn.exec_driver_sql("SELECT count(sealed_name) FROM import_row").scalar_one())
