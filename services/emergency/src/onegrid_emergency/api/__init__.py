"""EmergencyService: a message in, a command out, a message back; no rule, no SQL. A file for each noun."""

from __future__ import annotations

from collections.abc import Sequence

from onegrid_emergency import metrics
from onegrid_emergency.api.drills import Drills
from onegrid_emergency.api.incidents import Incidents
from onegrid_emergency.api.merging import Merging
from onegrid_emergency.api.plans import Plans
from onegrid_emergency.api.reservations import Reservations
from onegrid_emergency.api.resources import Resources
from onegrid_emergency.api.responses import Responses
from onegrid_emergency.api.sensors import Sensors
from onegrid_emergency.api.situations import Situations
from onegrid_emergency.api.stocks import Stocks
from onegrid_emergency.api.tasks import Tasks
from onegrid_emergency.api.timelines import Timelines
from onegrid_emergency.api.video import Video
from onegrid_emergency.api.visible import VisibleIncidents
from onegrid_emergency.api.warnings import Warnings
from onegrid_emergency.ingesting import Ingestion
from onegrid_emergency.listening import Listening
from onegrid_emergency.mqtt import QueuedReadings
from onegrid_emergency.settings import EmergencySettings
from onegrid_kit.runtime import Runtime

__all__ = ["build"]


def build(runtime: Runtime[EmergencySettings]) -> Sequence[object]:
    """The servicers."""
    metrics.begin()
    visible = VisibleIncidents(runtime)
    ingestion = Ingestion(runtime.db, runtime.clock)
    queued = QueuedReadings(runtime.settings.amqp_url, ingestion) if runtime.settings.mqtt else None
    if queued is not None:
        runtime.spawn("take queued readings", queued.run)
    listening = Listening(runtime.db, runtime.clock, "api", lambda: queued is None or queued.consuming)
    runtime.spawn("look at due sensors", listening.run)
    return [
        Incidents(runtime, visible),
        Resources(runtime),
        Reservations(runtime),
        Stocks(runtime),
        Sensors(runtime, ingestion),
        Video(runtime),
        Responses(visible),
        Tasks(runtime),
        Merging(runtime, visible),
        Situations(runtime, visible),
        Plans(runtime, visible),
        Drills(runtime),
        Timelines(runtime, visible),
        Warnings(runtime),
    ]
