"""What the platform acknowledged, and whether it still knows all of that afterwards, once."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import cycle
from typing import Final, TypeAlias

from onegrid.petition.v1 import petition_service_pb2 as pb
from onegrid.petition.v1.resources_pb2 import Action
from onegrid_checks.checklist import Checklist
from onegrid_checks.load.callers import Caller
from onegrid_demo import district, gently
from onegrid_demo.client import Client

__all__ = ["Ledger", "Page", "expect_once", "listed"]

Page: TypeAlias = tuple[Sequence[tuple[str, str]], str]
"""Texts and names of what is listed, and the token of the next page."""

_SHOWN: Final = 3


class Ledger:
    """The petitions of one run, and the steps that were acknowledged of each."""

    def __init__(self) -> None:
        self.mark = f"load {uuid.uuid4().hex[:12]}"
        """What the texts of this run's petitions begin with."""
        self.filed: dict[str, str] = {}
        """The petition's name, by its text."""
        self.steps: dict[str, list[Action]] = {}
        """By the petition's name."""
        self.unsure: set[str] = set()
        """Petitions of which a step failed: it may have been taken or not."""
        self.watched: dict[str, list[int]] = {}
        """The numbers of the steps that a watcher received, in order, by the petition's name."""

    def acknowledge(self, name: str, action: Action) -> None:
        """The step was taken."""
        self.steps.setdefault(name, []).append(action)

    async def settle(self, clients: Sequence[Client], petitioners: Sequence[Caller], checklist: Checklist) -> None:
        """Ask for everything that was acknowledged."""
        known = Counter[tuple[str, str]]()
        for petitioner in petitioners:
            known.update(await self._listed(clients[0], petitioner))
        expect_once(checklist, "petition", self.filed, known)
        turns = cycle(clients)

        async def actions_of(name: str) -> list[Action]:
            answer = await next(turns).petition.GetPublicTimeline(pb.GetPublicTimelineRequest(name=name))
            return [entry.action for entry in answer.entries]

        sure = [name for name in self.steps if name not in self.unsure]
        timelines = await gently.each_of(sure, actions_of)
        wrong = [name for name, actions in zip(sure, timelines, strict=True) if actions != self.steps[name]]
        checklist.expect(
            f"their timelines show each of the {sum(map(len, self.steps.values()))} steps that were acknowledged, once",
            not wrong,
            actual=f"{len(wrong)} that do not: {', '.join(wrong[:_SHOWN])}",
            look="GetPublicTimeline of these, and petition's audit trail: python -m onegrid_petition audit verify",
        )
        torn = [name for name, numbers in self.watched.items() if numbers != list(range(1, len(numbers) + 1))]
        checklist.expect(
            f"watchers of {len(self.watched)} petitions receive each step once, in order",
            not torn,
            actual=f"{len(torn)} are not, {', '.join(f'{name}: {self.watched[name]}' for name in torn[:_SHOWN])}",
            look="WatchPetition: the resume token, and which replica sent them",
        )

    async def _listed(self, client: Client, petitioner: Caller) -> Counter[tuple[str, str]]:
        """Text and name of this run's petitions, as the petitioner's own list has them."""
        request = pb.ListPetitionsRequest(district=district.CODE, petitioner_self=True, page_size=500)

        async def page(token: str) -> Page:
            request.page_token = token
            answer = await client.petition.ListPetitions(request, metadata=await petitioner.metadata())
            return [(each.text, each.name) for each in answer.petitions], answer.next_page_token

        return await listed(page, self.mark)


async def listed(page: Callable[[str], Awaitable[Page]], mark: str) -> Counter[tuple[str, str]]:
    """Those whose texts begin with the run's mark, of a list that has the newest first."""
    found = Counter[tuple[str, str]]()
    token = ""
    while True:
        there, token = await page(token)
        ours = [each for each in there if each[0].startswith(mark)]
        found.update(ours)
        # Others call at the same time, but a full page of theirs means that ours are all behind us.
        if not token or (there and not ours):
            return found


def expect_once(
    checklist: Checklist, what: str, acknowledged: Mapping[str, str], known: Counter[tuple[str, str]], *, then: str = ""
) -> None:
    """Expect each resource that was acknowledged, by its text, to be known by its name; `then`: and to be that."""
    expected = Counter(acknowledged.items())
    lost, surplus = expected - known, known - expected
    checklist.expect(
        f"each of the {len(acknowledged)} {what}s that were acknowledged is there once" + (then and f", {then}"),
        not lost and not surplus and len(set(acknowledged.values())) == len(acknowledged),
        actual=f"{lost.total()} lost{then and f' or not {then}'}, {surplus.total()} not acknowledged or twice: "
        + ", ".join(name for _, name in [*lost, *surplus][:_SHOWN]),
        look="the api's log by their names; the idempotency table keeps request ids for 24 hours",
    )
