"""The first administrator of a district, who makes the other accounts."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection

from onegrid.common.v1.common_pb2 import AccountKind
from onegrid_identity import granting, store
from onegrid_identity.accounts import Account
from onegrid_identity.commands import users
from onegrid_identity.errors import LoginTaken
from onegrid_identity.messages import seal_name
from onegrid_identity.passwords import hash_now
from onegrid_identity.settings import IdentitySettings
from onegrid_kit import audit, codes, ids
from onegrid_kit.callers import ANONYMOUS, Call
from onegrid_kit.cipher import Cipher, cipher
from onegrid_kit.database import sync_engine

__all__ = ["bootstrap", "main"]

_PASSWORD = "ONEGRID_BOOTSTRAP_PASSWORD"  # noqa: S105
_SHORTEST = 10
"""As the contract has it for every password."""


def bootstrap(conn: Connection, cipher: Cipher, district: str, login: str, password: str) -> bool:
    """Make the administrator unless the login is there already; whether it was made."""
    store.upsert_roles(conn, granting.BUILT_IN)
    if store.find_account_by_login(conn, login) is not None:
        return False
    now = datetime.now(UTC)
    call = Call(caller=ANONYMOUS, now=now, method="bootstrap")
    account = Account(
        id=ids.new_id(),
        district=district,
        kind=AccountKind.ACCOUNT_KIND_STAFF,
        sealed_name=seal_name(login, cipher),
        login=login,
        password_hash=hash_now(password),
        create_time=now,
        update_time=now,
    )
    try:
        users.create(conn, account, call)
    except LoginTaken:
        return False
    users.grant_role(conn, account, granting.ADMINISTRATOR, district, call)
    audit.append(conn, [(call, account.name)])
    return True


def main(settings: IdentitySettings, argv: Sequence[str]) -> int:
    """`bootstrap --district 210602 --login admin`; the password from the environment, or made and printed once."""
    parser = argparse.ArgumentParser(prog="bootstrap", description=main.__doc__)
    parser.add_argument("--district", required=True, type=_district, help="the district's 6-digit code")
    parser.add_argument("--login", default="admin")
    arguments = parser.parse_args(argv)
    given = os.environ.get(_PASSWORD)
    if given and len(given) < _SHORTEST:
        print(f"{_PASSWORD} needs {_SHORTEST} characters or more", file=sys.stderr)
        return 2
    password = given or secrets.token_urlsafe(18)
    seals = cipher(settings.cipher, settings.cipher_keys)
    engine = sync_engine(settings.database_url)
    with engine.begin() as conn:
        made = bootstrap(conn, seals, arguments.district, arguments.login, password)
    engine.dispose()
    if not made:
        print(f"{arguments.login} is there already", file=sys.stderr)
        return 0
    print(f"{arguments.login} administers {arguments.district}" + ("" if given else f"; password: {password}"))
    return 0


def _district(code: str) -> str:
    if not codes.is_district(code):
        raise argparse.ArgumentTypeError(f"{code!r} is no district's code")
    return code
