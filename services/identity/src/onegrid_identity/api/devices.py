"""Devices and their keys."""

from __future__ import annotations

from datetime import UTC

from onegrid.identity.v1 import devices_pb2 as pb
from onegrid_identity import messages, possession
from onegrid_identity.attempts import OneTimeCode
from onegrid_identity.commands import devices
from onegrid_identity.commands.devices import EnrolDevice
from onegrid_identity.devices import DEVICE_ENROLMENT, DEVICE_KEY, ENROLMENT_LASTS, Enrolment
from onegrid_identity.settings import IdentitySettings
from onegrid_identity.store.devices import device_keys_page
from onegrid_kit import ids
from onegrid_kit.callers import Call
from onegrid_kit.one_time_codes import new_code
from onegrid_kit.runtime import Runtime

__all__ = ["Devices"]

_CODE_PURPOSE = "identity.device_enrolment"


class Devices:
    """The methods on devices."""

    def __init__(self, runtime: Runtime[IdentitySettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages
        self._cipher = runtime.cipher

    async def CreateDeviceEnrolment(self, request: pb.CreateDeviceEnrolmentRequest, call: Call) -> bytes:
        id_, digits = str(ids.new_event_id()), new_code()
        new = Enrolment(
            id=id_,
            place=request.place,
            display_name=request.display_name,
            code=OneTimeCode(self._code_index(id_, digits), call.now, call.now + ENROLMENT_LASTS),
        )
        return await self._db.command(
            call,
            lambda conn: pb.CreateDeviceEnrolmentResponse(
                enrolment=messages.device_enrolment(devices.create_enrolment(conn, new)), code=digits
            ),
        )

    async def EnrolDevice(self, request: pb.EnrolDeviceRequest, call: Call) -> bytes:
        possession.require_possession(request.enrolment, request.public_key, request.proof)
        id_ = DEVICE_ENROLMENT.id(request.enrolment)
        command = EnrolDevice(id_, self._code_index(id_, request.code), request.public_key)
        await self._db.write(lambda conn: devices.count_wrong_code(conn, command))
        return await self._db.command(
            call,
            lambda conn: pb.EnrolDeviceResponse(device_key=messages.device_key(devices.enrol(conn, command, call))),
        )

    async def GetDeviceKey(self, request: pb.GetDeviceKeyRequest, call: Call) -> pb.GetDeviceKeyResponse:
        key = await self._db.read(lambda conn: devices.require_visible(conn, DEVICE_KEY.id(request.name), call))
        return pb.GetDeviceKeyResponse(device_key=messages.device_key(key))

    async def ListDeviceKeys(self, request: pb.ListDeviceKeysRequest, call: Call) -> pb.ListDeviceKeysResponse:
        page = await self._pages.read(
            request,
            lambda conn, after, limit: device_keys_page(conn, request.place, request.states, after, limit),
            position=lambda key: (key.place, key.id),
            message=messages.device_key,
        )
        return pb.ListDeviceKeysResponse(device_keys=page.items, next_page_token=page.next_token)

    async def ReportDeviceLost(self, request: pb.ReportDeviceLostRequest, call: Call) -> bytes:
        key = DEVICE_KEY.id(request.name)
        since = request.lost_time.ToDatetime(UTC) if request.HasField("lost_time") else None
        return await self._db.command(
            call,
            lambda conn: pb.ReportDeviceLostResponse(
                device_key=messages.device_key(devices.report_lost(conn, key, since, request.etag, call))
            ),
        )

    async def ReportDeviceFound(self, request: pb.ReportDeviceFoundRequest, call: Call) -> bytes:
        key = DEVICE_KEY.id(request.name)
        return await self._db.command(
            call,
            lambda conn: pb.ReportDeviceFoundResponse(
                device_key=messages.device_key(devices.report_found(conn, key, request.etag, call))
            ),
        )

    async def RevokeDeviceKey(self, request: pb.RevokeDeviceKeyRequest, call: Call) -> bytes:
        key = DEVICE_KEY.id(request.name)
        return await self._db.command(
            call,
            lambda conn: pb.RevokeDeviceKeyResponse(
                device_key=messages.device_key(devices.revoke(conn, key, request.reason, request.etag, call))
            ),
        )

    def _code_index(self, enrolment: str, code: str) -> bytes:
        # Keyed: six digits could be guessed from a plain hash.
        return self._cipher.blind_index(f"{enrolment} {code}", _CODE_PURPOSE)
