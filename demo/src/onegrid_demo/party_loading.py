"""Loads the demonstration district's Party organizations and members, as its committee would: from lists."""

from __future__ import annotations

import uuid
from datetime import datetime

from onegrid.partyedu.v1 import completion_methods_pb2 as completion_pb
from onegrid.partyedu.v1 import import_methods_pb2 as import_pb
from onegrid.partyedu.v1 import organization_methods_pb2 as pb
from onegrid.partyedu.v1.imports_pb2 import Import, ImportKind, ImportState
from onegrid.partyedu.v1.organizations_pb2 import Organization
from onegrid_demo import district, gently, party_roll
from onegrid_demo.client import Client, Metadata
from onegrid_demo.loading import until
from onegrid_kit.clock import CHINA, SettableClock

__all__ = ["load"]

# The day before the reference case.
_ENTERED = datetime(2020, 11, 10, 10, 0, tzinfo=CHINA)


async def load(client: Client, admin_password: str, clock: SettableClock | None) -> Import:
    """Define the organizations, and import the roll and who completed the spring's training; the import of the roll.

    All that on the day before the reference case, if the services go by this clock. Done again it changes nothing.
    """
    if clock is not None:
        clock.set(_ENTERED)
    desk = await client.staff("admin", admin_password)
    line = party_roll.organizations()
    # A committee is there before those below it.
    for height in (1, 2, 3):
        await _define(client, desk, [each for each in line if _height(each) == height])
    training = completion_pb.DefineTrainingRequest(training=party_roll.TRAINING, request_id=_new_id())
    await client.partyedu.DefineTraining(training, metadata=desk)
    roll = await _import(client, desk, ImportKind.IMPORT_KIND_MEMBERS, party_roll.members_csv())
    await _import(client, desk, ImportKind.IMPORT_KIND_COMPLETIONS, party_roll.completions_csv())
    if clock is not None:
        clock.reset()
    return roll


def _height(organization: Organization) -> int:
    if not organization.parent:
        return 1
    return 2 if organization.name.endswith("-committee") else 3


async def _define(client: Client, desk: Metadata, organizations: list[Organization]) -> None:
    async def define(organization: Organization) -> None:
        request = pb.DefineOrganizationRequest(organization=organization, request_id=_new_id())
        await client.partyedu.DefineOrganization(request, metadata=desk)

    await gently.each_of(organizations, define)


async def _import(client: Client, desk: Metadata, kind: ImportKind, content: bytes) -> Import:
    """Import a list, and wait until it is applied. Raises RuntimeError if rows of it are refused."""
    start = import_pb.StartImportRequest(scope=district.CODE, kind=kind, content=content, request_id=_new_id())
    name = (await client.partyedu.StartImport(start, metadata=desk)).data_import.name

    async def now() -> Import:
        get = import_pb.GetImportRequest(name=name)
        return (await client.partyedu.GetImport(get, metadata=desk)).data_import

    await until(now, lambda each: each.state != ImportState.IMPORT_STATE_CHECKING)
    apply = import_pb.ApplyImportRequest(name=name, request_id=_new_id())
    await client.partyedu.ApplyImport(apply, metadata=desk)
    done = await until(now, lambda each: each.state == ImportState.IMPORT_STATE_APPLIED)
    if done.refused:
        raise RuntimeError(f"{done.refused} rows of {name} were refused")
    return done


def _new_id() -> str:
    return str(uuid.uuid4())
