"""Whatever is sent, the answer is one of the contract's, the platform goes on, and what was refused leaves
nothing behind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from hypothesis import assume, given
from hypothesis import strategies as st

from onegrid.common.v1.common_pb2 import AccountKind
from onegrid.grid.v1 import grid_service_pb2 as grid_pb
from onegrid.identity.v1 import identity_service_pb2 as identity_pb
from onegrid.notify.v1 import notify_service_pb2 as notify_pb
from onegrid.notify.v1.resources_pb2 import Column
from onegrid.options.v1 import options_pb2
from onegrid.petition.v1 import petition_service_pb2 as petition_pb
from onegrid.petition.v1.resources_pb2 import Kind
from onegrid_demo.loading import CELL, CENTRE, COMMUNITY

from .acting import DISTRICT, drafted, published
from .calling import METHODS, District, Outcome, access, request_of
from .device_keys import enrolled, enrolling
from .hostile import EXAMPLES, Corpus, requests, spoiled_bytes

CALLERS = ("admin", "citizen", "")
BY = st.sampled_from(("admin", *CALLERS))
Sent = tuple[MethodDescriptor, bytes, str]

# Reasons of refusals before the method itself is asked.
UNASKED = ("UNAUTHENTICATED", "MALFORMED_REQUEST", "INVALID_REQUEST")
# What failed logins count is meant to stay.
COUNTS_FAILURES = ("identity.login_attempts", "identity.one_time_code")


@pytest.fixture(scope="module")
def corpus(district: District) -> Corpus:
    """Names of what there is and may come to harm, of what there is not, and codes of this district and of another."""
    victim = district.do(
        identity_pb.CreateUserRequest(
            district="210602",
            kind=AccountKind.ACCOUNT_KIND_STAFF,
            display_name="无名",
            login="victim",
            password="0123456789",
        ),
        "admin",
        identity_pb.CreateUserResponse,
    ).user.name
    grant = district.do(identity_pb.ListGrantsRequest(user=victim), "admin", identity_pb.ListGrantsResponse).grants[0]
    petitions = [
        district.do(
            petition_pb.FilePetitionRequest(district="210602", kind=Kind.KIND_HELP, text="路灯坏了", place=place),
            "citizen",
            petition_pb.FilePetitionResponse,
        ).petition.name
        for place in (CELL, COMMUNITY)
    ]
    petitions.append("petitions/210602-20201111-00000000")
    column = Column(name=f"columns/{DISTRICT}-victim", display_name="无名", parent=f"columns/{DISTRICT}-convenience")
    district.do(notify_pb.DefineColumnRequest(column=column), "admin", notify_pb.DefineColumnResponse)
    by_kind = {
        "users": [victim, "users/nobody0000", "users/00000000000000000000"],
        "grants": [grant.name, f"{victim}/grants/00000000"],
        "petitions": petitions,
        "tasks": [f"{name}/tasks/{number}" for name in petitions for number in (1, 999)],
        "codes": ["210602", "210603", "210602003", COMMUNITY, CELL, CENTRE, "210602D99", "self", "999999"],
        "resources": [
            f"cells/{CELL}",
            "cells/210602003007999",
            f"cells/{CELL}/appointments/00000000",
            f"departments/{CENTRE}",
            f"divisions/{COMMUNITY}",
            f"workItems/{CENTRE}-001",
            "roles/commander",
            "roles/nothing",
            published(district, push=True, must_confirm=True).name,
            drafted(district).name,
            f"articles/{DISTRICT}-20201111-00000000",
            column.name,
            f"columns/{DISTRICT}-nothing",
            f"groups/{DISTRICT}-nothing",
            enrolled(district).name,
            "deviceKeys/0192f0c1-7a3e-7b1c-9d2e-5f60718293a4",
            enrolling(district).enrolment,
        ],
        "others": ["+8613800000077", "2020-11-11", "2020-02-30", "0000-01-01", "9999-12-31", "petition.tasks.take"],
    }
    return Corpus(by_kind)


@pytest.fixture(scope="module")
def refused(district: District) -> Iterator[list[Sent]]:
    """The refused requests of this module's tests. Some are sent again, and must leave no trace."""
    sent: list[Sent] = []
    yield sent
    each: dict[tuple[str, str], set[bytes]] = {}
    for method, raw, caller in sent:
        some = each.setdefault((method.full_name, caller), set())
        if len(some) < 3:
            some.add(raw)
    chosen = [one for one in dict.fromkeys(sent) if one[1] in each[one[0].full_name, one[2]]]
    assert len(chosen) > 500
    for _ in range(8):
        outcomes, changed = send_again(district, chosen)
        rest = {table: rows for table, rows in changed.items() if not re.search(r"\.audit_\w+$", table)}
        # What changes only now and then is a deadline that climbed meanwhile.
        if not rest and not any(outcome.ok for outcome in outcomes):
            break
        chosen = [one for one, outcome in zip(chosen, outcomes, strict=True) if not outcome.ok]
    assert not any(outcome.ok for outcome in outcomes), "what is refused once is not refused again"
    # Who asks for personal data and is refused it is in the audit trail; who can't even ask is not.
    asked = sum(access(o.method).reads_personal_data and o.reason not in UNASKED for o in outcomes)
    entries = sum(after[0] - before[0] for table, (before, after) in changed.items() if table.endswith(".audit_entry"))
    assert entries <= asked
    assert not rest, {table: (before[0], after[0]) for table, (before, after) in rest.items()}


Content = tuple[int, str]


def send_again(district: District, sent: Sequence[Sent]) -> tuple[list[Outcome], dict[str, tuple[Content, Content]]]:
    """The outcomes, and the tables that are not as they were."""
    district.settle()
    before = district.content()
    outcomes = [district.send(*one) for one in sent]
    district.settle()
    after = district.content()
    changed = {t: (before[t], after[t]) for t in before if t not in COUNTS_FAILURES and before[t] != after[t]}
    return outcomes, changed


LARGEST = 4 * 1024 * 1024
"""Bytes of a request that a server accepts."""


def methods() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)


def attempt(district: District, method: MethodDescriptor, raw: bytes, caller: str, refused: list[Sent]) -> Outcome:
    """Send it, and judge the answer."""
    # Logout with a good token would end the session that all the other tests use. A login takes long, on purpose,
    # and is the same for every caller.
    if method.name == "Logout" or method.name.startswith("Login"):
        caller = ""
    outcome = district.send(method, raw, caller).keeps_the_contract()
    if not outcome.ok:
        refused.append((method, raw, caller))
    if not caller and access(method).audience != options_pb2.AUDIENCE_PUBLIC:
        assert outcome.reason == "UNAUTHENTICATED"
    return outcome


@methods()
def test_any_message_is_answered_as_the_contract_allows(
    method: MethodDescriptor, district: District, corpus: Corpus, refused: list[Sent]
) -> None:
    @EXAMPLES
    @given(request=requests(method.input_type, corpus), caller=BY)
    def try_it(request: object, caller: str) -> None:
        raw = request.SerializeToString()  # type: ignore[attr-defined]
        # What is larger than a server reads is answered by gRPC itself; it has a test below.
        assume(len(raw) <= LARGEST)
        attempt(district, method, raw, caller, refused)

    try_it()


@methods()
def test_any_bytes_are_answered_as_the_contract_allows(
    method: MethodDescriptor, district: District, corpus: Corpus, refused: list[Sent]
) -> None:
    @EXAMPLES
    @given(raw=spoiled_bytes(method.input_type, corpus), caller=BY)
    def try_it(raw: bytes, caller: str) -> None:
        assume(len(raw) <= LARGEST)
        attempt(district, method, raw, caller, refused)

    try_it()


@methods()
def test_a_request_of_the_greatest_size_gets_a_short_error(
    method: MethodDescriptor, district: District, refused: list[Sent]
) -> None:
    fields = [f for f in method.input_type.fields if f.type == FieldDescriptor.TYPE_STRING and not f.is_repeated]
    request = request_of(method)()
    if fields:
        setattr(request, fields[0].name, "网" * 1_390_000)
    for caller in CALLERS:
        assert len(attempt(district, method, request.SerializeToString(), caller, refused).details) < 8000


@methods()
def test_a_request_above_the_greatest_size_is_refused_unread(method: MethodDescriptor, district: District) -> None:
    outcome = district.send(method, bytes(LARGEST + 1), "" if method.name == "Logout" else "admin")
    assert outcome.code is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_request_that_is_small_only_while_it_is_compressed_is_refused_unread(district: District) -> None:
    method = next(m for m in METHODS if m.name == "GetPetition")
    outcome = district.send(method, bytes(64 * 1024 * 1024), "admin", compression=grpc.Compression.Gzip)
    assert outcome.code in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNIMPLEMENTED)


@pytest.mark.parametrize("many", [100, 2000])
def test_a_thousand_mistakes_are_not_all_listed(many: int, district: District) -> None:
    """Trailers that grow with the request would not reach the caller."""
    request = grid_pb.BatchCreateCellsRequest(parent="210602", cells=[grid_pb.NewCell(code="x" * 50)] * many)
    outcome = district.attempt(request, "admin")
    assert outcome.reason == "INVALID_REQUEST"
    assert len(outcome.details) < 8000


@pytest.mark.parametrize(
    "table",
    [
        b"code,name,level\n" + b"9" * 900_000 + b",x,district\n",
        "code,name,level\n210602,x,{}\n".format("区" * 300_000).encode(),
        b"code,name,level" + b",x" * 300_000,
        b'code,name,level\n"' + b"x" * 1_000_000,
    ],
    ids=["code", "level", "columns", "quote"],
)
def test_a_mistake_is_not_repeated_at_length(table: bytes, district: District) -> None:
    outcome = district.attempt(grid_pb.ImportDivisionsRequest(district="210602", csv=table), "admin")
    assert outcome.reason == "DIVISIONS_UNREADABLE"
    assert len(outcome.details) < 8000


def test_a_long_unknown_permission_is_not_repeated_at_length(district: District) -> None:
    request = identity_pb.CreateRoleRequest(
        district="210602", role_id="long", display_name="x", permissions=[f"a.{'b' * 1_000_000}.c"]
    )
    outcome = district.attempt(request, "admin")
    assert outcome.code is grpc.StatusCode.INVALID_ARGUMENT
    assert len(outcome.details) < 8000


@EXAMPLES
@given(
    purpose=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=300),
    trace=st.text("0af-", max_size=60),
)
def test_any_metadata_is_taken_or_ignored(purpose: str, trace: str, district: District) -> None:
    method = next(m for m in METHODS if m.name == "ListPetitions")
    raw = petition_pb.ListPetitionsRequest(district="210602", petitioner_self=True).SerializeToString()
    metadata = (
        ("x-purpose", purpose),
        ("traceparent", trace),
        ("traceparent", "00-" + trace),
        ("x-other-bin", b"\0\xff"),
    )
    assert district.send(method, raw, "citizen", metadata=metadata).ok  # type: ignore[arg-type]


def test_it_serves_as_before(district: District, refused: list[Sent]) -> None:
    assert refused
    assert district.serving()
