"""Petitions as their viewers may see them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from google.protobuf.message import Message

from onegrid.petition.v1 import resources_pb2
from onegrid_kit import codes
from onegrid_kit.batches import Item
from onegrid_kit.callers import Call
from onegrid_kit.errors import PermissionDenied
from onegrid_kit.runtime import Runtime
from onegrid_kit.visibility import visible_to
from onegrid_petition import authority, messages, store
from onegrid_petition.commands.steps import OnPetition
from onegrid_petition.petition import PETITION, Decision, Known, Petition
from onegrid_petition.settings import PetitionSettings

__all__ = ["VisiblePetitions"]

C = TypeVar("C", bound=OnPetition)


class VisiblePetitions:
    """Loads petitions, changes them, and renders them for their viewers."""

    def __init__(self, runtime: Runtime[PetitionSettings]) -> None:
        self._cipher = runtime.cipher
        self._reads = runtime.db.reads(store.petitions, name="petition")
        self._commands = runtime.db.versioned(store.known_petitions, store.take_steps, name="petition")

    async def find(self, id_: str, call: Call) -> Petition | None:
        """The petition, without a check of the caller; reads of the same moment share a statement."""
        return await self._reads.read(call, **_key(id_))

    async def require(self, id_: str, call: Call) -> Petition:
        """The petition, if the caller may see it. Raises PermissionDenied or NotFound."""
        petition = call.existing(await self.find(id_, call), PETITION, id_)
        if not authority.may_see(call, petition):
            raise PermissionDenied(call.permission)
        return petition

    async def change(
        self,
        call: Call,
        response: Callable[..., Message],
        decide: Callable[[Known, C, Call], Decision],
        command: C,
        *,
        offices: Sequence[str] = (),
        work_item: str = "",
    ) -> bytes:
        """Run a command that changes one petition; the response holds it as the caller may see it. `offices` and
        `work_item` are the codes of those that the command names.
        """

        def item(known: Known) -> Item:
            decision = decide(known, command, call)
            after = decision.after
            shown = response(petition=self.render(after, call))
            return Item(call, store.decision_row(decision), decision.event, shown, subject=after.name)

        acting = authority.offices_of(call)
        return await self._commands.run(
            call, item, **_key(command.petition), offices=[*acting, *offices], work_item=work_item
        )

    def render(self, petition: Petition, call: Call) -> resources_pb2.Petition:
        """The petition as the caller may see it."""
        return visible_to(authority.viewer_of(call, petition), messages.petition(petition, self._cipher))


def _key(id_: str) -> dict[str, str]:
    return {"district": codes.district_of(id_), "id": id_}
