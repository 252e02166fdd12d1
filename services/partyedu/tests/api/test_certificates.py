"""Certificates over gRPC: issued of what was completed, once, and verified by whoever has the code."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from onegrid.partyedu.v1.certificates_pb2 import Certificate, CertificateScheme, CertificateState, VerifiedCertificate
from onegrid.partyedu.v1.completions_pb2 import Training
from onegrid.partyedu.v1.events_pb2 import CertificateIssued, CertificateRevoked
from onegrid.partyedu.v1.members_pb2 import EndReason, Member
from onegrid_kit.callers import Caller
from onegrid_kit.clock import CHINA
from onegrid_kit.testing.api import Refused
from onegrid_kit.testing.events import announced, forget_announced
from onegrid_kit.timestamps import moment, timestamp

from .line import OTHER_COMMITTEE, STREET_COMMITTEE, Line
from .people import CITIZEN, COMMUNITY_DESK, KEEPER, OTHER_STREET_DESK, STREET, STREET_DESK, SUPERVISOR, WORKER

SCHEME = f"certificateSchemes/{STREET}-basics"
YEARLY = f"certificateSchemes/{STREET}-yearly"
SPRING, AUTUMN = f"trainings/{STREET}-spring", f"trainings/{STREET}-autumn"
VALID = CertificateState.CERTIFICATE_STATE_VALID
EXPIRED = CertificateState.CERTIFICATE_STATE_EXPIRED
SUPERSEDED = CertificateState.CERTIFICATE_STATE_SUPERSEDED
REVOKED = CertificateState.CERTIFICATE_STATE_REVOKED
STUDIED = datetime(2020, 5, 4, tzinfo=CHINA)


async def define(line: Line, name: str = SCHEME, **fields: Any) -> CertificateScheme:
    """A scheme that requires both trainings."""
    for training in (SPRING, AUTUMN):
        of = Training(name=training, display_name="党校班", minutes=480)
        await line.api.call(KEEPER, "DefineTraining", training=of)
    given = {
        "title": "党员教育培训结业证书",
        "statement": "完成规定课程的学习，考核合格，准予结业。",
        "issuer": STREET_COMMITTEE,
        "required": [SPRING, AUTUMN],
        **fields,
    }
    scheme = CertificateScheme(name=name, **given)
    answer = await line.api.call(STREET_DESK, "DefineCertificateScheme", certificate_scheme=scheme)
    defined: CertificateScheme = answer.certificate_scheme
    return defined


async def complete(line: Line, member: Member, *trainings: str, at: datetime = STUDIED, percent: int = 90) -> None:
    for training in trainings:
        await line.api.call(
            KEEPER, "RecordCompletion", member=member.name, training=training, complete_time=at, percent=percent
        )


async def studied(line: Line, **fields: Any) -> Member:
    """A member with an account, who completed both trainings."""
    line.know(CITIZEN.user)
    member = await line.admit(user=CITIZEN.user, **fields)
    await complete(line, member, SPRING, AUTUMN)
    forget_announced(line.engine)
    return member


async def issue(
    line: Line, member: str, caller: Caller = COMMUNITY_DESK, scheme: str = SCHEME, year: int = 0
) -> Certificate:
    answer = await line.api.call(caller, "IssueCertificate", member=member, scheme=scheme, year=year)
    issued: Certificate = answer.certificate
    return issued


async def read(line: Line, of: Certificate, caller: Caller = COMMUNITY_DESK) -> Certificate:
    found: Certificate = (await line.api.call(caller, "GetCertificate", name=of.name)).certificate
    return found


async def verified(line: Line, code: str) -> VerifiedCertificate:
    found: VerifiedCertificate = (await line.api.call(None, "GetVerifiedCertificate", code=code)).certificate
    return found


async def test_a_certificate_certifies_what_was_completed_and_is_announced_without_a_name(line: Line) -> None:
    await define(line)
    member = await studied(line)
    issued = await issue(line, member.name)
    assert (issued.person_name, issued.title) == ("王建国", "党员教育培训结业证书")
    assert (issued.issuer, issued.issuer_name) == (STREET_COMMITTEE, "committee")
    assert [(item.subject, item.minutes, item.percent) for item in issued.items] == [
        (SPRING, 480, 90),
        (AUTUMN, 480, 90),
    ]
    assert (issued.state, issued.member, issued.scheme) == (VALID, member.name, SCHEME)
    assert not issued.HasField("expire_time")
    assert announced(line.engine) == [
        CertificateIssued(
            certificate=issued.name, member=member.name, scheme=SCHEME, issue_time=timestamp(line.clock.now())
        )
    ]
    assert await read(line, issued) == issued
    assert list((await line.api.call(CITIZEN, "ListCertificates", member="members/me")).certificates) == [issued]


async def test_nothing_of_a_certificate_is_stored_as_it_reads(line: Line, engine: Engine) -> None:
    await define(line)
    issued = await issue(line, (await studied(line)).name)
    with engine.connect() as conn:
        stored = str(conn.execute(text("SELECT certificate::text FROM certificate")).scalars().all())
    for secret in (issued.person_name, issued.title, issued.code, issued.code.replace("-", "")):
        assert secret not in stored
        assert secret.encode().hex() not in stored


async def test_what_is_missing_is_named(line: Line) -> None:
    await define(line)
    member = await line.admit()
    await complete(line, member, AUTUMN)
    refused = await line.refused(COMMUNITY_DESK, "IssueCertificate", member=member.name, scheme=SCHEME)
    assert (refused.reason, refused.metadata) == (
        "REQUIREMENTS_MISSING",
        {"scheme": SCHEME, "missing": SPRING, "count": "1"},
    )


async def test_issued_again_it_is_the_same_one_and_of_other_facts_a_new_one_supersedes_it(line: Line) -> None:
    await define(line)
    member = await studied(line)
    first = await issue(line, member.name)
    assert await issue(line, "members/me", CITIZEN) == first
    mask = {"paths": ["person_name"]}
    await line.api.call(KEEPER, "UpdateMember", name=member.name, person_name="王建國", update_mask=mask)
    assert (await read(line, first)).person_name == "王建国"
    forget_announced(line.engine)
    second = await issue(line, member.name)
    assert second.person_name == "王建國"
    assert [each.supersedes for each in announced(line.engine)] == [first.name]
    now = await read(line, first)
    assert (now.state, now.superseded_by, moment(now.end_time)) == (SUPERSEDED, second.name, line.clock.now())
    assert (now.person_name, now.code) == ("王建国", first.code)
    seen = await verified(line, first.code)
    assert (seen.state, seen.superseded_by) == (SUPERSEDED, second.code)
    refused = await line.refused(COMMUNITY_DESK, "RevokeCertificate", name=first.name, reason="材料不实")
    assert (refused.reason, refused.metadata["state"]) == ("CERTIFICATE_WRONG_STATE", "SUPERSEDED")


async def test_two_who_issue_at_the_same_moment_issue_one(line: Line) -> None:
    await define(line)
    member = await studied(line)
    issued = await asyncio.gather(*(issue(line, member.name) for _ in range(6)), issue(line, "members/me", CITIZEN))
    assert len({each.name for each in issued}) == 1
    assert len(announced(line.engine)) == 1


async def test_changes_that_meet_leave_one_certificate_that_stands(line: Line, engine: Engine) -> None:
    await define(line)
    member = await studied(line)
    first = await issue(line, member.name)
    await complete(line, member, SPRING, percent=95)
    await asyncio.gather(
        *(issue(line, member.name) for _ in range(3)),
        line.api.call(COMMUNITY_DESK, "RevokeCertificate", name=first.name, reason="材料不实"),
        return_exceptions=True,
    )
    with engine.connect() as conn:
        assert conn.execute(text("SELECT count(*) FROM certificate WHERE state = 1")).scalar_one() == 1


async def test_a_yearly_one_is_for_what_was_completed_in_the_year(line: Line) -> None:
    await define(line, YEARLY, yearly=True)
    member = await studied(line)
    issued = await issue(line, member.name, scheme=YEARLY, year=2020)
    assert (issued.year, (await verified(line, issued.code)).year) == (2020, 2020)
    for year, reason in ((2019, "REQUIREMENTS_MISSING"), (0, "INVALID_REQUEST"), (2021, "INVALID_REQUEST")):
        refused = await line.refused(KEEPER, "IssueCertificate", member=member.name, scheme=YEARLY, year=year)
        assert refused.reason == reason
    await define(line)
    refused = await line.refused(KEEPER, "IssueCertificate", member=member.name, scheme=SCHEME, year=2020)
    assert refused.fields == ["year"]


async def test_one_with_an_end_expires_and_is_renewed_by_studying_again(line: Line) -> None:
    await define(line, validity_months=12)
    member = await studied(line)
    first = await issue(line, member.name)
    assert moment(first.expire_time) == datetime(2021, 5, 4, tzinfo=CHINA)
    line.clock.set(datetime(2021, 5, 3, 23, 59, tzinfo=CHINA))
    assert (await verified(line, first.code)).state == VALID
    line.later(minutes=1)
    assert (await verified(line, first.code)).state == EXPIRED
    refused = await line.refused(KEEPER, "IssueCertificate", member=member.name, scheme=SCHEME)
    assert (refused.reason, refused.metadata["count"]) == ("REQUIREMENTS_MISSING", "2")
    await complete(line, member, SPRING, AUTUMN, at=line.clock.now() - timedelta(hours=1))
    second = await issue(line, member.name)
    assert (await verified(line, first.code)).superseded_by == second.code


async def test_a_revoked_one_is_issued_again_by_who_could_revoke_it_alone(line: Line) -> None:
    await define(line)
    member = await studied(line)
    issued = await issue(line, "members/me", CITIZEN)
    forget_announced(line.engine)
    named = await line.refused(COMMUNITY_DESK, "RevokeCertificate", name=issued.name, reason="请致电13912345678")
    assert named.reason == "PERSON_IN_TEXT"
    refused = await line.refused(CITIZEN, "RevokeCertificate", name=issued.name, reason="不要了")
    assert refused.reason == "PERMISSION_DENIED"
    for _ in range(2):
        answer = await line.api.call(COMMUNITY_DESK, "RevokeCertificate", name=issued.name, reason="材料不实")
        assert (answer.certificate.state, answer.certificate.revoke_reason) == (REVOKED, "材料不实")
    assert announced(line.engine) == [
        CertificateRevoked(certificate=issued.name, member=member.name, revoke_time=timestamp(line.clock.now()))
    ]
    seen = await verified(line, issued.code)
    assert (seen.state, seen.person_name, moment(seen.end_time)) == (REVOKED, "王建国", line.clock.now())
    refused = await line.refused(CITIZEN, "IssueCertificate", member="members/me", scheme=SCHEME)
    assert (refused.reason, refused.metadata) == ("CERTIFICATE_REVOKED", {"certificate": issued.name})
    again = await issue(line, member.name)
    assert (again.state, again.name != issued.name) == (VALID, True)
    assert (await verified(line, issued.code)).state == REVOKED


async def test_names_and_codes_are_for_the_member_and_who_may_identify_members(line: Line) -> None:
    await define(line)
    member = await studied(line)
    issued = await issue(line, member.name)
    assert await read(line, issued, CITIZEN) == issued
    hidden = await read(line, issued, SUPERVISOR)
    assert (hidden.person_name, hidden.code, hidden.verification_url) == ("", "", "")
    assert hidden.title == issued.title
    for caller in (WORKER, OTHER_STREET_DESK):
        for method, fields in (
            ("GetCertificate", {"name": issued.name}),
            ("ListCertificates", {"member": member.name}),
            ("IssueCertificate", {"member": member.name, "scheme": SCHEME}),
            ("RevokeCertificate", {"name": issued.name, "reason": "材料不实"}),
        ):
            assert (await line.refused(caller, method, **fields)).reason == "PERMISSION_DENIED"


async def test_nobody_claims_the_certificate_of_somebody_else(line: Line) -> None:
    await define(line)
    await studied(line)
    other = await line.admit(person_name="李秀英")
    await complete(line, other, SPRING, AUTUMN)
    refused = await line.refused(CITIZEN, "IssueCertificate", member=other.name, scheme=SCHEME)
    assert refused.reason == "PERMISSION_DENIED"


async def test_who_is_no_member_any_more_gets_none(line: Line) -> None:
    await define(line)
    member = await studied(line)
    issued = await issue(line, member.name)
    await line.api.call(KEEPER, "EndMembership", name=member.name, reason=EndReason.END_REASON_MOVED_AWAY)
    refused = await line.refused(KEEPER, "IssueCertificate", member=member.name, scheme=SCHEME)
    assert refused.reason == "MEMBER_WRONG_STATE"
    assert (await verified(line, issued.code)).state == VALID


async def test_every_wrong_code_is_answered_alike(line: Line) -> None:
    await define(line)
    issued = await issue(line, (await studied(line)).name)
    # One by a slip, one that could be a code, one that could not.
    answers = set()
    for wrong in (issued.code[:-1] + ("0" if issued.code[-1] != "0" else "1"), "00000-00000-00000-00000", "王建国", ""):
        with pytest.raises(Refused) as refused:
            await verified(line, wrong)
        answers.add((refused.value.reason, str(refused.value), tuple(refused.value.metadata.items())))
    assert len(answers) == 1
    assert (await verified(line, issued.code.lower().replace("-", " "))).code == issued.code


async def test_a_scheme_changes_by_its_etag_and_is_retired(line: Line) -> None:
    first = await define(line)
    assert await define(line, etag=first.etag) == first
    second = await define(line, title="任职培训结业证书", etag=first.etag)
    assert second.etag != first.etag
    stale = await line.refused(STREET_DESK, "RetireCertificateScheme", name=SCHEME, etag=first.etag)
    assert stale.reason == "STALE_ETAG"
    member = await studied(line)
    issued = await issue(line, member.name)
    retired = (await line.api.call(STREET_DESK, "RetireCertificateScheme", name=SCHEME)).certificate_scheme
    assert moment(retired.retire_time) == line.clock.now()
    refused = await line.refused(COMMUNITY_DESK, "IssueCertificate", member=member.name, scheme=SCHEME)
    assert (refused.reason, refused.metadata) == ("SCHEME_RETIRED", {"scheme": SCHEME})
    assert (await verified(line, issued.code)).state == VALID
    listed = await line.api.call(CITIZEN, "ListCertificateSchemes", scope=STREET)
    assert not listed.certificate_schemes
    listed = await line.api.call(CITIZEN, "ListCertificateSchemes", scope=STREET, show_retired=True)
    assert list(listed.certificate_schemes) == [retired]
    assert not (await define(line)).HasField("retire_time")


async def test_a_scheme_names_nobody(line: Line) -> None:
    for field in ("title", "statement"):
        with pytest.raises(Refused) as refused:
            await define(line, **{field: "咨询电话13912345678"})
        assert (refused.value.reason, refused.value.fields) == ("PERSON_IN_TEXT", [f"certificate_scheme.{field}"])


async def test_a_scheme_is_of_one_district(line: Line) -> None:
    await define(line)
    for field, value in (
        ("issuer", "organizations/210603-committee"),
        ("required", [SPRING, "courses/210603-basics"]),
    ):
        given = {"title": "结业证书", "statement": "x", "issuer": OTHER_COMMITTEE, "required": [SPRING], field: value}
        scheme = CertificateScheme(name=SCHEME, **given)
        refused = await line.refused(STREET_DESK, "DefineCertificateScheme", certificate_scheme=scheme)
        assert refused.fields == [f"certificate_scheme.{field}" + ("[1]" if field == "required" else "")]
