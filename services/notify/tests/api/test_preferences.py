"""What people decide about what leaves the platform, over real gRPC and a real database."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import grpc
import pytest
from sqlalchemy import Engine

from onegrid.notify.v1.delivery_pb2 import Channel, DigestPeriod, Preferences
from onegrid_kit.callers import Caller
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused, Serving
from onegrid_notify.commands import preferences as commands
from onegrid_notify.preferences import Mute
from onegrid_notify.store.preferences import preferences_of

from .people import CITIZEN, NEIGHBOUR

EMAIL, SMS, PUSH = Channel.CHANNEL_EMAIL, Channel.CHANNEL_SMS, Channel.CHANNEL_WEB_PUSH
JOBS = "columns/210602-jobs"
EVERYTHING: dict[str, Any] = {
    "mutes": [{"topic": JOBS}, {"topic": "petitions", "channel": EMAIL}, {"channel": SMS}],
    "quiet_hours": {"start": "22:00", "end": "07:30"},
    "digests": [
        {"channel": EMAIL, "period": DigestPeriod.DIGEST_PERIOD_DAILY, "time": "18:05"},
        {"channel": PUSH, "period": DigestPeriod.DIGEST_PERIOD_HOURLY, "time": "08:00"},
    ],
    "time_zone": "Europe/Moscow",
    "language": "en",
}


async def of(api: Serving, caller: Caller = CITIZEN) -> Preferences:
    return (await api.call(caller, "GetPreferences")).preferences


async def have(api: Serving, **preferences: Any) -> Preferences:
    return (await api.call(CITIZEN, "SetPreferences", preferences=preferences)).preferences


async def test_who_decided_nothing_has_the_usual_preferences(api: Serving) -> None:
    usual = Preferences(name=f"{CITIZEN.user}/preferences", time_zone="Asia/Shanghai", language="zh", etag="0")
    assert await of(api) == usual


async def test_all_that_is_decided_comes_back_and_is_the_callers_own(api: Serving) -> None:
    decided = await have(api, **EVERYTHING)
    assert await of(api) == decided
    assert decided.HasField("update_time")
    for field in ("name", "etag", "update_time"):
        decided.ClearField(field)
    assert sorted(map(str, decided.mutes)) == sorted(map(str, Preferences(**EVERYTHING).mutes))
    decided.ClearField("mutes")
    assert decided == Preferences(**{**EVERYTHING, "mutes": []})
    assert (await of(api, NEIGHBOUR)).etag == "0"


async def test_what_is_not_named_any_more_is_taken_back(api: Serving) -> None:
    await have(api, **EVERYTHING)
    plain = await have(api)
    assert not plain.mutes
    assert not plain.digests
    assert not plain.HasField("quiet_hours")
    assert (plain.time_zone, plain.language) == ("Asia/Shanghai", "zh")


async def test_a_daily_digest_comes_at_eight_unless_it_says_when(api: Serving) -> None:
    found = await have(api, digests=[{"channel": EMAIL, "period": DigestPeriod.DIGEST_PERIOD_DAILY}])
    assert [digest.time for digest in found.digests] == ["08:00"]


async def test_only_who_read_them_last_changes_preferences(api: Serving) -> None:
    first = await have(api, language="en")
    assert await have(api, language="en") == first
    second = (await api.call(CITIZEN, "SetPreferences", preferences={"language": "zh"}, etag=first.etag)).preferences
    with pytest.raises(Refused) as refused:
        await api.call(CITIZEN, "SetPreferences", preferences={"language": "en"}, etag=first.etag)
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.ABORTED, "STALE_ETAG")
    assert refused.value.metadata == {"resource": f"{CITIZEN.user}/preferences", "etag": second.etag}


async def test_of_changes_at_once_one_is_made_on_what_was_read(api: Serving) -> None:
    etag = (await have(api, language="en")).etag
    zones = ["Europe/Moscow", "Asia/Tokyo", "Asia/Seoul", "Asia/Hong_Kong"]
    outcomes = await asyncio.gather(
        *(api.call(CITIZEN, "SetPreferences", preferences={"time_zone": zone}, etag=etag) for zone in zones),
        return_exceptions=True,
    )
    assert sum(isinstance(each, Refused) for each in outcomes) == len(zones) - 1


async def test_a_repeated_request_is_answered_the_same(api: Serving) -> None:
    request_id = str(uuid.uuid4())
    fields = {"preferences": {"language": "en"}, "request_id": request_id}
    answers = [await api.call(CITIZEN, "SetPreferences", **fields) for _ in range(2)]
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"language": "fr"}, "language"),
        ({"quiet_hours": {"start": "24:00", "end": "07:00"}}, "quiet_hours.start"),
        ({"quiet_hours": {"start": "22:00"}}, "quiet_hours.end"),
        ({"mutes": [{"topic": "everything"}]}, "mutes[0].topic"),
        ({"mutes": [{"channel": Channel.CHANNEL_WECOM}]}, "mutes[0].channel"),
        ({"mutes": [{"topic": JOBS}, {"topic": JOBS}]}, "mutes"),
        ({"digests": [{"channel": EMAIL}]}, "digests[0].period"),
        ({"digests": [{"channel": 0, "period": 1}]}, "digests[0].channel"),
        ({"digests": [{"channel": EMAIL, "period": 1}, {"channel": EMAIL, "period": 2}]}, "digests"),
        ({"digests": [{"channel": EMAIL, "period": 2, "time": "8:00"}]}, "digests[0].time"),
    ],
)
async def test_preferences_that_mean_nothing_are_refused(api: Serving, wrong: Any, field: str) -> None:
    with pytest.raises(Refused) as refused:
        await have(api, **wrong)
    assert refused.value.code == grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.fields == [f"preferences.{field}"]
    assert (await of(api)).etag == "0"


async def test_a_whole_district_of_columns_can_be_muted_by_each_channel(api: Serving) -> None:
    topics = ["petitions", *(f"columns/210602-c{number}" for number in range(200))]
    mutes = [{"topic": topic, "channel": channel} for topic in topics for channel in (EMAIL, SMS, PUSH)]
    assert len((await have(api, mutes=mutes)).mutes) == len(mutes)


async def test_unsubscribing_mutes_once_and_leaves_all_else(api: Serving, engine: Engine, clock: SettableClock) -> None:
    before = await have(api, **EVERYTHING)
    with engine.begin() as conn:
        after = commands.mute(conn, CITIZEN.user, Mute("columns/210602-news", EMAIL), clock.now())
        assert commands.mute(conn, CITIZEN.user, Mute("columns/210602-news", EMAIL), clock.now()) == after
        # Included in what is muted already.
        assert commands.mute(conn, CITIZEN.user, Mute(JOBS, PUSH), clock.now()) == after
        assert preferences_of(conn, CITIZEN.user) == after
    found = await of(api)
    assert (int(found.etag), len(found.mutes)) == (int(before.etag) + 1, 4)
    assert (found.quiet_hours, list(found.digests)) == (before.quiet_hours, list(before.digests))
