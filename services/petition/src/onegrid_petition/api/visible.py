"""Petitions as their viewers may see them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from google.protobuf.message import Message
from sqlalchemy import Connection

from onegrid.petition.v1 import resources_pb2
from onegrid_kit import codes
from onegrid_kit.callers import Call
from onegrid_kit.coalescer import Coalescer
from onegrid_kit.errors import PermissionDenied
from onegrid_kit.runtime import Runtime
from onegrid_kit.visibility import visible_to
from onegrid_petition import authority, messages, store
from onegrid_petition.petition import PETITION, Petition
from onegrid_petition.settings import PetitionSettings

__all__ = ["VisiblePetitions"]

C = TypeVar("C")


class VisiblePetitions:
    """Loads petitions, changes them, and renders them for their viewers."""

    def __init__(self, runtime: Runtime[PetitionSettings]) -> None:
        self._db = runtime.db
        self._cipher = runtime.cipher
        self._reads: Coalescer[str, Petition | None] = Coalescer("get_petition", self._load)

    async def find(self, id_: str) -> Petition | None:
        """The petition, without a check of the caller; loads of the same moment share a query."""
        return await self._reads.submit(id_)

    async def require(self, id_: str, call: Call) -> Petition:
        """The petition, if the caller may see it. Raises PermissionDenied or NotFound."""
        petition = await self._reads.submit(id_)
        if petition is None:
            raise authority.absent(call, PETITION.name(id_), codes.district_of(id_))
        if not authority.may_see(call, petition):
            raise PermissionDenied(call.permission)
        return petition

    async def change(
        self,
        call: Call,
        answer: Callable[..., Message],
        run: Callable[[Connection, C, Call], Petition],
        command: C,
    ) -> bytes:
        """Run a command that changes one petition; the answer holds it as the caller may see it."""
        return await self._db.command(call, lambda conn: answer(petition=self.render(run(conn, command, call), call)))

    def render(self, petition: Petition, call: Call) -> resources_pb2.Petition:
        """The petition as the caller may see it."""
        return visible_to(authority.viewer_of(call, petition), messages.petition(petition, self._cipher))

    async def _load(self, ids: Sequence[str]) -> Sequence[Petition | None]:
        found = await self._db.read(lambda conn: store.petitions_by_id(conn, sorted(set(ids))))
        return [found.get(id_) for id_ in ids]
