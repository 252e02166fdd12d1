"""The page by which anybody verifies a certificate: HTML for people, without scripts; JSON for programs that ask for
it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from html import escape
from typing import Final

from google.protobuf.json_format import MessageToDict

from onegrid.partyedu.v1.certificates_pb2 import CertificateState, VerifiedCertificate
from onegrid_kit.clock import CHINA
from onegrid_kit.errors import NotFound
from onegrid_kit.http.answers import Answer, json_answer, page
from onegrid_kit.http.requests import Request
from onegrid_kit.http.routes import ReadOnlyDatabase
from onegrid_kit.timestamps import moment
from onegrid_partyedu.settings import PartyeduSettings
from onegrid_partyedu.verifying import verify

__all__ = ["show"]

# Whoever has the address has the code: it is neither kept nor passed on.
_HEADERS: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "Vary": "Accept"}
_STATES: Final = {
    CertificateState.CERTIFICATE_STATE_VALID: ("有效", "Valid", "#0b6b2e"),
    CertificateState.CERTIFICATE_STATE_EXPIRED: ("已过期", "Expired", "#8a4b00"),
    CertificateState.CERTIFICATE_STATE_SUPERSEDED: ("已被新证书替换", "Superseded", "#8a4b00"),
    CertificateState.CERTIFICATE_STATE_REVOKED: ("已撤销", "Revoked", "#a3121b"),
}
_DOCUMENT: Final = """<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 1.125rem/1.6 sans-serif; color: #1b1b1b; background: #fff; margin: 0; }}
main {{ max-width: 40rem; margin: 0 auto; padding: 1rem; }}
.state {{ font-size: 1.5rem; font-weight: bold; border-left: .5rem solid; padding-left: .75rem; }}
dt {{ color: #505a5f; margin-top: .75rem; }}
dd {{ margin: 0; overflow-wrap: anywhere; }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
{content}
</main>
</body>
</html>
"""


async def show(request: Request[PartyeduSettings], db: ReadOnlyDatabase) -> Answer:
    """The certificate of the code, and where it stands. Every other code is answered alike."""
    code, now = request.parameters["code"], request.call.now
    as_json = _prefers_json(request.headers.get("accept", ""))
    try:
        found = await db.read(lambda conn: verify(conn, code, now, request.cipher))
    except NotFound:
        if as_json:
            raise
        return _answered(page(_not_found(), 404))
    if as_json:
        return _answered(json_answer(MessageToDict(found)))
    return _answered(page(_document(found)))


def _answered(answer: Answer) -> Answer:
    return replace(answer, headers={**answer.headers, **_HEADERS})


def _prefers_json(accept: str) -> bool:
    """Whether JSON is asked for, and HTML less or not at all (RFC 9110, section 12.5.1)."""
    weights = {"application/json": 0.0, "text/html": 0.0}
    for each in accept.split(","):
        kind, *parameters = (part.strip().lower() for part in each.split(";"))
        weight = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        if kind in weights:
            weights[kind] = float(weight) if weight.replace(".", "", 1).isdecimal() else 0.0
    return weights["application/json"] > weights["text/html"]


def _document(of: VerifiedCertificate) -> str:
    chinese, english, color = _STATES[of.state]
    facts = [
        ("姓名", "Name", of.person_name),
        ("证书", "Certificate", of.title),
        ("内容", "Statement", of.statement),
        ("年度", "Year", f"{of.year}年" if of.year else ""),
        ("学时", "Minutes of study", f"{of.minutes}分钟" if of.minutes else ""),
        ("发证单位", "Issued by", of.issuer_name),
        ("发证日期", "Issued on", _day(moment(of.issue_time))),
        ("有效期至", "Valid until", _day(moment(of.expire_time)) if of.HasField("expire_time") else ""),
        ("终止日期", "Ended on", _day(moment(of.end_time)) if of.HasField("end_time") else ""),
        ("验证码", "Code", of.code),
    ]
    rows = "\n".join(
        f'<dt>{chinese} <span lang="en">{english}</span></dt><dd>{escape(value)}</dd>'
        for chinese, english, value in facts
        if value
    )
    state = f'<p class="state" style="color: {color}" role="status">{chinese} <span lang="en">{english}</span></p>'
    newer = ""
    if of.superseded_by:
        newer = (
            f'\n<p><a href="{escape(of.superseded_by)}" rel="nofollow">查看替换后的证书 '
            '<span lang="en">The certificate that took its place</span></a></p>'
        )
    return _DOCUMENT.format(title="证书验证 Certificate", content=f"{state}{newer}\n<dl>\n{rows}\n</dl>")


def _not_found() -> str:
    return _DOCUMENT.format(
        title="未找到证书 No such certificate",
        content="<p>没有与此验证码对应的证书。请核对证书上的验证码后重试。</p>\n"
        '<p lang="en">No certificate has this code. Compare it with the one on the certificate, and try again.</p>',
    )


def _day(of: datetime) -> str:
    day = of.astimezone(CHINA)
    return f"{day.year}年{day.month}月{day.day}日"
