"""PetitionService: a message in, a command out, a message back; no rule, no SQL. A file for each noun."""

from __future__ import annotations

from collections.abc import Sequence

from onegrid_kit.runtime import Runtime
from onegrid_kit.watching import Watchers
from onegrid_petition import store
from onegrid_petition.api.petitions import Petitions
from onegrid_petition.api.tasks import Tasks
from onegrid_petition.api.timelines import Timelines
from onegrid_petition.api.visible import VisiblePetitions
from onegrid_petition.api.work_items import WorkItems
from onegrid_petition.lifecycle import ENDED
from onegrid_petition.routing import Router
from onegrid_petition.settings import PetitionSettings

__all__ = ["build"]


def build(runtime: Runtime[PetitionSettings]) -> Sequence[object]:
    """The servicers, and their background tasks."""
    router = Router(runtime.db)
    watchers = Watchers(runtime, runtime.settings.watch_interval_s, store.entries_after, ENDED)
    runtime.spawn("refresh ground", router.run)
    runtime.spawn("deliver to watchers", watchers.run)
    visible = VisiblePetitions(runtime)
    return [
        Petitions(runtime, visible, router),
        Tasks(visible),
        Timelines(runtime, visible, watchers),
        WorkItems(runtime),
    ]
