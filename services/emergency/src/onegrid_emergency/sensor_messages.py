"""Between the contract's messages of sensors and the rules' values."""

from __future__ import annotations

from datetime import timedelta
from math import inf, isnan

from google.protobuf.duration_pb2 import Duration

from onegrid.emergency.v1 import sensors_pb2
from onegrid_emergency.incident import INCIDENT, REPORT
from onegrid_emergency.sensing.device import ALARM, DEVICE, Configuration, Rules, Threshold
from onegrid_emergency.sensing.judging import ACTIVE, Reading
from onegrid_emergency.sensing.moments import moment_of
from onegrid_emergency.store.devices import Known
from onegrid_emergency.store.readings import Alarm
from onegrid_kit.locations import location_in, point
from onegrid_kit.timestamps import timestamp

__all__ = ["alarm", "configuration_of", "device"]


def configuration_of(message: sensors_pb2.DeviceConfiguration) -> Configuration:
    """The configuration that a message gives."""
    return Configuration(
        display_name=message.display_name,
        kind=message.kind,
        place=message.place,
        location=location_in(message),
        unit=message.unit,
        owner=message.owner,
        interval=message.interval.ToTimedelta(),
        rules=_rules_of(message.rules) if message.HasField("rules") else None,
    )


def device(known: Known) -> sensors_pb2.Device:
    """The message of a device."""
    state = known.state
    judged = bool(state.condition)
    return sensors_pb2.Device(
        name=DEVICE.name(known.device.id),
        configuration=_configuration(known.device.configuration),
        condition=known.condition,
        last_value=None if isnan(state.value) else state.value,
        last_reading_time=timestamp(moment_of(state.time)) if judged else None,
        last_receive_time=timestamp(known.receive_time),
        raised_alarms=[phase.name for phase in state.phases if phase.step >= ACTIVE],
        incident=INCIDENT.name(known.incident) if known.incident else "",
        create_time=timestamp(known.device.create_time),
        retire_time=timestamp(known.device.retire_time),
        etag=str(known.device.version),
    )


def alarm(found: Alarm) -> sensors_pb2.Alarm:
    """The message of an alarm."""
    name = DEVICE.name(found.device)
    return sensors_pb2.Alarm(
        name=ALARM.name(found.device, found.id),
        threshold=found.threshold,
        reading=_reading(name, found.reading),
        raise_time=timestamp(found.raise_time),
        clear_time=timestamp(found.clear_time),
        incident=INCIDENT.name(found.incident),
        report=REPORT.name(found.report),
        window=[_reading(name, each) for each in (*found.window.readings, *found.after)],
    )


def _rules_of(message: sensors_pb2.DeviceRules) -> Rules:
    return Rules(
        thresholds=tuple(
            Threshold(
                name=each.name,
                above=each.direction == sensors_pb2.Direction.DIRECTION_ABOVE,
                raise_level=each.raise_level,
                clear_level=each.clear_level,
                raise_hold_ms=_ms_of(each.raise_hold),
                clear_hold_ms=_ms_of(each.clear_hold),
                incident_kind=each.incident_kind,
            )
            for each in message.thresholds
        ),
        lowest_possible=message.lowest_possible if message.HasField("lowest_possible") else -inf,
        highest_possible=message.highest_possible if message.HasField("highest_possible") else inf,
        flat_after_ms=_ms_of(message.flat_after),
        reordering_ms=_ms_of(message.reordering) if message.HasField("reordering") else Rules().reordering_ms,
        silent_intervals=message.silent_intervals or Rules().silent_intervals,
    )


def _configuration(of: Configuration) -> sensors_pb2.DeviceConfiguration:
    return sensors_pb2.DeviceConfiguration(
        display_name=of.display_name,
        kind=of.kind,
        place=of.place,
        location=point(of.location),
        unit=of.unit,
        owner=of.owner,
        interval=_duration(of.interval),
        rules=None if of.rules is None else _rules(of.rules),
    )


def _rules(of: Rules) -> sensors_pb2.DeviceRules:
    return sensors_pb2.DeviceRules(
        thresholds=[
            sensors_pb2.Threshold(
                name=each.name,
                direction=sensors_pb2.Direction.DIRECTION_ABOVE
                if each.above
                else sensors_pb2.Direction.DIRECTION_BELOW,
                raise_level=each.raise_level,
                clear_level=each.clear_level,
                raise_hold=_optional(each.raise_hold_ms),
                clear_hold=_optional(each.clear_hold_ms),
                incident_kind=each.incident_kind,
            )
            for each in of.thresholds
        ],
        lowest_possible=None if of.lowest_possible == -inf else of.lowest_possible,
        highest_possible=None if of.highest_possible == inf else of.highest_possible,
        flat_after=_optional(of.flat_after_ms),
        reordering=_duration(timedelta(milliseconds=of.reordering_ms)),
        silent_intervals=of.silent_intervals,
    )


def _reading(device_name: str, of: Reading) -> sensors_pb2.Reading:
    return sensors_pb2.Reading(device=device_name, time_ms=of.time, sequence=of.sequence, value=of.value)


def _ms_of(message: Duration) -> int:
    return message.ToMilliseconds()


def _optional(milliseconds: int) -> Duration | None:
    return _duration(timedelta(milliseconds=milliseconds)) if milliseconds else None


def _duration(of: timedelta) -> Duration:
    made = Duration()
    made.FromTimedelta(of)
    return made
