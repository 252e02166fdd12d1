"""How a certificate is printed: one page of A4, by reportlab. Runs in a process of its own: see `printing`."""

from __future__ import annotations

import functools
import io
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from reportlab.graphics.barcode import qrencoder
from reportlab.lib.colors import HexColor, black
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics, ttfonts
from reportlab.pdfgen.canvas import Canvas

from onegrid_kit.clock import CHINA
from onegrid_partyedu.printed import FONT, RARE_FONTS, Document, Printed

__all__ = ["draw"]

_FONTS: Final = dict([FONT]) | RARE_FONTS
"""A character is printed by the first that has it; each is read when a character first needs it."""
_SUBSTITUTE: Final = "〓"
"""Printed for a character that no font has (下駄), as printers did who lacked a type."""
_WIDTH, _HEIGHT = landscape(A4)
_RED: Final = HexColor(0xA3121B)
_GREY: Final = HexColor(0x505A5F)
_TEXT_WIDTH: Final = _WIDTH - 80 * mm
_QR_SIZE: Final = 30 * mm
_QUIET: Final = 4
"""The white modules around a QR code (ISO/IEC 18004)."""
_NEVER_FIRST: Final = "，。、；：！？）》」』”’%…"

Runs = Sequence[tuple[str, str]]
"""Fonts, and what each prints."""


def draw(printed: Printed) -> Document:
    """The certificate as a PDF with the fonts' needed glyphs in it: always the same bytes."""
    output = io.BytesIO()
    page = Canvas(output, pagesize=(_WIDTH, _HEIGHT), pageCompression=1, invariant=1, lang="zh-CN")
    page.setTitle(f"{printed.title} {printed.person_name}")
    page.setAuthor(printed.issuer_name)
    page.setSubject(printed.code)
    unprintable = "".join(dict.fromkeys(each for each, font in _fonts_of(printed.person_name) if font is None))
    if unprintable:
        # The name is complete at least where programs read it.
        page.setKeywords(f"no font has: {unprintable}")
    _frame(page)
    _centered(page, printed.title, 150 * mm, 40, color=_RED)
    _centered(page, f"{printed.person_name} 同志", 118 * mm, 26)
    _paragraph(page, f"{_studied(printed)}{printed.statement}", 98 * mm, 18)
    _right(page, printed.issuer_name, 48 * mm, 16)
    _right(page, _day(printed.issue_time), 38 * mm, 14)
    if printed.expire_time is not None:
        _right(page, f"有效期至{_day(printed.expire_time)}", 29 * mm, 11, color=_GREY)
    _verification(page, printed)
    page.showPage()
    page.save()
    return Document(pdf=output.getvalue(), unprintable=unprintable)


def _studied(printed: Printed) -> str:
    year = f"{printed.year}年度" if printed.year else ""
    study = f"学习{printed.minutes}分钟" if printed.minutes else ""
    return f"{year}{study}，" if year or study else ""


def _frame(page: Canvas) -> None:
    page.setStrokeColor(_RED)
    for inset, width in ((10 * mm, 2.5), (12 * mm, 0.7)):
        page.setLineWidth(width)
        page.rect(inset, inset, _WIDTH - 2 * inset, _HEIGHT - 2 * inset)


def _verification(page: Canvas, printed: Printed) -> None:
    left, bottom = 24 * mm, 30 * mm
    _qr_code(page, printed.url or printed.code, left, bottom)
    _write(page, _runs(f"验证码 {printed.code}"), left, bottom - 5 * mm, 9)
    if printed.url:
        runs = _runs(printed.url)
        _write(page, runs, left, bottom - 9 * mm, _fitting(runs, 7, _WIDTH / 2 - left), color=_GREY)


def _qr_code(page: Canvas, content: str, left: float, bottom: float) -> None:
    code = qrencoder.QRCode(None, qrencoder.QRErrorCorrectLevel.M)
    code.addData(content)
    code.make()
    size = _QR_SIZE / (code.getModuleCount() + 2 * _QUIET)
    path = page.beginPath()
    for down, row in enumerate(code.modules):
        across = 0
        for dark, modules in groupby(row, bool):
            length = len(list(modules))
            if dark:
                top = bottom + _QR_SIZE - (_QUIET + down) * size
                path.rect(left + (_QUIET + across) * size, top - size, length * size, size)
            across += length
    page.setFillColor(black)
    page.drawPath(path, stroke=0, fill=1)


def _centered(page: Canvas, text: str, height: float, size: float, *, color: Any = black) -> None:
    runs = _runs(text)
    size = _fitting(runs, size, _TEXT_WIDTH)
    _write(page, runs, (_WIDTH - _width(runs, size)) / 2, height, size, color=color)


def _right(page: Canvas, text: str, height: float, size: float, *, color: Any = black) -> None:
    runs = _runs(text)
    size = _fitting(runs, size, _WIDTH / 2 - 30 * mm)
    _write(page, runs, _WIDTH - 30 * mm - _width(runs, size), height, size, color=color)


def _paragraph(page: Canvas, text: str, height: float, size: float) -> None:
    for line in _lines(f"　　{text}", size, _TEXT_WIDTH):
        _write(page, _runs(line), (_WIDTH - _TEXT_WIDTH) / 2, height, size)
        height -= 1.6 * size


def _lines(text: str, size: float, width: float) -> Iterator[str]:
    line = ""
    for character in text:
        if line and character not in _NEVER_FIRST and _width(_runs(line + character), size) > width:
            yield line
            line = ""
        line += character
    yield line


def _write(page: Canvas, runs: Runs, left: float, height: float, size: float, *, color: Any = black) -> None:
    text = page.beginText(left, height)
    text.setFillColor(color)
    for font, printed in runs:
        text.setFont(font, size)
        text.textOut(printed)
    page.drawText(text)


def _fitting(runs: Runs, size: float, width: float) -> float:
    """The size, or as much less as it takes to fit."""
    needed = _width(runs, size)
    return size if needed <= width else size * width / needed


def _width(runs: Runs, size: float) -> float:
    width: float = sum(pdfmetrics.stringWidth(text, font, size) for font, text in runs)
    return width


def _runs(text: str) -> Runs:
    """What each font prints of the text."""
    chosen = [(font or FONT[0], each if font else _SUBSTITUTE) for each, font in _fonts_of(text)]
    return [(font, "".join(each for _, each in run)) for font, run in groupby(chosen, lambda each: each[0])]


def _fonts_of(text: str) -> Iterator[tuple[str, str | None]]:
    for each in text:
        font = _font_of(each)
        # What only changes the look of the character before it has no width of its own.
        if font is not None or unicodedata.category(each) not in ("Mn", "Cf"):
            yield each, font


@functools.lru_cache(maxsize=4096)
def _font_of(character: str) -> str | None:
    """The first font that has the character; None if none does."""
    return next((name for name in _FONTS if (font := _font(name)) and ord(character) in font.face.charToGlyph), None)


@functools.cache
def _font(name: str) -> ttfonts.TTFont | None:
    """None if a font for rare characters is not installed."""
    if name in RARE_FONTS and not RARE_FONTS[name].exists():
        return None
    font = ttfonts.TTFont(name, _FONTS[name])
    pdfmetrics.registerFont(font)
    return font


def _to_unicode(name: str, subset: Sequence[int]) -> str:
    """What the glyphs of a subset mean, for readers that search and copy: in UTF-16, as ISO 32000-1, 9.10.3 has it."""
    written: str = _REPORTLABS(name, [each if each < 0x10000 else 0 for each in subset])
    for index, each in enumerate(subset):
        if each >= 0x10000:
            pair = chr(each).encode("utf-16-be").hex().upper()
            written = written.replace(f"<{index:02X}> <0000>", f"<{index:02X}> <{pair}>", 1)
    return written


# reportlab writes characters beyond U+FFFF with five digits, which no reader understands.
_REPORTLABS: Final = ttfonts.makeToUnicodeCMap
ttfonts.makeToUnicodeCMap = _to_unicode


def _day(of: datetime) -> str:
    day = of.astimezone(CHINA)
    return f"{day.year}年{day.month}月{day.day}日"
