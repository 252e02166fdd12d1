"""What messages make of one another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from onegrid.emergency.v1.warnings_pb2 import CapMessageType, CapScope, CapStatus
from onegrid_emergency.cap.chains import Chain, Link, chains_of
from onegrid_emergency.cap.message import Key

ALERT, UPDATE, CANCEL, ACK = (
    CapMessageType.CAP_MESSAGE_TYPE_ALERT,
    CapMessageType.CAP_MESSAGE_TYPE_UPDATE,
    CapMessageType.CAP_MESSAGE_TYPE_CANCEL,
    CapMessageType.CAP_MESSAGE_TYPE_ACK,
)
ACTUAL, EXERCISE = CapStatus.CAP_STATUS_ACTUAL, CapStatus.CAP_STATUS_EXERCISE
BEGIN = datetime(2020, 11, 11, tzinfo=UTC)


def key(minute: int, sender: str = "a") -> Key:
    return Key(BEGIN + timedelta(minutes=minute), sender, str(minute))


def link(minute: int, kind: CapMessageType, *refers: int, sender: str = "a", status: CapStatus = ACTUAL) -> Link:
    return Link(
        key=key(minute, sender),
        message_type=kind,
        status=status,
        scope=CapScope.CAP_SCOPE_PUBLIC,
        references=tuple(key(each) for each in refers),
    )


def chain(
    root: int,
    last: int,
    *,
    says: int | None = None,
    cancelled: bool = False,
    by: int | None = None,
    replies: tuple[Key, ...] = (),
) -> Chain:
    return Chain(
        root=key(root),
        last=key(last),
        says=key(last if says is None else says),
        cancelled=cancelled,
        superseded_by=None if by is None else key(by),
        replies=replies,
    )


def chains(*links: Link) -> tuple[Chain, ...]:
    return chains_of(links)[1]


def held(*links: Link) -> list[Key]:
    return sorted(each for each, roots in chains_of(links)[0].items() if not roots)


def test_the_last_message_says_how_a_warning_stands() -> None:
    alert = link(0, ALERT)
    assert chains(alert) == (chain(0, 0),)
    assert chains(alert, link(1, UPDATE, 0)) == (chain(0, 1),)
    # Some refer to the Alert alone, however many Updates there were.
    assert chains(alert, link(1, UPDATE, 0), link(2, CANCEL, 0)) == (chain(0, 2, says=1, cancelled=True),)
    assert chains(alert, link(1, UPDATE, 0), link(2, UPDATE, 1), link(3, CANCEL, 2)) == (
        chain(0, 3, says=2, cancelled=True),
    )
    # What is sent after a Cancel is meant.
    assert chains(alert, link(1, CANCEL, 0), link(2, UPDATE, 1)) == (chain(0, 2),)


def test_a_cancel_and_an_update_alone_make_no_warning() -> None:
    assert chains(link(1, CANCEL, 0), link(2, UPDATE, 1, 0)) == ()
    assert held(link(1, CANCEL, 0), link(2, UPDATE, 1, 0)) == [key(1), key(2)]


def test_an_update_of_two_warnings_makes_one_of_them() -> None:
    links = link(0, ALERT), link(1, ALERT), link(2, UPDATE, 0, 1)
    assert chains(*links) == (chain(0, 2), chain(1, 2, by=0))
    assert chains(*links, link(3, CANCEL, 2)) == (
        chain(0, 3, says=2, cancelled=True),
        chain(1, 3, says=2, cancelled=True),
    )


def test_nobody_changes_the_warnings_of_another_nor_an_exercise_those_that_are_meant() -> None:
    alert = link(0, ALERT)
    for other in (link(1, CANCEL, 0, sender="b"), link(1, CANCEL, 0, status=EXERCISE), link(1, UPDATE, 0, sender="b")):
        assert chains(alert, other) == (chain(0, 0),)
        assert held(alert, other) == [other.key]


def test_whoever_answers_belongs_to_the_warning_and_changes_nothing() -> None:
    answer = link(2, ACK, 1, sender="b")
    assert chains(link(0, ALERT), link(1, UPDATE, 0), answer) == (chain(0, 1, replies=(answer.key,)),)
    assert held(link(0, ALERT), answer, link(3, ACK, 2)) == [link(3, ACK).key, answer.key][::-1]


def test_messages_that_refer_in_circles_are_held() -> None:
    assert chains(link(1, UPDATE, 2), link(2, UPDATE, 1)) == ()


LINKS = st.lists(
    st.builds(
        lambda minute, kind, refers, status: link(
            minute, kind, *(each for each in refers if each != minute), status=status
        ),
        st.integers(0, 7),
        st.sampled_from([ALERT, UPDATE, CANCEL, ACK]),
        st.lists(st.integers(0, 7), max_size=3),
        st.sampled_from([ACTUAL, ACTUAL, EXERCISE]),
    ),
    max_size=8,
    unique_by=lambda each: each.key,
)


@given(LINKS, st.randoms(use_true_random=False))
def test_the_order_of_messages_means_nothing(links: list[Link], random: object) -> None:
    before = chains_of(links)
    random.shuffle(links)  # type: ignore[attr-defined]
    assert chains_of(links) == before
