"""Lists do bounded work, however many accounts and devices there are."""

from __future__ import annotations

from sqlalchemy import Engine, text

from onegrid.common.v1.common_pb2 import AccountKind
from onegrid_identity import store
from onegrid_identity.store.devices import device_keys_page
from onegrid_kit.testing.explaining import Explained

DISTRICT = "210602"
ACCOUNTS = """
    INSERT INTO account (
      id, district, kind, sealed_name, organization, state, password_hash, version, create_time, update_time)
    SELECT to_char(n, 'FM00000000000000000000'), :district, CASE WHEN n % 5000 = 0 THEN :staff ELSE :citizen END,
           '', '', 1, '', 1, now(), now()
    FROM generate_series(1, 20000) AS n
"""


def test_the_staff_of_a_district_is_listed_without_reading_its_citizens(engine: Engine) -> None:
    kinds = {"staff": AccountKind.ACCOUNT_KIND_STAFF, "citizen": AccountKind.ACCOUNT_KIND_CITIZEN}
    with engine.begin() as conn:
        conn.execute(text(ACCOUNTS), {"district": DISTRICT, **kinds})
        conn.execute(text("ANALYZE account"))
        found = store.accounts_page(conn, DISTRICT, AccountKind.ACCOUNT_KIND_STAFF, (), 51)
    assert len(found) == 4 + 1, "the administrator as well"
    explained = Explained(engine)
    for kind in (
        AccountKind.ACCOUNT_KIND_STAFF,
        AccountKind.ACCOUNT_KIND_CITIZEN,
        AccountKind.ACCOUNT_KIND_UNSPECIFIED,
    ):
        work = explained.work(lambda conn, kind=kind: store.accounts_page(conn, DISTRICT, kind, (), 51))  # type: ignore[misc]
        assert not work.read_whole
        assert work.rows <= 51, kind
    explained.close()


KEYS = """
    INSERT INTO device_key (
      id, district, place, display_name, public_key, state, revoke_reason, version, create_time, update_time)
    SELECT to_char(n, 'FM00000000'), :district, :district || to_char(n % 200, 'FM000') || '001', '',
           int4send(n), 1, '', 1, now(), now()
    FROM generate_series(1, 20000) AS n
"""


def test_the_devices_of_a_place_are_listed_without_reading_those_of_others(engine: Engine) -> None:
    with engine.begin() as conn:
        conn.execute(text(KEYS), {"district": DISTRICT})
        conn.execute(text("ANALYZE device_key"))
        page = device_keys_page(conn, "210602007", (), (), 51)
        behind = device_keys_page(conn, "210602007", (), (page[-1].place, page[-1].id), 51)
    assert {key.place for key in (*page, *behind)} == {"210602007001"}
    assert (len(page), len(behind)) == (51, 49)
    explained = Explained(engine)
    for place, after in (("210602", ()), ("210602007", ()), ("210602007001", ("210602007001", page[-1].id))):
        work = explained.work(lambda conn, at=(place, after): device_keys_page(conn, at[0], (), at[1], 51))  # type: ignore[misc]
        assert not work.read_whole
        assert work.rows <= 51, place
    explained.close()
