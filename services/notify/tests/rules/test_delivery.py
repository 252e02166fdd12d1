"""What is sent, when and where: every combination of what people decide, against a table."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onegrid.notify.v1.delivery_pb2 import Channel, DeliveryReason, DigestPeriod
from onegrid_kit.errors import InvalidRequest
from onegrid_notify.address import Address
from onegrid_notify.delivery import AddToDigest, Decision, DeferUntil, Delivery, DropFor, SendNow, decide
from onegrid_notify.preferences import PETITIONS, Digest, Mute, Preferences, require_zone
from onegrid_notify.quiet import QuietHours

EMAIL, SMS, PUSH = Channel.CHANNEL_EMAIL, Channel.CHANNEL_SMS, Channel.CHANNEL_WEB_PUSH
ANY = Channel.CHANNEL_UNSPECIFIED
JOBS, NEWS = "columns/210602-jobs", "columns/210602-news"
CHINA = ZoneInfo("Asia/Shanghai")
NIGHT = datetime(2020, 11, 11, 23, 30, tzinfo=CHINA)
NOON = datetime(2020, 11, 11, 12, 30, tzinfo=CHINA)
QUIET = QuietHours(time(22), time(7))
HOURLY, DAILY = Digest(DigestPeriod.DIGEST_PERIOD_HOURLY), Digest(DigestPeriod.DIGEST_PERIOD_DAILY, time(18))

ALL_MUTED = DeliveryReason.DELIVERY_REASON_ALL_MUTED
TOPIC_MUTED = DeliveryReason.DELIVERY_REASON_TOPIC_MUTED
CHANNEL_MUTED = DeliveryReason.DELIVERY_REASON_CHANNEL_MUTED
TOPIC_CHANNEL_MUTED = DeliveryReason.DELIVERY_REASON_TOPIC_CHANNEL_MUTED
NO_ADDRESS = DeliveryReason.DELIVERY_REASON_NO_ADDRESS
UNVERIFIED = DeliveryReason.DELIVERY_REASON_ADDRESS_UNVERIFIED
SUPPRESSED = DeliveryReason.DELIVERY_REASON_ADDRESS_SUPPRESSED
QUIET_HOURS = DeliveryReason.DELIVERY_REASON_QUIET_HOURS


def address(id_: str = "1", channel: Channel = EMAIL, verified: datetime | None = NOON) -> Address:
    return Address(
        user="users/0citizen",
        id=id_,
        district="210602",
        channel=channel,
        sealed_value=b"",
        value_index=id_.encode(),
        create_time=NOON,
        verify_time=verified,
    )


VERIFIED = address()
DELIVERY = Delivery(channel=EMAIL, topic=JOBS)
# What the person has: the addresses, to which of them nothing is sent, and why nothing is sent at all.
ADDRESSES = {
    "none": ([], set(), NO_ADDRESS),
    "of another channel": ([address(channel=SMS)], set(), NO_ADDRESS),
    "unverified": ([address(verified=None)], set(), UNVERIFIED),
    "suppressed": ([VERIFIED], {b"1"}, SUPPRESSED),
    "verified": ([VERIFIED], set(), None),
}
# What is muted, and why nothing about openings goes by e-mail.
MUTES = {
    "nothing": (set(), None),
    "all": ({Mute()}, ALL_MUTED),
    "the topic": ({Mute(JOBS)}, TOPIC_MUTED),
    "the channel": ({Mute(channel=EMAIL)}, CHANNEL_MUTED),
    "the topic by the channel": ({Mute(JOBS, EMAIL)}, TOPIC_CHANNEL_MUTED),
    "another topic": ({Mute(NEWS), Mute(PETITIONS)}, None),
    "another channel": ({Mute(channel=SMS)}, None),
    "another topic by the channel": ({Mute(NEWS, EMAIL)}, None),
    "the topic by another channel": ({Mute(JOBS, SMS)}, None),
    "all, and more": ({Mute(), Mute(JOBS), Mute(channel=EMAIL)}, ALL_MUTED),
    "the topic, and the channel": ({Mute(JOBS), Mute(channel=EMAIL)}, TOPIC_MUTED),
}
QUIETS = {"quiet": (QUIET, NIGHT), "not quiet now": (QUIET, NOON), "never quiet": (None, NIGHT)}
DIGESTS = {"none": {}, "hourly": {EMAIL: HOURLY}, "daily": {EMAIL: DAILY}, "of another channel": {SMS: DAILY}}
KINDS = {
    "normal": Delivery(channel=EMAIL, topic=JOBS),
    "urgent": Delivery(channel=EMAIL, topic=JOBS, urgent=True),
    "critical": Delivery(channel=EMAIL, topic=JOBS, critical=True),
    "digest": Delivery(channel=EMAIL, topic=JOBS, digest=True),
}
CLOSES = {
    ("hourly", NIGHT): datetime(2020, 11, 12, 0, tzinfo=CHINA),
    ("hourly", NOON): datetime(2020, 11, 11, 13, tzinfo=CHINA),
    ("daily", NIGHT): datetime(2020, 11, 12, 18, tzinfo=CHINA),
    ("daily", NOON): datetime(2020, 11, 11, 18, tzinfo=CHINA),
}


def expected(kind: str, has: str, muted: str, quiet: str, digest: str) -> Decision:
    """The table: the first line that fits says what is done."""
    now = QUIETS[quiet][1]
    if kind != "critical" and MUTES[muted][1] is not None:
        return DropFor(MUTES[muted][1])
    if ADDRESSES[has][2] is not None:
        return DropFor(ADDRESSES[has][2])
    if kind == "critical":
        return SendNow(VERIFIED)
    if kind == "normal" and digest in ("hourly", "daily"):
        return AddToDigest(CLOSES[digest, now])
    if quiet == "quiet":
        return DeferUntil(datetime(2020, 11, 12, 7, tzinfo=CHINA), QUIET_HOURS)
    return SendNow(VERIFIED)


@pytest.mark.parametrize("kind", KINDS)
def test_every_combination_is_decided_as_the_table_says(kind: str) -> None:
    for has, muted, quiet, digest in product(ADDRESSES, MUTES, QUIETS, DIGESTS):
        hours, now = QUIETS[quiet]
        preferences = Preferences(mutes=frozenset(MUTES[muted][0]), quiet_hours=hours, digests=DIGESTS[digest])
        addresses, suppressed, _ = ADDRESSES[has]
        decision = decide(KINDS[kind], preferences, addresses, suppressed, now)
        assert decision == expected(kind, has, muted, quiet, digest), (kind, has, muted, quiet, digest)


def test_what_has_no_topic_is_kept_by_no_muted_topic() -> None:
    def decision(*mutes: Mute) -> Decision:
        preferences = Preferences(mutes=frozenset(mutes))
        return decide(Delivery(channel=EMAIL), preferences, [VERIFIED], set(), NOON)

    assert decision(Mute(JOBS), Mute(PETITIONS, EMAIL)) == SendNow(VERIFIED)
    assert decision(Mute(channel=EMAIL)) == DropFor(CHANNEL_MUTED)
    assert decision(Mute()) == DropFor(ALL_MUTED)


def test_who_wants_no_digests_is_sent_nothing_that_would_wait_for_one() -> None:
    def decision(*, urgent: bool = False, digest: bool = False) -> Decision:
        preferences = Preferences(mutes=frozenset({Mute("digests", EMAIL)}), digests={EMAIL: HOURLY})
        delivery = Delivery(channel=EMAIL, topic="digests" if digest else JOBS, urgent=urgent, digest=digest)
        return decide(delivery, preferences, [VERIFIED], set(), NOON)

    assert decision() == decision(digest=True) == DropFor(TOPIC_CHANNEL_MUTED)
    assert decision(urgent=True) == SendNow(VERIFIED)


def test_of_several_addresses_the_last_verified_one_gets_it_to_which_something_is_sent() -> None:
    addresses = [
        address("1", verified=NOON),
        address("2", verified=NOON + timedelta(days=2)),
        address("3", verified=NOON + timedelta(days=1)),
        address("4", verified=None),
        address("5", channel=SMS, verified=NOON + timedelta(days=3)),
    ]
    for suppressed, id_ in ((set(), "2"), ({b"2"}, "3"), ({b"2", b"3"}, "1")):
        decision = decide(DELIVERY, Preferences(), addresses, suppressed, NOON)
        assert isinstance(decision, SendNow)
        assert decision.address.id == id_
    assert decide(DELIVERY, Preferences(), addresses, {b"1", b"2", b"3"}, NOON) == DropFor(SUPPRESSED)


def test_who_decided_nothing_gets_everything_at_once() -> None:
    assert decide(DELIVERY, Preferences(), [VERIFIED], set(), NIGHT) == SendNow(VERIFIED)


def test_what_was_deferred_is_sent_when_the_quiet_hours_are_over() -> None:
    preferences = Preferences(quiet_hours=QUIET)
    decision = decide(DELIVERY, preferences, [VERIFIED], set(), NIGHT)
    assert isinstance(decision, DeferUntil)
    assert decide(DELIVERY, preferences, [VERIFIED], set(), decision.time) == SendNow(VERIFIED)


MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
MUTED = st.builds(Mute, st.sampled_from(["", JOBS, NEWS, PETITIONS]), st.sampled_from([ANY, EMAIL, SMS, PUSH]))


@given(st.sets(MUTED, max_size=6), MUTED)
def test_muting_more_keeps_back_what_it_says_and_nothing_else(mutes: set[Mute], more: Mute) -> None:
    before = Preferences(mutes=frozenset(mutes))
    after = before.with_mute(more)
    for topic, channel in product(["", JOBS, NEWS, PETITIONS, "columns/210602-x"], [EMAIL, SMS, PUSH]):
        muted = before.muted(topic, channel) is not None or more.matches(topic, channel)
        assert (after.muted(topic, channel) is not None) == muted
    assert after.with_mute(more) is after


@given(
    MOMENTS,
    st.sampled_from(["Asia/Shanghai", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"]),
    st.sampled_from([HOURLY, DAILY]),
)
def test_a_digest_closes_within_its_period(now: datetime, zone: str, digest: Digest) -> None:
    preferences = Preferences(digests={EMAIL: digest}, time_zone=zone)
    close_time = preferences.digest_closes(EMAIL, now)
    assert close_time is not None
    # A day on which clocks are set back is longer than others.
    longest = timedelta(hours=1 if digest is HOURLY else 25)
    assert now < close_time <= now + longest
    assert preferences.digest_closes(SMS, now) is None
    # All that comes until then is in one digest, and what comes afterwards in the next.
    assert preferences.digest_closes(EMAIL, close_time - timedelta(microseconds=1)) == close_time
    later = preferences.digest_closes(EMAIL, close_time)
    assert later is not None
    assert later > close_time


def test_a_daily_digest_closes_at_its_local_time() -> None:
    preferences = Preferences(digests={EMAIL: DAILY}, time_zone="Europe/Moscow")
    assert preferences.digest_closes(EMAIL, NOON) == datetime(2020, 11, 11, 18, tzinfo=ZoneInfo("Europe/Moscow"))


def test_a_zone_that_nobody_knows_is_refused() -> None:
    assert require_zone("", "x") == "Asia/Shanghai"
    assert require_zone("Europe/Moscow", "x") == "Europe/Moscow"
    for name in ("Asia", "Mars/Olympus", "asia/shanghai", "../etc/passwd"):
        with pytest.raises(InvalidRequest) as refused:
            require_zone(name, "preferences.time_zone")
        assert [field for field, _ in refused.value.violations] == ["preferences.time_zone"]
