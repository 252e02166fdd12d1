"""Which roles can be held over what, and who may give them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onegrid.common.v1.common_pb2 import OaLevel
from onegrid.options.v1.options_pb2 import BuiltInRole
from onegrid_identity import accounts, granting
from onegrid_identity.accounts import Account, Role, caller_of
from onegrid_identity.errors import GrantExceedsOwn, PermissionUnknown, ScopeUnfit
from onegrid_kit.callers import ALWAYS, Caller, Grant, Period

NOW = datetime(2020, 11, 11, 6, 36, tzinfo=UTC)
FORMS = {
    OaLevel.OA_LEVEL_DISTRICT: r"[0-9]{6}",
    OaLevel.OA_LEVEL_DEPARTMENT: r"[0-9]{6}D[0-9]{2}",
    OaLevel.OA_LEVEL_STREET: r"[0-9]{9}",
    OaLevel.OA_LEVEL_COMMUNITY: r"[0-9]{12}",
    OaLevel.OA_LEVEL_GRID: r"[0-9]{15}",
}


MOMENTS = st.none() | st.timedeltas(timedelta(0), timedelta(days=3)).map(lambda passed: NOW + passed)


def a_grant(scope: str, period: Period = ALWAYS) -> accounts.Grant:
    return accounts.Grant(id="g", user="x", role="r", scope=scope, period=period, create_time=NOW)


def a_role(level: OaLevel, *permissions: str) -> Role:
    return Role(id="r", display_name="r", oa_level=level, permissions=frozenset(permissions))


@given(st.data())
def test_a_level_fits_its_own_form_of_code_and_no_other(data: st.DataObject) -> None:
    level = data.draw(st.sampled_from(list(FORMS)))
    form = data.draw(st.sampled_from(list(FORMS)))
    scope = data.draw(st.from_regex(FORMS[form], fullmatch=True).filter(str.isascii))
    if form == level:
        granting.require_fit(a_role(level), scope)
    else:
        with pytest.raises(ScopeUnfit):
            granting.require_fit(a_role(level), scope)


@pytest.mark.parametrize("level", list(FORMS))
def test_an_oa_role_is_never_held_over_oneself(level: OaLevel) -> None:
    with pytest.raises(ScopeUnfit):
        granting.require_fit(a_role(level), "self")


def test_every_built_in_role_has_only_permissions_that_methods_need() -> None:
    for role in granting.BUILT_IN:
        granting.require_known(role.permissions)
    assert len({role.id for role in granting.BUILT_IN}) == len(granting.BUILT_IN)


def test_there_is_a_role_for_each_that_a_contract_can_name() -> None:
    named = {name.removeprefix("BUILT_IN_ROLE_").lower().replace("_", "-") for name in BuiltInRole.keys()[1:]}
    assert {role.id for role in granting.BUILT_IN} == named | {"administrator"}


def test_a_built_in_role_holds_what_the_contracts_give_it() -> None:
    clerk = next(role for role in granting.BUILT_IN if role.id == "department-clerk")
    assert "petition.tasks.take" in clerk.permissions
    assert "petition.petitions.dispatch" not in clerk.permissions
    assert granting.ADMINISTRATOR.permissions == granting.all_permissions()
    assert granting.PETITIONER.permissions == {
        "petition.petitions.file",
        "notify.aid.request",
        "emergency.incidents.report",
    }


def test_every_permission_is_held_by_some_role() -> None:
    assert granting.all_permissions() == frozenset().union(*(role.permissions for role in granting.BUILT_IN))


def test_a_permission_that_no_method_needs_is_refused() -> None:
    with pytest.raises(PermissionUnknown):
        granting.require_known(["petition.tasks.take", "petition.tsks.take"])


def test_granting_what_one_does_not_hold_there_is_refused() -> None:
    street = Caller(user="u", grants=(Grant("210602003", OaLevel.OA_LEVEL_STREET, frozenset({"a.b.c"})),))
    granting.require_own(street, ["a.b.c"], "210602003007")
    for scope, permission in (
        ("210602004", "a.b.c"),
        ("210602", "a.b.c"),
        ("210602003007", "a.b.d"),
        ("self", "a.b.c"),
    ):
        with pytest.raises(GrantExceedsOwn):
            granting.require_own(street, [permission], scope)


def test_roles_over_the_same_scope_become_one_grant() -> None:
    account = Account(id="x", district="210602", kind=1, sealed_name=b"", create_time=NOW, update_time=NOW)  # type: ignore[arg-type]
    street, public = a_role(OaLevel.OA_LEVEL_STREET, "a"), a_role(OaLevel.OA_LEVEL_UNSPECIFIED, "c")
    tonight = Period(NOW, NOW + timedelta(hours=8))
    granted = [
        (street, a_grant("210602003")),
        (a_role(OaLevel.OA_LEVEL_STREET, "b"), a_grant("210602003")),
        (a_role(OaLevel.OA_LEVEL_STREET, "d"), a_grant("210602003", tonight)),
        (public, a_grant("self")),
    ]
    caller = caller_of(account, "s", granted)
    assert [(grant.scope, sorted(grant.permissions), grant.period) for grant in caller.grants] == [
        ("210602003", ["a", "b"], ALWAYS),
        ("210602003", ["d"], tonight),
        ("self", ["c"], ALWAYS),
    ]


@given(own=st.builds(Period, MOMENTS, MOMENTS), given_for=st.builds(Period, MOMENTS, MOMENTS))
def test_granting_for_longer_than_one_holds_it_is_refused(own: Period, given_for: Period) -> None:
    deputy = Caller(user="u", grants=(Grant("210602003", OaLevel.OA_LEVEL_STREET, frozenset({"a.b.c"}), own),))
    if own.expire is not None and (given_for.expire is None or given_for.expire > own.expire):
        with pytest.raises(GrantExceedsOwn):
            granting.require_own(deputy, ["a.b.c"], "210602003", given_for)
    else:
        granting.require_own(deputy, ["a.b.c"], "210602003", given_for)
