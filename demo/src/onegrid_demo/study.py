"""A member studies, from plan to certificate: over gRPC, as the community and the member's telephone do it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

import grpc.aio
from google.protobuf.field_mask_pb2 import FieldMask

from onegrid.partyedu.v1 import attempt_methods_pb2 as attempts_pb
from onegrid.partyedu.v1 import certificate_methods_pb2 as certificates_pb
from onegrid.partyedu.v1 import member_methods_pb2 as members_pb
from onegrid.partyedu.v1 import pool_methods_pb2 as pools_pb
from onegrid.partyedu.v1 import quiz_methods_pb2 as quizzes_pb
from onegrid.partyedu.v1 import study_plan_methods_pb2 as plans_pb
from onegrid.partyedu.v1.attempts_pb2 import Attempt, PaperItem
from onegrid.partyedu.v1.certificates_pb2 import Certificate, CertificateScheme, CertificateState, VerifiedCertificate
from onegrid.partyedu.v1.members_pb2 import Member
from onegrid.partyedu.v1.pools_pb2 import Item, ItemKind, ItemOption, Pool
from onegrid.partyedu.v1.quizzes_pb2 import (
    DrawnItems,
    PartialCredit,
    Quiz,
    QuizReview,
    QuizSection,
    ReviewContent,
    ReviewTime,
)
from onegrid.partyedu.v1.study_plans_pb2 import MemberStudyPlan, StudyPlan, StudyRequirement
from onegrid_demo import district, party_roll
from onegrid_demo.client import Client, Metadata
from onegrid_demo.loading import COMMUNITY, unless, until_known
from onegrid_kit.clock import CHINA, SettableClock
from onegrid_kit.timestamps import timestamp

__all__ = ["ITEMS", "LETTERS", "Outcome", "define_pool", "replay", "right_answer", "succeeded"]

_STUDIED: Final = datetime(2020, 11, 10, 20, 0, tzinfo=CHINA)
_POOL: Final = Pool(name=f"pools/{COMMUNITY}-charter", display_name="党章知识题库")
_SINGLE, _MULTIPLE = ItemKind.ITEM_KIND_SINGLE, ItemKind.ITEM_KIND_MULTIPLE
_TRUE_FALSE, _ORDERING = ItemKind.ITEM_KIND_TRUE_FALSE, ItemKind.ITEM_KIND_ORDERING
# What is asked, how, what can be chosen, and which of it is right.
_ITEMS: Final[tuple[tuple[str, ItemKind, tuple[str, ...], tuple[str, ...]], ...]] = (
    ("中国共产党成立于哪一年？", _SINGLE, ("1919年", "1921年", "1949年"), ("1921年",)),
    ("党员的预备期为几年？", _SINGLE, ("半年", "一年", "两年"), ("一年",)),
    (
        "“三会一课”包括哪些？",
        _MULTIPLE,
        ("党员大会", "支部委员会", "党小组会", "职工大会"),
        ("党员大会", "支部委员会", "党小组会"),
    ),
    ("支部党员大会一般每季度召开一次。", _TRUE_FALSE, ("对", "错"), ("对",)),
    ("按时间先后排列。", _ORDERING, ("遵义会议", "开国大典", "改革开放"), ("遵义会议", "开国大典", "改革开放")),
)
LETTERS: Final = "ABCDEFGHIJKL"
"""What options are called on a paper, in their order there."""
ITEMS: Final = tuple(f"{_POOL.name}/items/{number}" for number in range(1, len(_ITEMS) + 1))
"""The names of the pool's items."""
_QUIZ: Final = Quiz(
    name=f"quizzes/{COMMUNITY}-charter",
    display_name="党章知识测试",
    sections=[QuizSection(display_name="一、基础知识", points_each=20, drawn=DrawnItems(pool=_POOL.name, count=5))],
    shuffle_items=True,
    shuffle_options=True,
    minutes_allowed=30,
    pass_percent=60,
    partial_credit=PartialCredit.PARTIAL_CREDIT_NO_WRONG,
    review=QuizReview(content=ReviewContent.REVIEW_CONTENT_EXPLANATIONS, time=ReviewTime.REVIEW_TIME_SUBMISSION),
    study_minutes=30,
)
_SCHEME: Final = CertificateScheme(
    name=f"certificateSchemes/{COMMUNITY}-charter",
    title="党章知识学习证书",
    statement="完成本年度党章知识学习，测试合格。",
    issuer=f"organizations/{COMMUNITY}-committee",
    required=[_QUIZ.name],
    yearly=True,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it."""

    before: MemberStudyPlan
    """As the member saw it first."""
    attempt: Attempt
    after: MemberStudyPlan
    certificate: Certificate
    pdf: bytes | None
    """None: it was not to be printed."""
    verified: VerifiedCertificate
    """As anyone sees it by the certificate's code."""


async def replay(
    client: Client, clock: SettableClock | None, accounts: Mapping[str, Mapping[str, str]], *, prints: bool = True
) -> Outcome:
    """Plan, study, pass and certify, on the evening before the reference case if the services go by this clock.

    `prints`: whether the platform has the font to print the certificate with.
    """
    partyedu = client.partyedu
    if clock is not None:
        clock.set(_STUDIED)
    desk = await client.staff("community", accounts["community"]["password"])
    year = (datetime.now(CHINA) if clock is None else _STUDIED).year
    plan = _plan_of(year)
    await _publish(client, desk, plan)
    await _with_account(client, desk, accounts["citizen"]["user"])
    own = await client.public(accounts["citizen"]["phone"], district.CODE)
    before = await _progress(client, own, plan)
    attempt = await _take(client, own)
    issue = certificates_pb.IssueCertificateRequest(
        member="members/me", scheme=_SCHEME.name, year=year, request_id=_new_id()
    )
    # What is passed is recorded as completed a moment later.
    issued = await until_known(partial(partyedu.IssueCertificate, issue, metadata=own))
    certificate = issued.certificate
    after = await _progress(client, own, plan)
    pdf = None
    if prints:
        print_ = certificates_pb.GetCertificateDocumentRequest(name=certificate.name)
        pdf = (await partyedu.GetCertificateDocument(print_, metadata=own)).pdf
    verify = certificates_pb.GetVerifiedCertificateRequest(code=certificate.code)
    verified = (await partyedu.GetVerifiedCertificate(verify)).certificate
    if clock is not None:
        clock.reset()
    return Outcome(before, attempt, after, certificate, pdf, verified)


def succeeded(outcome: Outcome) -> bool:
    """Whether the member passed, and anyone can see that the certificate is valid."""
    return (
        outcome.attempt.score.passed
        and outcome.after.progress[0].done == 1
        and (outcome.pdf is None or outcome.pdf.startswith(b"%PDF"))
        and outcome.verified.state == CertificateState.CERTIFICATE_STATE_VALID
        and outcome.verified.title == _SCHEME.title
    )


def _plan_of(year: int) -> StudyPlan:
    """What the community's members are to do in a year."""
    return StudyPlan(
        name=f"studyPlans/{COMMUNITY}-year-{year}",
        display_name=f"{year}年度党员学习计划",
        organization=f"organizations/{COMMUNITY}-committee",
        begin_time=timestamp(datetime(year, 1, 1, tzinfo=CHINA)),
        end_time=timestamp(datetime(year + 1, 1, 1, tzinfo=CHINA)),
        requirements=[
            StudyRequirement(id="charter", subject=_QUIZ.name, due_time=timestamp(datetime(year, 12, 1, tzinfo=CHINA)))
        ],
    )


async def define_pool(client: Client, desk: Metadata) -> None:
    """Define the pool and its items: the same whenever this is done."""
    partyedu = client.partyedu
    await partyedu.DefinePool(pools_pb.DefinePoolRequest(pool=_POOL, request_id=_new_id()), metadata=desk)
    for name, (stem, kind, options, key) in zip(ITEMS, _ITEMS, strict=True):
        ids = {text: f"{index}" for index, text in enumerate(options, start=1)}
        item = Item(
            name=name,
            kind=kind,
            stem=stem,
            options=[ItemOption(id=id_, text=text) for text, id_ in ids.items()],
            key=[ids[text] for text in key],
            points=20,
        )
        await partyedu.DefineItem(pools_pb.DefineItemRequest(item=item, request_id=_new_id()), metadata=desk)


async def _publish(client: Client, desk: Metadata, plan: StudyPlan) -> None:
    """Define the pool, the quiz, the plan and the certificate, and publish them."""
    partyedu = client.partyedu
    await define_pool(client, desk)
    await partyedu.DefineQuiz(quizzes_pb.DefineQuizRequest(quiz=_QUIZ, request_id=_new_id()), metadata=desk)
    await partyedu.PublishQuiz(quizzes_pb.PublishQuizRequest(name=_QUIZ.name, request_id=_new_id()), metadata=desk)
    define = plans_pb.DefineStudyPlanRequest(study_plan=plan, request_id=_new_id())
    # What was published is not changed any more.
    await unless("STUDY_PLAN_WRONG_STATE", partyedu.DefineStudyPlan(define, metadata=desk))
    publish = plans_pb.PublishStudyPlanRequest(name=plan.name, request_id=_new_id())
    await partyedu.PublishStudyPlan(publish, metadata=desk)
    scheme = certificates_pb.DefineCertificateSchemeRequest(certificate_scheme=_SCHEME, request_id=_new_id())
    await partyedu.DefineCertificateScheme(scheme, metadata=desk)


async def _with_account(client: Client, desk: Metadata, user: str) -> Member:
    """The member who studies, with the account: the same whenever this is done."""
    organization = f"organizations/{COMMUNITY}-committee"
    query = members_pb.ListMembersRequest(organization=organization, include_below=True, number=party_roll.STUDIES)
    listed = (await client.partyedu.ListMembers(query, metadata=desk)).members
    if not listed:
        admit = members_pb.AdmitMemberRequest(
            organization=party_roll.BRANCH,
            person_name="李秀英",
            number=party_roll.STUDIES,
            user=user,
            join_time=timestamp(datetime(2015, 7, 1, tzinfo=CHINA)),
            confirm_time=timestamp(datetime(2016, 7, 1, tzinfo=CHINA)),
            request_id=_new_id(),
        )
        try:
            # partyedu hears of accounts by events.
            return (await until_known(partial(client.partyedu.AdmitMember, admit, metadata=desk))).member
        except grpc.aio.AioRpcError as error:
            # Somebody else does the same at this moment.
            if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
                raise
        return await _with_account(client, desk, user)
    if listed[0].user == user:
        return listed[0]
    update = members_pb.UpdateMemberRequest(
        name=listed[0].name, user=user, update_mask=FieldMask(paths=["user"]), request_id=_new_id()
    )
    return (await until_known(partial(client.partyedu.UpdateMember, update, metadata=desk))).member


async def _progress(client: Client, own: Metadata, plan: StudyPlan) -> MemberStudyPlan:
    """The plan, and how far the member is with it."""
    query = plans_pb.ListMemberStudyPlansRequest(member="members/me", page_size=500)
    listed = (await client.partyedu.ListMemberStudyPlans(query, metadata=own)).member_study_plans
    return next(each for each in listed if each.study_plan.name == plan.name)


async def _take(client: Client, own: Metadata) -> Attempt:
    """Take the quiz, and know all of it."""
    for _ in range(20):
        try:
            return await _taken(client, own)
        except grpc.aio.AioRpcError as error:
            # The same member hands it in on another device.
            if error.code() not in (grpc.StatusCode.ABORTED, grpc.StatusCode.FAILED_PRECONDITION):
                raise
    return await _taken(client, own)


async def _taken(client: Client, own: Metadata) -> Attempt:
    partyedu = client.partyedu
    start = attempts_pb.StartAttemptRequest(quiz=_QUIZ.name, request_id=_new_id())
    attempt = (await partyedu.StartAttempt(start, metadata=own)).attempt
    paper = (await partyedu.GetAttempt(attempts_pb.GetAttemptRequest(name=attempt.name), metadata=own)).paper
    for item in paper.items:
        save = attempts_pb.SaveAnswerRequest(
            name=attempt.name,
            slot=item.slot,
            answer=right_answer(item),
            sequence=item.sequence + 1,
            request_id=_new_id(),
        )
        await partyedu.SaveAnswer(save, metadata=own)
    submit = attempts_pb.SubmitAttemptRequest(name=attempt.name, request_id=_new_id())
    return (await partyedu.SubmitAttempt(submit, metadata=own)).attempt


def right_answer(item: PaperItem) -> list[str]:
    """The letters of what is right, as this paper shows it."""
    right = next(key for stem, *_, key in _ITEMS if stem == item.stem)
    return [LETTERS[list(item.options).index(text)] for text in right]


def _new_id() -> str:
    return str(uuid.uuid4())
