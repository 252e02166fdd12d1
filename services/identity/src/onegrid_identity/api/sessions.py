"""Logins, sessions and signing keys."""

from __future__ import annotations

import base64
from datetime import timedelta

from sqlalchemy import Connection

from onegrid.common.v1.common_pb2 import AccountKind
from onegrid.identity.v1 import identity_service_pb2 as pb
from onegrid.identity.v1 import resources_pb2
from onegrid_identity import messages, store
from onegrid_identity.accounts import SESSION, USER, Account
from onegrid_identity.attempts import CODE_LASTS
from onegrid_identity.commands import logins, sessions
from onegrid_identity.commands.logins import LogIn, LogInWithCode, RequestCode
from onegrid_identity.commands.sessions import Opened, Refresh
from onegrid_identity.errors import CredentialsRejected, RefreshRejected
from onegrid_identity.keys import SigningKeys
from onegrid_identity.passwords import Passwords
from onegrid_identity.senders import Code, CodeSender
from onegrid_identity.settings import IdentitySettings
from onegrid_kit import ids, metrics, telephone, tokens
from onegrid_kit.callers import Call
from onegrid_kit.errors import Unavailable
from onegrid_kit.one_time_codes import new_code
from onegrid_kit.runtime import Runtime
from onegrid_kit.service import load
from onegrid_kit.timestamps import timestamp

__all__ = ["Sessions"]

_REFRESH_PURPOSE = "identity.refresh_token"
_CODE_PURPOSE = "identity.one_time_code"
_SENT, _FAILED = (metrics.DELIVERIES.labels("identity", "one_time_code", outcome) for outcome in ("sent", "failed"))


class Sessions:
    """The methods that make, keep and end sessions."""

    def __init__(self, runtime: Runtime[IdentitySettings], keys: SigningKeys, passwords: Passwords) -> None:
        settings = runtime.settings
        self._db = runtime.db
        self._cipher = runtime.cipher
        self._keys = keys
        self._passwords = passwords
        self._sender: CodeSender = load(settings.code_sender)(settings)
        self._access = timedelta(minutes=settings.access_token_minutes)
        self._codes_per_hour = settings.code_requests_per_hour
        self._refresh = timedelta(days=settings.refresh_token_days)

    async def LoginWithPassword(self, request: pb.LoginWithPasswordRequest, call: Call) -> pb.LoginWithPasswordResponse:
        login = request.login
        address = messages.address_digest(call.address, self._cipher)
        await self._db.read(lambda conn: logins.require_few_failures(conn, login, address, call.now))
        account = await self._db.read(lambda conn: store.find_account_by_login(conn, login))
        right = await self._passwords.matches(request.password, account.password_hash if account else "")
        command = LogIn(login, address, account, right)
        opened = await self._db.write(lambda conn: logins.log_in(conn, command, call, self._access, self._refresh))
        return pb.LoginWithPasswordResponse(session=await self._signed(opened))

    async def RequestOneTimeCode(
        self, request: pb.RequestOneTimeCodeRequest, call: Call
    ) -> pb.RequestOneTimeCodeResponse:
        digits = new_code()
        phone = telephone.normalize(request.phone)
        code = Code(phone, digits, call.now + CODE_LASTS, request.district, request.language)
        askers = [call.address] + ([call.caller.user] if call.caller.user else [])
        command = RequestCode(
            phone_index=messages.phone_index(phone, self._cipher),
            code_index=self._code_index(phone, digits),
            expires=code.expires,
            askers=frozenset(messages.address_digest(asker, self._cipher) for asker in askers),
        )

        def keep(conn: Connection) -> None:
            logins.keep_code(conn, command, self._codes_per_hour, call.now)
            self._sender.enqueue(conn, code, call)

        await self._db.write(keep)
        try:
            await self._sender.send(code)
        except Exception as error:
            _FAILED.inc()
            if isinstance(error, Unavailable):
                # The code was not delivered, so the number may ask again at once.
                await self._db.write(lambda conn: logins.forgive_code(conn, command, call.now))
            raise
        _SENT.inc()
        return pb.RequestOneTimeCodeResponse(expire_time=timestamp(code.expires))

    async def LoginWithOneTimeCode(
        self, request: pb.LoginWithOneTimeCodeRequest, call: Call
    ) -> pb.LoginWithOneTimeCodeResponse:
        phone = telephone.normalize(request.phone)
        command = LogInWithCode(
            phone_index=messages.phone_index(phone, self._cipher),
            code_index=self._code_index(phone, request.code),
            newcomer=self._newcomer(phone, request.district, call),
        )
        opened = await self._db.write(
            lambda conn: logins.log_in_with_code(conn, command, call, self._access, self._refresh)
        )
        return pb.LoginWithOneTimeCodeResponse(session=await self._signed(opened))

    async def LoginServiceAccount(
        self, request: pb.LoginServiceAccountRequest, call: Call
    ) -> pb.LoginServiceAccountResponse:
        account = await self._db.read(lambda conn: store.find_account(conn, USER.id(request.name)))
        of_service = account is not None and account.kind == AccountKind.ACCOUNT_KIND_SERVICE
        kept = account.password_hash if account is not None and of_service else ""
        right = await self._passwords.matches(request.secret, kept)
        command = LogIn(request.name, b"", account, right)
        opened = await self._db.write(lambda conn: logins.log_in_service_account(conn, command, call, self._access))
        return pb.LoginServiceAccountResponse(session=await self._signed(opened))

    async def RefreshSession(self, request: pb.RefreshSessionRequest, call: Call) -> pb.RefreshSessionResponse:
        command = Refresh(request.refresh_token, self._successor(request.refresh_token))
        opened = await self._db.write(lambda conn: sessions.refresh(conn, command, call, self._access))
        if opened is None:
            raise RefreshRejected
        return pb.RefreshSessionResponse(session=await self._signed(opened))

    async def Logout(self, request: pb.LogoutRequest, call: Call) -> bytes:
        def run(conn: Connection) -> pb.LogoutResponse:
            sessions.revoke(conn, call.caller.session, call)
            return pb.LogoutResponse(session=SESSION.name(call.caller.session))

        return await self._db.command(call, run)

    async def ListSigningKeys(self, request: pb.ListSigningKeysRequest, call: Call) -> pb.ListSigningKeysResponse:
        return pb.ListSigningKeysResponse(keys=[pb.SigningKey(kid=kid, x=x) for kid, x in await self._keys.listed()])

    async def _signed(self, opened: Opened | None) -> resources_pb2.Session:
        """The session as its holder gets it. Raises CredentialsRejected if none was opened."""
        if opened is None:
            raise CredentialsRejected
        kid, key = await self._keys.signing()
        token = tokens.encode(opened.caller, key, kid, opened.issue_time, opened.access_expire_time)
        session = resources_pb2.Session(
            access_token=token,
            access_expire_time=timestamp(opened.access_expire_time),
            refresh_token=opened.refresh_token,
            user=opened.caller.user,
        )
        if opened.refresh_token:
            session.refresh_expire_time.CopyFrom(timestamp(opened.refresh_expire_time))
        return session

    def _successor(self, refresh_token: str) -> str:
        # Keyed: who has a token that was exchanged can't derive those that followed it.
        derived = self._cipher.blind_index(refresh_token, _REFRESH_PURPOSE)
        return base64.urlsafe_b64encode(derived).rstrip(b"=").decode()

    def _code_index(self, phone: str, code: str) -> bytes:
        # Keyed: six digits could be guessed from a plain hash.
        return self._cipher.blind_index(f"{phone} {code}", _CODE_PURPOSE)

    def _newcomer(self, phone: str, district: str, call: Call) -> Account:
        """The account that a resident's first login makes."""
        sealed, index = messages.seal_phone(phone, self._cipher)
        return Account(
            id=ids.new_id(),
            district=district,
            kind=AccountKind.ACCOUNT_KIND_CITIZEN,
            sealed_name=messages.seal_name("居民", self._cipher),
            sealed_phone=sealed,
            phone_index=index,
            create_time=call.now,
            update_time=call.now,
        )
