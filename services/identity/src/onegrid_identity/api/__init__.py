"""IdentityService: a message in, a command out, a message back; no rule, no SQL. A file a noun."""

from __future__ import annotations

from onegrid_identity import granting, store
from onegrid_identity.api.departments import DepartmentMethods
from onegrid_identity.api.roles import RoleMethods
from onegrid_identity.api.sessions import SessionMethods
from onegrid_identity.api.users import UserMethods
from onegrid_identity.settings import IdentitySettings
from onegrid_kit.runtime import Runtime

__all__ = ["build"]


class IdentityApi(SessionMethods, UserMethods, DepartmentMethods, RoleMethods):
    """The methods of onegrid.identity.v1.IdentityService; see there."""


def build(runtime: Runtime[IdentitySettings]) -> IdentityApi:
    """The servicer and its background tasks."""
    api = IdentityApi(runtime)
    runtime.tokens.keys = api.keys
    runtime.spawn("renew signing keys", api.keys.run)

    async def enter_built_in_roles() -> None:
        await runtime.db.write(lambda conn: store.upsert_roles(conn, granting.BUILT_IN))

    runtime.spawn("enter built-in roles", enter_built_in_roles)
    return api
