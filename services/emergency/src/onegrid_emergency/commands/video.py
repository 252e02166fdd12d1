"""What the video platform recognizes becomes an incident."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from onegrid.emergency.v1.resources_pb2 import IncidentKind, Source
from onegrid.emergency.v1.sensors_pb2 import VideoEventKind
from onegrid_emergency.commands.incidents import ReportIncident, create_incident
from onegrid_emergency.incident import Report
from onegrid_kit.callers import ANONYMOUS, Call
from onegrid_kit.locations import Location

__all__ = ["ReportVideoEvent", "report_video_event"]

_KINDS: Final = {
    VideoEventKind.VIDEO_EVENT_KIND_FIRE: ("烟火", IncidentKind.INCIDENT_KIND_ACCIDENT),
    VideoEventKind.VIDEO_EVENT_KIND_FLOODING: ("积水或漫堤", IncidentKind.INCIDENT_KIND_NATURAL_DISASTER),
    VideoEventKind.VIDEO_EVENT_KIND_COLLAPSE: ("塌方或倒伏", IncidentKind.INCIDENT_KIND_ACCIDENT),
    VideoEventKind.VIDEO_EVENT_KIND_TRAFFIC_ACCIDENT: ("交通事故", IncidentKind.INCIDENT_KIND_ACCIDENT),
    VideoEventKind.VIDEO_EVENT_KIND_CROWD: ("人群聚集", IncidentKind.INCIDENT_KIND_PUBLIC_SAFETY),
    VideoEventKind.VIDEO_EVENT_KIND_BLOCKED_FIRE_LANE: ("消防通道占用", IncidentKind.INCIDENT_KIND_ACCIDENT),
}
"""What each is called, and what kind of incident it becomes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportVideoEvent:
    """What was recognized, and where."""

    district: str
    kind: VideoEventKind
    link: str
    place: str
    location: Location | None
    occur_time: datetime | None
    confidence: float


def report_video_event(conn: Connection, command: ReportVideoEvent, call: Call) -> Report:
    """Report what was recognized, and make an incident of it. Raises InvalidRequest."""
    recognized, kind = _KINDS[command.kind]
    report = ReportIncident(
        district=command.district,
        kind=kind,
        text=f"视频识别:{recognized},置信度 {command.confidence:.0%}。{command.link}",
        place=command.place,
        location=command.location,
        source=Source.SOURCE_VIDEO,
        occur_time=command.occur_time,
    )
    return create_incident(conn, report, replace(call, caller=ANONYMOUS))
