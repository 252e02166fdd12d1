"""PetitionService: a message in, a command out, a message back; no rule, no SQL. A file for each noun."""

from __future__ import annotations

from collections.abc import Sequence

from onegrid_kit.runtime import Runtime
from onegrid_petition.api.petitions import Petitions
from onegrid_petition.api.tasks import Tasks
from onegrid_petition.api.timelines import Timelines
from onegrid_petition.api.visible import VisiblePetitions
from onegrid_petition.api.work_items import WorkItems
from onegrid_petition.routing import Router
from onegrid_petition.settings import PetitionSettings
from onegrid_petition.watching import Watchers

__all__ = ["build"]


def build(runtime: Runtime[PetitionSettings]) -> Sequence[object]:
    """The servicers, and their background tasks."""
    router = Router(runtime.db)
    watchers = Watchers(runtime.db, runtime.settings.watch_interval_s, runtime.closing)
    runtime.spawn("refresh ground", router.run)
    runtime.spawn("deliver to watchers", watchers.run)
    visible = VisiblePetitions(runtime)
    return [
        Petitions(runtime, visible, router),
        Tasks(visible),
        Timelines(runtime, visible, watchers),
        WorkItems(runtime),
    ]
