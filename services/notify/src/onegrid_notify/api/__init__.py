"""NotifyService: a message in, a command out, a message back; no rule, no SQL. A file for each noun."""

from __future__ import annotations

from collections.abc import Sequence

from onegrid_kit.runtime import Runtime
from onegrid_notify.api.addresses import Addresses
from onegrid_notify.api.aid import AidRequests
from onegrid_notify.api.articles import Articles
from onegrid_notify.api.audiences import Audiences
from onegrid_notify.api.columns import Columns
from onegrid_notify.api.deliveries import Deliveries
from onegrid_notify.api.endpoints import Endpoints
from onegrid_notify.api.inboxes import Inboxes
from onegrid_notify.api.preferences import PreferencesMethods
from onegrid_notify.api.reach import ReachFigures
from onegrid_notify.api.records import Records
from onegrid_notify.api.suppressions import Suppressions
from onegrid_notify.api.templates import MessageTemplates
from onegrid_notify.settings import NotifySettings
from onegrid_notify.streaming import Streams

__all__ = ["build"]


def build(runtime: Runtime[NotifySettings]) -> Sequence[object]:
    """The servicers, and their background tasks."""
    streams = Streams(runtime)
    runtime.spawn("send news to streams", streams.run)
    return [
        Columns(runtime),
        Articles(runtime),
        Records(runtime),
        Audiences(runtime),
        Inboxes(runtime, streams),
        ReachFigures(runtime),
        AidRequests(runtime),
        MessageTemplates(runtime),
        Addresses(runtime),
        PreferencesMethods(runtime),
        Endpoints(runtime),
        Suppressions(runtime),
        Deliveries(runtime),
    ]
