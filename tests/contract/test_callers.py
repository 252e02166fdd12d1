"""Callers without a valid token, or outside of their scope, are refused and learn nothing else."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from sqlalchemy import text

from onegrid.common.v1.common_pb2 import AccountKind, OaLevel, Point, Polygon
from onegrid.emergency.v1.resources_pb2 import IncidentKind
from onegrid.grid.v1 import grid_service_pb2 as grid_pb
from onegrid.grid.v1.resources_pb2 import Cell, Post
from onegrid.identity.v1 import identity_service_pb2 as identity_pb
from onegrid.identity.v1.resources_pb2 import User
from onegrid.notify.v1 import notify_service_pb2 as notify_pb
from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid.notify.v1.resources_pb2 import AidKind, Audience, Column, Content, Group, Selector, VisitOutcome
from onegrid.notify.v1.templates_pb2 import Wording
from onegrid.options.v1 import options_pb2
from onegrid.petition.v1 import petition_service_pb2 as pb
from onegrid.petition.v1.resources_pb2 import Kind, WorkItem
from onegrid_demo.loading import CELL, CENTRE
from onegrid_kit.cipher import cipher
from onegrid_kit.testing.waiting import eventually

from . import border, cap_warnings, device_keys, drills, emergencies, party, plans, relief, rosters, rounds, sensors
from .acting import (
    DISTRICT,
    ELSEWHERE,
    OTHER_CENTRE,
    PASSWORD,
    delivery,
    dispatched,
    draft,
    drafted,
    endpoint,
    filed,
    in_review,
    log_in,
    staff,
)
from .calling import METHODS, District, Outcome, access, domain, request_of

CLOSED = [method for method in METHODS if access(method).audience != options_pb2.AUDIENCE_PUBLIC]
PERMITTED = [method for method in METHODS if access(method).audience == options_pb2.AUDIENCE_PERMITTED]
STREET = "210602003"
UNKNOWN_USER = "users/00000000000000000000"


# Without a good token


class Mint:
    """Makes tokens with the platform's own key, and with others."""

    def __init__(self, district: District) -> None:
        with district.engines["identity"].connect() as conn:
            row = conn.execute(text("SELECT kid, sealed_private_key FROM signing_key")).one()
        opened = cipher("AES-256-GCM", district.cipher_keys).decrypt(bytes(row[1]), "identity.signing_key")
        self.kid: str = row[0]
        self.key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(opened))
        self.claims: dict[str, Any] = jwt.decode(district.tokens["admin"], options={"verify_signature": False})
        # Of a session of its own: a call that gets through by mistake may be a Logout.
        self.claims["sid"] = "0" * 20
        self.good = self.signed()

    def signed(self, *, key: Ed25519PrivateKey | None = None, kid: str | None = "", **claims: Any) -> str:
        """The administrator's token with other claims; None leaves one out."""
        present = {name: value for name, value in (self.claims | claims).items() if value is not None}
        headers = {} if kid is None else {"kid": kid or self.kid}
        return jwt.encode(present, key or self.key, algorithm="EdDSA", headers=headers)

    def by_hand(self, header: Any, payload: Any, signature: bytes = b"") -> str:
        def part(value: Any) -> str:
            raw = value if isinstance(value, bytes) else json.dumps(value).encode()
            return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

        return ".".join((part(header), part(payload), part(signature)))


def spoil(token: str, index: int) -> str:
    """The token with one letter of one of its parts changed."""
    parts = token.split(".")
    middle = len(parts[index]) // 2
    letter = "A" if parts[index][middle] != "A" else "B"
    parts[index] = parts[index][:middle] + letter + parts[index][middle + 1 :]
    return ".".join(parts)


def at(**ago: float) -> int:
    return int((datetime.now(UTC) - timedelta(**ago)).timestamp())


def hs256(mint: Mint, secret: bytes) -> str:
    import hashlib
    import hmac

    unsigned = mint.by_hand({"alg": "HS256", "typ": "JWT", "kid": mint.kid}, mint.claims).rsplit(".", 1)[0]
    signature = hmac.new(secret, unsigned.encode(), hashlib.sha256).digest()
    return unsigned + "." + base64.urlsafe_b64encode(signature).rstrip(b"=").decode()


def raw_key(mint: Mint) -> bytes:
    return mint.key.public_key().public_bytes_raw()


def pem(mint: Mint) -> bytes:
    return mint.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


EDDSA = {"alg": "EdDSA", "typ": "JWT"}
BAD: Mapping[str, Callable[[Mint], str]] = {
    "empty": lambda mint: "",
    "no token at all": lambda mint: "x",
    "only dots": lambda mint: "..",
    "expired": lambda mint: mint.signed(iat=at(hours=2), exp=at(hours=1)),
    "expired this second": lambda mint: mint.signed(iat=at(hours=2), exp=at(seconds=0)),
    "of tomorrow": lambda mint: mint.signed(iat=at(days=-1), exp=at(days=-2)),
    "never expires": lambda mint: mint.signed(exp=None),
    "expires after the end of time": lambda mint: mint.signed(exp=10**18),
    "expires at a text": lambda mint: mint.signed(exp="never"),
    "foreign key, our key's id": lambda mint: mint.signed(key=Ed25519PrivateKey.generate()),
    "foreign key of its own id": lambda mint: mint.signed(key=Ed25519PrivateKey.generate(), kid="0" * 20),
    "our key, unknown id": lambda mint: mint.signed(kid="0" * 20),
    "our key, no id": lambda mint: mint.signed(kid=None),
    "id that is no text": lambda mint: mint.by_hand(EDDSA | {"kid": ["x"]}, mint.claims),
    "id that is a path": lambda mint: mint.signed(kid="../../etc/passwd"),
    "another issuer": lambda mint: mint.signed(iss="onegrib"),
    "another audience": lambda mint: mint.signed(aud="elsewhere"),
    "no audience": lambda mint: mint.signed(aud=None),
    "no subject": lambda mint: mint.signed(sub=None),
    "no session": lambda mint: mint.signed(sid=None),
    "no grants": lambda mint: mint.signed(grants=None),
    "grants that are none": lambda mint: mint.signed(grants=["x"]),
    "header changed": lambda mint: spoil(mint.good, 0),
    "claims changed": lambda mint: spoil(mint.good, 1),
    "signature changed": lambda mint: spoil(mint.good, 2),
    "signature with a letter that is none": lambda mint: mint.good + "!",
    "signature with padding": lambda mint: mint.good + "==",
    "claims with a letter that is none": lambda mint: mint.good.replace(".", "!.", 2),
    "signature cut off": lambda mint: mint.good.rsplit(".", 1)[0] + ".",
    "cut short": lambda mint: mint.good[:-10],
    "a part too many": lambda mint: mint.good + ".e30",
    "claims of another token": lambda mint: ".".join(
        (mint.good.split(".")[0], mint.signed(sid="x").split(".")[1], mint.good.split(".")[2])
    ),
    "alg none": lambda mint: mint.by_hand({"alg": "none", "typ": "JWT", "kid": mint.kid}, mint.claims),
    "alg NONE, signed": lambda mint: mint.by_hand({"alg": "NONE", "kid": mint.kid}, mint.claims, b"x" * 64),
    "HS256 with the public key": lambda mint: hs256(mint, raw_key(mint)),
    "HS256 with the public key as PEM": lambda mint: hs256(mint, pem(mint)),
    "HS256 with the public key as JWK": lambda mint: hs256(mint, base64.urlsafe_b64encode(raw_key(mint)).rstrip(b"=")),
    "critical extension": lambda mint: jwt.encode(
        mint.claims, mint.key, algorithm="EdDSA", headers={"kid": mint.kid, "crit": ["x"], "x": 1}
    ),
    "key in the header": lambda mint: jwt.encode(
        mint.claims,
        Ed25519PrivateKey.generate(),
        algorithm="EdDSA",
        headers={"kid": "own", "jwk": {"kty": "OKP", "crv": "Ed25519", "x": "x"}},
    ),
    "header that is a list": lambda mint: mint.by_hand(["EdDSA"], mint.claims),
    "header that is nested without end": lambda mint: mint.by_hand(b"[" * 15000, b"{}"),
    "claims that are no JSON": lambda mint: mint.by_hand(EDDSA | {"kid": mint.kid}, b"\xff", b"x" * 64),
    "very long": lambda mint: "A" * 20000,
}


@pytest.fixture(scope="module")
def mint(district: District) -> Mint:
    return Mint(district)


@pytest.fixture(scope="module")
def refusals(district: District) -> Mapping[str, Outcome]:
    """Each service's answer to callers without a token, whatever they send."""
    found: dict[str, Outcome] = {}
    for method in CLOSED:
        for raw in (b"", b"\xff"):
            outcome = district.send(method, raw).keeps_the_contract()
            assert outcome.reason == "UNAUTHENTICATED"
            assert outcome == found.setdefault(domain(method), outcome)
    return found


def assert_refused_alike(district: District, refusals: Mapping[str, Outcome], token: str) -> None:
    for method in CLOSED:
        assert district.send(method, b"", token=token) == refusals[domain(method)], method.full_name


def test_a_good_token_is_good(district: District, mint: Mint) -> None:
    """So that the tests below fail for what they change in it, and for nothing else."""
    assert district.attempt(identity_pb.GetCallerRequest(), token=mint.signed()).ok
    method = next(m for m in METHODS if m.name == "GetCaller")
    assert district.send(method, b"", metadata=(("authorization", f"bearer {mint.good}"),)).ok


@pytest.mark.parametrize("kind", BAD)
def test_every_bad_token_is_refused_alike(
    kind: str, district: District, mint: Mint, refusals: Mapping[str, Outcome]
) -> None:
    assert_refused_alike(district, refusals, BAD[kind](mint))


@pytest.mark.parametrize("scheme", ["Basic {}", "{}", "Bearer", "Bearer  {}", "Token {}", "Bearer {} {}"])
def test_every_other_scheme_is_refused_alike(
    scheme: str, district: District, mint: Mint, refusals: Mapping[str, Outcome]
) -> None:
    for method in CLOSED:
        metadata = (("authorization", scheme.format(mint.good, mint.good)),)
        assert district.send(method, b"", metadata=metadata) == refusals[domain(method)], method.full_name


def end_by_logout(district: District, user: User, token: str, refresh_token: str) -> None:
    assert district.attempt(identity_pb.LogoutRequest(), token=token).ok


def end_by_disabling(district: District, user: User, token: str, refresh_token: str) -> None:
    district.do(identity_pb.DisableUserRequest(name=user.name), "admin", identity_pb.DisableUserResponse)


def end_by_new_password(district: District, user: User, token: str, refresh_token: str) -> None:
    request = identity_pb.SetPasswordRequest(name=user.name, new_password="another password")
    district.do(request, "admin", identity_pb.SetPasswordResponse)


def end_by_stolen_refresh_token(district: District, user: User, token: str, refresh_token: str) -> None:
    request = identity_pb.RefreshSessionRequest(refresh_token=refresh_token)
    new = district.do(request, "", identity_pb.RefreshSessionResponse).session.refresh_token
    assert district.attempt(identity_pb.RefreshSessionRequest(refresh_token=new)).ok
    assert district.attempt(request).reason == "REFRESH_REJECTED"


@pytest.mark.parametrize(
    "end",
    [end_by_logout, end_by_disabling, end_by_new_password, end_by_stolen_refresh_token],
    ids=lambda end: end.__name__,
)
def test_a_revoked_token_is_refused_alike_within_two_seconds(
    end: Callable[[District, User, str, str], None], district: District, refusals: Mapping[str, Outcome]
) -> None:
    user, _ = staff(district, ("roles/commander", DISTRICT))
    session = log_in(district, user.login)
    token = session.access_token
    # Each service learns of it by itself.
    probes = {domain(method): method for method in CLOSED}
    assert district.attempt(identity_pb.GetCallerRequest(), token=token).ok
    end(district, user, token, session.refresh_token)
    eventually(lambda: all(district.send(probe, b"", token=token) == refusals[name] for name, probe in probes.items()))
    assert_refused_alike(district, refusals, token)


# Outside of their scope

Make = Callable[[str], Message]


def on_petition(name: str) -> Iterator[Message]:
    """Every request that names a petition, with and without etags that are not the current one."""
    for etag in ("", "9999"):
        yield pb.AcceptPetitionRequest(name=name, etag=etag)
        yield pb.DeclinePetitionRequest(name=name, public_note="x", etag=etag)
        yield pb.DispatchPetitionRequest(name=name, lead=CENTRE, etag=etag)
        yield pb.DispatchPetitionRequest(name=name, lead="210602D99", work_item="workItems/210602D99-001", etag=etag)
        yield pb.RatePetitionRequest(name=name, satisfied=True, etag=etag)
        yield pb.VerifyPetitionRequest(name=name, solved=False, etag=etag)
        yield pb.WithdrawPetitionRequest(name=name, etag=etag)
        yield pb.ExtendPetitionRequest(name=name, public_note="x", etag=etag)
        yield pb.ReportEmergencyRequest(name=name, incident_kind=IncidentKind.INCIDENT_KIND_ACCIDENT, etag=etag)
        yield pb.ClosePetitionRequest(name=name, public_note="x", etag=etag)
    yield pb.GetPetitionRequest(name=name)
    yield pb.ListTimelineRequest(petition=name)
    yield pb.WatchPetitionRequest(name=name)
    for number in (1, 2, 99):
        yield from on_task(f"{name}/tasks/{number}", "", "9999")


def on_task(name: str, *etags: str) -> Iterator[Message]:
    for etag in etags or ("",):
        yield pb.TakeTaskRequest(name=name, etag=etag)
        yield pb.ReturnTaskRequest(name=name, internal_note="x", etag=etag)
        yield pb.ReportTaskRequest(name=name, public_note="x", etag=etag)
        yield pb.ConcludeTaskRequest(name=name, public_note="x", etag=etag)


NO_PETITION = f"petitions/{DISTRICT}-20201111-00000000"
NO_ARTICLE = f"articles/{DISTRICT}-20201111-00000000"
NO_AID_REQUEST = f"aidRequests/{DISTRICT}-20201111-00000000"


def assert_same_outcome(
    district: District, there: Iterator[Message], not_there: Iterator[Message], caller: str
) -> None:
    for one, other in zip(there, not_there, strict=True):
        first, second = district.attempt(one, caller), district.attempt(other, caller)
        assert first.reason == "PERMISSION_DENIED", (caller, one, first)
        assert first == second, (caller, one, first, second)


@pytest.mark.parametrize("caller", ["citizen", "enterprise", "centre", "street", "community", "grid"])
def test_a_petition_outside_is_as_one_that_does_not_exist(caller: str, district: District) -> None:
    """Filed by another user, in another street, dispatched to other departments."""
    petitions = [
        filed(district, "neighbour", ELSEWHERE),
        dispatched(district, "neighbour", ELSEWHERE, OTHER_CENTRE, "210602D09"),
    ]
    for petition in petitions:
        assert_same_outcome(district, on_petition(petition.name), on_petition(NO_PETITION), caller)


def test_a_departments_task_is_not_anothers(district: District) -> None:
    """Also where both have one of the same petition, which both may see."""
    petition = dispatched(district, "citizen", CELL, OTHER_CENTRE, CENTRE)
    assert district.attempt(pb.GetPetitionRequest(name=petition.name), "centre").ok
    for caller in ("centre", "street", "community", "grid", "citizen", "commander"):
        assert_same_outcome(district, on_task(f"{petition.name}/tasks/1"), on_task(f"{petition.name}/tasks/99"), caller)
        assert_same_outcome(district, on_task(f"{petition.name}/tasks/1"), on_task(f"{NO_PETITION}/tasks/1"), caller)
    assert district.attempt(pb.TakeTaskRequest(name=f"{petition.name}/tasks/2"), "centre").ok


def on_user(name: str) -> Iterator[Message]:
    yield identity_pb.GetUserRequest(name=name)
    for etag in ("", "9999"):
        yield identity_pb.UpdateUserRequest(
            user=User(name=name, display_name="x", etag=etag), update_mask=FieldMask(paths=["display_name"])
        )
        yield identity_pb.DisableUserRequest(name=name, etag=etag)
        yield identity_pb.EnableUserRequest(name=name, etag=etag)
    yield identity_pb.SetPasswordRequest(name=name, old_password=PASSWORD, new_password="x" * 10)
    yield identity_pb.ListGrantsRequest(user=name)
    for role in ("roles/commander", "roles/nothing"):
        for scope in (DISTRICT, CELL, CENTRE, "210602999", "self"):
            yield identity_pb.GrantRoleRequest(user=name, role=role, scope=scope)
    yield identity_pb.RevokeRoleRequest(name=f"{name}/grants/00000000")


def on_article(name: str) -> Iterator[Message]:
    """Every request that names an article, with and without etags that are not the current one."""
    for etag in ("", "9999"):
        yield notify_pb.UpdateArticleRequest(name=name, draft=draft(), etag=etag)
        yield notify_pb.DeleteArticleRequest(name=name, etag=etag)
        yield notify_pb.SubmitArticleRequest(name=name, etag=etag)
        yield notify_pb.ReturnArticleRequest(name=name, reason="x", etag=etag)
        yield notify_pb.PublishArticleRequest(name=name, etag=etag)
        yield notify_pb.CorrectArticleRequest(
            name=name, content=Content(title="x", body_html="x"), correction_note="x", etag=etag
        )
        yield notify_pb.WithdrawArticleRequest(name=name, reason="x", etag=etag)
    yield notify_pb.GetArticleRequest(name=name)
    yield notify_pb.ListArticleVersionsRequest(article=name)
    yield notify_pb.GetReachRequest(name=name)
    yield notify_pb.GetEscalationRequest(name=name)
    yield notify_pb.ConfirmRecipientRequest(
        article=name, user=UNKNOWN_USER, outcome=VisitOutcome.VISIT_OUTCOME_IN_PERSON
    )
    yield notify_pb.StopDeliveryRequest(article=name)
    yield notify_pb.ResumeDeliveryRequest(article=name)
    yield notify_pb.CountDeliveriesRequest(article=name)
    yield notify_pb.SendTestRequest(subject=name, channel=Channel.CHANNEL_EMAIL)


def on_deliveries(user: str, office: str, phone: str, article: str, name: str) -> Iterator[Message]:
    """Requests about what leaves the platform, and where it goes."""
    yield notify_pb.ListDeliveriesRequest(parent=DISTRICT)
    yield notify_pb.ListDeliveriesRequest(parent=office, article=article)
    yield notify_pb.ReplayDeliveryRequest(name=name)
    yield notify_pb.SettleDeliveryRequest(name=name, delivered=True)
    yield notify_pb.ExplainDeliveryRequest(item=article.replace("articles/", "inboxItems/"), user=user)
    address = f"{user}/addresses/00000000"
    yield notify_pb.SendVerificationCodeRequest(name=address)
    yield notify_pb.VerifyAddressRequest(name=address, code="000000")
    yield notify_pb.DeleteAddressRequest(name=address)
    yield endpoint("robot", office)
    yield notify_pb.ListEndpointsRequest(office=office)
    yield notify_pb.DeleteEndpointRequest(name=f"endpoints/{office}-robot")
    yield notify_pb.SuppressAddressRequest(district=DISTRICT, phone=phone, note="x")
    yield notify_pb.LiftSuppressionRequest(district=DISTRICT, phone=phone)
    yield notify_pb.ListSuppressionsRequest(district=DISTRICT, phone=phone)


@pytest.mark.parametrize("caller", ["centre", "street", "community"])
def test_an_office_has_another_offices_draft_as_one_that_does_not_exist(caller: str, district: District) -> None:
    for name in (drafted(district).name, in_review(district).name):
        assert_same_outcome(district, on_article(name), on_article(NO_ARTICLE), caller)


@pytest.mark.parametrize("caller", ["citizen", "enterprise", "commander", "centre", "street", "community", "grid"])
def test_another_account_is_as_one_that_does_not_exist(caller: str, district: District) -> None:
    other = district.accounts["citizen" if caller != "citizen" else "enterprise"]["user"]
    assert_same_outcome(district, on_user(other), on_user(UNKNOWN_USER), caller)


@pytest.fixture(scope="module")
def keeper(district: District) -> str:
    """A caller who holds every permission that there is, but over one street only."""
    permissions = sorted({access(method).permission for method in PERMITTED})
    district.do(
        identity_pb.CreateRoleRequest(
            district=DISTRICT,
            role_id="street-keeper",
            display_name="街道全权",
            oa_level=OaLevel.OA_LEVEL_STREET,
            permissions=permissions,
        ),
        "admin",
        identity_pb.CreateRoleResponse,
    )
    _, district.tokens["keeper"] = staff(district, ("roles/street-keeper", STREET))
    return "keeper"


def asked_for_aid(district: District) -> str:
    _, token = staff(district, ("roles/petitioner", DISTRICT))
    request = notify_pb.RequestAidRequest(kind=AidKind.AID_KIND_COUNSELLING, text="x", place=ELSEWHERE)
    outcome = district.attempt(request, token=token)
    return notify_pb.RequestAidResponse.FromString(outcome.answer).aid_request.name


def on_template(name: str) -> Iterator[Message]:
    """A request of every method on templates."""
    wording = Wording(title="x", text="x", short_text="x")
    yield notify_pb.PublishTemplateRequest(name=name, wording=wording)
    yield notify_pb.PreviewTemplateRequest(name=name, wording=wording)
    yield notify_pb.DeleteTemplateRequest(name=name)
    yield notify_pb.GetTemplateRequest(name=name)
    yield notify_pb.ListTemplatesRequest(district=DISTRICT)
    yield notify_pb.ListTemplateVersionsRequest(name=name)
    yield notify_pb.SendTestRequest(subject=name, channel=Channel.CHANNEL_EMAIL)


def elsewhere(district: District, *, there: bool) -> Iterator[Message]:
    """A request of every method that needs a permission, about something in another street, or in none."""
    cell = ELSEWHERE if there else "210602001001999"
    street = ELSEWHERE[:9] if there else "210602099"
    department = OTHER_CENTRE if there else "210602D99"
    petition = filed(district, "neighbour", ELSEWHERE).name if there else NO_PETITION
    user = district.accounts["citizen"]["user"] if there else UNKNOWN_USER
    # Of another corner of the world, so that nothing overlaps.
    corners = [Point(longitude=x, latitude=y) for x, y in ((1, 1), (1.001, 1), (1.001, 1.001))]
    ground = Polygon(corners=corners)
    yield from on_petition(petition)
    yield from on_user(user)
    article = drafted(district).name if there else NO_ARTICLE
    yield from on_article(article)
    yield notify_pb.CreateArticleRequest(owner=street, draft=draft())
    yield notify_pb.ListOwnedArticlesRequest(owner=street)
    yield notify_pb.ListRecipientsRequest(article=article, place=street)
    aid = notify_pb.RequestAidRequest(kind=AidKind.AID_KIND_COUNSELLING, text="x", place=street)
    yield aid
    yield notify_pb.GetAidRequestRequest(name=asked_for_aid(district) if there else NO_AID_REQUEST)
    yield notify_pb.ListAidRequestsRequest(user=user)
    word = "service-notices" if there else "nowhere"
    yield notify_pb.DefineColumnRequest(column=Column(name=f"columns/{DISTRICT}-{word}", display_name="x"))
    yield notify_pb.DefineGroupRequest(group=Group(name=f"groups/{DISTRICT}-{word}", display_name="x"))
    yield notify_pb.ChangeGroupMembersRequest(group=f"groups/{DISTRICT}-{word}", added=[UNKNOWN_USER])
    yield notify_pb.ListGroupsRequest(district=DISTRICT)
    yield from on_template(f"templates/{DISTRICT}-petition.PetitionFiled-petitioner-{'zh' if there else 'fr'}")
    phone = "+8613800000001" if there else "+8613855555555"
    name = delivery(district, article, "FAILED") if there else f"deliveries/{NO_ARTICLE.removeprefix('articles/')}~x"
    yield from on_deliveries(user, street, phone, article, name)
    audience = Audience(any_of=[Selector(places=[street])])
    yield notify_pb.CountAudienceRequest(district=DISTRICT, audience=audience)
    yield identity_pb.CreateUserRequest(
        district=DISTRICT,
        kind=AccountKind.ACCOUNT_KIND_CITIZEN,
        display_name="x",
        phone="+8613800000001" if there else "+8613855555555",
    )
    yield identity_pb.ListUsersRequest(district=DISTRICT)
    yield identity_pb.CreateServiceAccountRequest(district=DISTRICT, display_name="x")
    yield identity_pb.CreateDepartmentRequest(code=department, display_name="x")
    yield identity_pb.UpdateDepartmentRequest(name=f"departments/{department}", display_name="x", etag="9999")
    yield identity_pb.CreateRoleRequest(
        district=DISTRICT, role_id="street-keeper" if there else "unheard-of", display_name="x", permissions=["a.b.c"]
    )
    yield grid_pb.ImportDivisionsRequest(district=DISTRICT, csv=b"code,name,level\n210602,x,district\n")
    yield grid_pb.BatchCreateCellsRequest(
        parent=street, cells=[grid_pb.NewCell(code=cell, display_name="x", boundary=ground)]
    )
    yield grid_pb.UpdateCellRequest(
        cell=Cell(name=f"cells/{cell}", display_name="x", etag="9999"), update_mask=FieldMask(paths=["display_name"])
    )
    yield grid_pb.AppointWorkerRequest(cell=f"cells/{cell}", user=UNKNOWN_USER, post=Post.POST_LEADER)
    yield grid_pb.EndAppointmentRequest(name=f"cells/{cell}/appointments/00000000")
    yield grid_pb.ListAppointmentsRequest(parent=cell)
    for cases in (emergencies, plans, drills, sensors, rosters, relief, device_keys, border, party):
        yield from cases.elsewhere(district, street, there=there)
    yield from rounds.elsewhere(district, cell, there=there)
    yield from cap_warnings.elsewhere(district, there=there)
    yield pb.ListPetitionsRequest(district=DISTRICT)
    yield pb.ListPetitionsRequest(district=DISTRICT, place=street)
    yield pb.ListPetitionsRequest(district=DISTRICT, assignee=department)
    yield pb.SummarizePetitionsRequest(place=street, first_day="2020-11-11", last_day="2020-11-11")
    yield pb.BatchCreateWorkItemsRequest(
        district=DISTRICT,
        work_items=[
            WorkItem(
                name=f"workItems/{department}-001",
                display_name="x",
                department=department,
                promised_working_days=1,
            )
        ],
    )


def test_every_permission_ends_where_its_scope_ends(keeper: str, district: District) -> None:
    assert_same_outcome(district, elsewhere(district, there=True), elsewhere(district, there=False), keeper)


OWN = {
    "ReportStudy",
    "ListInboxItems",
    "CountInboxItems",
    "AcknowledgeInboxItems",
    "StreamInbox",
    "SetSubscription",
    "ListSubscriptions",
    "CreateAddress",
    "ListAddresses",
    "GetPreferences",
    "SetPreferences",
    "CreateCalendarLink",
    "RevokeCalendarLink",
    "ListOwnPatrols",
    "ListOwnAttempts",
    "StartAttempt",
    "ListOwnMeetings",
    "CheckIn",
    "CreateMeetingCalendarLink",
    "RevokeMeetingCalendarLink",
}


def test_that_was_about_every_method(keeper: str, district: District) -> None:
    asked = {request.DESCRIPTOR.full_name for request in elsewhere(district, there=False)}
    left_out = {method.name for method in PERMITTED if method.input_type.full_name not in asked}
    # Places and columns are public, so unknown ones are answered as such; an inbox, what is sent to the caller
    # outside of it, a calendar, patrols that one leads, meetings that one is at and attempts are the caller's own.
    # Emergencies are reported in all of a district, and its plans are read.
    assert left_out == {"FilePetition", "GetPlan", "ListPlans", "PushRecords", "ReportIncident", *OWN}


def test_filing_outside_of_ones_scope_is_refused(keeper: str, district: District) -> None:
    """Places are public, so an unknown one is answered as such."""
    for place, reason in (
        (ELSEWHERE, "PERMISSION_DENIED"),
        (DISTRICT, "PERMISSION_DENIED"),
        ("210602999", "PLACE_UNKNOWN"),
    ):
        request = pb.FilePetitionRequest(district=DISTRICT, kind=Kind.KIND_HELP, text="x", place=place)
        assert district.attempt(request, keeper).reason == reason


def test_who_lacks_a_permission_learns_no_more_from_a_request_that_is_wrong(district: District) -> None:
    """Callers without the permission are refused before their request is validated."""
    for method in PERMITTED:
        rule = access(method)
        if not rule.scope_field:
            continue
        outcome = district.send(method, request_of(method)().SerializeToString(), "citizen").keeps_the_contract()
        assert outcome.code is grpc.StatusCode.PERMISSION_DENIED, method.full_name
        assert dict(outcome.info.metadata) == {"permission": rule.permission}
