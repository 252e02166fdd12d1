"""Accounts."""

from __future__ import annotations

import secrets

from sqlalchemy import Connection

from onegrid.common.v1.common_pb2 import AccountKind
from onegrid.identity.v1 import identity_service_pb2 as pb
from onegrid_identity import messages, store
from onegrid_identity.accounts import USER, Account
from onegrid_identity.commands import logins, users
from onegrid_identity.errors import CredentialsRejected
from onegrid_identity.passwords import Passwords
from onegrid_identity.settings import IdentitySettings
from onegrid_kit import ids, telephone
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound
from onegrid_kit.runtime import Runtime

__all__ = ["Users"]


class Users:
    """The methods on accounts."""

    def __init__(self, runtime: Runtime[IdentitySettings], passwords: Passwords) -> None:
        self._db = runtime.db
        self._pages = runtime.pages
        self._cipher = runtime.cipher
        self._passwords = passwords

    async def GetCaller(self, request: pb.GetCallerRequest, call: Call) -> pb.GetCallerResponse:
        user = USER.id(call.caller.user)

        def read(conn: Connection) -> pb.GetCallerResponse:
            account = store.find_account(conn, user)
            if account is None:
                raise NotFound(call.caller.user)
            return pb.GetCallerResponse(
                user=messages.user(account, self._cipher),
                grants=[messages.grant(each) for each in store.unexpired_grants(conn, user, call.now)],
            )

        return await self._db.read(read)

    async def CreateUser(self, request: pb.CreateUserRequest, call: Call) -> bytes:
        phone = telephone.normalize(request.phone) if request.phone else ""
        sealed_phone, phone_index = messages.seal_phone(phone, self._cipher)
        account = Account(
            id=ids.new_id(),
            district=request.district,
            kind=request.kind,
            sealed_name=messages.seal_name(request.display_name, self._cipher),
            sealed_phone=sealed_phone,
            phone_index=phone_index,
            login=request.login,
            organization=request.organization,
            password_hash=await self._passwords.hash(request.password) if request.password else "",
            create_time=call.now,
            update_time=call.now,
        )
        return await self._db.command(
            call,
            lambda conn: pb.CreateUserResponse(user=messages.user(users.create(conn, account, call), self._cipher)),
        )

    async def CreateServiceAccount(self, request: pb.CreateServiceAccountRequest, call: Call) -> bytes:
        secret = secrets.token_urlsafe(32)
        account = Account(
            id=ids.new_id(),
            district=request.district,
            kind=AccountKind.ACCOUNT_KIND_SERVICE,
            sealed_name=messages.seal_name(request.display_name, self._cipher),
            organization=request.organization,
            password_hash=await self._passwords.hash(secret),
            create_time=call.now,
            update_time=call.now,
        )
        return await self._db.command(
            call,
            lambda conn: pb.CreateServiceAccountResponse(
                user=messages.user(users.create(conn, account, call), self._cipher), secret=secret
            ),
        )

    async def GetUser(self, request: pb.GetUserRequest, call: Call) -> pb.GetUserResponse:
        user = USER.id(request.name)
        account = await self._db.read(lambda conn: users.require_visible(conn, user, call))
        return pb.GetUserResponse(user=messages.user(account, self._cipher))

    async def ListUsers(self, request: pb.ListUsersRequest, call: Call) -> pb.ListUsersResponse:
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.accounts_page(conn, request.district, request.kind, after, limit),
            position=lambda account: (account.id,),
            message=lambda account: messages.user(account, self._cipher),
        )
        return pb.ListUsersResponse(users=page.items, next_page_token=page.next_token)

    async def UpdateUser(self, request: pb.UpdateUserRequest, call: Call) -> bytes:
        paths, user = request.update_mask.paths, request.user
        sealed_phone, phone_index = None, None
        if "phone" in paths:
            phone = telephone.normalize(user.phone, "user.phone")
            sealed_phone, phone_index = messages.seal_phone(phone, self._cipher)
        command = users.UpdateUser(
            user=USER.id(user.name),
            etag=user.etag,
            sealed_name=messages.seal_name(user.display_name, self._cipher) if "display_name" in paths else None,
            sealed_phone=sealed_phone,
            phone_index=phone_index,
            organization=user.organization if "organization" in paths else None,
            home=user.home if "home" in paths else None,
        )
        return await self._db.command(
            call,
            lambda conn: pb.UpdateUserResponse(user=messages.user(users.update(conn, command, call), self._cipher)),
        )

    async def SetPassword(self, request: pb.SetPasswordRequest, call: Call) -> bytes:
        user = USER.id(request.name)
        account = await self._db.read(lambda conn: users.require_visible(conn, user, call))
        address = messages.address_digest(call.address, self._cipher)
        proved = None
        if call.caller.user == account.name:
            await self._db.read(lambda conn: logins.require_few_failures(conn, account.login, address, call.now))
            right = await self._passwords.matches(request.old_password, account.password_hash)
            # Judged in the transaction: who repeats the call that changed the password gets its answer.
            proved = account.password_hash if right else ""
        new_hash = await self._passwords.hash(request.new_password, "new_password")

        def run(conn: Connection) -> pb.SetPasswordResponse:
            users.set_password(conn, user, proved, new_hash, address, call)
            return pb.SetPasswordResponse()

        try:
            return await self._db.command(call, run)
        except CredentialsRejected:
            # By itself: the command's own transaction was undone.
            await self._db.write(lambda conn: logins.count_failure(conn, account.login, address, call.now))
            raise

    async def DisableUser(self, request: pb.DisableUserRequest, call: Call) -> bytes:
        user = USER.id(request.name)
        return await self._db.command(
            call,
            lambda conn: pb.DisableUserResponse(
                user=messages.user(users.disable(conn, user, request.etag, call), self._cipher)
            ),
        )

    async def EnableUser(self, request: pb.EnableUserRequest, call: Call) -> bytes:
        user = USER.id(request.name)
        return await self._db.command(
            call,
            lambda conn: pb.EnableUserResponse(
                user=messages.user(users.enable(conn, user, request.etag, call), self._cipher)
            ),
        )
