"""Times that are taken leave room for what is computed of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from onegrid.field.v1.field_pb2 import Position
from onegrid_kit.clock import CHINA
from onegrid_kit.errors import FieldViolation, InvalidRequest
from onegrid_kit.rpc.validation import NO_TIME, validate
from onegrid_kit.timestamps import moment

FIRST, LAST = datetime(1000, 1, 1, tzinfo=UTC), datetime(8999, 12, 31, 23, 59, 59, tzinfo=UTC)

NEVER = datetime(9999, 12, 31, tzinfo=UTC)


def position(at: datetime) -> Position:
    """A position that was measured then."""
    fix_time = Timestamp()
    fix_time.FromDatetime(at)
    return Position(latitude=40.1, longitude=124.3, accuracy_m=5, fix_time=fix_time)


@pytest.mark.parametrize("at", [FIRST, LAST])
def test_a_time_has_a_local_one_and_years_beside_it(at: datetime) -> None:
    asked = position(at)
    validate(asked, asked.SerializeToString())
    for days in (-36_525, 36_525):
        (moment(asked.fix_time) + timedelta(days=days)).astimezone(CHINA)


@pytest.mark.parametrize("at", [FIRST - timedelta(seconds=1), LAST + timedelta(seconds=1), NEVER])
def test_a_time_without_room_is_refused(at: datetime) -> None:
    asked = position(at)
    with pytest.raises(InvalidRequest) as refused:
        validate(asked, asked.SerializeToString())
    assert refused.value.violations == (FieldViolation("fix_time", NO_TIME),)
