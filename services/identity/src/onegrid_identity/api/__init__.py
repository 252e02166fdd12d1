"""IdentityService: a message in, a command out, a message back; no rule, no SQL. A file for each noun."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from onegrid_identity import granting, store
from onegrid_identity.api.departments import Departments
from onegrid_identity.api.devices import Devices
from onegrid_identity.api.roles import Roles
from onegrid_identity.api.sessions import Sessions
from onegrid_identity.api.users import Users
from onegrid_identity.commands import users
from onegrid_identity.keys import SigningKeys
from onegrid_identity.passwords import Passwords
from onegrid_identity.settings import IdentitySettings
from onegrid_kit.runtime import Runtime

__all__ = ["build"]


def build(runtime: Runtime[IdentitySettings]) -> Sequence[object]:
    """The servicers, and their background tasks."""
    settings = runtime.settings
    keys = SigningKeys(
        runtime.db,
        runtime.cipher,
        timedelta(days=settings.signing_key_days),
        timedelta(minutes=settings.access_token_minutes),
    )
    runtime.tokens.keys = keys
    runtime.spawn("renew signing keys", keys.run)

    async def enter_built_in_roles() -> None:
        await runtime.db.write(lambda conn: store.upsert_roles(conn, granting.BUILT_IN))

    runtime.spawn("enter built-in roles", enter_built_in_roles)

    async def normalize_phones() -> None:
        # In small steps: nothing else runs in this process while a number is parsed.
        while await runtime.db.write(lambda conn: users.normalize_phones(conn, runtime.cipher, 50)):
            pass

    runtime.spawn("normalize telephone numbers", normalize_phones)
    passwords = Passwords()
    return [
        Sessions(runtime, keys, passwords),
        Users(runtime, passwords),
        Departments(runtime),
        Roles(runtime),
        Devices(runtime),
    ]
