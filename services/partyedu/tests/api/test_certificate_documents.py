"""Certificates as PDF, read by a library that is not ours."""

from __future__ import annotations

import asyncio
import io
import os
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pypdf import PdfReader

from onegrid_kit.errors import Overloaded, Unavailable
from onegrid_partyedu.printed import Document, Printed
from onegrid_partyedu.printing import Printer

from .line import Line
from .people import CITIZEN, COMMUNITY_DESK, SUPERVISOR
from .test_certificates import define, issue, studied

CODE = "7K3QX-9F2MB-T0VWH-5RZN4"


def printed(person_name: str = "王建国", **fields: object) -> Printed:
    given = {
        "title": "党员教育培训结业证书",
        "person_name": person_name,
        "statement": "完成规定课程的学习，考核合格，准予结业。",
        "year": 2020,
        "minutes": 960,
        "issuer_name": "中共丹东市元宝区委员会",
        "issue_time": datetime(2020, 7, 1, tzinfo=UTC),
        "expire_time": None,
        "code": CODE,
        "url": f"https://study.example.cn/v1/certificates/{CODE}",
        **fields,
    }
    return Printed(**given)  # type: ignore[arg-type]


def text_of(pdf: bytes) -> str:
    (page,) = PdfReader(io.BytesIO(pdf)).pages
    return page.extract_text()


def fonts_of(pdf: bytes) -> set[str]:
    """The fonts that are embedded, by the names of what was read, and how much of each there is in bytes."""
    (page,) = PdfReader(io.BytesIO(pdf)).pages
    fonts = [font.get_object() for font in page["/Resources"]["/Font"].values()]  # type: ignore[index]
    return {str(font["/BaseFont"]).rpartition("+")[2] for font in fonts if "/FontDescriptor" in font}


@pytest.fixture
async def printer() -> AsyncIterator[Printer]:
    made = Printer()
    yield made
    await made.close()


async def test_a_certificate_is_printed_for_its_member_and_who_may_identify_members(line: Line) -> None:
    await define(line)
    member = await studied(line)
    issued = await issue(line, member.name)
    answers = [
        await line.api.call(caller, "GetCertificateDocument", name=issued.name) for caller in (CITIZEN, COMMUNITY_DESK)
    ]
    assert answers[0] == answers[1]
    text = text_of(answers[0].pdf)
    for stands in ("党员教育培训结业证书", "王建国 同志", "考核合格", "committee", issued.code, "960分钟"):
        assert stands in text
    assert len(answers[0].pdf) < 200_000
    refused = await line.refused(SUPERVISOR, "GetCertificateDocument", name=issued.name)
    assert refused.reason == "PERMISSION_DENIED"
    await line.api.call(COMMUNITY_DESK, "RevokeCertificate", name=issued.name, reason="材料不实")
    refused = await line.refused(CITIZEN, "GetCertificateDocument", name=issued.name)
    assert (refused.reason, refused.metadata["state"]) == ("CERTIFICATE_WRONG_STATE", "REVOKED")


@pytest.mark.parametrize(
    ("name", "extracted", "unprintable"),
    [
        ("王喆䶮", "王喆䶮", ""),
        # Beyond the first 65,536 characters of Unicode; the second and third are in the font for rare ones alone.
        ("𠮷𪚥𬬻", "𠮷𪚥𬬻", ""),
        # Of Unicode 13, which no font has; a selector of a variant; another script.
        ("王𱍐", "王〓", "𱍐"),
        ("葛\U000e0100", "葛", ""),
        ("阿卜杜热合曼·买买提明·" * 5, "阿卜杜热合曼·买买提明·" * 5, ""),
    ],
)
async def test_names_are_printed_with_their_rare_characters(
    printer: Printer, name: str, extracted: str, unprintable: str
) -> None:
    document = await printer.print(printed(name))
    assert f"{extracted} 同志" in text_of(document.pdf)
    assert document.unprintable == unprintable
    assert PdfReader(io.BytesIO(document.pdf)).metadata["/Title"].endswith(name)  # type: ignore[index]
    assert fonts_of(document.pdf) <= {"LXGWWenKai-Regular", "HanaMinA", "HanaMinB"}


async def test_the_same_certificate_is_the_same_bytes_in_another_process(printer: Printer) -> None:
    await printer.print(printed("李秀英"))
    again = Printer()
    assert await printer.print(printed("𠮷喆")) == await again.print(printed("𠮷喆"))
    await again.close()


async def test_no_more_wait_than_can_be_printed_soon(printer: Printer) -> None:
    answers = await asyncio.gather(*(printer.print(printed()) for _ in range(40)), return_exceptions=True)
    assert sum(isinstance(each, Overloaded) for each in answers) == 8
    assert sum(isinstance(each, Document) for each in answers) == 32


async def test_callers_who_go_away_leave_the_others_theirs(printer: Printer) -> None:
    await printer.print(printed())
    names = ["王一", "王二", "王三", "王四"]
    tasks = [asyncio.create_task(printer.print(printed(name))) for name in names]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    tasks[0].cancel()
    tasks[2].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    for name, answer in zip(names, answers, strict=True):
        assert isinstance(answer, asyncio.CancelledError) or (
            isinstance(answer, Document) and name in text_of(answer.pdf)
        )
    assert isinstance(answers[1], Document)
    assert isinstance(answers[3], Document)


def children() -> set[int]:
    """The processes that print."""
    return {
        int(each.name)
        for each in Path("/proc").iterdir()
        if each.name.isdecimal() and (each / "stat").exists() and _prints(each)
    }


def _prints(process: Path) -> bool:
    try:
        parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
        return int(parent) == os.getpid() and b"onegrid_partyedu.printing" in (process / "cmdline").read_bytes()
    except OSError:
        return False


async def test_a_process_that_is_killed_is_replaced(printer: Printer) -> None:
    before = children()
    await printer.print(printed())
    (mine,) = children() - before
    os.kill(mine, signal.SIGKILL)
    with pytest.raises(Unavailable):
        await printer.print(printed())
    assert text_of((await printer.print(printed())).pdf)
