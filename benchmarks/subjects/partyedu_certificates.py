"""A certificate as PDF for each of 11,020 members, by the process that prints them for the api; it and who asks it
share one core.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

from benchmarks import machine
from benchmarks.comparing import Figure, stolen_too_much
from benchmarks.platform import Platform
from onegrid_partyedu import certificate_code
from onegrid_partyedu.printed import Printed
from onegrid_partyedu.printing import Printer

_CERTIFICATES: Final = 11_020
_MOST_S: Final = 300
_RARE_EVERY: Final = 50
_SURNAMES: Final = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
_GIVEN: Final = ("建国", "秀英", "伟", "志强", "淑兰", "桂芝", "晓东", "丽娜", "永红", "玉梅", "军", "海燕", "文博")
_RARE: Final = ("喆", "䶮", "㛃", "堃", "𠮷", "𪚥", "𬬻", "頔")
"""Some of them in the font for rare characters alone."""


def measure(_: Platform) -> Iterator[Figure]:
    """Fonts are read in this time as well."""
    before, used = machine.times(), machine.cpu_seconds(os.getpid())
    with _one_core():
        seconds, size = asyncio.run(_print_all())
    used = machine.cpu_seconds(os.getpid()) - used
    passed = machine.times() - before
    note = stolen_too_much(passed.share(passed.steal))
    yield Figure("partyedu_certificates.s", round(seconds, 1), _MOST_S, least=False, note=note)
    yield Figure("partyedu_certificates.cpu_s", round(used, 1))
    yield Figure("partyedu_certificates.kib_each", round(size / _CERTIFICATES / 1024, 1))


@contextmanager
def _one_core() -> Iterator[None]:
    """What is started meanwhile runs there as well."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


async def _print_all() -> tuple[float, int]:
    """The seconds that it takes, and the bytes of all documents."""
    printer, size = Printer(), 0
    began = time.perf_counter()
    try:
        for number in range(_CERTIFICATES):
            document = await printer.print(_certificate(number))
            if document.unprintable:
                raise SystemExit("some names have no font: install fonts-lxgw-wenkai and fonts-hanazono")
            size += len(document.pdf)
    finally:
        await printer.close()
    return time.perf_counter() - began, size


def _certificate(number: int) -> Printed:
    given = _GIVEN[number * 5 % len(_GIVEN)]
    if number % _RARE_EVERY == 0:
        given = _RARE[number // _RARE_EVERY % len(_RARE)] + given[-1]
    code = certificate_code.grouped(certificate_code.new_code(random.Random(number).choice))
    return Printed(
        title="党员教育培训结业证书",
        person_name=_SURNAMES[number * 7 % len(_SURNAMES)] + given,
        statement="完成规定课程的学习，考核合格，准予结业。",
        year=2026,
        minutes=1_920,
        issuer_name="中共丹东市元宝区委员会",
        issue_time=datetime(2026, 7, 1, tzinfo=UTC),
        expire_time=None,
        code=code,
        url=f"https://study.example.cn/v1/certificates/{code}",
    )
