"""The messages that the district itself sends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from onegrid.emergency.v1.warnings_pb2 import (
    CapCategory,
    CapCertainty,
    CapMessageType,
    CapRule,
    CapScope,
    CapStatus,
    CapUrgency,
    WarningColour,
)
from onegrid_emergency.cap.areas import DISTRICT_CODE, PLACE_CODE, Ground, survey
from onegrid_emergency.cap.checking import check, has_illegal_characters
from onegrid_emergency.cap.message import Alert, Area, Info, Key, Value, Violation
from onegrid_emergency.cap.reading import read
from onegrid_emergency.cap.spelling import COLOURS, spelling_of
from onegrid_emergency.cap.writing import write
from onegrid_kit import codes
from onegrid_kit.clock import CHINA

__all__ = ["Circle", "Place", "Say", "alert_of", "info_of", "reply_to", "written"]

_LANGUAGE: Final = "zh-CN"
_COLOUR: Final = "ColorCode"
"""The name of the parameter that has the colour beside the severity."""


@dataclass(frozen=True, slots=True)
class Circle:
    """A circle on the ground."""

    longitude: float
    latitude: float
    radius_km: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A part of the ground."""

    description: str
    polygons: tuple[tuple[tuple[float, float], ...], ...] = ()
    """Points as longitude and latitude; the last is the first."""
    circles: tuple[Circle, ...] = ()
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """What an officer wants people to know."""

    categories: tuple[CapCategory, ...]
    event: str
    colour: WarningColour
    urgency: CapUrgency
    certainty: CapCertainty
    headline: str
    description: str
    instruction: str
    areas: tuple[Place, ...]
    effective_time: datetime | None
    onset_time: datetime | None
    expire_time: datetime | None


def info_of(say: Say, sender_name: str, now: datetime, lasts: timedelta) -> Info:
    """What is said, in CAP."""
    effective = _moment(say.effective_time or now)
    return Info(
        language=_LANGUAGE,
        categories=say.categories,
        event=say.event,
        urgency=say.urgency,
        colour=say.colour,
        certainty=say.certainty,
        effective=effective,
        onset=_moment(say.onset_time) if say.onset_time else None,
        expires=_moment(say.expire_time or effective + lasts),
        sender_name=sender_name,
        headline=say.headline,
        description=say.description,
        instruction=say.instruction,
        parameters=(Value(_COLOUR, spelling_of(COLOURS, say.colour).upper()),),
        areas=tuple(map(_area, say.areas)),
    )


def alert_of(
    key: Key,
    message_type: CapMessageType,
    infos: Sequence[Info],
    *,
    status: CapStatus,
    scope: CapScope,
    references: Sequence[Key] = (),
    restriction: str = "",
    addresses: str = "",
    note: str = "",
) -> Alert:
    """A message of the district."""
    return Alert(
        identifier=key.identifier,
        sender=key.sender,
        sent=_moment(key.sent),
        status=status,
        message_type=message_type,
        scope=scope,
        restriction=restriction,
        addresses=addresses,
        note=note,
        references=tuple(Key(_moment(each.sent), each.sender, each.identifier) for each in references),
        infos=tuple(infos),
    )


def reply_to(
    key: Key,
    message_type: CapMessageType,
    *,
    status: CapStatus,
    sender: str,
    faults: Sequence[Violation],
    now: datetime,
) -> Alert:
    """What the sender of a message is answered: an Ack, or an Error; its note names what is wrong with the message."""
    return alert_of(
        Key(now, sender, f"{message_type}-{key.digest}"),
        message_type,
        (),
        status=status,
        scope=CapScope.CAP_SCOPE_PRIVATE,
        addresses=key.sender,
        references=[key],
        note="; ".join(f"{each.field} {each.description}".strip() for each in faults)[:1000],
    )


def written(alert: Alert) -> tuple[bytes, Ground, tuple[Violation, ...]]:
    """The document of a message, the ground that it is about, and the rules that it breaks, as a reader finds them."""
    try:
        document = write(alert)
    except ValueError:
        return b"", Ground(), tuple(_characters(alert))
    reading = read(document)
    ground = survey(reading.alert) if reading.alert else Ground()
    return document, ground, check(reading, ground)


def _characters(alert: Alert) -> Sequence[Violation]:
    texts = {
        "restriction": alert.restriction,
        "addresses": alert.addresses,
        "note": alert.note,
        **{
            f"info[{number}].{name}": getattr(info, name)
            for number, info in enumerate(alert.infos)
            for name in ("event", "sender_name", "headline", "description", "instruction")
        },
        **{
            f"info[{number}].area[{place}].areaDesc": area.description
            for number, info in enumerate(alert.infos)
            for place, area in enumerate(info.areas)
        },
    }
    return [
        Violation(CapRule.CAP_RULE_CHARACTERS, field, "has characters that XML does not allow")
        for field, text in texts.items()
        if has_illegal_characters(text)
    ]


def _area(place: Place) -> Area:
    return Area(
        description=place.description,
        polygons=tuple(" ".join(_point(*each) for each in points) for points in place.polygons),
        circles=tuple(f"{_point(each.longitude, each.latitude)} {_number(each.radius_km)}" for each in place.circles),
        geocodes=tuple(Value(DISTRICT_CODE if codes.is_district(code) else PLACE_CODE, code) for code in place.codes),
    )


def _point(longitude: float, latitude: float) -> str:
    return f"{_number(latitude)},{_number(longitude)}"


def _number(value: float) -> str:
    """To a tenth of a metre, without an exponent."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _moment(moment: datetime) -> datetime:
    """To the second, at China's offset."""
    return moment.astimezone(CHINA).replace(microsecond=0)
