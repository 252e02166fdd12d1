"""notify's work that is done in steps."""

from __future__ import annotations

from onegrid_kit.steps import Steps
from onegrid_notify.commands.deliveries import move_deliveries, plan_article
from onegrid_notify.commands.escalation import climb
from onegrid_notify.commands.reach import count_audience
from onegrid_notify.deliveries import MOVE_DELIVERIES, PLAN_ARTICLE
from onegrid_notify.escalation import CLIMB
from onegrid_notify.reach import COUNT_AUDIENCE

__all__ = ["STEPS"]

STEPS = (
    Steps(COUNT_AUDIENCE, count_audience),
    Steps(PLAN_ARTICLE, plan_article),
    Steps(MOVE_DELIVERIES, move_deliveries),
    Steps(CLIMB, climb),
)
