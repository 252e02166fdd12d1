"""IdentityService: a message in, a command out, a message back; no rule, no SQL. A file for each noun."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from onegrid_identity import granting, store
from onegrid_identity.api.departments import Departments
from onegrid_identity.api.roles import Roles
from onegrid_identity.api.sessions import Sessions
from onegrid_identity.api.users import Users
from onegrid_identity.keys import SigningKeys
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
    return [Sessions(runtime, keys), Users(runtime), Departments(runtime), Roles(runtime)]
